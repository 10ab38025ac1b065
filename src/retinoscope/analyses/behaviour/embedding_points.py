"""The decisions that are embedded: the activity of layers at them, and what else was the case."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.recorded import (
    clock_attributes,
    columns_of,
    has_values,
    numbers_of,
    with_numbers,
    words_attribute,
)

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

NOTHING = "nothing"
OTHER_ACTIONS = "other actions"
_BLOCK = 2048  # rows that are read at a time
_MOST_ACTIONS, _FREQUENT_ACTIONS = 64, 9  # combinations that all have a name; else so many have one


class Points(NamedTuple):
    """Decisions.

    Attributes:
        activity: of each layer (point, unit).
        data: over `point`, as `embedding` says.
    """

    activity: dict[str, NDArray[np.float32]]
    data: xarray.Dataset


def points_of(
    recording: Recording,
    rows: NDArray[np.int64],
    layers: tuple[str, ...],
    within_steps: int,
    advance: Callable[[int], None],
) -> Points:
    """What there is of these rows.

    Args:
        recording: what the agent saw, did and computed.
        rows: (point,) rising.
        layers: that are stored.
        within_steps: what happens in so many decisions from a row on happens next.
        advance: is told how many rows were read.
    """
    world, numbers = recording.world, numbers_of(recording)
    is_discrete = "action" in recording.columns and "continuous" not in _kinds(recording)
    plain = [*(["value"] if has_values(recording) else []), *(["action"] if is_discrete else []), *columns_of(numbers)]
    has_objects = world.object_classes is not None
    parts: list[xarray.Dataset] = []
    nearest: list[int] = []
    for first in range(0, recording.frames, _BLOCK):
        last = min(first + _BLOCK, recording.frames)
        wanted = rows[(rows >= first) & (rows < last)]
        if len(wanted):
            parts.append(recording.rows(first, last, (*layers, *plain)).isel(time=wanted - first).load())
            if has_objects:
                objects = recording.objects(first, last)
                seen = [objects[row - first] for row in wanted]
                nearest += [each[0]["class_index"] if each else len(world.object_classes or ()) for each in seen]
        advance(last - first)
    whole = xarray.concat(parts, "time")
    step = np.asarray(whole["step"].values)
    data = xarray.Dataset(
        {
            "row": ("point", rows),
            "step": ("point", step),
            "episode": ("point", whole["episode"].values),
            "seconds": ("point", step * world.clock.per_decision, {"units": world.clock.units}),
        },
        attrs={"event_words": words_attribute(world), **clock_attributes(world.clock)},
    )
    if "value" in whole:
        data["value"] = ("point", whole["value"].values, {"units": "return", "long_name": "critic's value"})
    if is_discrete:
        data = data.merge(_actions(recording, whole["action"].values), combine_attrs="override")
    if has_objects:
        data["nearest"] = ("point", np.array(nearest, np.int64))
        valences = [math.nan if each is None else each for each in world.object_valences]
        valences = valences or [math.nan] * len(world.object_classes or ())
        data = data.assign_coords(
            nearest_name=[*(world.object_classes or ()), NOTHING],
            nearest_valence=("nearest_name", [*valences, 0.0], {"units": _valence_units(recording)}),
        )
    if world.events and "events" in recording.columns:
        data = data.merge(_next_events(recording, rows, within_steps), combine_attrs="override")
    data = with_numbers(data, numbers, [each.of(whole) for each in numbers], "point")
    return Points({name: np.asarray(whole[name].values) for name in layers}, data)


def _kinds(recording: Recording) -> set[str]:
    kinds = {"continuous" if each == "gaussian" else each for each in recording.attributes["action_kinds"].values()}
    return kinds | {"continuous" for each in recording.world.actions if each.is_continuous}


def _valence_units(recording: Recording) -> str:
    return next((each.units for each in recording.world.events if each.units), "")


def _actions(recording: Recording, action: NDArray[np.integer]) -> xarray.Dataset:
    """All combinations of the heads; where these are many, the most frequent ones."""
    heads = list(recording.attributes["action_heads"].values())
    sizes = [len(each) for each in heads]
    chosen = np.ravel_multi_index(tuple(action.astype(np.int64).reshape(len(action), -1).T), sizes)
    if math.prod(sizes) <= _MOST_ACTIONS:
        names = [_spoken(each) for each in product(*heads)]
    else:
        there, counts = np.unique(chosen, return_counts=True)
        frequent = there[np.argsort(-counts, kind="stable")][:_FREQUENT_ACTIONS]
        places = np.full(there.max() + 1, len(frequent))
        places[frequent] = np.arange(len(frequent))
        chosen = places[chosen]
        parts = zip(*np.unravel_index(frequent, sizes), strict=True)
        names = [_spoken([head[index] for head, index in zip(heads, each, strict=True)]) for each in parts]
        names.append(OTHER_ACTIONS)
    return xarray.Dataset({"action": ("point", chosen)}, coords={"action_name": names})


def _spoken(outputs: object) -> str:
    said = list(outputs)  # type: ignore[call-overload]
    return ", ".join(each for each in said if len(said) == 1 or each != "none") or NOTHING


def _next_events(recording: Recording, rows: NDArray[np.int64], within_steps: int) -> xarray.Dataset:
    """Which event happens first from each row on, within its episode."""
    counts = recording.rows(names=("events",))["events"].values
    world = recording.world
    first = np.full(len(counts), len(world.events))  # of what happens in a row itself, the first event
    happens = counts.any(axis=1)
    first[happens] = counts[happens].astype(bool).argmax(axis=1)
    found = np.full(len(counts), len(world.events))
    for each in recording.episodes:
        ahead = np.full(each.stop - each.start, np.iinfo(np.int64).max)
        at = np.flatnonzero(happens[each.start : each.stop])
        place = np.searchsorted(at, np.arange(len(ahead)))
        is_ahead = place < len(at)
        ahead[is_ahead] = at[place[is_ahead]]
        near = is_ahead & (ahead - np.arange(len(ahead)) < within_steps)
        found[each.start : each.stop][near] = first[each.start + ahead[near]]
    valences = [math.nan if each.valence is None else each.valence for each in world.events]
    return xarray.Dataset(
        {"event": ("point", found[rows])},
        coords={
            "event_name": [*(each.name for each in world.events), NOTHING],
            "event_valence": ("event_name", [*valences, 0.0], {"units": _valence_units(recording)}),
        },
    )
