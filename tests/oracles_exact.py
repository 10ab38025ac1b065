"""Moments without rounding: every float is a whole number of a small unit, so sums over columns can be exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


class ExactColumns:
    """What is known of (row, column) numbers, each rounded once, at the end."""

    def __init__(self, data: np.ndarray) -> None:
        self.rows, self.columns = data.shape
        self._units, self._numbers = [], []
        for column in np.asarray(data, np.float64).T:
            parts = [Fraction(each) for each in column.tolist()]
            below = max(part.denominator for part in parts)  # powers of two
            self._units.append(Fraction(1, below))
            self._numbers.append([int(part * below) for part in parts])

    def mean(self) -> np.ndarray:
        """(column,)."""
        return np.array([float(sum(each) * unit / self.rows) for each, unit in self._pairs()])

    def covariance(self) -> np.ndarray:
        """(column, column), with rows - 1 below the line."""
        return np.array([[float(self._covariance(i, j)) for j in range(self.columns)] for i in range(self.columns)])

    def product(self, columns: np.ndarray) -> np.ndarray:
        """Covariance times (column, k) numbers."""
        exact = [[Fraction(each) for each in row] for row in columns.tolist()]
        shares = [[self._covariance(i, j) for j in range(self.columns)] for i in range(self.columns)]
        return np.array(
            [
                [float(sum(a * row[k] for a, row in zip(each, exact, strict=True))) for k in range(columns.shape[1])]
                for each in shares
            ]
        )

    def correlation(self) -> np.ndarray:
        """(column, column)."""
        found = np.eye(self.columns)
        for i, j in np.ndindex(found.shape):
            both = self._covariance(i, j)
            share = both**2 / (self._covariance(i, i) * self._covariance(j, j))
            found[i, j] = np.sqrt(float(share)) * (1 if both >= 0 else -1)
        return found

    def standardised_moment(self, power: int) -> np.ndarray:
        """(column,) mean of the deviations to this power, over the population's standard deviation to it."""
        found = []
        for numbers in self._numbers:
            total = sum(numbers)
            deviations = [self.rows * each - total for each in numbers]
            square = sum(each**2 for each in deviations)
            share = Fraction(sum(each**power for each in deviations) ** 2 * self.rows ** (power - 2), square**power)
            sign = 1 if sum(each**power for each in deviations) >= 0 else -1
            found.append(sign * np.sqrt(float(share)))
        return np.array(found)

    def participation_ratio(self) -> float:
        """(sum of variances)^2 / sum of squared covariances."""
        pairs = [(i, j) for i in range(self.columns) for j in range(self.columns)]
        total = sum(self._covariance(i, i) for i in range(self.columns))
        return float(total**2 / sum(self._covariance(i, j) ** 2 for i, j in pairs))

    def _covariance(self, i: int, j: int) -> Fraction:
        first, second = self._numbers[i], self._numbers[j]
        products = sum(a * b for a, b in zip(first, second, strict=True))
        whole = self.rows * products - sum(first) * sum(second)
        return Fraction(whole, self.rows * (self.rows - 1)) * self._units[i] * self._units[j]

    def _pairs(self) -> list[tuple[list[int], Fraction]]:
        return list(zip(self._numbers, self._units, strict=True))
