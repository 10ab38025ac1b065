"""Which networks are to be set side by side, and what a figure needs of each such pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.between_agents.references import Standing

KINDS = {
    "agents": "two trainings",
    "untrained": "what they began with",
    "redrawn": "weights drawn anew",
    "learned": "an agent and what it began with",
    "course": "a checkpoint and the last of its training",
}
"""Kinds of pairs, and what they are called."""


class Pair(NamedTuple):
    """Two networks side by side, by their numbers among all that stand there."""

    kind: str
    first: int
    second: int


def pairs_of(standing: Sequence[Standing]) -> list[Pair]:
    """The pairs of interest, kind by kind: of each training the agent trained longest, and its references."""
    runs = list(dict.fromkeys(each.member.run for each in standing))
    places = {
        role: {
            run: max((n for n, each in enumerate(standing) if each.role == role and each.member.run == run), default=-1)
            for run in runs
        }
        for role in ("agent", "untrained", "redrawn")
    }
    last = places["agent"]
    found = []
    for kind, role in (("agents", "agent"), ("untrained", "untrained"), ("redrawn", "redrawn")):
        chosen = [place for place in places[role].values() if place >= 0]
        found += [Pair(kind, one, other) for number, one in enumerate(chosen) for other in chosen[number + 1 :]]
    both = [run for run in runs if last[run] >= 0 and places["untrained"][run] >= 0]
    found += [Pair("learned", last[run], places["untrained"][run]) for run in both]
    for run in runs:
        course = [n for n, each in enumerate(standing) if each.member.run == run and each.role != "redrawn"]
        if len(course) > 2 and last[run] >= 0:
            course.sort(key=lambda n: standing[n].member.frames_trained)
            found += [Pair("course", n, last[run]) for n in course if n != last[run]]
    return found


def network_coordinates(standing: Sequence[Standing]) -> dict[str, Any]:
    """Coordinates of a Result over `network`: name, run, role and frames trained of each."""
    members = [each.member for each in standing]
    return {
        "network": [each.name for each in members],
        "run": ("network", [each.run for each in members]),
        "role": ("network", [each.role for each in standing]),
        "frames_trained": ("network", [each.frames_trained for each in members], {"units": "frames"}),
    }


def pair_coordinates(pairs: Sequence[Pair], standing: Sequence[Standing]) -> dict[str, Any]:
    """Coordinates of a Result over `pair`: its kind and the names of both networks."""
    return {
        "pair_kind": ("pair", [each.kind for each in pairs]),
        "pair_first": ("pair", [standing[each.first].member.name for each in pairs]),
        "pair_second": ("pair", [standing[each.second].member.name for each in pairs]),
    }


def set_side_by_side(
    variables: Mapping[str, Any],
    measures: Sequence[str],
    standing: Sequence[Standing],
    layers: Mapping[int, Mapping[str, int]],
) -> dict[str, Any]:
    """What figures show of each pair.

    Args:
        variables: of the Result, each measure over (stimuli, representation, other), with its intervals and chance.
        measures: their names.
        standing: all networks.
        layers: of each network, by its number: name of a layer -> number of the representation.

    Returns:
        Variables over `pair` (coordinates `pair_kind`, `pair_first`, `pair_second`, `pair_frames_trained` of the
        first) and `pair_layer`: `same_layer`, `same_layer_low`, `..._high` and `..._chance` (measure, stimuli, pair,
        pair_layer); and `by_layer` (measure, stimuli, kind, pair_layer, pair_other_layer), the mean over the pairs of a
        kind, with `pairs` (kind). NaN where a network lacks a layer.
    """
    pairs = pairs_of(standing)
    names = list(dict.fromkeys(name for each in layers.values() for name in each))
    kinds = list(dict.fromkeys(each.kind for each in pairs))
    shown = variables[measures[0]][1].shape[0]
    table = np.full((len(measures), shown, len(pairs), len(names), len(names)), np.nan)
    ends = {end: np.full((len(measures), shown, len(pairs), len(names)), np.nan) for end in ("low", "high", "chance")}
    for number, pair in enumerate(pairs):
        first, second = _places(layers[pair.first], names), _places(layers[pair.second], names)
        rows, columns = np.flatnonzero(first >= 0), np.flatnonzero(second >= 0)
        shared = np.intersect1d(rows, columns)
        for index, measure in enumerate(measures):
            values = variables[measure][1][:, first[rows]][:, :, second[columns]]
            table[index, :, number, rows[:, None], columns] = values.transpose(1, 2, 0)
            for end, target in ends.items():
                of_end = variables[f"{measure}_{end}"][1]
                target[index, :, number, shared] = of_end[:, first[shared], second[shared]].T
    dims = ("measure", "stimuli", "pair", "pair_layer")
    same = np.diagonal(table, axis1=3, axis2=4)
    of_kind = [np.array([each.kind == kind for each in pairs]) for kind in kinds]
    means = np.stack([_mean(table[:, :, chosen]) for chosen in of_kind], axis=2) if kinds else table.mean(axis=2)
    members = [each.member for each in standing]
    return {
        "same_layer": (dims, same, {"long_name": "similarity of the layers of one name"}),
        **{f"same_layer_{end}": (dims, values) for end, values in ends.items()},
        "by_layer": (("measure", "stimuli", "kind", "pair_layer", "pair_other_layer"), means),
        "pairs": ("kind", [int(chosen.sum()) for chosen in of_kind]),
        "kind": kinds,
        "pair_layer": names,
        "pair_other_layer": names,
        **pair_coordinates(pairs, standing),
        "pair_run": ("pair", [members[each.first].run for each in pairs]),
        "pair_frames_trained": ("pair", [members[each.first].frames_trained for each in pairs], {"units": "frames"}),
    }


def _places(layers: Mapping[str, int], names: Sequence[str]) -> NDArray[np.intp]:
    """(layer,) number of each representation; -1 where the network has no such layer."""
    return np.array([layers.get(name, -1) for name in names])


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over pairs, the third axis; NaN where there is none."""
    known = np.isfinite(values)
    count = known.sum(axis=2)
    return np.asarray(np.where(count, np.where(known, values, 0).sum(axis=2) / np.maximum(count, 1), np.nan))
