"""Histograms on fixed edges, and the mean of another variable in every bin; they add up over blocks and shards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError


@dataclass(frozen=True)
class HistogramEstimate:
    """What fell where.

    Attributes:
        counts: (*bin) int64.
        mean: (*bin) float64, average of the variable over what fell into the bin; NaN in empty bins.
        outside: how many fell beyond the edges and are in no bin.
    """

    counts: NDArray[np.int64]
    mean: NDArray[np.float64]
    outside: int


class Histogram:
    """Counts points in bins of one or more axes and averages a variable in each."""

    def __init__(self, *edges: NDArray) -> None:
        """`edges` are the bounds of the bins, one rising array per axis; the last bin holds its upper bound.

        Raises:
            UserError: there is no axis, or edges do not rise.
        """
        if not edges or any(len(each) < 2 or not (np.diff(each) > 0).all() for each in edges):
            raise UserError("histogram: needs rising edges, at least two for every axis")
        self._edges = [np.asarray(each, np.float64) for each in edges]
        shape = tuple(len(each) - 1 for each in edges)
        self._counts, self._sums = np.zeros(shape, np.int64), np.zeros(shape)
        self._outside = 0

    def update(self, points: NDArray, variable: NDArray) -> None:
        """Add (time, axis) points, and the variable's (time,) value at each."""
        counts, _ = np.histogramdd(points, self._edges)
        sums, _ = np.histogramdd(points, self._edges, weights=np.asarray(variable, np.float64))
        self._counts += counts.astype(np.int64)
        self._sums += sums
        self._outside += len(points) - int(counts.sum())

    def merge(self, other: Histogram) -> None:
        """Add what another histogram on the same edges has seen.

        Raises:
            UserError: its edges are others.
        """
        if len(self._edges) != len(other._edges) or not all(map(np.array_equal, self._edges, other._edges)):
            raise UserError("histogram: only histograms on the same edges can be merged")
        self._counts += other._counts
        self._sums += other._sums
        self._outside += other._outside

    def finalize(self) -> HistogramEstimate:
        """The histogram so far."""
        mean = np.where(self._counts > 0, self._sums / np.maximum(self._counts, 1), np.nan)
        return HistogramEstimate(self._counts.copy(), mean, self._outside)
