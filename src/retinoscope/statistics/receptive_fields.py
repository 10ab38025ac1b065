"""Receptive fields as averages: two accumulators that estimate the same thing, and how far to trust it.

For a Gaussian stimulus x ~ N(mean, sigma^2 I) and a unit f, Stein's lemma (Stein 1981, Annals of Statistics 9:1135)
says E[(x - mean) f(x)] / sigma^2 = E[gradient of f at x]. The left side is the noise-weighted average (the
spike-triggered average of the field, for graded activity), the right side the mean gradient. Dividing by the variance
of the stimulus keeps the sign and gives units of activity per pixel; dividing by the sum of the activity, as is often
done for spikes, flips the sign wherever the mean activity is negative, as it may be after ELU, tanh or no activation
function.

Stimuli come in numbered batches. Even and odd batches make two independent halves; their agreement is the reliability.
Accumulators keep sums in float64, so that shards computed elsewhere and merged give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ReceptiveFieldEstimate:
    """Receptive fields and how far to trust them.

    Attributes:
        fields: (unit, *stimulus) float64, change of activity per unit of stimulus.
        reliability: (unit,) expected agreement of this estimate with a second one like it. The cosine r between the
            estimates from even and odd batches, each from half of the stimuli, is raised to the full number by
            Spearman-Brown, 2r / (1 + r); r below zero counts as zero. NaN where the unit never answered to the
            stimulus, or in one of the halves alone, or one of the halves is empty.
        relative_error: (unit,) expected length of the error relative to the length of the true field, from the
            difference of the halves. Infinite where they do not agree at all, NaN where reliability is.
        stimuli: number of stimuli averaged over.
    """

    fields: Array
    reliability: Array
    relative_error: Array
    stimuli: int


class MeanGradient:
    """Accumulates gradients of units with respect to the stimulus."""

    def __init__(self, units: int, stimulus_shape: tuple[int, ...]) -> None:
        self._gradients = np.zeros((2, units, *stimulus_shape))
        self._counts = np.zeros(2, dtype=np.int64)

    def update(self, gradient_sums: Array, count: int, batch: int) -> None:
        """Add a batch.

        Args:
            gradient_sums: (unit, *stimulus), sum over the stimuli of the batch.
            count: number of stimuli in the batch.
            batch: number of the batch; its parity chooses the half.
        """
        self._gradients[batch % 2] += gradient_sums
        self._counts[batch % 2] += count

    def of(self, units: NDArray[np.integer]) -> MeanGradient:
        """What was added of some of the units, to be gone on with for these alone; `units` are places, not numbers."""
        chosen = MeanGradient(len(units), self._gradients.shape[2:])
        chosen._gradients, chosen._counts = self._gradients[:, units], self._counts.copy()
        return chosen

    def merge(self, other: MeanGradient) -> None:
        """Add what another accumulator has seen."""
        self._gradients += other._gradients
        self._counts += other._counts

    def finalize(self) -> ReceptiveFieldEstimate:
        """The estimate so far.

        Raises:
            UserError: nothing was added yet.
        """
        _require_stimuli(self._counts)
        silent = ~self._gradients.any(axis=(0, *range(2, self._gradients.ndim)))
        halves = self._gradients / _column(np.maximum(self._counts, 1), self._gradients.ndim)
        return _estimate(self._gradients.sum(axis=0) / self._counts.sum(), halves, self._counts, silent)


class NoiseWeightedAverage:
    """Accumulates E[(x - mean) (f - mean f)] / sigma^2 over white Gaussian noise x."""

    def __init__(self, units: int, stimulus_shape: tuple[int, ...], mean: float, sigma: float) -> None:
        """`mean` and `sigma` are those of the noise, in units of the stimulus.

        Raises:
            UserError: sigma is not above zero.
        """
        if not sigma > 0:
            raise UserError(f"sigma {sigma}: the noise needs a standard deviation above 0")
        self._mean, self._sigma, self._shape = mean, sigma, stimulus_shape
        self._products = np.zeros((2, units, int(np.prod(stimulus_shape))))
        self._deviations = np.zeros((2, self._products.shape[2]))
        self._activity = np.zeros((2, units))
        self._lowest, self._highest = np.full(units, np.inf), np.full(units, -np.inf)
        self._counts = np.zeros(2, dtype=np.int64)

    def update(self, stimuli: NDArray[np.floating], activity: NDArray[np.floating], batch: int) -> None:
        """Add a batch.

        Args:
            stimuli: (count, *stimulus).
            activity: (count, unit), the answers.
            batch: number of the batch; its parity chooses the half.
        """
        if not len(stimuli):
            return
        half = batch % 2
        deviations = stimuli.reshape(len(stimuli), -1).astype(np.float64) - self._mean
        answers = activity.astype(np.float64)
        self._products[half] += answers.T @ deviations
        self._deviations[half] += deviations.sum(axis=0)
        self._activity[half] += answers.sum(axis=0)
        self._lowest = np.minimum(self._lowest, answers.min(axis=0))
        self._highest = np.maximum(self._highest, answers.max(axis=0))
        self._counts[half] += len(stimuli)

    def merge(self, other: NoiseWeightedAverage) -> None:
        """Add what another accumulator has seen of the same noise."""
        self._products += other._products
        self._deviations += other._deviations
        self._activity += other._activity
        self._lowest = np.minimum(self._lowest, other._lowest)
        self._highest = np.maximum(self._highest, other._highest)
        self._counts += other._counts

    def finalize(self) -> ReceptiveFieldEstimate:
        """The estimate so far.

        Raises:
            UserError: nothing was added yet.
        """
        _require_stimuli(self._counts)
        whole = self._average(self._products.sum(0), self._deviations.sum(0), self._activity.sum(0), self._counts.sum())
        halves = np.stack(
            [
                self._average(
                    self._products[half], self._deviations[half], self._activity[half], max(self._counts[half], 1)
                )
                for half in (0, 1)
            ]
        )
        return _estimate(whole, halves, self._counts, self._lowest == self._highest)

    def _average(self, products: Array, deviations: Array, activity: Array, count: int) -> Array:
        """Covariance of stimulus and activity, over the variance of the stimulus: (unit, *stimulus)."""
        covariance = (products - np.outer(activity / count, deviations)) / count
        return np.asarray(covariance / self._sigma**2).reshape(-1, *self._shape)


def core_of(estimate: ReceptiveFieldEstimate, left_out: float = 0.01) -> tuple[slice, slice]:
    """Rows and columns that hold all but a small share of what the fields weigh, the mean over units.

    Where a stimulus is much larger than what units really see of it, nearly all weights are zero but for noise.

    Args:
        estimate: of fields (unit, height, width, channel). Units that are less reliable than the median count nothing.
        left_out: share of the squared weights of a unit that may lie outside.
    """
    height, width = estimate.fields.shape[1:3]
    answering = estimate.reliability[~np.isnan(estimate.reliability)]
    if not len(answering):
        return slice(0, height), slice(0, width)
    weights = np.square(estimate.fields[estimate.reliability >= np.median(answering)]).sum(axis=-1)
    share = (weights / weights.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
    rows, columns = (_without_ends(share.sum(axis=axis), left_out / 4) for axis in (1, 0))
    return rows, columns


def _without_ends(share: Array, left_out: float) -> slice:
    """Where what is left out at either end adds up to at most so much."""
    first = int((np.cumsum(share) <= left_out).sum())
    last = int((np.cumsum(share[::-1]) <= left_out).sum())
    return slice(first, len(share) - last)


def _require_stimuli(counts: NDArray[np.int64]) -> None:
    if not counts.sum():
        raise UserError("receptive fields: no stimulus was shown; show at least one")


def _estimate(
    whole: Array, halves: Array, counts: NDArray[np.int64], silent: NDArray[np.bool_]
) -> ReceptiveFieldEstimate:
    even, odd = halves.reshape(2, len(silent), -1)
    unknown = silent | (counts.min() == 0)
    products = (even * odd).sum(axis=1)
    # The mean of two halves of n and m stimuli differs from the truth by nm / (n + m)^2 of what they differ by.
    noise = ((even - odd) ** 2).sum(axis=1) * counts.prod() / counts.sum() ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.clip(products / np.sqrt((even**2).sum(axis=1) * (odd**2).sum(axis=1)), 0, 1)
        error = np.where(products > 0, np.sqrt(noise / products), np.inf)
    fields = np.where(_column(silent, whole.ndim), 0.0, whole)
    return ReceptiveFieldEstimate(
        fields=fields,
        reliability=np.where(unknown, np.nan, 2 * cosine / (1 + cosine)),
        relative_error=np.where(unknown, np.nan, error),
        stimuli=int(counts.sum()),
    )


def _column(values: NDArray[Any], dimensions: int) -> NDArray[Any]:
    return values.reshape(-1, *[1] * (dimensions - 1))
