"""Moments, extremes and histograms of many variables, accumulated block by block.

Central moments are merged by the formulas of Pébay (2008, Sandia report SAND2008-6212), so that no accuracy is lost
where a mean is large beside its spread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DistributionMoments:
    """What is known of each of some variables.

    Attributes:
        count: number of values of each.
        mean: (variable,).
        standard_deviation: (variable,) root of the mean squared deviation.
        skewness: (variable,) third standardised moment; 0 for a symmetric variable, NaN for a constant one.
        kurtosis: (variable,) fourth standardised moment less 3: 0 for a Gaussian, NaN for a constant.
        lowest, highest: (variable,).
    """

    count: int
    mean: Array
    standard_deviation: Array
    skewness: Array
    kurtosis: Array
    lowest: Array
    highest: Array


class MomentsAccumulator:
    """Accumulates the first four moments and the extremes."""

    def __init__(self, variables: int) -> None:
        self._count = 0
        self._mean = np.zeros(variables)
        self._sums = np.zeros((3, variables))  # of squared, cubed and fourth powers of deviations
        self._lowest, self._highest = np.full(variables, np.inf), np.full(variables, -np.inf)

    def update(self, values: NDArray[np.floating]) -> None:
        """Add (row, variable) values."""
        if not len(values):
            return
        numbers = np.asarray(values, np.float64)
        mean = numbers.mean(axis=0)
        deviations = numbers - mean
        squares = deviations**2
        deviations *= squares
        sums = np.stack([squares.sum(axis=0), deviations.sum(axis=0), (squares**2).sum(axis=0)])
        self._lowest = np.minimum(self._lowest, numbers.min(axis=0))
        self._highest = np.maximum(self._highest, numbers.max(axis=0))
        self._add(len(numbers), mean, sums)

    def merge(self, other: MomentsAccumulator) -> None:
        """Add what another accumulator has seen."""
        self._lowest = np.minimum(self._lowest, other._lowest)
        self._highest = np.maximum(self._highest, other._highest)
        self._add(other._count, other._mean, other._sums)

    def finalize(self) -> DistributionMoments:
        """The moments so far."""
        count = max(self._count, 1)
        variance = self._sums[0] / count
        with np.errstate(divide="ignore", invalid="ignore"):
            skewness = self._sums[1] / count / variance**1.5
            kurtosis = self._sums[2] / count / variance**2 - 3
        is_constant = self._lowest == self._highest
        return DistributionMoments(
            self._count,
            self._mean.copy(),
            np.where(is_constant, 0.0, np.sqrt(variance)),
            np.where(is_constant, np.nan, skewness),
            np.where(is_constant, np.nan, kurtosis),
            self._lowest.copy(),
            self._highest.copy(),
        )

    def _add(self, count: int, mean: Array, sums: Array) -> None:
        if not count:
            return
        # In floating point: the cube of a count is no 64-bit integer from 2,097,152 on.
        mine, new = float(self._count), float(count)
        total = mine + new
        delta = mean - self._mean
        squares, cubes, fourths = self._sums
        self._sums = np.stack(
            [
                squares + sums[0] + delta**2 * mine * new / total,
                cubes
                + sums[1]
                + delta**3 * mine * new * (mine - new) / total**2
                + 3 * delta * (mine * sums[0] - new * squares) / total,
                fourths
                + sums[2]
                + delta**4 * mine * new * (mine**2 - mine * new + new**2) / total**3
                + 6 * delta**2 * (mine**2 * sums[0] + new**2 * squares) / total**2
                + 4 * delta * (mine * sums[1] - new * cubes) / total,
            ]
        )
        self._mean = self._mean + delta * new / total
        self._count += count


def histogram_edges(lowest: Array, highest: Array, bins: int) -> Array:
    """Evenly spaced edges, (variable, bins + 1), from the lowest to the highest value of each variable."""
    spread = np.where(highest > lowest, 0.0, 0.5)
    return np.linspace(lowest - spread, highest + spread, bins + 1, axis=1)


def histogram(blocks: Iterable[NDArray[np.floating]], edges: Array) -> NDArray[np.int64]:
    """How many values of each variable lie between its edges, the last one included: (variable, bin).

    Args:
        blocks: (row, variable) values within the edges.
        edges: (variable, bins + 1), evenly spaced.
    """
    variables, bins = edges.shape[0], edges.shape[1] - 1
    counts = np.zeros(variables * bins, np.int64)
    low, width = edges[:, 0], (edges[:, -1] - edges[:, 0]) / bins
    offsets = np.arange(variables) * bins
    for block in blocks:
        places = np.clip(((block - low) / width).astype(np.intp), 0, bins - 1)
        counts += np.bincount((places + offsets).ravel(), minlength=len(counts))
    return counts.reshape(variables, bins)
