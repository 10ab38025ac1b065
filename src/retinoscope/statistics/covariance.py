"""Covariance of units, from blocks that are never held together (Chan, Golub & LeVeque 1979, as in `moments.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CovarianceEstimate:
    """Mean and covariance of units.

    Attributes:
        count: how many observations.
        mean: (unit,) float64.
        covariance: (unit, unit) float64, with count - 1 below the line.
    """

    count: int
    mean: Array
    covariance: Array

    def correlation(self) -> Array:
        """(unit, unit) Pearson's r; 0 with, and 1 on the diagonal for, a unit that never changed."""
        deviation = np.sqrt(self.covariance.diagonal())
        scale = np.where(deviation > 0, deviation, 1.0)
        correlation = np.clip(self.covariance / np.outer(scale, scale), -1, 1)
        np.fill_diagonal(correlation, 1.0)
        return np.asarray(correlation)


class Covariance:
    """Accumulates the covariance of all pairs of units; memory grows with their number squared."""

    def __init__(self, units: int) -> None:
        self.count, self.units = 0, units
        self._mean, self._scatter = np.zeros(units), np.zeros((units, units))

    def update(self, values: NDArray) -> None:
        """Add a block of (time, unit) numbers."""
        if not len(values):
            return
        block = np.asarray(values, np.float64)
        mean = block.mean(axis=0)
        deviations = block - mean
        self._join(len(block), mean, deviations.T @ deviations)

    def merge(self, other: Covariance) -> None:
        """Add what another accumulator has seen."""
        self._join(other.count, other._mean, other._scatter)

    def finalize(self) -> CovarianceEstimate:
        """The estimate so far.

        Raises:
            UserError: fewer than two observations were added.
        """
        if self.count < 2:
            raise UserError(f"covariance: needs at least 2 observations, there are {self.count}")
        return CovarianceEstimate(self.count, self._mean.copy(), self._scatter / (self.count - 1))

    def _join(self, count: int, mean: Array, scatter: Array) -> None:
        together = self.count + count
        if not count:
            return
        difference = mean - self._mean
        self._scatter += scatter
        self._scatter += np.outer(difference, difference * (self.count * count / together))
        self._mean = self._mean + difference * (count / together)
        self.count = together


def merged(accumulators: Iterable[Covariance]) -> Covariance:
    """A new accumulator of all that these have seen; they stay as they are.

    Raises:
        UserError: there are none.
    """
    parts = list(accumulators)
    if not parts:
        raise UserError("covariance: nothing to merge; give at least one accumulator")
    whole = Covariance(parts[0].units)
    for part in parts:
        whole.merge(part)
    return whole
