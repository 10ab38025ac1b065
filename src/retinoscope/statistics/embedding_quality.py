"""How far an embedding can be trusted: which neighbours it keeps, and which are mere neighbours in time.

Consecutive moments of an episode resemble each other, whatever a network computes. An embedding of behaviour therefore
falls into threads, one per stretch of time, unless it has many more moments than one stretch; what looks like a cluster
may be a minute. So the share of neighbours that are close in time stands beside every embedding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TimeNeighbours:
    """Neighbours in time; arrays (point,) float64.

    Attributes:
        share: of each point's neighbours, those of the same episode within so many steps.
        chance: the share if neighbours were drawn at random from the other points.
        most: the largest share there can be, below 1 where fewer points than neighbours are that close in time.
    """

    share: Array
    chance: Array
    most: Array


def neighbours_kept(original: NDArray, embedded: NDArray) -> Array:
    """Share of each point's nearest neighbours that are among its nearest in the embedding (point,) float64.

    Args:
        original: (point, neighbour) indices.
        embedded: as many.

    Raises:
        UserError: their shapes differ.
    """
    if original.shape != embedded.shape:
        raise UserError(f"neighbours: shapes {original.shape} and {embedded.shape} differ; compare as many of each")
    both = np.sort(np.concatenate([original, embedded], axis=1), axis=1)
    return np.asarray((both[:, 1:] == both[:, :-1]).sum(axis=1) / original.shape[1])


def chance_of_keeping(points: int, neighbours: int) -> float:
    """The share that is kept on average if the embedding had nothing to do with the original."""
    return neighbours / (points - 1)


def are_close_in_time(neighbours: NDArray, episode: NDArray, step: NDArray, within_steps: int) -> NDArray[np.bool_]:
    """Whether each neighbour (point, neighbour) is of the same episode and within so many steps of its point."""
    same = episode[neighbours] == episode[:, None]
    return np.asarray(same & (np.abs(step[neighbours].astype(np.int64) - step[:, None]) <= within_steps))


def time_neighbours(neighbours: NDArray, episode: NDArray, step: NDArray, within_steps: int) -> TimeNeighbours:
    """How many neighbours are mere neighbours in time.

    Args:
        neighbours: (point, neighbour) indices.
        episode: (point,) of each point.
        step: (point,) in that episode.
        within_steps: how far apart in an episode neighbours in time may be.
    """
    points, count = neighbours.shape
    close = _points_close_in_time(episode, step, within_steps)
    return TimeNeighbours(
        are_close_in_time(neighbours, episode, step, within_steps).mean(axis=1),
        close / (points - 1),
        np.minimum(close, count) / count,
    )


def neighbours_of_same_class(neighbours: NDArray, label: NDArray, is_left_out: NDArray) -> tuple[Array, Array]:
    """How many neighbours share their point's class.

    Args:
        neighbours: (point, neighbour) indices.
        label: (point,) int, 0 or more.
        is_left_out: (point, neighbour) bool: neighbours that do not count, for instance those in time.

    Returns:
        (point,) how many share the class, and (point,) how many counted.
    """
    counted = ~is_left_out
    same = (label[neighbours] == label[:, None]) & counted
    return same.sum(axis=1).astype(np.float64), counted.sum(axis=1).astype(np.float64)


def chance_of_same_class(label: NDArray, counted: NDArray) -> float:
    """The share of counted neighbours that would share the class if they were drawn at random."""
    counts = np.bincount(label)
    alike = (counts[label] - 1) / max(len(label) - 1, 1)
    total = float(counted.sum())
    return float((alike * counted).sum() / total) if total else float("nan")


def _points_close_in_time(episode: NDArray, step: NDArray, within_steps: int) -> NDArray[np.int64]:
    """(point,) how many other points are of the same episode and within so many steps."""
    # One line of time on which episodes are too far apart to be close.
    stride = int(step.max(initial=0)) + within_steps + 1
    moment = episode.astype(np.int64) * stride + step
    in_order = np.sort(moment)
    above = np.searchsorted(in_order, moment + within_steps, side="right")
    below = np.searchsorted(in_order, moment - within_steps, side="left")
    return np.asarray(above - below - 1)
