"""Bootstrap intervals cover what they should, and equal a plain resampling loop."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.bootstrap import bootstrap_interval, bootstrap_intervals, ratio_of_sums


def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for repeat in range(400):
        sample = random.exponential(3.0, size=60)
        interval = bootstrap_interval(sample, resamples=1000, seed=repeat)
        covered += interval.low <= 3.0 <= interval.high
    # Percentile intervals of skewed samples of 60 cover a little less than 95%; the band is 4 binomial errors wide.
    assert 0.88 <= covered / 400 <= 0.98


def test_the_interval_equals_a_slow_loop_over_resamples() -> None:
    random = np.random.default_rng(1)
    healing, harmful = random.poisson(20, 50), random.poisson(4, 50)
    interval = bootstrap_interval(np.stack([healing, harmful], axis=1), ratio_of_sums, resamples=4000)
    ratios = []
    for _ in range(4000):
        rows = random.integers(0, 50, 50)
        ratios.append(healing[rows].sum() / harmful[rows].sum())
    assert interval.estimate == pytest.approx(healing.sum() / harmful.sum())
    np.testing.assert_allclose((interval.low, interval.high), np.quantile(ratios, (0.025, 0.975)), rtol=0.02)


def test_a_ratio_with_nothing_below_the_line_is_open_above() -> None:
    table = np.array([[3.0, 0.0], [4.0, 0.0], [5.0, 1.0]])
    interval = bootstrap_interval(table, ratio_of_sums)
    assert interval.estimate == 12.0
    assert interval.high == np.inf and np.isfinite(interval.low)


def test_one_unit_has_no_interval() -> None:
    with pytest.raises(UserError, match="at least 2 units, there are 1"):
        bootstrap_interval(np.array([1.0]))


def test_equal_units_have_an_interval_of_no_width() -> None:
    assert bootstrap_interval(np.full(9, 2.5)) == (2.5, 2.5, 2.5)


def test_nothing_over_nothing_has_neither_value_nor_interval() -> None:
    assert np.isnan(bootstrap_interval(np.zeros((5, 2)), ratio_of_sums)).all()


def test_several_statistics_from_the_same_resamples_are_each_as_by_itself() -> None:
    table = np.random.default_rng(2).exponential(size=(20, 3))
    table[:, 2] = 0.0
    found = bootstrap_intervals(
        table, lambda sums: np.stack([sums[:, 0] / 20, sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 2]], 1)
    )
    np.testing.assert_allclose(found[0], bootstrap_interval(table[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(found[1], bootstrap_interval(table, ratio_of_sums), rtol=1e-12)
    assert np.isnan(found[2]).all()
    with pytest.raises(UserError, match="at least 2 units"):
        bootstrap_intervals(table[:1], lambda sums: sums)


@pytest.mark.parametrize(("level", "deviates"), [(0.95, 1.95996), (0.8, 1.28155), (0.5, 0.67449)])
def test_the_level_is_shared_by_both_ends(level: float, deviates: float) -> None:
    values = np.random.default_rng(2).normal(size=400)
    interval = bootstrap_interval(values, level=level, resamples=20_000)
    error = values.std() / np.sqrt(len(values))
    expected = values.mean() + np.array([-1, 1]) * deviates * error
    np.testing.assert_allclose((interval.low, interval.high), expected, rtol=0, atol=0.06 * error)
