"""Is a number higher shortly before events than at other times? A ratio, over episodes, against shuffled events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retinoscope.errors import UserError
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval


class BeforeEventsEstimate(NamedTuple):
    """A ratio of means.

    Attributes:
        ratio: mean shortly before events over mean at all other times, with its interval over episodes.
        chance_low, chance_high: 95% of the ratios of events shuffled within their episodes.
        p: of the shuffles, two-sided, (c + 1) / (n + 1).
        time_share: share of all moments that are shortly before an event.
    """

    ratio: Interval
    chance_low: float
    chance_high: float
    p: float
    time_share: float


class BeforeEvents:
    """Adds up episodes; keeps four numbers of each."""

    def __init__(self, shuffles: int = 500, seed: int = 0) -> None:
        self._seed = seed
        self._episodes: list[tuple[float, float, float, float]] = []
        self._shuffled = np.zeros(shuffles)
        self._sum = 0.0

    def update(self, values: np.ndarray, is_before: np.ndarray, stream: int) -> None:
        """Add an episode.

        Args:
            values: (row,) float, not negative.
            is_before: (row,) bool, shortly before an event.
            stream: number of the episode; its shuffles depend on it and the seed alone.
        """
        count = len(values)
        if not count:
            return
        here, elsewhere = float(values[is_before].sum()), float(values[~is_before].sum())
        self._episodes.append((here, float(is_before.sum()), elsewhere, float((~is_before).sum())))
        self._sum += here + elsewhere
        random = np.random.default_rng([self._seed, stream])
        shifts = random.integers(count, size=len(self._shuffled))
        # What any shift gives, at once: the circular correlation of the two.
        spectrum = np.fft.rfft(values) * np.conj(np.fft.rfft(is_before.astype(np.float64)))
        self._shuffled += np.fft.irfft(spectrum, count)[shifts]

    def finalize(self) -> BeforeEventsEstimate:
        """The estimate so far.

        Raises:
            UserError: there are fewer than two episodes, or no moment before or not before an event.
        """
        table = np.array(self._episodes).reshape(-1, 4)
        before, other = table[:, 1].sum(), table[:, 3].sum()
        if not (before and other):
            raise UserError("activity before events: needs moments before events and others; record more")
        ratio = bootstrap_interval(table, _ratio, resamples=2000, seed=self._seed)
        shuffled = np.stack([self._shuffled, np.full_like(self._shuffled, before)], axis=1)
        rest = np.stack([self._sum - self._shuffled, np.full_like(self._shuffled, other)], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = _ratio(np.concatenate([shuffled, rest], axis=1))
        low, high = np.quantile(chance, (0.025, 0.975))
        centre = chance.mean()
        exceeded = int((np.abs(chance - centre) >= abs(ratio.estimate - centre) - 1e-12).sum())
        p = (exceeded + 1) / (len(chance) + 1)
        return BeforeEventsEstimate(ratio, float(low), float(high), p, float(before / (before + other)))


def _ratio(sums: np.ndarray) -> np.ndarray:
    return (sums[:, 0] / sums[:, 1]) / (sums[:, 2] / sums[:, 3])
