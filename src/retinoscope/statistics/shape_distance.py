"""Angular shape distance between representations, on their leading components (Williams et al. 2021, NeurIPS).

Two representations are as far apart as the angle that is left once one is turned and mirrored onto the other:
arccos(|X'Y|_* / (|X| |Y|)) of centred activity, |.|_* the sum of singular values. It is a metric: 0 for copies that are
turned, mirrored, moved, scaled or whose units stand in another order, pi/2 for what shares nothing. Of few stimuli
against many units it is too small (Pospisil et al. 2023), so activity is reduced to leading principal components first,
and chance is stated, which errs alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.similarity import Similarity

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Axes:
    """Leading principal axes of one representation.

    Attributes:
        mean: (unit,) of the stimuli that they were fitted to.
        directions: (unit, dimension) orthonormal, fewer dimensions than asked for where there are no more.
    """

    mean: NDArray
    directions: NDArray

    @classmethod
    def fitted(cls, activity: NDArray, dimensions: int) -> Axes:
        """To activity (stimulus, unit), from products of stimuli: units may be many."""
        mean = activity.mean(axis=0, dtype=np.float64).astype(activity.dtype)
        centred = activity - mean
        values, vectors = np.linalg.eigh(np.asarray(centred @ centred.T, np.float64))
        kept = np.argsort(-values)[: min(dimensions, len(activity) - 1, activity.shape[1])]
        kept = kept[values[kept] > 1e-10 * max(values.max(initial=0), 1e-300)]
        directions = centred.T @ (vectors[:, kept] / np.sqrt(values[kept])).astype(activity.dtype)
        return cls(mean, directions)

    def scores(self, activity: NDArray, dimensions: int) -> tuple[Array, float]:
        """(stimulus, dimension) of activity (stimulus, unit), zeros where axes are missing; and its sum of squares."""
        centred = activity - self.mean
        found = np.zeros((len(activity), dimensions))
        found[:, : self.directions.shape[1]] = centred @ self.directions
        return found, float(np.square(centred, dtype=np.float64).sum())


class ShapeDistances:
    """Accumulates covariances between the scores of all representations.

    Memory: (groups + shuffles + 1) (representations * dimensions)^2 numbers, whatever the number of stimuli.
    """

    def __init__(self, representations: int, dimensions: int, groups: int = 10, shuffles: int = 5) -> None:
        """`groups` of stimuli are left out one at a time; `shuffles` are what chance is made of."""
        self.representations, self.dimensions, self.stimuli = representations, dimensions, 0
        size = representations * dimensions
        self._count = np.zeros(groups)
        self._sum = np.zeros((groups, size))
        self._product = np.zeros((size, size))
        # What is subtracted or compared roughly needs no more digits than these.
        self._of_group = np.zeros((groups, size, size), np.float32)
        self._shuffled = np.zeros((shuffles, size, size), np.float32)
        self._squares = np.zeros(representations)

    def update(self, scores: Array, squares: Array, group: NDArray[np.integer], orders: NDArray[np.integer]) -> None:
        """Add stimuli.

        Args:
            scores: (representation, stimulus, dimension).
            squares: (representation,) sums of squares of the whole activity, of which scores are a part.
            group: (stimulus,) which group each belongs to, from 0.
            orders: (shuffle, stimulus) the stimuli in other orders, as many as there are shuffles.
        """
        flat = scores.transpose(1, 0, 2).reshape(scores.shape[1], -1)
        self.stimuli += len(flat)
        self._product += flat.T @ flat
        self._squares += squares
        for each in np.unique(group):
            part = flat[group == each]
            self._count[each] += len(part)
            self._sum[each] += part.sum(axis=0)
            self._of_group[each] += (part.T @ part).astype(np.float32)
        single = flat.astype(np.float32)
        for number, order in enumerate(orders):
            self._shuffled[number] += single.T @ single[order]

    def merge(self, other: ShapeDistances) -> None:
        """Add what another accumulator, of the same axes, has seen."""
        self.stimuli += other.stimuli
        for name in ("_count", "_sum", "_product", "_of_group", "_shuffled", "_squares"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def share_kept(self) -> Array:
        """(representation,) of the sum of squares of activity, what its scores hold; NaN where there is none."""
        kept = self._product.diagonal().reshape(self.representations, self.dimensions).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self._squares > 0, kept / self._squares, np.nan)

    def finalize(self) -> Similarity:
        """Angles in radians; NaN where a representation never changes.

        Raises:
            UserError: nothing was added.
        """
        if not self.stimuli:
            raise UserError("shape distances: no stimulus was added; show some")
        total, count = self._sum.sum(axis=0), self._count.sum()
        whole = _centred(self._product, total, count)
        estimate = self._angles(whole, whole)
        seen = np.flatnonzero(self._count)
        without = [
            self._angles(part, part)
            for each in seen
            if len(seen) > 1 and count > self._count[each]
            for part in [
                _centred(self._product - self._of_group[each], total - self._sum[each], count - self._count[each])
            ]
        ]
        by_chance = [self._angles(_centred(each, total, count), whole) for each in self._shuffled]
        shape = (0, self.representations, self.representations)
        chance = np.array(by_chance) if by_chance else np.zeros(shape)
        groups = len(without)
        if groups < 2:
            nothing = np.full_like(estimate, np.nan)
            return Similarity(estimate, nothing, nothing, chance)
        left_out = np.array(without)
        error = np.sqrt((groups - 1) / groups * np.square(left_out - left_out.mean(axis=0)).sum(axis=0))
        half = scipy.stats.t.ppf(0.975, groups - 1) * error
        return Similarity(estimate, np.maximum(estimate - half, 0), np.minimum(estimate + half, np.pi / 2), chance)

    def _angles(self, covariance: NDArray, own: NDArray) -> Array:
        """(representation, representation) of a covariance, lengths being those of `own`."""
        count, size = self.representations, self.dimensions
        lengths = own.diagonal().reshape(count, size).sum(axis=1)
        blocks = covariance.reshape(count, size, count, size).transpose(0, 2, 1, 3)
        shared = np.linalg.svd(blocks, compute_uv=False).sum(axis=-1)
        is_constant = lengths <= 1e-12 * np.maximum(self._squares, 1e-300)
        scale = np.sqrt(np.where(is_constant, np.nan, lengths))
        with np.errstate(invalid="ignore"):
            return np.asarray(np.arccos(np.clip(shared / (scale[:, None] * scale), -1, 1)))


def _centred(product: NDArray, total: Array, count: float) -> Array:
    return np.asarray(product - np.outer(total, total) / count)
