"""What an agent does before classes of one side less before those of the other, and how sure that is; histograms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.bootstrap import Interval

_MOST_WAYS = 20_000
_AT_ONCE = 4_000_000  # drawn indices held in memory at a time


def contrast_intervals(
    values: NDArray,
    labels: NDArray[np.integer],
    sides: NDArray[np.integer],
    over_classes: bool = True,
    level: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> list[Interval]:
    """Mean over one side's classes less mean over the other's, with an interval.

    Every class counts the same, however many images it has. Any two groups of images differ in something (how much ink,
    say), and so even an untrained network answers to them differently by more than images of the same classes vary.
    Whether an answer goes with the side is therefore judged over classes: the interval is Welch's (1947) for the means
    of the classes, which are few, so that a bootstrap of them would be too narrow. Over images of the same classes it
    is a percentile bootstrap.

    Args:
        values: (image,) or (image, variable); the variables share the resampling.
        labels: (image,) class of each image, from 0.
        sides: (class,) 1 for classes that count positive, -1 negative, 0 not at all.
        over_classes: False takes the classes as given. With a single class on a side nothing else is possible.
        level: coverage.
        resamples: number of bootstrap samples of images.
        seed: of the resampling.

    Returns:
        One interval for each variable.

    Raises:
        UserError: lengths differ, a side has no class, or a class that counts has no image.
    """
    above, below = _members(values, labels, sides)
    first, second = (np.stack([each.mean(axis=0) for each in members]) for members in (above, below))
    estimate = first.mean(axis=0) - second.mean(axis=0)
    if over_classes and min(len(above), len(below)) > 1:
        reach = _welch(first, second, level)
        low, high = estimate - reach, estimate + reach
    else:
        random = np.random.default_rng(seed)
        drawn = [
            np.mean([_bootstrap_means(each, resamples, random) for each in side], axis=0) for side in (above, below)
        ]
        tail = (1 - level) / 2
        low, high = np.quantile(drawn[0] - drawn[1], (tail, 1 - tail), axis=0)
    return [Interval(float(each), float(a), float(b)) for each, a, b in zip(estimate, low, high, strict=True)]


def contrast_p(values: NDArray, labels: NDArray[np.integer], sides: NDArray[np.integer]) -> float:
    """Share of the ways to give the classes their sides for which the contrast is as large as it is, or larger.

    Exact: all ways that leave as many classes on each side, the true one among them, up to 20,000 of them, else as many
    at random. NaN where there are fewer than 20, which could not tell p = 0.05.

    Args:
        values: (image,).
        labels: as for `contrast_intervals`.
        sides: as for `contrast_intervals`.

    Raises:
        UserError: as `contrast_intervals`.
    """
    above, below = _members(values, labels, sides)
    means, count = np.array([each.mean() for each in (*above, *below)]), len(above)
    ways = math.comb(len(means), count)
    if ways < 20:
        return math.nan
    if ways <= _MOST_WAYS:
        chosen = np.array(list(itertools.combinations(range(len(means)), count)))
    else:
        random = np.random.default_rng(0)
        drawn = np.stack([random.permutation(len(means))[:count] for _ in range(_MOST_WAYS)])
        chosen = np.concatenate([np.arange(count)[None], drawn])
    inside = means[chosen].sum(axis=1)
    contrasts = inside / count - (means.sum() - inside) / (len(means) - count)
    return float((contrasts >= contrasts[0] - 1e-12).mean())  # the first way is the true one


def _members(values: NDArray, labels: NDArray[np.integer], sides: NDArray[np.integer]) -> tuple[list[NDArray], ...]:
    """The images' values (image, variable) of each class of the positive and of the negative side."""
    table, sides = np.asarray(values, np.float64).reshape(len(values), -1), np.asarray(sides)
    if len(table) != len(labels):
        raise UserError(f"contrast: {len(table)} images, {len(labels)} labels; give one for each image")
    found = tuple([table[labels == each] for each in np.flatnonzero(sides == side)] for side in (1, -1))
    if not all(found) or not all(len(each) for members in found for each in members):
        raise UserError("contrast: a side has no class, or a class no image; use more images")
    return found


def _welch(first: NDArray, second: NDArray, level: float) -> NDArray:
    """Half the width of Welch's interval for the difference of means, for (class, variable) each."""
    parts = [each.var(axis=0, ddof=1) / len(each) for each in (first, second)]
    total = parts[0] + parts[1]
    spread = parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1)
    freedom = np.divide(total**2, spread, out=np.ones_like(total), where=spread > 0)
    return np.asarray(scipy.stats.t.ppf(0.5 + level / 2, freedom) * np.sqrt(total))


def _bootstrap_means(values: NDArray, resamples: int, random: np.random.Generator) -> NDArray:
    """(image, variable) -> means of images drawn with replacement, (resample, variable), a part at a time."""
    count, means = len(values), []
    size = max(1, _AT_ONCE // count)
    for start in range(0, resamples, size):
        drawn = random.integers(count, size=(min(size, resamples - start), count))
        weights = np.stack([np.bincount(each, minlength=count) for each in drawn])
        means.append(weights @ values / count)
    return np.concatenate(means)


def densities(values: NDArray, bins: int = 40, bandwidth: float = 1.5) -> NDArray[np.float64]:
    """Smoothed histogram of numbers from 0 to 1: (..., value) -> (..., bin), density per unit, integrating to 1.

    The kernel is Gaussian, `bandwidth` bins wide, and reflected at 0 and 1, so that nothing leaks out of the range.
    """
    table = np.asarray(values, np.float64).reshape(-1, np.shape(values)[-1])
    centres = np.arange(bins)
    distances = [centres[:, None] - (mirror + centres)[None] for mirror in (0,)]
    distances += [centres[:, None] - (-1 - centres)[None], centres[:, None] - (2 * bins - 1 - centres)[None]]
    kernel = np.sum([np.exp(-0.5 * (each / bandwidth) ** 2) for each in distances], axis=0)
    kernel /= kernel.sum(axis=0, keepdims=True)
    counts = np.stack([np.histogram(row, bins=bins, range=(0, 1))[0] for row in table])
    smooth = (counts @ kernel.T) / np.maximum(counts.sum(axis=1, keepdims=True), 1) * bins
    return smooth.reshape(*np.shape(values)[:-1], bins)
