"""How well a number at every moment tells whether something will follow: AUC, with interval and chance level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retinoscope.errors import UserError

_BINS = 512
_REACH = 6.0  # standard deviations around the mean that the bins cover; what is beyond counts as being at the end


class PredictionEstimate(NamedTuple):
    """Area under the receiver operating characteristic.

    Attributes:
        auc: the probability that the score before an outcome is above one without.
        low, high: its 95% bootstrap interval over episodes.
        chance_low, chance_high: 95% of what outcomes shuffled within episodes give.
        p: of the shuffles, two-sided, (c + 1) / (n + 1).
        positives, negatives: how many moments of each there are.
    """

    auc: float
    low: float
    high: float
    chance_low: float
    chance_high: float
    p: float
    positives: int
    negatives: int


class Prediction:
    """Adds up episodes as histograms of the score with and without outcome: 512 bins over 12 standard deviations.

    Outcomes are shuffled by turning the outcomes of an episode around by a random number of moments.
    """

    def __init__(self, mean: float, deviation: float, shuffles: int = 500, seed: int = 0) -> None:
        self._mean, self._deviation, self._seed = mean, deviation or 1.0, seed
        self._episodes: list[np.ndarray] = []
        self._shuffled = np.zeros((shuffles, _BINS))

    def update(self, score: np.ndarray, outcome: np.ndarray, stream: int) -> None:
        """Add an episode.

        Args:
            score: (row,) float.
            outcome: (row,) bool, whether it follows.
            stream: number of the episode; its shuffles depend on it and the seed alone.
        """
        if not len(score):
            return
        scaled = ((score - self._mean) / (2 * _REACH * self._deviation) + 0.5) * _BINS
        bins = np.clip(scaled, 0, _BINS - 1).astype(np.int64)
        both = np.stack([np.bincount(bins[outcome == kind], minlength=_BINS) for kind in (False, True)])
        self._episodes.append(both.astype(np.int32))
        random = np.random.default_rng([self._seed, stream])
        followed = np.flatnonzero(outcome)
        shifts = random.integers(len(bins), size=len(self._shuffled))
        turned = bins[(followed + shifts[:, None]) % len(bins)] + _BINS * np.arange(len(shifts))[:, None]
        self._shuffled += np.bincount(turned.ravel(), minlength=self._shuffled.size).reshape(self._shuffled.shape)

    def finalize(self, resamples: int = 1000) -> PredictionEstimate:
        """The estimate so far.

        Raises:
            UserError: there are fewer than two episodes, or no moment with or without the outcome.
        """
        if len(self._episodes) < 2:
            raise UserError(f"prediction: needs at least 2 episodes, there are {len(self._episodes)}; record more")
        table = np.stack(self._episodes).astype(np.float64)
        total = table.sum(axis=0)
        negatives, positives = (int(each.sum()) for each in total)
        if not (negatives and positives):
            raise UserError("prediction: every moment has the same outcome; record more")
        auc = float(_auc(total[1][None], total[0][None])[0])
        random = np.random.default_rng(self._seed)
        weights = random.multinomial(len(table), np.full(len(table), 1 / len(table)), size=resamples)
        with np.errstate(divide="ignore", invalid="ignore"):
            resampled = _auc(*(np.tensordot(weights, table[:, kind], axes=1) for kind in (1, 0)))
        low, high = np.nanquantile(resampled, (0.025, 0.975))
        chance = _auc(self._shuffled, total.sum(axis=0) - self._shuffled)
        chance_low, chance_high = np.quantile(chance, (0.025, 0.975))
        centre = chance.mean()
        exceeded = int((np.abs(chance - centre) >= abs(auc - centre) - 1e-12).sum())
        p = (exceeded + 1) / (len(chance) + 1)
        return PredictionEstimate(
            auc, float(low), float(high), float(chance_low), float(chance_high), p, positives, negatives
        )


def _auc(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """(many, bin) histograms -> (many,); what falls into the same bin counts half."""
    below = np.cumsum(negative, axis=1) - negative / 2
    return (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))


def follows_within(happened: np.ndarray, steps: int) -> np.ndarray:
    """Whether it happens in a row or in one of the `steps - 1` rows after it, (row,) bool.

    Rows nearer to the end than that are left out, so that the result is `steps - 1` rows shorter.
    """
    counts = np.concatenate([[0], np.cumsum(happened)])
    return counts[steps:] - counts[:-steps] > 0 if len(happened) >= steps else np.zeros(0, bool)
