"""Reading classes or numbers out of activity, held out by folds: what further activity adds to what is there already.

The read-outs are those of `statistics/decoding.py`: Fisher's discriminant for classes, and its counterpart for numbers,
ridge regression with the same shrinkage. Each fold is named by a read-out that has not seen it; scaler and principal
components belong to the fold, see `Reduced`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.statistics.decoding import SHRINKAGE, Discriminant, Reduction, fit_reduction

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reduced:
    """Activity in the principal components of all but one fold, for every fold.

    Attributes:
        scores: of each fold (row, component) float32 of all rows.
        reductions: of each fold.
    """

    scores: tuple[NDArray[np.float32], ...]
    reductions: tuple[Reduction, ...]

    @classmethod
    def of(
        cls, activity: NDArray, folds: NDArray[np.integer], components: int, sample: int = 8_000, seed: int = 0
    ) -> Reduced:
        """Find the components of each fold's complement.

        Args:
            activity: (row, unit).
            folds: (row,) from 0.
            components: at most.
            sample: rows that they are found on, at most.
            seed: of the sample.
        """
        scores, reductions = [], []
        for fold in range(int(folds.max()) + 1):
            rows = np.flatnonzero(folds != fold)
            if len(rows) > sample:
                rows = np.sort(np.random.default_rng([seed, fold]).choice(rows, sample, replace=False))
            reduction = fit_reduction(activity[rows], components)
            reductions.append(reduction)
            blocks = [reduction.scores(activity[first : first + 8192]) for first in range(0, len(activity), 8192)]
            scores.append(np.concatenate(blocks))
        return cls(tuple(scores), tuple(reductions))


@dataclass(frozen=True)
class Target:
    """What is to be read out, of some rows.

    Attributes:
        rows: (sample,) rows of the activity.
        values: (sample,) class from 0, int64; or number, float64.
        classes: how many there are; 0 for a number.
    """

    rows: NDArray[np.int64]
    values: NDArray
    classes: int


@dataclass(frozen=True)
class Errors:
    """What a score is made of, episode by episode, so that episodes can be drawn anew.

    Attributes:
        right, all: (episode, class) samples named rightly, and all; of numbers (episode, 1): squared errors of the
            read-out and of the mean of what it was fitted to.
        is_class: which of the two.
    """

    right: Array
    all: Array
    is_class: bool

    def score(self, weights: NDArray | None = None) -> Array:
        """Balanced accuracy or share of the variance explained, (draw,): each with (draw, episode) weights of episodes.

        Without weights, of all episodes once.
        """
        drawn = np.ones((1, len(self.all))) if weights is None else np.asarray(weights, np.float64)
        right, total = drawn @ self.right, drawn @ self.all
        with np.errstate(divide="ignore", invalid="ignore"):
            if not self.is_class:
                return np.where(total[:, 0] > 0, 1 - right[:, 0] / total[:, 0], np.nan)
            shares = np.where(total > 0, right / total, 0.0)
            return shares.sum(axis=1) / (total > 0).sum(axis=1)


def read_out(
    target: Target,
    features: Sequence[Reduced],
    folds: NDArray[np.integer],
    episodes: NDArray[np.integer],
    moved: Sequence[NDArray[np.integer] | None] | None = None,
) -> Errors:
    """Read a target out of the features side by side, each fold by a read-out fitted to the others.

    Args:
        target: what, of which rows.
        features: of all rows; their components stand side by side.
        folds: (row,) of all rows.
        episodes: (row,) index of the episode, from 0.
        moved: of each of the features, other rows whose activity is taken instead; None for the rows themselves.
    """
    taken = [target.rows if each is None else each[target.rows] for each in (moved or [None] * len(features))]
    fold_of, episode_of = folds[target.rows], episodes[target.rows]
    count = int(episodes.max()) + 1
    columns = max(target.classes, 1)
    right, total = np.zeros((count, columns)), np.zeros((count, columns))
    for fold in np.unique(fold_of):
        values = [each.scores[fold][rows] for each, rows in zip(features, taken, strict=True)]
        x = np.concatenate(values, axis=1).astype(np.float64)
        is_test = fold_of == fold
        train, test, known = x[~is_test], x[is_test], target.values[~is_test]
        if not len(known):
            continue
        at = episode_of[is_test]
        if target.classes:
            weights, offsets = Discriminant(train, target.classes).fit(known)
            truth = target.values[is_test]
            is_right = (test @ weights.T + offsets).argmax(axis=1) == truth
            np.add.at(total, (at, truth), 1.0)
            np.add.at(right, (at[is_right], truth[is_right]), 1.0)
        else:
            weights, offset = regression(train, known)
            truth = target.values[is_test]
            np.add.at(total, (at, 0), (truth - known.mean()) ** 2)
            np.add.at(right, (at, 0), (truth - test @ weights - offset) ** 2)
    return Errors(right, total, bool(target.classes))


def regression(features: NDArray, values: NDArray, shrinkage: float = SHRINKAGE) -> tuple[Array, float]:
    """Weights (feature,) and offset of ridge regression, its covariance shrunk as that of the discriminant is."""
    x, y = np.asarray(features, np.float64), np.asarray(values, np.float64)
    mean = x.mean(axis=0)
    centred = x - mean
    covariance = centred.T @ centred / len(x)
    level = np.trace(covariance) / len(covariance) or 1.0
    covariance = (1 - shrinkage) * covariance + shrinkage * level * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, centred.T @ (y - y.mean()) / len(x))
    return weights, float(y.mean() - mean @ weights)


def lasting(delays: NDArray, added: Array, shifted: Array, level: float) -> tuple[Array, float, float]:
    """Until when something is added, and when half of it is gone.

    Args:
        delays: (delay,) rising.
        added: (delay,) NaN where it is not known.
        shifted: (shift, delay) the same by chance.
        level: family-wise error rate over the delays: maximum statistic, in standard deviations of each delay's shifts.

    Returns:
        (delay,) p; the last delay of the unbroken run, from the first one on, at which something is added and p is at
        most `level`, NaN if it is not so at the first; and the delay at which what is above chance has fallen to half
        of its most, between two delays by interpolation, inf if it does not fall so far, NaN where nothing lasts.
    """
    known = np.isfinite(added)
    p = np.full(len(added), np.nan)
    if not known.any():
        return p, np.nan, np.nan
    both = np.concatenate([added[None], shifted])[:, known]
    spread = both.std(axis=0)
    scores = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    highest = scores[1:].max(axis=1)
    p[known] = ((highest[:, None] >= scores[0] - 1e-9).sum(axis=0) + 1) / (len(shifted) + 1)
    at, above = np.asarray(delays, np.float64)[known], (added - shifted.mean(axis=0))[known]
    # To lose less than a shifted memory does is no gain.
    is_there = (p[known] <= level) & (added[known] > 0)
    if not is_there[0]:
        return p, np.nan, np.nan
    run = int(np.argmin(is_there)) if not is_there.all() else len(is_there)
    most = int(np.argmax(above[:run]))
    half = above[most] / 2
    for place in range(most + 1, len(at)):
        if above[place] <= half:
            fallen = (above[place - 1] - half) / (above[place - 1] - above[place])
            return p, float(at[run - 1]), float(at[place - 1] + fallen * (at[place] - at[place - 1]))
    return p, float(at[run - 1]), np.inf
