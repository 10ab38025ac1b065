"""Is an attribution map about the network? Similarity of maps, curves of deletion and insertion, and rank correlations.

Intervals are percentile bootstraps over stretches of consecutive decisions: frames of one stretch look alike and are no
independent samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums

Array = NDArray[np.floating]


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


def rank_correlation(one: Array, other: Array, stretch: NDArray[np.integer]) -> Interval:
    """Spearman's rank correlation of pairs, ties sharing ranks, with its interval over stretches.

    Args:
        one: (pair,).
        other: (pair,).
        stretch: (pair,) which stretch each belongs to.
    """
    return mean_rank_correlation(one[None], other[None], stretch)


def mean_rank_correlation(ones: Array, others: Array, stretch: NDArray[np.integer]) -> Interval:
    """The mean over variables of Spearman's rank correlation, with its interval over stretches.

    Ranks are those among all pairs; the bootstrap resamples them.

    Args:
        ones: (variable, pair).
        others: (variable, pair).
        stretch: (pair,) which stretch each belongs to.
    """
    x, y = (rankdata(each, axis=1) / each.shape[1] for each in (ones, others))
    moments = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y])  # (moment, variable, pair)
    return bootstrap_interval(_sums(moments.reshape(-1, x.shape[1]), stretch).T, _mean_correlation(len(x)))


def mean_over_frames(values: Array, stretch: NDArray[np.integer]) -> Interval:
    """Mean of (frame,) values that are finite, with its interval over stretches."""
    is_there = np.isfinite(values)
    sums = _sums(np.stack([np.where(is_there, values, 0.0), is_there]), stretch)
    return bootstrap_interval(sums.T, ratio_of_sums)


def area_between(fractions: Array, curves: Array, random: Array) -> Array:
    """Area between curves (..., fraction) and those of the random order, by the trapezoidal rule over fractions."""
    between = curves - random
    # Written out: numpy 2 renamed its function.
    return np.asarray(((between[..., 1:] + between[..., :-1]) / 2 * np.diff(fractions)).sum(axis=-1))


def _standard_ranks(values: Array) -> Array:
    """Ranks with mean 0 and length 1 along the last axis; NaN where all are equal."""
    ranks = rankdata(values, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(ranks, axis=-1, keepdims=True)
    return np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0)


def _sums(values: Array, stretch: NDArray[np.integer]) -> Array:
    """(variable, pair) -> (variable, stretch) sums."""
    _, index = np.unique(stretch, return_inverse=True)
    return np.stack([np.bincount(index, row) for row in np.asarray(values, np.float64)])


def _mean_correlation(variables: int) -> Callable[[Array], Array]:
    """From sums (resample, moment * variable) to the mean of the variables' correlations (resample,)."""

    def statistic(sums: Array) -> Array:
        n, x, y, xx, yy, xy = np.moveaxis(sums.reshape(len(sums), 6, variables), 1, 0)
        covariance = xy - x * y / n
        return np.asarray((covariance / np.sqrt((xx - x * x / n) * (yy - y * y / n))).mean(axis=1))

    return statistic
