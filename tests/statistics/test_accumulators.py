"""Accumulators give what exact arithmetic gives, column by column, in any order and however the data are cut up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.component_correlates import CorrelationAccumulator
from retinoscope.statistics.covariance import Covariance, merged
from retinoscope.statistics.covariance_sketch import CovarianceSketch
from retinoscope.statistics.distributions import MomentsAccumulator
from retinoscope.statistics.histogram import Histogram
from retinoscope.statistics.moments import Moments
from retinoscope.statistics.principal_components import GroupedVariance, exact_components
from tests.oracles_exact import ExactColumns

SCALES = np.array([1e-6, 1.0, 1e5, 1e-3, 1e8, 30.0])
OFFSETS = np.array([1e7, -1e7, 3e6, -1e7, 1e7, 0.0])
"""Of each column, in its own standard deviations. Sums of squares keep two digits at most of the first five."""

COLUMNS = np.random.default_rng(3).normal(size=(6, 4)) / SCALES[:, None]
"""What the sketch multiplies the covariance by: every column of the data counts the same in every product."""

AGREE = 1e-7
"""Error that is let pass, in the standard deviations of the very columns; sums of squares are wrong by 1e-2."""


class Accumulated(NamedTuple):
    """An accumulator of (row, column) numbers and what it has to say about them."""

    make: Callable[[], Any]
    read: Callable[[Any], dict[str, np.ndarray]]


def of_moments(made: Moments) -> dict[str, np.ndarray]:
    found = made.finalize()
    return {"mean": found.mean, "variance": found.variance, "lowest": found.lowest, "highest": found.highest}


def of_covariance(made: Covariance) -> dict[str, np.ndarray]:
    found = made.finalize()
    return {"mean": found.mean, "covariance": found.covariance, "correlation": found.correlation()}


def of_sketch(made: CovarianceSketch) -> dict[str, np.ndarray]:
    found = made.finalize()
    return {"mean": found.mean, "variance": found.variance, "product": found.product}


def of_four_moments(made: MomentsAccumulator) -> dict[str, np.ndarray]:
    found = made.finalize()
    shape = {"skewness": found.skewness, "kurtosis": found.kurtosis}
    below_is_count = found.standard_deviation**2 * found.count / (found.count - 1)
    return shape | {
        "mean": found.mean,
        "variance": below_is_count,
        "lowest": found.lowest,
        "highest": found.highest,
    }


CASES = {
    "moments": Accumulated(lambda: Moments(6), of_moments),
    "covariance": Accumulated(lambda: Covariance(6), of_covariance),
    "sketch": Accumulated(lambda: CovarianceSketch(COLUMNS), of_sketch),
    "four moments": Accumulated(lambda: MomentsAccumulator(6), of_four_moments),
}


def planted(random: np.random.Generator) -> np.ndarray:
    """Correlated columns, each of another scale and, but for the last, far from zero; skewed, so that all moments are
    there."""
    rows = int(random.integers(40, 200))
    mixed = random.gamma(2, size=(rows, 6)) @ (np.eye(6) + 0.5 * random.normal(size=(6, 6)))
    return ((mixed - mixed.mean(axis=0)) / mixed.std(axis=0) + OFFSETS) * SCALES


def truth_of(data: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What there is to say about the data, and the scale of each number: that of its own columns."""
    exact, one = ExactColumns(data), np.ones(data.shape[1])
    covariance = exact.covariance()
    spread = np.sqrt(covariance.diagonal())
    return {
        "mean": (exact.mean(), spread),
        "variance": (covariance.diagonal(), spread**2),
        "covariance": (covariance, np.outer(spread, spread)),
        "correlation": (exact.correlation(), np.outer(one, one)),
        "product": (exact.product(COLUMNS), np.outer(spread, np.ones(COLUMNS.shape[1]))),
        "skewness": (exact.standardised_moment(3), one),
        "kurtosis": (exact.standardised_moment(4) - 3, one),
        "lowest": (data.min(axis=0), spread),
        "highest": (data.max(axis=0), spread),
    }


def accumulate(make: Callable[[], Any], rows: np.ndarray, random: np.random.Generator, update: Callable) -> Any:
    """Rows in blocks of random size, empty ones among them, in shards that are merged two at a time at random."""
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
def test_any_order_split_and_merge_gives_what_exact_arithmetic_gives_for_every_column(case: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    data, (make, read) = planted(random), CASES[case]
    made = accumulate(make, random.permutation(data), random, lambda made, rows: made.update(rows))
    truth = truth_of(data)
    for name, ours in read(made).items():
        expected, scale = truth[name]
        np.testing.assert_allclose(ours / scale, expected / scale, rtol=0, atol=AGREE, err_msg=name)


def test_the_data_tell_sums_of_squares_from_sums_of_deviations() -> None:
    data = planted(np.random.default_rng(0))
    naive = ((data**2).sum(axis=0) - data.sum(axis=0) ** 2 / len(data)) / (len(data) - 1)
    variance, scale = truth_of(data)["variance"]
    assert (np.abs(naive - variance)[:5] > 1000 * AGREE * scale[:5]).all()


@pytest.mark.parametrize("seed", range(5))
def test_correlations_of_episodes_are_those_of_exact_arithmetic_for_every_column(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = planted(random)
    found = CorrelationAccumulator(3, 3, shifts=9)
    for episode in np.array_split(data, 5):
        found.update(episode[:, :3], episode[:, 3:])
    expected = ExactColumns(data).correlation()[:3, 3:]
    np.testing.assert_allclose(found.finalize(50).estimate, expected, rtol=0, atol=AGREE)


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)])
def test_the_jackknife_over_groups_is_that_of_exact_arithmetic_whichever_columns_are_large(
    pair: tuple[int, int],
) -> None:
    """Two columns are made larger than the others and unlike, so that the ratio depends on the variance of each."""
    random = np.random.default_rng(pair[0])
    large = np.full(6, 1e-3)
    large[list(pair)] = 1.0, 0.6
    data = random.gamma(2, size=(240, 6)) * large + 3e6 * large * np.sign(OFFSETS)
    groups = np.repeat(np.arange(6), 40)
    data += groups[:, None] * large  # the groups' means differ by as much as their rows
    covariance = Covariance(6)
    covariance.update(data)
    whole = exact_components(covariance.finalize())
    made = GroupedVariance(whole.mean, whole.axes, 6)
    for rows, group in zip(np.array_split(data, 7), np.array_split(groups, 7), strict=True):
        made.update(rows, group)
    slow = np.log([ExactColumns(data[groups != left]).participation_ratio() for left in range(6)])
    error = np.sqrt(5 / 6 * ((slow - slow.mean()) ** 2).sum())
    centre = np.log(ExactColumns(data).participation_ratio())
    expected = centre + np.array([0, -1, 1]) * 2.570582 * error  # Student's t, 5 degrees of freedom
    np.testing.assert_allclose(np.log(made.participation_ratio(whole)), expected, rtol=0, atol=1e-6)


EDGES = (np.linspace(999_990, 1_000_010, 9), np.linspace(-3, 3, 7))


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


@pytest.mark.parametrize("seed", range(10))
def test_histograms_add_up_to_what_a_loop_over_the_rows_counts(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = random.normal(size=(random.integers(40, 200), 3)) * (4, 1, 1e3) + (1e6, 0, -50)
    made = accumulate(
        lambda: Histogram(*EDGES),
        random.permutation(data),
        random,
        lambda made, rows: made.update(rows[:, :2], rows[:, 2]),
    )
    for ours, truth in zip(of_histogram(made), slow_histogram(data), strict=True):
        np.testing.assert_allclose(ours, truth, rtol=1e-9)


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


def test_the_last_bin_of_a_histogram_holds_its_upper_bound_and_the_others_do_not() -> None:
    made = Histogram([0.0, 1.0, 2.0])
    made.update(np.array([[0.0], [1.0], [2.0], [2.1]]), np.array([1.0, 2.0, 4.0, 8.0]))
    found = made.finalize()
    assert (found.counts.tolist(), found.mean.tolist(), found.outside) == ([1, 2], [1.0, 3.0], 1)
