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

from retinoscope.errors import UserError
from retinoscope.result import Result, provenance

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_ROWS = ("observation", "health", "value", "logits", "action", "reward", "terminated", "truncated", "pickups")


def simulation(recording: Recording, start: int = 0, frames: int = 1000) -> Result:
    """Cut a stretch of consecutive decisions out of a recording.

    Args:
        recording: what the agent saw, did and computed.
        start: first row of the recording.
        frames: decisions to take; fewer if the recording ends before.

    Returns:
        A Result with, for every decision (dimension `time`): `observation` (time, height, width, channel) uint8;
        `health`, `value`, `reward` (time); `probability` (time, output), softmax within each head; `action`
        (time, head), index of the output that was drawn; `pickups` (time, class), how many were picked up between
        this observation and the next; `terminated`, `truncated` (time). Coordinates: `episode`, `step`, `seconds`
        since the start of the episode, `elapsed` seconds since the start of the simulation; `class_effect` (class),
        change of health (in an arena made elsewhere its sign); `output_head` and `output_choice` (output), the head
        an output belongs to and its name there.

    Raises:
        UserError: `frames` is not positive, or the recording has no row `start`.
    """
    if frames <= 0:
        raise UserError(f"simulation: frames is {frames}; give a number above 0")
    if not 0 <= start < recording.frames:
        raise UserError(f"simulation: start is {start}, and the recording has rows 0 to {recording.frames - 1}")
    rows = recording.rows(start, min(start + frames, recording.frames), names=_ROWS).load()
    attributes = recording.attributes
    heads = {name: tuple(choices) for name, choices in attributes["action_heads"].items()}
    seconds_per_decision = attributes["frame_skip"] / attributes["tics_per_second"]
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
            "seconds": ("time", step * seconds_per_decision, {"units": "s", "long_name": "time in the episode"}),
            "elapsed": ("time", np.arange(len(step)) * seconds_per_decision, {"units": "s", "long_name": "time"}),
            "output": [f"{name} {choice}" for name, choices in heads.items() for choice in choices],
            "output_head": ("output", [name for name, choices in heads.items() for _ in choices]),
            "output_choice": ("output", [choice for choices in heads.values() for choice in choices]),
            "head": list(heads),
            "class": [str(name) for name in attributes["class_names"]],
            "class_effect": ("class", np.asarray(attributes["class_effects"], np.int64), {"units": "points of health"}),
        },
    )
    data.attrs["decisions_per_second"] = 1 / seconds_per_decision
    data.attrs["pickups_inferred"] = int("made_elsewhere" in attributes)  # netCDF knows no booleans
    data.attrs["health_maximum"] = _health_maximum(attributes["scenario"], rows["health"].values)
    data.attrs["caption"] = _caption(data)
    return Result("simulation", data, {"start": start, "frames": frames}, provenance(recording=recording))


def _softmax_within_heads(logits: np.ndarray, sizes: list[int]) -> np.ndarray:
    """(time, output) logits -> probabilities that add up to one within each head."""
    parts = np.split(np.asarray(logits, np.float32), np.cumsum(sizes)[:-1], axis=1)
    return np.concatenate([scipy.special.softmax(part, axis=1) for part in parts], axis=1)


def _health_maximum(scenario_yaml: str, health: np.ndarray) -> float:
    scenario: dict[str, Any] = yaml.safe_load(scenario_yaml) or {}
    stated = scenario.get("health", {}).get("maximum", 0)
    return float(max(stated, np.max(health), 1))


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
