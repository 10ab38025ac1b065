"""Principal components and the participation ratio: along how many directions activity varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.bootstrap import Interval
from retinoscope.statistics.covariance import Covariance, CovarianceEstimate, merged
from retinoscope.statistics.covariance_sketch import LeadingComponents, SketchEstimate
from retinoscope.statistics.jackknife import jackknife_interval

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PrincipalComponents:
    """Directions of largest variance.

    Attributes:
        count: observations they were computed from.
        mean: (unit,) float64.
        axes: (component, unit) float64, orthonormal, by falling variance. The sign of a component is arbitrary; here
            the largest loading of each is positive.
        variances: (component,) float64.
        error: (component,) float64, a bound on the error of each variance; zeros where they are exact.
        unit_variance: (unit,) float64.
        squared_norm: sum of the squares of all variances, also those that are not among `variances`.
        squared_norm_error: its standard error; 0 where it is exact.
    """

    count: int
    mean: Array
    axes: Array
    variances: Array
    error: Array
    unit_variance: Array
    squared_norm: float
    squared_norm_error: float

    @property
    def total_variance(self) -> float:
        """Sum of all variances, also those that are not among `variances`."""
        return float(self.unit_variance.sum())

    @property
    def participation_ratio(self) -> float:
        """(sum of variances)^2 / sum of squared variances: 1 for a line, the number of units for a ball.

        NaN if nothing varies.
        """
        return participation_ratio(self.total_variance, self.squared_norm)

    def scores(self, values: NDArray, components: int | None = None) -> Array:
        """(time, unit) activity -> (time, component) float64: how far along each axis, from the mean."""
        axes = self.axes[:components].T
        return np.asarray(np.asarray(values, np.float64) @ axes - self.mean @ axes)


def exact_components(estimate: CovarianceEstimate, components: int | None = None) -> PrincipalComponents:
    """Components from the covariance of all pairs of units: all of them, or as many as are wanted."""
    units = len(estimate.mean)
    first = 0 if components is None else max(0, units - components)
    variances, axes = scipy.linalg.eigh(estimate.covariance, subset_by_index=(first, units - 1))
    variances = np.maximum(variances[::-1], 0.0)
    return PrincipalComponents(
        estimate.count,
        estimate.mean,
        _with_signs(axes.T[::-1]),
        variances,
        np.zeros(len(variances)),
        estimate.covariance.diagonal().copy(),
        float((estimate.covariance**2).sum()),
        0.0,
    )


def sketched_components(sketch: SketchEstimate, found: LeadingComponents, components: int) -> PrincipalComponents:
    """The leading components, from a sketch of the covariance."""
    return PrincipalComponents(
        sketch.count,
        sketch.mean,
        _with_signs(found.axes[:components]),
        found.variances[:components],
        found.error[:components],
        sketch.variance,
        found.squared_norm,
        found.squared_norm_error,
    )


def participation_ratio(total_variance: float, squared_norm: float) -> float:
    """(sum of variances)^2 / sum of squared variances; NaN if nothing varies."""
    return total_variance**2 / squared_norm if squared_norm > 0 else float("nan")


def unrelated_participation_ratio(unit_variance: Array, count: int) -> float:
    """The chance level: the participation ratio to expect of units with these variances that have nothing in common.

    It is what shuffling the moments of every unit by itself gives on average. Unrelated units have a covariance of 0,
    but over `count` moments its square is var_i var_j / (count - 1) on average.
    """
    total, squares = float(unit_variance.sum()), float((unit_variance**2).sum())
    return participation_ratio(total, squares + (total**2 - squares) / max(count - 1, 1))


class GroupedVariance:
    """Variance by groups of episodes, within a basis and in all: for intervals of the participation ratio."""

    def __init__(self, mean: Array, axes: NDArray[np.floating], groups: int) -> None:
        """Axes (component, unit) are the basis; `mean` (unit,), or what is near it, is subtracted first."""
        self._mean, self._axes = mean, axes
        self._inside = [Covariance(len(axes)) for _ in range(groups)]
        self._all = [_TotalVariance(len(mean)) for _ in range(groups)]

    def update(self, values: NDArray, groups: NDArray, scores: NDArray | None = None) -> None:
        """Add (time, unit) activity, each moment belonging to one of the (time,) groups.

        Args:
            values: the activity; single precision only for deviations from what is near the mean.
            groups: numbers of groups.
            scores: (time, component) along the axes, from any origin that is always the same, if they are at hand.
        """
        if scores is None:
            values = np.asarray(values, np.float64) - self._mean
            scores = values @ self._axes.T
        for group in np.unique(groups):
            chosen = groups == group
            self._inside[group].update(scores[chosen])
            self._all[group].update(values[chosen])

    def participation_ratio(self, whole: PrincipalComponents) -> Interval:
        """The participation ratio with a jackknife interval over groups, on the logarithmic scale.

        It ends where a ratio cannot lie: below 1, above the number of units, or of rows less one.
        What of the squared norm lies outside of the basis is taken to be the same share of the squared total variance
        without each group as with all.
        """
        filled = [number for number, part in enumerate(self._inside) if part.count]
        estimate = whole.participation_ratio
        if len(filled) < 2 or not estimate > 0:
            return Interval(estimate, np.nan, np.nan)
        inside = (merged(self._inside).finalize().covariance ** 2).sum()
        outside = max(whole.squared_norm - inside, 0.0) / whole.total_variance**2
        without = [self._without(left_out, filled, outside) for left_out in filled]
        logarithm = jackknife_interval(np.log(estimate), np.log(without))
        possible = 1.0, max(min(len(self._mean), whole.count - 1), 1.0)
        low, high = np.clip(np.exp([logarithm.low, logarithm.high]), *possible)
        return Interval(estimate, float(low), float(high))

    def _without(self, left_out: int, filled: Sequence[int], outside: float) -> float:
        kept = [number for number in filled if number != left_out]
        total = _TotalVariance(len(self._mean))
        for number in kept:
            total.merge(self._all[number])
        variance = total.finalize()
        inside = merged(self._inside[number] for number in kept).finalize().covariance
        return participation_ratio(variance, float((inside**2).sum()) + outside * variance**2)


class _TotalVariance:
    """Accumulates the variance of all units together: their means, and one number for the squared deviations."""

    def __init__(self, units: int) -> None:
        self.count, self._mean, self._scatter = 0, np.zeros(units), 0.0

    def update(self, values: NDArray) -> None:
        mean = values.mean(axis=0, dtype=np.float64)
        deviations = values - mean.astype(values.dtype)
        self._join(len(values), mean, float(np.einsum("tu,tu->t", deviations, deviations).sum(dtype=np.float64)))

    def merge(self, other: _TotalVariance) -> None:
        self._join(other.count, other._mean, other._scatter)

    def finalize(self) -> float:
        return self._scatter / (self.count - 1)

    def _join(self, count: int, mean: Array, scatter: float) -> None:
        together = self.count + count
        difference = mean - self._mean
        self._scatter += scatter + float(difference @ difference) * (self.count * count / together)
        self._mean = self._mean + difference * (count / together)
        self.count = together


def correlation_intervals(groups: Sequence[Covariance]) -> tuple[Array, Array, Array]:
    """Pearson's r of all pairs of variables, with a jackknife interval over groups on Fisher's z scale.

    Returns:
        estimate, low, high; each (variable, variable) float64, NaN where it is not known.

    Raises:
        UserError: nothing was added to any group.
    """
    filled = [group for group in groups if group.count]
    if not filled:
        raise UserError("correlation: nothing was added; add at least 2 observations")
    estimate = merged(filled).finalize().correlation()
    units = len(estimate)
    low, high = np.full((units, units), np.nan), np.full((units, units), np.nan)
    if len(filled) > 1:
        without = np.stack(
            [merged(part for part in filled if part is not left).finalize().correlation() for left in filled]
        )
        for i, j in zip(*np.triu_indices(units, 1), strict=True):
            z = np.arctanh(np.clip(np.append(without[:, i, j], estimate[i, j]), -1 + 1e-12, 1 - 1e-12))
            interval = jackknife_interval(float(z[-1]), z[:-1])
            low[i, j] = low[j, i] = np.tanh(interval.low)
            high[i, j] = high[j, i] = np.tanh(interval.high)
    return estimate, low, high


def _with_signs(axes: Array) -> Array:
    """The largest loading of every axis is positive."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return np.asarray(axes * np.where(largest < 0, -1.0, 1.0))
