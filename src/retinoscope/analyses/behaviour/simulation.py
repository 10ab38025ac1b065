"""Simulation: a stretch of behaviour, ready to be watched.

What the agent saw, how healthy it was, what its critic expected, how likely each action was and which it took, and
what it picked up; by default the first 1,000 decisions of a recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special
import xarray
import yaml

from retinoscope.analyses.declaration import RECORDING, Analysis
from retinoscope.analyses.drawing import GIF_EVERY, GIF_SHRINK, SPEED, Drawing, FigureDrawing, MovieDrawing
from retinoscope.analyses.recorded import seconds_per_decision
from retinoscope.errors import UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_ROWS = ("observation", "health", "value", "logits", "action", "reward", "terminated", "truncated", "pickups")


@parameters("simulation")
class SimulationParameters:
    """Parameters of `simulation`."""

    start: int = setting(0, "row of the recording with which it begins", units="decisions", least=0)
    frames: int = setting(1000, "its length; less if the recording ends before", units="decisions", least=1)


def simulation(recording: Recording, *, parameters: SimulationParameters | None = None, **settings: Any) -> Result:
    """Cut a stretch of consecutive decisions out of a recording.

    Args:
        recording: what the agent saw, did and computed.
        parameters: see `SimulationParameters`; single ones may be given by name instead.
        **settings: fields of `SimulationParameters` that replace those of `parameters`.

    Returns:
        A Result with, for every decision (dimension `time`): `observation` (time, height, width, channel) uint8;
        `health`, `value`, `reward` (time); `probability` (time, output), softmax within each head; `action`
        (time, head), index of the output that was drawn; `pickups` (time, class), how many were picked up between
        this observation and the next; `terminated`, `truncated` (time). Coordinates: `episode`, `step`, `seconds`
        since the start of the episode, `elapsed` seconds since the start of the simulation; `class_effect` (class),
        change of health (in an arena made elsewhere its sign); `output_head` and `output_choice` (output), the head
        an output belongs to and its name there.

    Raises:
        UserError: a parameter is unknown or out of range, or the recording has no row `start`.
    """
    chosen = with_settings(parameters or SimulationParameters(), settings)
    if chosen.start >= recording.frames:
        raise UserError(f"simulation: start is {chosen.start}, and the recording has rows 0 to {recording.frames - 1}")
    rows = recording.rows(chosen.start, min(chosen.start + chosen.frames, recording.frames), names=_ROWS).load()
    attributes = recording.attributes
    heads = {name: tuple(choices) for name, choices in attributes["action_heads"].items()}
    seconds = seconds_per_decision(recording)
    step = np.asarray(rows["step"].values)
    data = xarray.Dataset(
        {
            "observation": (("time", "height", "width", "channel"), rows["observation"].values, {"units": "0-255"}),
            "health": ("time", rows["health"].values, {"units": "points", "long_name": "health"}),
            "value": ("time", rows["value"].values, {"units": "return", "long_name": "critic's value"}),
            "probability": (
                ("time", "output"),
                _softmax_within_heads(rows["logits"].values, [len(choices) for choices in heads.values()]),
                {"units": "1", "long_name": "probability of the action"},
            ),
            "action": (("time", "head"), rows["action"].values, {"long_name": "index of the output drawn"}),
            "reward": ("time", rows["reward"].values, {"units": "reward"}),
            "pickups": (("time", "class"), rows["pickups"].values, {"units": "count"}),
            "terminated": ("time", rows["terminated"].values.astype(bool)),
            "truncated": ("time", rows["truncated"].values.astype(bool)),
        },
        coords={
            "episode": ("time", np.asarray(rows["episode"].values)),
            "step": ("time", step),
            "seconds": ("time", step * seconds, {"units": "s", "long_name": "time in the episode"}),
            "elapsed": ("time", np.arange(len(step)) * seconds, {"units": "s", "long_name": "time"}),
            "output": [f"{name} {choice}" for name, choices in heads.items() for choice in choices],
            "output_head": ("output", [name for name, choices in heads.items() for _ in choices]),
            "output_choice": ("output", [choice for choices in heads.values() for choice in choices]),
            "head": list(heads),
            "class": [str(name) for name in attributes["class_names"]],
            "class_effect": ("class", np.asarray(attributes["class_effects"], np.int64), {"units": "points of health"}),
        },
    )
    data.attrs["decisions_per_second"] = 1 / seconds
    data.attrs["pickups_inferred"] = int("made_elsewhere" in attributes)  # netCDF knows no booleans
    data.attrs["health_maximum"] = _health_maximum(attributes["scenario"], rows["health"].values)
    data.attrs["caption"] = _caption(data)
    return Result("simulation", data, stated(chosen), provenance(recording=recording))


def _softmax_within_heads(logits: np.ndarray, sizes: list[int]) -> np.ndarray:
    """(time, output) logits -> probabilities that add up to one within each head."""
    parts = np.split(np.asarray(logits, np.float32), np.cumsum(sizes)[:-1], axis=1)
    return np.concatenate([scipy.special.softmax(part, axis=1) for part in parts], axis=1)


def _health_maximum(scenario_yaml: str, health: np.ndarray) -> float:
    scenario: dict[str, Any] = yaml.safe_load(scenario_yaml) or {}
    written = scenario.get("health", {}).get("maximum", 0)
    return float(max(written, np.max(health), 1))


def _caption(data: xarray.Dataset) -> str:
    decisions = data.sizes["time"]
    seconds = decisions / data.attrs["decisions_per_second"]
    episodes = len(np.unique(data["episode"].values))
    counts = data["pickups"].values.astype(np.int64).sum(axis=0)
    effects = data["class_effect"].values
    healing, harmful = int(counts[effects > 0].sum()), int(counts[effects < 0].sum())
    return (
        f"n = {decisions:,} consecutive decisions ({seconds:.0f} s of game time) "
        f"in {episodes} episode{'s' if episodes > 1 else ''}; {healing} healing and {harmful} harmful pick-ups. "
        "Actions are drawn from the probabilities shown, softmax within each head. "
        "A pick-up is listed from the decision during which it happened."
        + (" Pick-ups are inferred from changes of health, hunger excluded." if data.attrs["pickups_inferred"] else "")
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    movie = (
        f"{caption} Shown at {SPEED:g} times the speed of the game; every pixel that the agent sees is a block. "
        f"The GIF shows every {_ordinal(GIF_EVERY)} decision at 1/{GIF_SHRINK} of the width."
    )
    rate = SPEED * float(result.data.attrs["decisions_per_second"])
    return [
        MovieDrawing("simulation", "The agent at work", movie, lambda: figures.simulation_frames(result), rate),
        FigureDrawing(
            "simulation",
            "Health, pick-ups and value over time",
            caption,
            lambda: figures.simulation_summary(result),
        ),
    ]


def _ordinal(number: int) -> str:
    return {1: "", 2: "second", 3: "third"}.get(number, f"{number}th")


ANALYSIS = Analysis(
    name="simulation",
    title="Simulation",
    group="behaviour",
    summary="A stretch of behaviour to be watched: what the agent saw, expected, did and picked up.",
    run=simulation,
    parameters=SimulationParameters,
    of="recording",
    needs=(RECORDING,),
    draw=_draw,
    is_always_made=True,
    rank=0,
)
