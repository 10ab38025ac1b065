"""What goes with components: correlations over time, with intervals over episodes and a chance level.

Rows within an episode follow each other and are no independent observations. Intervals therefore resample episodes
(bootstrap of whole clusters), and the chance level comes from circular shifts: within each episode the quantities are
rotated against the components by a random number of rows, which keeps how both change over time, and breaks only what
goes with what. The 95th percentile of the largest absolute correlation over all quantities is the level that chance
reaches anywhere among them in one of twenty times (Westfall & Young 1993).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.components import Array


@dataclass(frozen=True)
class Correlations:
    """Pearson correlations, all (component, quantity).

    Attributes:
        estimate: over all rows; NaN where one of the two never changes.
        low, high: 95% percentile interval over episodes; NaN with fewer than two.
        chance: (component,) 95th percentile of the largest absolute correlation over quantities after random shifts.
        rows, episodes: how many.
    """

    estimate: Array
    low: Array
    high: Array
    chance: Array
    rows: int
    episodes: int


class CorrelationAccumulator:
    """Adds up episodes; what it holds grows with their number, not with their length."""

    def __init__(self, components: int, quantities: int, shifts: int = 199, seed: int = 0) -> None:
        self._shape = (components, quantities)
        self._random = np.random.default_rng(seed)
        self._origin: tuple[Array, Array] | None = None
        self._sums: list[Array] = []
        self._shifted = np.zeros((shifts, components, quantities))
        self._seed = seed

    def update(self, activations: NDArray[np.floating], quantities: NDArray[np.floating]) -> None:
        """Add an episode: (row, component) and (row, quantity)."""
        x, y = np.asarray(activations, np.float64), np.asarray(quantities, np.float64)
        if not len(x):
            return
        if self._origin is None:  # from where the sums are counted: far from the values, squares would lose all digits
            self._origin = x.mean(axis=0), y.mean(axis=0)
        x, y = x - self._origin[0], y - self._origin[1]
        self._sums.append(_sums(x, y))
        # Products under every rotation at once: a circular cross-correlation.
        spectrum = np.conj(np.fft.rfft(x, axis=0))[:, :, None] * np.fft.rfft(y, axis=0)[:, None, :]
        rotated = np.fft.irfft(spectrum, n=len(x), axis=0)
        self._shifted += rotated[self._random.integers(len(x), size=len(self._shifted))]

    def finalize(self, resamples: int = 1_000) -> Correlations:
        """The correlations so far.

        Raises:
            UserError: nothing was added.
        """
        if not self._sums:
            raise UserError("correlations: there are no rows; record more")
        table = np.stack(self._sums)
        whole = table.sum(axis=0)
        estimate = self._correlation(whole[None])[0]
        low = high = np.full(self._shape, np.nan)
        if len(table) > 1:
            weights = np.random.default_rng(self._seed).multinomial(
                len(table), np.full(len(table), 1 / len(table)), size=resamples
            )
            # Where one of the two does not change in the episodes drawn, nothing goes with anything.
            drawn = np.nan_to_num(self._correlation(weights @ table))
            low, high = np.where(np.isnan(estimate), np.nan, np.quantile(drawn, (0.025, 0.975), axis=0))
        products = slice(1 + 2 * sum(self._shape), None)
        shifted = np.repeat(whole[None], len(self._shifted), axis=0)
        shifted[:, products] = self._shifted.reshape(len(self._shifted), -1)
        by_chance = np.nan_to_num(np.abs(self._correlation(shifted))).max(axis=2)
        return Correlations(estimate, low, high, np.quantile(by_chance, 0.95, axis=0), int(whole[0]), len(table))

    def _correlation(self, sums: Array) -> Array:
        """(..., sum) -> (..., component, quantity)."""
        components, quantities = self._shape
        count, parts = (
            sums[:, :1],
            np.split(sums[:, 1:], np.cumsum([components, components, quantities, quantities]), axis=1),
        )
        x, xx, y, yy, xy = (part / count for part in parts)
        spread = [np.sqrt(np.clip(square - mean**2, 0, None)) for mean, square in ((x, xx), (y, yy))]
        # What is left of a constant by rounding is no spread.
        spread = [
            np.where(deviation > 1e-7 * np.sqrt(square), deviation, np.nan)
            for deviation, square in zip(spread, (xx, yy), strict=True)
        ]
        covariance = xy.reshape(-1, components, quantities) - x[:, :, None] * y[:, None, :]
        return np.asarray(np.clip(covariance / (spread[0][:, :, None] * spread[1][:, None, :]), -1, 1))


def _sums(x: Array, y: Array) -> Array:
    return np.concatenate([[len(x)], x.sum(0), (x**2).sum(0), y.sum(0), (y**2).sum(0), (x.T @ y).ravel()])
