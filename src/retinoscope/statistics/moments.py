"""Count, mean, variance and range of every unit, from blocks that are never held together.

Blocks and accumulators are joined by the pairwise update of Chan, Golub & LeVeque (1979, Stanford STAN-CS-79-773),
which loses no digits where the mean is large against the spread, and does not depend on how the data were cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MomentsEstimate:
    """What is known of each unit; all arrays (unit,) float64.

    Attributes:
        count: how many observations.
        mean: average.
        variance: with count - 1 below the line.
        lowest, highest: the range; equal for a unit that never changed.
    """

    count: int
    mean: Array
    variance: Array
    lowest: Array
    highest: Array

    @property
    def is_constant(self) -> NDArray[np.bool_]:
        """(unit,) bool: the unit never changed."""
        return self.lowest == self.highest


class Moments:
    """Accumulates count, mean, variance and range of every unit."""

    def __init__(self, units: int) -> None:
        self.count = 0
        self._mean, self._scatter = np.zeros(units), np.zeros(units)
        self._lowest, self._highest = np.full(units, np.inf), np.full(units, -np.inf)

    def update(self, values: NDArray) -> None:
        """Add a block of (time, unit) numbers."""
        if not len(values):
            return
        block = np.asarray(values, np.float64)
        mean = block.mean(axis=0)
        self._join(len(block), mean, ((block - mean) ** 2).sum(axis=0), block.min(axis=0), block.max(axis=0))

    def merge(self, other: Moments) -> None:
        """Add what another accumulator has seen."""
        self._join(other.count, other._mean, other._scatter, other._lowest, other._highest)

    def finalize(self) -> MomentsEstimate:
        """The estimate so far.

        Raises:
            UserError: fewer than two observations were added.
        """
        if self.count < 2:
            raise UserError(f"moments: a variance needs at least 2 observations, there are {self.count}")
        variance = self._scatter / (self.count - 1)
        return MomentsEstimate(self.count, self._mean.copy(), variance, self._lowest.copy(), self._highest.copy())

    def _join(self, count: int, mean: Array, scatter: Array, lowest: Array, highest: Array) -> None:
        together = self.count + count
        if not count:
            return
        difference = mean - self._mean
        self._scatter = self._scatter + scatter + difference**2 * (self.count * count / together)
        self._mean = self._mean + difference * (count / together)
        self._lowest, self._highest = np.minimum(self._lowest, lowest), np.maximum(self._highest, highest)
        self.count = together
