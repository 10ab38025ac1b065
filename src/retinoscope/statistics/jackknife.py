"""Intervals from leaving out one group of episodes at a time: the jackknife (Efron & Tibshirani 1993, chapter 11).

It suits statistics of covariances, where a bootstrap, which takes some episodes twice and others not at all, would make
the data look lower-dimensional than they are.
"""

from __future__ import annotations

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from retinoscope.statistics.bootstrap import Interval


def jackknife_interval(estimate: float, leave_one_out: NDArray, level: float = 0.95) -> Interval:
    """Interval of a statistic over independent groups.

    Args:
        estimate: the statistic of all groups; on a scale on which it may be taken as normal, for instance its
            logarithm.
        leave_one_out: (group,) the same statistic without each group in turn.
        level: coverage.

    Returns:
        The estimate, and its interval by Student's t with (groups - 1) degrees of freedom; NaN for fewer than two.
    """
    groups = len(leave_one_out)
    if groups < 2:
        return Interval(estimate, np.nan, np.nan)
    deviations = leave_one_out - np.mean(leave_one_out)
    error = np.sqrt((groups - 1) / groups * (deviations**2).sum())
    half = float(scipy.stats.t.ppf((1 + level) / 2, groups - 1) * error)
    return Interval(estimate, estimate - half, estimate + half)
