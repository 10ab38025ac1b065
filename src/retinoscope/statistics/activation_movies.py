"""Quantiles of the magnitude of activity, channel by channel, from a stream."""

from __future__ import annotations

import numpy as np

from retinoscope.errors import UserError

_SHIFT = 16  # of the 32 bits of a float, the sign is dropped and 8 of exponent and 7 of mantissa are kept
_BINS = 1 << (31 - _SHIFT)


class MagnitudeHistogram:
    """How often each magnitude occurred, in 128 bins per octave: quantiles within 0.8%, in one pass, for any range."""

    def __init__(self, channels: int) -> None:
        self._counts = np.zeros((channels, _BINS), np.int64)
        self.lowest, self.highest = np.full(channels, np.inf), np.full(channels, -np.inf)

    def update(self, activity: np.ndarray) -> None:
        """Add activity, (time, channel, ...) float."""
        if not activity.size:
            return
        values = np.moveaxis(activity, 1, 0).reshape(len(self._counts), -1).astype(np.float32)
        bins = (values.view(np.uint32) & np.uint32(0x7FFFFFFF)) >> np.uint32(_SHIFT)
        for channel, found in enumerate(bins):
            self._counts[channel] += np.bincount(found, minlength=_BINS)
        self.lowest = np.minimum(self.lowest, values.min(axis=1))
        self.highest = np.maximum(self.highest, values.max(axis=1))

    def merge(self, other: MagnitudeHistogram) -> None:
        """Add what another accumulator has seen."""
        self._counts += other._counts
        self.lowest = np.minimum(self.lowest, other.lowest)
        self.highest = np.maximum(self.highest, other.highest)

    def quantile(self, share: float) -> np.ndarray:
        """The magnitude that `share` of the values do not exceed, (channel,); the upper edge of its bin.

        Raises:
            UserError: nothing was added yet.
        """
        total = self._counts.sum(axis=1, keepdims=True)
        if not total.all():
            raise UserError("quantiles of magnitudes: nothing was measured; give at least one decision")
        found = (np.cumsum(self._counts, axis=1) >= share * total).argmax(axis=1)
        edges = ((found + 1).astype(np.uint32) << np.uint32(_SHIFT)).view(np.float32)
        largest = np.maximum(np.abs(self.lowest), np.abs(self.highest))
        return np.minimum(edges.astype(np.float64), largest)
