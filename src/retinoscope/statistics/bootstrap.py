"""Bootstrap intervals over independent units (episodes, images): Efron & Tibshirani (1993), percentile method."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from retinoscope.errors import UserError


class Interval(NamedTuple):
    """An estimate with its interval."""

    estimate: float
    low: float
    high: float


def bootstrap_interval(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray] | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic over the first axis of `values`.

    Args:
        values: (unit,) or (unit, variable), float; units are resampled with replacement, variables stay together.
        statistic: maps sums over units, (resample, variable), to (resample,); None for the mean. Working on sums
            lets means and ratios of means be resampled without a copy of the data per resample.
        level: coverage.
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Returns:
        The statistic of all units, and its interval. A resample whose statistic is not finite (a ratio with nothing
        below the line) counts as infinitely high, so that the interval is then open above, as it should be. Where the
        statistic of all units is no number (nothing over nothing), there is no interval: all three are NaN.

    Raises:
        UserError: there are fewer than two units.
    """
    values = np.asarray(values, dtype=np.float64)
    count = len(values)
    chosen = statistic or (lambda sums: sums[:, 0] / count)
    found = bootstrap_intervals(
        values.reshape(count, -1), lambda sums: chosen(sums)[:, None], level=level, resamples=resamples, seed=seed
    )
    return Interval(*(float(each) for each in found[0]))


def bootstrap_intervals(
    values: np.ndarray,
    statistics: Callable[[np.ndarray], np.ndarray],
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> np.ndarray:
    """Intervals of several statistics of the same units, from the same resamples; each as by `bootstrap_interval`.

    Args:
        values: (unit, variable), float.
        statistics: maps sums over units, (resample, variable), to (resample, statistic).
        level: coverage.
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Returns:
        (statistic, 3) estimate, low and high.

    Raises:
        UserError: there are fewer than two units.
    """
    count = len(values)
    if count < 2:
        raise UserError(f"a bootstrap interval needs at least 2 units, there are {count}; use more episodes or images")
    random = np.random.default_rng(seed)
    weights = random.multinomial(count, np.full(count, 1 / count), size=resamples)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = statistics(weights @ values)
        estimates = statistics(np.ones((1, count)) @ values)[0]
    replicates = np.where(np.isfinite(replicates), replicates, np.inf)
    tail = (1 - level) / 2
    low, high = np.quantile(replicates, (tail, 1 - tail), axis=0, method="closest_observation")
    found = np.stack([estimates, low, high], axis=1)
    found[np.isnan(estimates)] = np.nan
    return found


def ratio_of_sums(sums: np.ndarray) -> np.ndarray:
    """First variable over second: for `bootstrap_interval`."""
    return sums[:, 0] / sums[:, 1]
