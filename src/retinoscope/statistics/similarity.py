"""Similarity of representations from similarities of stimuli: debiased linear CKA and RSA, from blocks of stimuli.

**Debiased linear CKA** is the normalised unbiased estimator HSIC_1 of Song et al. 2012 (JMLR 13:1393, equation 5), as
Nguyen, Raghu & Kornblith 2021 (ICLR) average it over blocks of stimuli: of the plain estimator independent
representations with about as many units as stimuli have a CKA far from zero (Murphy, Zylberberg & Fyshe 2024). It is
computed by U-centred matrices (Szekely & Rizzo 2014, Annals of Statistics 42:2382), whose inner product is
n (n - 3) HSIC_1. Blocks count by that, their pairs of stimuli. It can lie below zero, and above one.

**RSA** (Kriegeskorte, Mur & Bandettini 2008) is Pearson's correlation of the Euclidean distances of the same pairs.

Both are ratios of sums over pairs of stimuli of one block, so that parts add up (`merge`) and no stimulus is held
longer than its block. Intervals leave out a group of episodes (or images) at a time (the jackknife); chance shows
the second network the stimuli in another order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]

FEWEST = 4
"""Stimuli of a block: HSIC_1 of fewer is not defined."""

MEASURES = ("cka", "rsa")
_NOTHING = 1e-9  # a sum of squares this small against the raw one is rounding: the representation never changes


@dataclass(frozen=True)
class Similarity:
    """One measure of every pair of representations; arrays are (representation, representation).

    Attributes:
        estimate: of all stimuli.
        low, high: ends of the 95% interval over groups of stimuli; NaN for fewer than two groups.
        by_chance: (shuffle, representation, representation), the second network shown other stimuli.
    """

    estimate: Array
    low: Array
    high: Array
    by_chance: Array


def gram(activity: NDArray) -> Array:
    """(stimulus, stimulus) products of centred activity (stimulus, unit)."""
    centred = activity - activity.mean(axis=0, dtype=np.float64).astype(activity.dtype)
    return np.asarray(centred @ centred.T, np.float64)


def u_centred(grams: Array) -> Array:
    """(..., stimulus, stimulus) U-centred: rows, columns and the diagonal add up to nothing (Szekely & Rizzo 2014)."""
    count = grams.shape[-1]
    off = grams.copy()
    off[..., np.arange(count), np.arange(count)] = 0
    rows = off.sum(axis=-1)
    total = rows.sum(axis=-1)[..., None, None]
    found = off - (rows[..., :, None] + rows[..., None, :]) / (count - 2) + total / ((count - 1) * (count - 2))
    found[..., np.arange(count), np.arange(count)] = 0
    return np.asarray(found)


def distances(grams: Array) -> Array:
    """(..., pair) Euclidean distances of all pairs of stimuli, each once."""
    count = grams.shape[-1]
    first, second = np.triu_indices(count, 1)
    diagonal = grams[..., np.arange(count), np.arange(count)]
    squares = diagonal[..., first] + diagonal[..., second] - 2 * grams[..., first, second]
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


class BlockSimilarity:
    """Accumulates both measures of every pair of representations.

    Memory: (groups + shuffles + 1) numbers for every pair of representations, whatever the number of stimuli.
    """

    def __init__(self, representations: int, groups: int = 10, shuffles: int = 20) -> None:
        """`groups` of stimuli are left out one at a time; `shuffles` are what chance is made of."""
        self.representations, self.groups, self.shuffles = representations, groups, shuffles
        shape = (representations, representations)
        self.stimuli = 0
        self._products = np.zeros((1 + groups, *shape))
        self._shuffled = np.zeros((shuffles, *shape))
        self._pairs = np.zeros(1 + groups)
        self._sums = np.zeros((1 + groups, representations))
        self._distances = np.zeros((1 + groups, *shape))
        self._shuffled_distances = np.zeros((shuffles, *shape))
        self._raw = np.zeros(representations)
        self._seen = np.zeros(groups, bool)

    def update(self, grams: Array, group: NDArray[np.integer], orders: NDArray[np.integer]) -> None:
        """Add a block of stimuli.

        Args:
            grams: (representation, stimulus, stimulus) of `gram`.
            group: (stimulus,) which group each belongs to, from 0.
            orders: (shuffle, stimulus) the stimuli in other orders.

        Raises:
            UserError: there are fewer than four stimuli.
        """
        count = grams.shape[-1]
        if count < FEWEST:
            raise UserError(f"similarity: a block of {count} stimuli is too small; give at least {FEWEST}")
        self.stimuli += count
        self._seen[np.unique(group)] = True
        self._raw += np.square(grams).sum(axis=(1, 2))
        centred, apart = self._add(0, grams)
        flat = centred.reshape(len(grams), -1)
        first, second = np.triu_indices(count, 1)
        square = np.zeros((len(grams), count, count))
        square[:, first, second] = apart
        square += square.transpose(0, 2, 1)
        for number, order in enumerate(orders):
            moved = centred[:, order][:, :, order].reshape(len(grams), -1)
            self._shuffled[number] += flat @ moved.T
            self._shuffled_distances[number] += apart @ square[:, order[first], order[second]].T
        for each in range(self.groups):
            kept = np.flatnonzero(group != each)
            if len(kept) == count:
                self._again(1 + each, flat @ flat.T, apart)
            elif len(kept) >= FEWEST:
                self._add(1 + each, grams[:, kept][:, :, kept])

    def merge(self, other: BlockSimilarity) -> None:
        """Add what another accumulator has seen."""
        self.stimuli += other.stimuli
        for name in ("_products", "_shuffled", "_pairs", "_sums", "_distances", "_shuffled_distances", "_raw"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._seen = self._seen | other._seen

    def finalize(self) -> dict[str, Similarity]:
        """Both measures by name; NaN where a representation never changes.

        Raises:
            UserError: nothing was added.
        """
        if not self.stimuli:
            raise UserError("similarity: no stimulus was added; show some")
        products = self._products
        constant = products[0].diagonal() <= _NOTHING * np.maximum(self._raw, 1e-300)
        scale = _scale(products, constant)
        cka = _over(products, scale)
        by_chance = _over(self._shuffled, scale[:1])
        return {
            "cka": self._with_interval(cka, by_chance),
            "rsa": self._with_interval(*self._correlations(constant)),
        }

    def _add(self, place: int, grams: Array) -> tuple[Array, Array]:
        centred, apart = u_centred(grams), distances(grams)
        flat = centred.reshape(len(grams), -1)
        self._again(place, flat @ flat.T, apart)
        return centred, apart

    def _again(self, place: int, products: Array, apart: Array) -> None:
        self._products[place] += products
        self._pairs[place] += apart.shape[1]
        self._sums[place] += apart.sum(axis=1)
        self._distances[place] += apart @ apart.T

    def _correlations(self, constant: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Of distances: of all stimuli and without each group, and of those in other orders."""
        pairs, sums = self._pairs[:, None], self._sums
        with np.errstate(divide="ignore", invalid="ignore"):
            means = sums[:, :, None] * sums[:, None, :] / pairs[..., None]
        covariances = self._distances - means
        scale = _scale(covariances, constant)
        return _over(covariances, scale), _over(self._shuffled_distances - means[:1], scale[:1])

    def _with_interval(self, found: Array, by_chance: Array) -> Similarity:
        estimate, without = found[0], found[1:][self._seen]
        groups = len(without)
        if groups < 2:
            nothing = np.full_like(estimate, np.nan)
            return Similarity(estimate, nothing, nothing, by_chance)
        deviations = without - without.mean(axis=0)
        error = np.sqrt((groups - 1) / groups * np.square(deviations).sum(axis=0))
        half = scipy.stats.t.ppf(0.975, groups - 1) * error
        return Similarity(estimate, estimate - half, estimate + half, by_chance)


def _scale(products: Array, constant: NDArray[np.bool_]) -> Array:
    """(..., representation, representation) what products are divided by."""
    lengths = np.sqrt(np.maximum(products.diagonal(axis1=-2, axis2=-1), 0))
    lengths = np.where(constant, 0, lengths)
    return np.asarray(lengths[..., :, None] * lengths[..., None, :])


def _over(products: Array, scale: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(scale > 0, products / scale, np.nan)
