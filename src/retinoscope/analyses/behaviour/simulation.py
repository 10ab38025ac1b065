"""Simulation: a stretch of behaviour, ready to be watched.

What the agent saw, what its critic expected, how likely each action was and which it took, what the world says of
itself in numbers, and what happened; by default the first 1,000 decisions of a recording.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.declaration import FRAMES, RECORDING, Analysis
from retinoscope.analyses.drawing import GIF_EVERY, GIF_SHRINK, Drawing, FigureDrawing, MovieDrawing
from retinoscope.analyses.recorded import (
    Number,
    a_word,
    columns_of,
    event_coordinates,
    events_counted,
    has_values,
    movie_attributes,
    numbers_of,
    picture_attribute,
    picture_sentence,
    span_text,
    with_numbers,
    words_attribute,
)
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

MOST_NUMBERS = 6
"""Of the world, that are drawn."""

_ROWS = ("observation", "logits", "action", "reward", "terminated", "truncated", "events")


@parameters("simulation")
class SimulationParameters:
    """Parameters of `simulation`."""

    start: int = setting(0, "first row of the recording that is shown", units="decisions", least=0)
    frames: int = setting(1000, "length of the stretch; less if the recording ends before", units="decisions", least=1)


def simulation(recording: Recording, *, parameters: SimulationParameters | None = None, **settings: Any) -> Result:
    """Cut a stretch of consecutive decisions out of a recording.

    Args:
        recording: what the agent saw, did and computed.
        parameters: see `SimulationParameters`; single ones may be given by name instead.
        **settings: fields of `SimulationParameters` that replace those of `parameters`.

    Returns:
        A Result with, for every decision (dimension `time`), as far as the recording holds it: `observation` (time,
        height, width, channel), as it was seen; up to six numbers that the world declares (quantities, no places or
        headings), each under its own name, listed in the attribute `variables` (JSON); `value`, unless there is no
        critic; `reward` (time); `probability` (time, output), softmax within each head, NaN for outputs that are no
        choice; where there are such, `output_number` (time, output): Q-values, or means and logarithms of standard
        deviations of continuous actions; `action` (time, head), index of the output that was drawn, or (time, number)
        where actions are continuous; `events` (time, event), how often each happened between this observation and the
        next; `terminated`, `truncated` (time). Coordinates: `episode`, `step`, `seconds` since the start of the episode
        and `elapsed` since the start of the simulation (decisions, where the world has no time); `event_valence`
        (event); `head_kind` (head); `output_head` and `output_choice` (output), the head an output belongs to and its
        name there.

    Raises:
        UserError: a parameter is unknown or out of range, or the recording has no row `start`.
        NotMeasurable: the recording holds no frames.
    """
    chosen = with_settings(parameters or SimulationParameters(), settings)
    if (why := recording.why_no_frames) is not None:
        raise NotMeasurable(f"simulation: {recording.path} has nothing to be watched, {why}")
    if chosen.start >= recording.frames:
        raise UserError(f"simulation: start is {chosen.start}, and the recording has rows 0 to {recording.frames - 1}")
    world, known = recording.world, numbers_of(recording, "quantity")
    numbers = known[:MOST_NUMBERS]
    value = ("value",) if has_values(recording) else ()
    wanted = [*(name for name in _ROWS if name in recording.columns), *value, *columns_of(numbers)]
    stop = min(chosen.start + chosen.frames, recording.frames)
    rows = recording.rows(chosen.start, stop, names=dict.fromkeys(wanted)).load()
    data = _data(rows, recording, numbers)
    data.attrs |= movie_attributes(world.clock) | {
        "picture": picture_attribute(world),
        "event_words": words_attribute(world),
        "events_inferred": json.dumps([each.is_inferred for each in world.events]),
        "endings": json.dumps([world.endings.terminated, world.endings.truncated]),
    }
    data.attrs["caption"] = _caption(data, recording, len(known) - len(numbers))
    return Result("simulation", data, stated(chosen), provenance(recording=recording))


def _data(rows: xarray.Dataset, recording: Recording, numbers: tuple[Number, ...]) -> xarray.Dataset:
    world, clock = recording.world, recording.world.clock
    time = {"units": clock.units}
    step = np.asarray(rows["step"].values)
    picture = {"units": f"{world.picture.low:g}-{world.picture.high:g}"}
    found: dict[str, Any] = {
        "observation": (("time", "height", "width", "channel"), rows["observation"].values, picture)
    }
    if "value" in rows:
        found["value"] = ("time", rows["value"].values, {"units": "return", "long_name": "critic's value"})
    if "reward" in rows:
        found["reward"] = ("time", rows["reward"].values, {"units": "reward"})
    coordinates: dict[str, Any] = {
        "episode": ("time", np.asarray(rows["episode"].values)),
        "step": ("time", step),
        "seconds": ("time", step * clock.per_decision, time | {"long_name": "time in the episode"}),
        "elapsed": ("time", np.arange(len(step)) * clock.per_decision, time | {"long_name": "time"}),
    }
    if "events" in rows and world.events:
        found["events"] = (("time", "event"), rows["events"].values, {"units": "count"})
        coordinates |= event_coordinates(world)
    for name in ("terminated", "truncated"):
        found[name] = ("time", rows[name].values.astype(bool))
    data = xarray.Dataset(found, coordinates)
    if {"logits", "action"} <= set(rows):
        data = data.merge(_actions(rows, recording.attributes))
    return with_numbers(data, numbers, [each.of(rows) for each in numbers])


def _actions(rows: xarray.Dataset, attributes: Mapping[str, Any]) -> xarray.Dataset:
    """What was done, and what the network gave for it."""
    heads = {str(name): tuple(map(str, outputs)) for name, outputs in attributes["action_heads"].items()}
    kinds = [attributes.get("action_kinds", {}).get(name, "choice") for name in heads]
    of_output = np.repeat(kinds, [len(each) for each in heads.values()])
    logits = np.asarray(rows["logits"].values, np.float32)
    action = rows["action"]
    found: dict[str, Any] = {
        "probability": (
            ("time", "output"),
            _softmax_within_heads(logits, [len(each) for each in heads.values()], kinds),
            {"units": "1", "long_name": "probability of the action"},
        ),
        "action": (action.dims, action.values, {"long_name": "what was done"}),
    }
    if (of_output != "choice").any():
        numbers = np.where(of_output == "choice", np.float32(np.nan), logits)
        found["output_number"] = (("time", "output"), numbers, {"long_name": "Q-value, or mean and log deviation"})
    if "head" in action.dims:
        found["action"][2]["long_name"] = "index of the output drawn"
    return xarray.Dataset(
        found,
        coords={
            "output": [f"{name} {output}" for name, outputs in heads.items() for output in outputs],
            "output_head": ("output", [name for name, outputs in heads.items() for _ in outputs]),
            "output_choice": ("output", [output for outputs in heads.values() for output in outputs]),
            "head": list(heads),
            "head_kind": ("head", kinds),
        },
    )


def _softmax_within_heads(logits: NDArray[np.float32], sizes: list[int], kinds: list[str]) -> NDArray[np.float32]:
    """(time, output) logits -> probabilities that add up to one within each head; NaN in heads that are no choice."""
    parts = np.split(logits, np.cumsum(sizes)[:-1], axis=1)
    found = [
        scipy.special.softmax(part, axis=1) if kind == "choice" else np.full_like(part, np.nan)
        for part, kind in zip(parts, kinds, strict=True)
    ]
    return np.concatenate(found, axis=1)


def _caption(data: xarray.Dataset, recording: Recording, left_out: int) -> str:
    world, decisions = recording.world, data.sizes["time"]
    episodes = len(np.unique(data["episode"].values))
    said = [
        f"n = {decisions:,} consecutive decisions{span_text(decisions, world.clock)} "
        f"in {episodes} episode{'s' if episodes > 1 else ''}{events_counted(data, world)}."
    ]
    kinds = set(data["head_kind"].values) if "head_kind" in data.coords else set()
    if "choice" in kinds:
        how = "the likeliest of" if recording.attributes.get("greedy") else "drawn from"
        said.append(f"Actions are {how} the probabilities shown, softmax within each head.")
    if "q_values" in kinds:
        said.append("Bars are Q-values, from the lowest to the highest of the stretch.")
    if "gaussian" in kinds:
        said.append("Of continuous actions a line is what was done, a bar the mean ± one standard deviation.")
    if "events" in data:
        one = a_word(world.words.event)
        said.append(f"{one[0].upper()}{one[1:]} is listed from the decision during which it happened.")
        inferred = [each.name for each in world.events if each.is_inferred]
        if inferred:
            said.append(f"Inferred, and not told by the world: {', '.join(inferred)}.")
    if left_out:
        said.append(f"The first {MOST_NUMBERS} of {MOST_NUMBERS + left_out} numbers of the world are shown.")
    if "value" not in data:
        said.append("There is no critic, whose value could be shown.")
    return " ".join(filter(None, [*said, picture_sentence(world)]))


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures
    from retinoscope.figures.simulation import MOST_EPISODES, simulation_title, summarised_decisions

    data = result.data
    caption, rate = data.attrs["caption"], float(data.attrs["movie_rate"])
    drawn, summary = summarised_decisions(data), caption
    if drawn < data.sizes["time"]:
        summary += f" Drawn are the first {MOST_EPISODES} episodes, {drawn:,} decisions."
    movie = (
        f"{caption} {data.attrs['movie_pace']} Every pixel that the agent sees is a block. "
        f"The GIF shows every {_ordinal(GIF_EVERY)} decision at 1/{GIF_SHRINK} of the width."
    )
    frames = functools.partial(figures.simulation_frames, result)
    return [
        MovieDrawing("simulation", "The agent at work", movie, frames, rate),
        FigureDrawing("simulation", simulation_title(data), summary, lambda: figures.simulation_summary(result)),
    ]


def _ordinal(number: int) -> str:
    return {1: "", 2: "second", 3: "third"}.get(number, f"{number}th")


ANALYSIS = Analysis(
    name="simulation",
    title="Simulation",
    group="behaviour",
    summary="A movie of a stretch of behaviour: what the agent saw, expected and did, and what happened.",
    run=simulation,
    parameters=SimulationParameters,
    of="recording",
    needs=(RECORDING, FRAMES),
    draw=_draw,
    is_always_made=True,
    rank=0,
    methods="""
        From row {{ start }} of the recording on, {{ sizes.time }} consecutive decisions are shown as they were
        played: the observations, and beside them, as far as they were recorded, the critic's value, the
        probability of every action, the action that was taken, rewards, events, and the world's own variables.
    """,
)
