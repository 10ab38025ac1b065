"""How far weights have come from those before training: correlation, share learned, subspaces and norms.

The weights of a layer are given as matrices, a row for every unit: of a convolution (channel, what a kernel weighs).
All numbers are those of two states of the same weights, before and after, and none of them knows why they differ:
weights that drifted at random count as learned too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]

_LARGEST_BASIS = 2048  # vectors of a subspace; of more, the overlap would take minutes
_NO_DIRECTION = 1e-6  # of the largest singular value


@dataclass(frozen=True)
class Change:
    """Of one layer.

    Attributes:
        correlation: Pearson's r over all weights; NaN where those of either state are all the same.
        unit_correlations: (unit,) the same over the weights of each row.
        growth: Euclidean norm of all weights, relative to that before; NaN where that is zero.
        unit_growths: (unit,) the same of each row.
        overlap: mean squared cosine of the principal angles between the row spaces before and after (Bjorck & Golub
            1973, "Numerical methods for computing angles between linear subspaces"): 1 where the layer still reads the
            same directions of what it gets. NaN where it has as many units as inputs, and so reads all there are.
        overlap_by_chance: expected of random subspaces of the same dimensions, the larger over that of the inputs.
    """

    correlation: float
    unit_correlations: Array
    growth: float
    unit_growths: Array
    overlap: float
    overlap_by_chance: float


def change(before: Sequence[NDArray], after: Sequence[NDArray]) -> Change:
    """Compare two states of the weights of a layer.

    Args:
        before: matrices (unit, input); of a recurrent layer several.
        after: of the same shapes.

    Raises:
        UserError: the shapes differ.
    """
    old, new = ([np.asarray(each, np.float64) for each in state] for state in (before, after))
    if [each.shape for each in old] != [each.shape for each in new]:
        raise UserError(
            f"weights: shapes {[each.shape for each in before]} and {[each.shape for each in after]} cannot be "
            "compared; give two states of one network"
        )
    rows = [_by_unit(state) for state in (old, new)]
    flat = [np.concatenate([each.ravel() for each in state]) for state in (old, new)]
    overlap, chance = _overlap(old, new)
    return Change(
        correlation=correlation(flat[0], flat[1]),
        unit_correlations=np.array([correlation(*pair) for pair in zip(*rows, strict=True)]),
        growth=_ratio(float(np.linalg.norm(flat[1])), float(np.linalg.norm(flat[0]))),
        unit_growths=np.array(
            [_ratio(float(np.linalg.norm(b)), float(np.linalg.norm(a))) for a, b in zip(*rows, strict=True)]
        ),
        overlap=overlap,
        overlap_by_chance=chance,
    )


def correlation(one: NDArray, other: NDArray) -> float:
    """Pearson's r; NaN where either does not vary, or beyond what rounding leaves of it."""
    first, second = (np.asarray(each, np.float64) - np.mean(each, dtype=np.float64) for each in (one, other))
    lengths = [float(np.linalg.norm(each)) for each in (first, second)]
    sizes = [float(np.linalg.norm(np.asarray(each, np.float64))) for each in (one, other)]
    if any(length <= 1e-9 * size for length, size in zip(lengths, sizes, strict=True)):
        return float("nan")
    return float(np.clip(first @ second / (lengths[0] * lengths[1]), -1, 1))


def share_learned(correlation: NDArray | float) -> NDArray[np.float64]:
    """1 - r^2: the share of the variance of weights that those before training do not explain linearly.

    0 where they are those before training but for a factor and a constant, near 1 where nothing of these is left. Of
    weights that nothing was kept of, independent of those before, it is 1 - 1/(n - 1) on average over n of them.
    """
    return 1.0 - np.square(np.asarray(correlation, np.float64))


def corrected_correlations(correlations: NDArray, first: NDArray, second: NDArray) -> Array:
    """What the correlation of two noisy estimates would be without their noise (Spearman 1904): r / sqrt(ab).

    Args:
        correlations: of the estimates.
        first: reliability a of the one, of the same shape.
        second: reliability b of the other.

    Returns:
        At most 1 in size; NaN where a reliability is not known or so small (below 0.5) that it says nothing.
    """
    product = np.asarray(first, np.float64) * np.asarray(second, np.float64)
    known = (np.asarray(first) >= 0.5) & (np.asarray(second) >= 0.5)
    found = np.asarray(correlations, np.float64) / np.sqrt(np.where(known, product, 1.0))
    return np.where(known, np.clip(found, -1, 1), np.nan)


def _by_unit(matrices: Sequence[Array]) -> list[Array]:
    """Everything that a unit weighs, unit by unit; of matrices that differ in their units, one after another."""
    by_count: dict[int, list[Array]] = {}
    for each in matrices:
        by_count.setdefault(len(each), []).append(each)
    return [row for same in by_count.values() for row in np.concatenate(same, axis=1)]


def _overlap(before: Sequence[Array], after: Sequence[Array]) -> tuple[float, float]:
    """Over all matrices whose rows leave some of their inputs out of account: the overlap, and that of chance."""
    shared = expected = angles = 0.0
    for old, new in zip(before, after, strict=True):
        units, inputs = old.shape
        if units >= inputs or units > _LARGEST_BASIS:
            continue
        bases = [_row_space(each) for each in (old, new)]
        fewer, more = sorted(each.shape[1] for each in bases)
        if fewer:
            shared += float(np.square(bases[0].T @ bases[1]).sum())
            expected += fewer * more / inputs
            angles += fewer
    return (shared / angles, expected / angles) if angles else (float("nan"), float("nan"))


def _row_space(matrix: Array) -> Array:
    """An orthonormal basis of what the rows span, (input, dimension)."""
    _, lengths, directions = np.linalg.svd(matrix, full_matrices=False)
    return np.asarray(directions[lengths > _NO_DIRECTION * max(lengths[0], 1e-300)].T)


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")
