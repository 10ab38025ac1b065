"""Is an attribution map about the network? Similarity of maps, curves of deletion and insertion, and rank correlations.

Intervals are percentile bootstraps over stretches of consecutive decisions: frames of one stretch look alike and are no
independent samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from retinoscope.statistics.bootstrap import bootstrap_intervals

Array = NDArray[np.floating]

_SERIES_AT_ONCE = 32  # whose resamples are in memory together


def rank_similarity(reference: Array, others: Array) -> tuple[Array, Array]:
    """Spearman's rank correlation of each row of `others` with the row of `reference`, and what chance gives.

    Args:
        reference: (row, pixel).
        others: (stage, row, pixel).

    Returns:
        (stage, row) correlations; and the same after the other map was rolled by half of its pixels, which keeps its
        values and their smoothness and breaks its relation to the reference. NaN where a map is constant.
    """
    one, many = _standard_ranks(reference), _standard_ranks(others)
    rolled = np.roll(many, many.shape[-1] // 2, axis=-1)
    return (one * many).sum(axis=-1), (one * rolled).sum(axis=-1)


def rank_correlations(ones: Array, others: Array, stretch: NDArray[np.integer]) -> Array:
    """Spearman's rank correlation of every variable, and the mean of them, with intervals over stretches.

    Ranks are those among all pairs, ties sharing theirs; the bootstrap resamples them.

    Args:
        ones: (variable, pair).
        others: (variable, pair).
        stretch: (pair,) which stretch each belongs to.

    Returns:
        (variable and mean, 3) estimate, low, high.
    """
    x, y = (_average_ranks(each) / each.shape[1] for each in (ones, others))
    moments = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y])  # (moment, variable, pair)
    return bootstrap_intervals(_sums(moments.reshape(-1, x.shape[1]), stretch).T, _correlations(len(x)))


def means_over_frames(values: Array, stretch: NDArray[np.integer]) -> Array:
    """Means of (..., frame) values that are finite, with intervals over stretches: (..., 3) estimate, low, high."""
    rows = values.reshape(-1, values.shape[-1])
    is_there = np.isfinite(rows)
    sums, counts = _sums(np.where(is_there, rows, 0.0), stretch), _sums(is_there, stretch)
    parts = [
        bootstrap_intervals(np.concatenate([sums[part], counts[part]]).T, _ratios)
        for part in (slice(start, start + _SERIES_AT_ONCE) for start in range(0, len(rows), _SERIES_AT_ONCE))
    ]
    return np.concatenate(parts).reshape(*values.shape[:-1], 3)


def shares(amounts: Array, stretch: NDArray[np.integer]) -> Array:
    """The part that every column has in the sum of all, with its interval over stretches.

    Args:
        amounts: (frame, column), none negative.
        stretch: (frame,) which stretch each belongs to.

    Returns:
        (column, 3) estimate, low, high; NaN if there is nothing, or fewer than two stretches.
    """
    sums = _sums(amounts.T, stretch)
    if sums.shape[1] < 2 or not amounts.any():
        return np.full((len(sums), 3), np.nan)
    return bootstrap_intervals(sums.T, lambda each: each / each.sum(axis=1, keepdims=True))


def area_between(fractions: Array, curves: Array, random: Array) -> Array:
    """Area between curves (..., fraction) and those of the random order, by the trapezoidal rule over fractions."""
    between = curves - random
    # Written out: numpy 2 renamed its function.
    return np.asarray(((between[..., 1:] + between[..., :-1]) / 2 * np.diff(fractions)).sum(axis=-1))


def _standard_ranks(values: Array) -> Array:
    """Ranks with mean 0 and length 1 along the last axis; NaN where all are equal."""
    ranks = _average_ranks(values)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(ranks, axis=-1, keepdims=True)
    return np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0)


def _average_ranks(values: Array) -> Array:
    """Ranks from 0 up along the last axis, ties sharing theirs, in a third of the time of `scipy.stats.rankdata`."""
    order = np.argsort(values, axis=-1)
    ordered, place = np.take_along_axis(values, order, axis=-1), np.arange(values.shape[-1])
    differs = ordered[..., 1:] != ordered[..., :-1]
    edge = np.ones((*values.shape[:-1], 1), bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, differs], axis=-1), place, 0), axis=-1)
    at_end = np.where(np.concatenate([differs, edge], axis=-1), place, len(place))
    last = np.minimum.accumulate(at_end[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=-1)
    return ranks


def _sums(values: Array, stretch: NDArray[np.integer]) -> Array:
    """(variable, pair) -> (variable, stretch) sums."""
    _, index = np.unique(stretch, return_inverse=True)
    return np.stack([np.bincount(index, row) for row in np.asarray(values, np.float64)])


def _ratios(sums: Array) -> Array:
    """The first half of the variables over the second."""
    above, below = np.split(sums, 2, axis=1)
    return above / below


def _correlations(variables: int) -> Callable[[Array], Array]:
    """From sums (resample, moment * variable) to correlations of variables, and their mean (resample, variable + 1)."""

    def statistics(sums: Array) -> Array:
        n, x, y, xx, yy, xy = np.moveaxis(sums.reshape(len(sums), 6, variables), 1, 0)
        covariance = xy - x * y / n
        found = covariance / np.sqrt((xx - x * x / n) * (yy - y * y / n))
        return np.concatenate([found, found.mean(axis=1, keepdims=True)], axis=1)

    return statistics
