"""Of points of a map h -> F(h) near which it stands still: which are the same, and what its Jacobian says of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def merged_points(points: NDArray[np.floating], speeds: NDArray[np.floating], distance: float) -> NDArray[np.int64]:
    """Which points are one: each belongs to the slowest point within a distance of it that belongs to none slower.

    Args:
        points: (point, unit).
        speeds: (point,) by which they are ranked.
        distance: up to which two are one.

    Returns:
        (point,) index of the point that stands for each; of those that stand for themselves, their own.
    """
    leader = np.full(len(points), -1, np.int64)
    for each in np.argsort(speeds, kind="stable"):
        if leader[each] < 0:
            free = leader < 0
            near = free & (np.linalg.norm(points - points[each], axis=1) <= distance)
            leader[near] = each
            leader[each] = each
    return leader


def spectrum(jacobian: NDArray[np.floating]) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Eigenvalues of a Jacobian by falling size, and the directions that belong to them.

    Of a complex pair the one that turns forward comes first.

    Args:
        jacobian: (unit, unit) of h -> F(h).

    Returns:
        (mode,) eigenvalues and (mode, unit) right eigenvectors of length 1.
    """
    values, vectors = np.linalg.eig(np.asarray(jacobian, np.float64))
    order = np.lexsort((-values.imag, -values.real, -np.round(np.abs(values), 9)))
    return values[order].astype(np.complex128), vectors.T[order].astype(np.complex128)


def time_constants(eigenvalues: NDArray[np.complexfloating]) -> Array:
    """-1 / ln|eigenvalue|: steps in which a deviation falls to 1/e of itself.

    Negative where it grows by e instead; infinite where it neither grows nor falls, 0 where it is gone at once.
    """
    sizes = np.abs(np.asarray(eigenvalues))
    with np.errstate(divide="ignore"):
        logarithms = np.log(sizes)
        return np.where(logarithms == 0, np.inf, -1.0 / np.where(logarithms == 0, 1.0, logarithms))


def spread_out(rows: NDArray[np.integer], distances: NDArray[np.floating], count: int, apart: int) -> list[int]:
    """Places of the nearest rows that are not neighbours in time.

    Args:
        rows: (candidate,).
        distances: (candidate,).
        count: how many are wanted.
        apart: least difference of two rows.
    """
    chosen: list[int] = []
    for place in np.argsort(distances, kind="stable"):
        if all(abs(int(rows[place]) - int(rows[other])) >= apart for other in chosen):
            chosen.append(int(place))
        if len(chosen) == count:
            break
    return chosen
