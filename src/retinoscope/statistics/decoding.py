"""Linear decoding of classes from activity: how much of what was shown can be read out of a layer.

The read-out is Fisher's linear discriminant with equal prior probabilities (Hastie, Tibshirani & Friedman 2009, section
4.3) on standardised activity reduced to its principal components. It is solved in closed form, which is what makes a
permutation test affordable: the discriminant is fitted anew for every permutation, exactly as for the true labels. The
scaler, the components and the discriminant see the training part alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.bootstrap import Interval

Array = NDArray[np.float64]
SHRINKAGE = 1e-3
"""Share of the pooled covariance that is replaced by a multiple of the identity, so that it can be inverted."""


@dataclass(frozen=True)
class Reduction:
    """Standardisation and principal components, fitted to training activity.

    Attributes:
        mean: (unit,) float32.
        scale: (unit,) float32; 1 for units that never vary.
        axes: (component, unit) float32, orthonormal.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    axes: NDArray[np.float32]

    def scores(self, activity: NDArray) -> NDArray[np.float32]:
        """(image, unit) -> (image, component) float32."""
        return np.asarray(((activity - self.mean) / self.scale) @ self.axes.T, np.float32)


def fit_reduction(activity: NDArray, components: int, standardise: bool = True) -> Reduction:
    """Scaler and principal components of training activity, (image, unit); `standardise` False only centres.

    The components come from whichever of the two covariances is smaller, over units or over images; the answer is the
    same. There are at most as many as images less one, or units.

    Raises:
        UserError: there are fewer than two images, or no components are asked for.
    """
    if len(activity) < 2 or components < 1:
        raise UserError(
            f"decoding: {components} components of {len(activity)} images; give at least 1 component and 2 images"
        )
    values = np.asarray(activity, np.float32)
    mean, scale = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
    scale[scale < 1e-12 * np.maximum(np.abs(mean), 1e-30)] = 1.0
    scale[scale == 0] = 1.0
    if not standardise:
        scale = np.ones_like(scale)
    standard = (values - mean.astype(np.float32)) / scale.astype(np.float32)
    count, units = standard.shape
    kept = min(components, units, count - 1)
    if units <= count:
        _, vectors = np.linalg.eigh(standard.T.astype(np.float64) @ standard)
        axes = vectors[:, ::-1][:, :kept].T
    else:
        values_squared, vectors = np.linalg.eigh((standard @ standard.T).astype(np.float64))
        chosen = vectors[:, ::-1][:, :kept]
        lengths = np.sqrt(np.maximum(values_squared[::-1][:kept], 1e-12))
        axes = (chosen / lengths).T @ standard
    return Reduction(mean.astype(np.float32), scale.astype(np.float32), np.asarray(axes, np.float32))


class Discriminant:
    """Fisher's discriminant for many labellings of the same features: what they share is computed once."""

    def __init__(self, features: NDArray, classes: int, shrinkage: float = SHRINKAGE) -> None:
        self._features = np.asarray(features, np.float64)
        self._mean = self._features.mean(axis=0)
        self._features = self._features - self._mean
        self._scatter = self._features.T @ self._features
        self._classes, self._shrinkage = classes, shrinkage

    def fit(self, labels: NDArray[np.integer]) -> tuple[Array, Array]:
        """Weights (class, feature) and offsets (class,) of the discriminant functions."""
        counts = np.bincount(labels, minlength=self._classes).astype(np.float64)
        # A product with the indicator of the classes: one pass, where picking the images of each class would copy them.
        sums = (labels == np.arange(self._classes)[:, None]).astype(np.float64) @ self._features
        means = sums / np.maximum(counts, 1)[:, None]
        within = (self._scatter - (means * counts[:, None]).T @ means) / counts.sum()
        size = len(within)
        level = np.trace(within) / size or 1.0
        within = (1 - self._shrinkage) * within + self._shrinkage * level * np.eye(size)
        weights = np.linalg.solve(within, means.T).T
        offsets = -0.5 * (weights * means).sum(axis=1) - weights @ self._mean
        offsets[counts == 0] = -np.inf
        return weights, offsets


@dataclass(frozen=True)
class Decoding:
    """How well classes can be read out.

    Attributes:
        train, test: accuracy, share of images named rightly.
        balanced_train, balanced: the same averaged over classes; the second, of the held-out part, is the score.
        interval: of `balanced`, 95%, bootstrap over the held-out images.
        permuted_train, permuted_test: mean accuracy over permutations of the labels.
        permuted_balanced: (permutation,) the score for each permutation.
        p: share of labellings, the true one among them, that score as well: (C + 1) / (n + 1).
        confusion: (true class, named class) int64, numbers of held-out images.
        is_right: (held-out image,) bool.
    """

    train: float
    test: float
    balanced_train: float
    balanced: float
    interval: Interval
    permuted_train: float
    permuted_test: float
    permuted_balanced: Array
    p: float
    confusion: NDArray[np.int64]
    is_right: NDArray[np.bool_]


def decode(
    features: NDArray,
    labels: NDArray[np.integer],
    is_test: NDArray[np.bool_],
    permutations: int = 100,
    seed: int = 0,
    shrinkage: float = SHRINKAGE,
) -> Decoding:
    """Read classes out of features, and out of the same features with permuted labels.

    Labels are permuted within the training part and within the held-out part, so that the numbers of images per class
    stay what they are in each.

    Args:
        features: (image, feature), reduced by what the training part alone says; see `fit_reduction`.
        labels: (image,) from 0.
        is_test: (image,) the held-out part.
        permutations: of the labels.
        seed: of permutations and bootstrap.
        shrinkage: see `SHRINKAGE`.

    Raises:
        UserError: lengths differ, a class is missing in a part, or nothing is permuted.
    """
    labels, is_test = np.asarray(labels), np.asarray(is_test, bool)
    if not len(features) == len(labels) == len(is_test):
        raise UserError(
            f"decoding: {len(features)} images, {len(labels)} labels, a split of {len(is_test)}; give "
            "one of each per image"
        )
    if permutations < 1:
        raise UserError(f"permutations: {permutations} leave nothing to compare with; give at least 1, better 100")
    classes = int(labels.max()) + 1 if len(labels) else 0
    train_labels, test_labels = labels[~is_test], labels[is_test]
    if classes < 2:
        raise UserError("decoding: there is only one class; give at least two")
    for part, name in ((train_labels, "training"), (test_labels, "held-out")):
        missing = np.flatnonzero(np.bincount(part, minlength=classes) == 0)
        if len(missing):
            raise UserError(f"decoding: class {missing[0]} has no image in the {name} part; add some or leave it out")
    train, test = np.asarray(features[~is_test], np.float64), np.asarray(features[is_test], np.float64)
    fitted = Discriminant(train, classes, shrinkage)

    def named(fit_labels: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        weights, offsets = fitted.fit(fit_labels)
        return (train @ weights.T + offsets).argmax(axis=1), (test @ weights.T + offsets).argmax(axis=1)

    named_train, named_test = named(train_labels)
    confusion = confusion_matrix(test_labels, named_test, classes)
    score = balanced_accuracy(confusion)
    random = np.random.default_rng(seed)
    permuted = np.empty((permutations, 3))
    for number in range(permutations):
        fit_labels, judge_labels = random.permutation(train_labels), random.permutation(test_labels)
        on_train, on_test = named(fit_labels)
        table = confusion_matrix(judge_labels, on_test, classes)
        permuted[number] = (on_train == fit_labels).mean(), (on_test == judge_labels).mean(), balanced_accuracy(table)
    reached = int((permuted[:, 2] >= score - 1e-12).sum())
    return Decoding(
        train=float((named_train == train_labels).mean()),
        test=float((named_test == test_labels).mean()),
        balanced_train=balanced_accuracy(confusion_matrix(train_labels, named_train, classes)),
        balanced=score,
        interval=balanced_accuracy_interval(confusion, seed=seed),
        permuted_train=float(permuted[:, 0].mean()),
        permuted_test=float(permuted[:, 1].mean()),
        permuted_balanced=permuted[:, 2],
        p=(reached + 1) / (permutations + 1),
        confusion=confusion,
        is_right=named_test == test_labels,
    )


def confusion_matrix(truth: NDArray[np.integer], named: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """(true class, named class) counts."""
    return np.bincount(truth * classes + named, minlength=classes**2).reshape(classes, classes)


def balanced_accuracy(confusion: NDArray) -> float:
    """Share named rightly, averaged over the classes there are."""
    totals = confusion.sum(axis=1)
    return float((confusion.diagonal()[totals > 0] / totals[totals > 0]).mean())


def balanced_accuracy_interval(
    confusion: NDArray[np.int64], level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Percentile bootstrap interval of the balanced accuracy over images.

    An image is right or wrong, and of one class. Drawing images with replacement is therefore drawing these cells from
    a multinomial distribution, which takes the same time and memory however many images there are.
    """
    right = confusion.diagonal()
    cells = np.concatenate([right, confusion.sum(axis=1) - right])
    drawn = _resampled(cells, resamples, seed).reshape(resamples, 2, -1)
    return _interval(balanced_accuracy(confusion), _balanced(drawn[:, 0], drawn[:, 1]), level)


def balanced_accuracy_difference(
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    labels: NDArray[np.integer],
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Balanced accuracy of one read-out less that of another of the same images, and its paired bootstrap interval.

    Args:
        before: (image,) whether the one named the image rightly.
        after: (image,) whether the other did.
        labels: (image,) the true classes.
        level: coverage.
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Returns:
        `after` less `before`.

    Raises:
        UserError: lengths differ.
    """
    if not len(before) == len(after) == len(labels):
        raise UserError(f"decoding: {len(before)}, {len(after)} and {len(labels)} images; compare the same images")
    classes = int(labels.max()) + 1
    kinds = 2 * before.astype(np.int64) + after
    cells = np.bincount(kinds * classes + labels, minlength=4 * classes)
    drawn = np.concatenate([cells[None], _resampled(cells, resamples, seed)]).reshape(-1, 4, classes)
    neither, later, earlier, both = (drawn[:, kind] for kind in range(4))
    differences = _balanced(both + later, neither + earlier) - _balanced(both + earlier, neither + later)
    return _interval(float(differences[0]), differences[1:], level)


def _resampled(cells: NDArray[np.int64], resamples: int, seed: int) -> NDArray[np.int64]:
    total = int(cells.sum())
    return np.random.default_rng(seed).multinomial(total, cells / total, size=resamples)


def _balanced(right: NDArray[np.int64], wrong: NDArray[np.int64]) -> Array:
    """(resample, class) numbers right and wrong -> (resample,); classes that a resample lacks are left out."""
    totals = right + wrong
    shares = np.where(totals > 0, right / np.maximum(totals, 1), 0.0)
    return np.asarray(shares.sum(axis=1) / (totals > 0).sum(axis=1))


def _interval(estimate: float, replicates: Array, level: float) -> Interval:
    tail = (1 - level) / 2
    low, high = np.quantile(replicates, (tail, 1 - tail))
    return Interval(estimate, float(low), float(high))
