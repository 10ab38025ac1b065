"""Sparseness of activity (Treves & Rolls 1991, as in Vinje & Gallant 2000), and the share of active moments."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retinoscope.errors import UserError
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums

OF_A_NORMAL_DEVIATE = 1 - 1 / np.pi
"""Sparseness, for many units, of normal deviates around zero whose negative half is cut off."""


class SparsenessEstimate(NamedTuple):
    """How sparse a layer is.

    Attributes:
        population: mean over moments of the sparseness over units, with its interval over episodes.
        active: share of unit-moments with activity above zero, likewise.
        lifetime: (unit,) sparseness of each unit over moments; NaN for one that was never active, or not known.
    """

    population: Interval
    active: Interval
    lifetime: np.ndarray


def treves_rolls(activity: np.ndarray, axis: int = -1) -> np.ndarray:
    """(1 - mean(r)^2 / mean(r^2)) / (1 - 1/n) of r = max(activity, 0): 0 where all are alike, 1 where one is active.

    NaN where none is active.
    """
    rates = np.maximum(activity, 0).astype(np.float64)
    count = rates.shape[axis]
    with np.errstate(divide="ignore", invalid="ignore"):
        return (1 - rates.mean(axis=axis) ** 2 / (rates**2).mean(axis=axis)) / (1 - 1 / count)


class Sparseness:
    """Adds up episodes; keeps four numbers of each, and two of each unit."""

    def __init__(self, units: int) -> None:
        if units < 2:
            raise UserError(f"sparseness: needs at least 2 units, there are {units}")
        self._sums, self._squares, self._count = np.zeros(units), np.zeros(units), 0
        self._episodes: list[tuple[float, float, float, float]] = []

    def update(self, activity: np.ndarray) -> None:
        """Add an episode, (row, unit)."""
        if not len(activity):
            return
        rates = np.maximum(activity, 0).astype(np.float64)
        self._sums += rates.sum(axis=0)
        self._squares += (rates**2).sum(axis=0)
        self._count += len(rates)
        per_row = treves_rolls(activity)
        known = np.isfinite(per_row)
        active = float((activity > 0).sum())
        self._episodes.append((float(per_row[known].sum()), float(known.sum()), active, float(activity.size)))

    def update_rows(self, sparseness: np.ndarray, active: np.ndarray) -> None:
        """Add an episode of which only this is known: (row,) sparseness over units, and (row,) share of active units.

        Nothing is then known of single units.
        """
        if len(sparseness):
            known, size = np.isfinite(sparseness), len(active) * len(self._sums)
            sums = (float(sparseness[known].sum()), float(known.sum()), float(active.mean()) * size, float(size))
            self._episodes.append(sums)

    def merge(self, other: Sparseness) -> None:
        """Add what another accumulator has seen."""
        self._sums += other._sums
        self._squares += other._squares
        self._count += other._count
        self._episodes += other._episodes

    def finalize(self, seed: int = 0) -> SparsenessEstimate:
        """The estimate so far.

        Raises:
            UserError: there are fewer than two episodes.
        """
        table = np.array(self._episodes).reshape(-1, 4)
        population = bootstrap_interval(table[:, :2], ratio_of_sums, resamples=2000, seed=seed)
        active = bootstrap_interval(table[:, 2:], ratio_of_sums, resamples=2000, seed=seed)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (self._sums / self._count) ** 2 / (self._squares / self._count)
        return SparsenessEstimate(population, active, (1 - share) / (1 - 1 / max(self._count, 2)))
