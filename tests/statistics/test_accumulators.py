"""Accumulators give what all data at once give, in any order and however the data are cut up and joined again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.covariance import Covariance, merged
from retinoscope.statistics.covariance_sketch import CovarianceSketch
from retinoscope.statistics.histogram import Histogram
from retinoscope.statistics.moments import Moments

COLUMNS = np.random.default_rng(3).normal(size=(6, 4))
EDGES = (np.linspace(999_990, 1_000_010, 9), np.linspace(-3, 3, 7))


def moments(data: np.ndarray) -> list[np.ndarray]:
    return [data.mean(0), data.var(0, ddof=1), data.min(0), data.max(0)]


def of_moments(made: Moments) -> list[np.ndarray]:
    found = made.finalize()
    return [found.mean, found.variance, found.lowest, found.highest]


def of_covariance(made: Covariance) -> list[np.ndarray]:
    found = made.finalize()
    return [found.mean, found.covariance, found.correlation()]


def of_sketch(made: CovarianceSketch) -> list[np.ndarray]:
    found = made.finalize()
    return [found.mean, found.variance, found.product]


def of_histogram(made: Histogram) -> list[np.ndarray]:
    found = made.finalize()
    return [found.counts, np.nan_to_num(found.mean, nan=-1), np.array(found.outside)]


def slow_histogram(data: np.ndarray) -> list[np.ndarray]:
    counts, sums, outside = np.zeros((8, 6)), np.zeros((8, 6)), 0
    for row in data:
        place = tuple(int(np.searchsorted(edges, x, side="right")) - 1 for edges, x in zip(EDGES, row[:2], strict=True))
        if all(0 <= bin_ < len(edges) - 1 for bin_, edges in zip(place, EDGES, strict=True)):
            counts[place] += 1
            sums[place] += row[2]
        else:
            outside += 1
    return [counts, np.where(counts > 0, sums / np.maximum(counts, 1), -1), np.array(outside)]


CASES: dict[str, tuple[Callable[[], Any], Callable, Callable, Callable]] = {
    "moments": (lambda: Moments(6), lambda made, rows: made.update(rows), of_moments, moments),
    "covariance": (
        lambda: Covariance(6),
        lambda made, rows: made.update(rows),
        of_covariance,
        lambda data: [data.mean(0), np.cov(data.T), np.corrcoef(data.T)],
    ),
    "sketch": (
        lambda: CovarianceSketch(COLUMNS),
        lambda made, rows: made.update(rows),
        of_sketch,
        lambda data: [data.mean(0), data.var(0, ddof=1), np.cov(data.T) @ COLUMNS],
    ),
    "histogram": (
        lambda: Histogram(*EDGES),
        lambda made, rows: made.update(rows[:, :2], rows[:, 2]),
        of_histogram,
        slow_histogram,
    ),
}


def planted(random: np.random.Generator) -> np.ndarray:
    """Units of very different mean and spread, correlated; sums of squares would lose all digits of the first."""
    data = random.normal(size=(random.integers(40, 200), 6)) @ random.normal(size=(6, 6))
    return data * (1, 0.5, 1e3, 1e-3, 1, 1) + (1e6, 0, -50, 1e-3, 0, 7)


def accumulate(case: str, rows: np.ndarray, random: np.random.Generator) -> Any:
    """Rows in blocks of random size, empty ones among them, in shards that are merged two at a time at random."""
    make, update, _, _ = CASES[case]
    shards = []
    for shard in np.split(rows, np.sort(random.integers(0, len(rows) + 1, random.integers(0, 6)))):
        made = make()
        for block in np.split(shard, np.sort(random.integers(0, len(shard) + 1, random.integers(0, 5)))):
            update(made, block)
        shards.append(made)
    while len(shards) > 1:
        other = shards.pop(random.integers(len(shards)))
        shards[random.integers(len(shards))].merge(other)
    return shards[0]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(25))
def test_any_order_split_and_merge_gives_what_all_at_once_gives(case: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    data = planted(random)
    _, _, read, oracle = CASES[case]
    found = read(accumulate(case, random.permutation(data), random))
    for ours, truth in zip(found, oracle(data), strict=True):
        scale = np.abs(truth).max() or 1.0
        np.testing.assert_allclose(ours / scale, truth / scale, rtol=1e-5, atol=1e-9)


def test_merging_leaves_what_is_merged_as_it_was() -> None:
    data = np.random.default_rng(0).normal(size=(30, 3))
    parts = [Covariance(3) for _ in range(3)]
    for part, rows in zip(parts, np.split(data, 3), strict=True):
        part.update(rows)
    merged(parts)
    np.testing.assert_allclose(parts[0].finalize().covariance, np.cov(data[:10].T))


def test_a_unit_that_never_changes_has_no_correlation_and_is_known() -> None:
    data = np.random.default_rng(0).normal(size=(30, 3))
    data[:, 1] = 4
    made, covariance = Moments(3), Covariance(3)
    made.update(data)
    covariance.update(data)
    assert made.finalize().is_constant.tolist() == [False, True, False]
    assert covariance.finalize().correlation()[1].tolist() == [0, 1, 0]


@pytest.mark.parametrize("made", [Moments(2), Covariance(2), CovarianceSketch(np.eye(2))])
def test_one_observation_has_no_variance(made: Any) -> None:
    made.update(np.zeros((1, 2)))
    with pytest.raises(UserError, match="at least 2 observations, there are 1"):
        made.finalize()


def test_what_does_not_belong_together_is_not_merged() -> None:
    with pytest.raises(UserError, match="same edges"):
        Histogram([0, 1, 2]).merge(Histogram([0, 1, 3]))
    with pytest.raises(UserError, match="same columns"):
        CovarianceSketch(np.eye(2)).merge(CovarianceSketch(np.ones((2, 2))))
    with pytest.raises(UserError, match="rising edges"):
        Histogram([0, 0, 1])
    with pytest.raises(UserError, match="nothing to merge"):
        merged([])
