"""What goes on in a recording beside the memory, as numbers: value, health, actions and what is in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.statistics.component_correlates import CorrelationAccumulator, Correlations

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


def quantity_names(recording: Recording) -> list[str]:
    """Names of the quantities that the recording has, in order."""
    attributes, columns = recording.attributes, recording.columns
    names: list[str] = [name for name in ("value", "health") if name in columns]
    if "action" in columns:
        names += _actions(recording)
    if len(attributes["class_names"]):
        names += ["objects in view", *(f"{kind} in view" for kind, _ in _kinds(recording))]
        names += [*(f"{name} in view" for name in attributes["class_names"]), "distance to nearest"]
    return names


def quantities_of(recording: Recording, start: int, stop: int) -> NDArray[np.float64]:
    """(row, quantity), in the order of `quantity_names`.

    Actions are 1 where they were taken, else 0; objects are counted; the distance to the nearest object is in map units
    and, with none in view, that of the farthest seen in these rows.
    """
    there = [name for name in ("value", "health", "action") if name in recording.columns]
    rows = recording.rows(start, stop, there)
    columns = [rows[name].values for name in there if name != "action"]
    if "action" in there:
        columns += [
            rows["action"].values[:, head] == output
            for head, outputs in enumerate(recording.attributes["action_heads"].values())
            for output in range(len(outputs))
        ]
    if len(recording.attributes["class_names"]):
        columns += _in_view(recording, start, stop)
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _in_view(recording: Recording, start: int, stop: int) -> list[NDArray[np.floating]]:
    """Objects, by kind and by class, and the distance to the nearest: (row,) each."""
    classes = len(recording.attributes["class_names"])
    in_view, nearest = np.zeros((stop - start, classes)), np.full(stop - start, np.nan)
    for row, objects in enumerate(recording.objects(start, stop)):
        for each in objects:
            in_view[row, each["class_index"]] += 1
        if objects:
            nearest[row] = objects[0]["distance"]
    farthest = 0.0 if np.isnan(nearest).all() else float(np.nanmax(nearest))
    return [
        in_view.sum(axis=1),
        *(in_view[:, chosen].sum(axis=1) for _, chosen in _kinds(recording)),
        *in_view.T,
        np.nan_to_num(nearest, nan=farthest),
    ]


def correlate(
    recording: Recording, fitted: FittedComponents, burn_in: int, layer: str, seed: int
) -> tuple[list[str], Correlations]:
    """Correlations of components with all quantities, episode by episode, without what was burnt in."""
    names = quantity_names(recording)
    accumulator = CorrelationAccumulator(len(fitted.numbers), len(names), seed=seed)
    for episode in recording.episodes:
        start = episode.start + burn_in
        if episode.stop - start > 1:
            state = recording.rows(start, episode.stop, [layer])[layer].values
            accumulator.update(fitted.transform(state), quantities_of(recording, start, episode.stop))
    return names, accumulator.finalize()


def _actions(recording: Recording) -> list[str]:
    return [f"{head} {output}" for head, outputs in recording.attributes["action_heads"].items() for output in outputs]


def _kinds(recording: Recording) -> list[tuple[str, NDArray[np.bool_]]]:
    """Classes by what they do, where there are several that do it."""
    effects = np.array(recording.attributes["class_effects"])
    return [(name, chosen) for name, chosen in (("healing", effects > 0), ("harmful", effects < 0)) if chosen.sum() > 1]
