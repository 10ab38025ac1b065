"""What goes on in a recording beside the memory, as numbers: value, the world's variables, actions, what is in view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.recorded import columns_of, has_values, numbers_of
from retinoscope.statistics.component_correlates import CorrelationAccumulator, Correlations

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.declaration import Declaration

_OF_ANGLES: dict[str, np.ufunc] = {"sine": np.sin, "cosine": np.cos}


class Quantities:
    """The quantities that a recording has.

    The critic's value, if it is a number; every variable of the world, a heading, which has no beginning and no end, as
    its sine and cosine; actions, 1 where they were taken and 0 elsewhere, or the numbers of continuous ones; objects in
    view, counted; and the distance to the nearest, which is, with none in view, that of the farthest seen in the rows
    that are asked for.

    Attributes:
        names: in order.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._has_values = has_values(recording)
        self._numbers = numbers_of(recording)
        self._actions = tuple(_actions(recording))
        self.names = list(self._names())

    def of(self, start: int, stop: int) -> NDArray[np.float64]:
        """(row, quantity) of the rows from `start` up to but not including `stop`."""
        there = ["value"] if self._has_values else []
        there += [*columns_of(self._numbers), *(["action"] if self._actions else [])]
        rows = self._recording.rows(start, stop, there)
        columns: list[NDArray[Any]] = [rows["value"].values] if self._has_values else []
        for number in self._numbers:
            values = number.of(rows)
            is_angle = number.kind == "heading"
            columns += [function(np.radians(values)) for function in _OF_ANGLES.values()] if is_angle else [values]
        for _, place, output in self._actions:
            taken = rows["action"].values[:, place]
            columns.append(taken if output is None else taken == output)
        if self._recording.world.object_classes:
            columns += _in_view(self._recording, start, stop)
        return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)

    def _names(self) -> Iterator[str]:
        if self._has_values:
            yield "value"
        for number in self._numbers:
            if number.kind == "heading":
                yield from (f"{function} of {number.name}" for function in _OF_ANGLES)
            else:
                yield number.name
        yield from (name for name, _, _ in self._actions)
        world = self._recording.world
        if world.object_classes:
            yield "objects in view"
            yield from (f"{kind} in view" for kind, _ in _kinds(world))
            yield from (f"{name} in view" for name in world.object_classes)
            yield "distance to nearest"


def correlate(
    recording: Recording, fitted: FittedComponents, burn_in: int, layer: str, seed: int
) -> tuple[list[str], Correlations]:
    """Correlations of components with all quantities, episode by episode, without what was burnt in."""
    quantities = Quantities(recording)
    accumulator = CorrelationAccumulator(len(fitted.numbers), len(quantities.names), seed=seed)
    for episode in recording.episodes:
        start = episode.start + burn_in
        if episode.stop - start > 1:
            state = recording.rows(start, episode.stop, [layer])[layer].values
            accumulator.update(fitted.transform(state), quantities.of(start, episode.stop))
    return quantities.names, accumulator.finalize()


def _actions(recording: Recording) -> Iterator[tuple[str, int, int | None]]:
    """Name of each action, its place in a stored action, and the index by which it is chosen; None for a number."""
    if "action" not in recording.columns:
        return
    kinds, place = recording.attributes["action_kinds"], 0
    for head, outputs in recording.attributes["action_heads"].items():
        if kinds.get(head) == "gaussian":
            means = outputs[: len(outputs) // 2]  # the others are the logarithms of their deviations
            yield from ((f"{head} {name}", place + number, None) for number, name in enumerate(means))
            place += len(means)
        else:
            yield from ((f"{head} {output}", place, number) for number, output in enumerate(outputs))
            place += 1


def _in_view(recording: Recording, start: int, stop: int) -> list[NDArray[np.floating]]:
    """Objects, by kind and by class, and the distance to the nearest: (row,) each."""
    classes = len(recording.world.object_classes or ())
    in_view, nearest = np.zeros((stop - start, classes)), np.full(stop - start, np.nan)
    for row, objects in enumerate(recording.objects(start, stop)):
        for each in objects:
            in_view[row, each["class_index"]] += 1
        if objects:
            nearest[row] = objects[0]["distance"]
    farthest = 0.0 if np.isnan(nearest).all() else float(np.nanmax(nearest))
    return [
        in_view.sum(axis=1),
        *(in_view[:, chosen].sum(axis=1) for _, chosen in _kinds(recording.world)),
        *in_view.T,
        np.nan_to_num(nearest, nan=farthest),
    ]


def _kinds(world: Declaration) -> list[tuple[str, NDArray[np.bool_]]]:
    """Classes of objects by what they are to the agent, where there are several of a kind."""
    valences = np.array([each or 0.0 for each in world.object_valences])
    words = world.words
    kinds = ((words.positive, valences > 0), (words.negative, valences < 0))
    return [(name, chosen) for name, chosen in kinds if chosen.sum() > 1]
