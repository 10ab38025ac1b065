"""Correlations by episodes are those of all rows; what is unrelated stays below chance."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.component_correlates import CorrelationAccumulator


def slow_walk(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Values that change slowly: neighbouring rows are nearly alike."""
    noise = random.normal(size=(rows + 40, columns))
    return np.stack([noise[row : row + 40].mean(axis=0) for row in range(rows)]) * np.sqrt(40)


def test_estimates_equal_corrcoef_and_planted_relations_stand_out() -> None:
    random = np.random.default_rng(0)
    accumulator = CorrelationAccumulator(2, 3, seed=1)
    rows_x, rows_y = [], []
    for length in (150, 200, 120, 180, 160, 90, 210, 140):
        x, y = slow_walk(random, length, 2), slow_walk(random, length, 3)
        y[:, 0] = x[:, 1] + 0.5 * y[:, 0]
        y[:, 2] = 4.0
        accumulator.update(x, y)
        rows_x.append(x)
        rows_y.append(y)
    found = accumulator.finalize()
    x, y = np.concatenate(rows_x), np.concatenate(rows_y)
    expected = np.corrcoef(x.T, y[:, :2].T)[:2, 2:]
    np.testing.assert_allclose(found.estimate[:, :2], expected, atol=1e-9)
    assert np.isnan(found.estimate[:, 2]).all()
    assert (found.rows, found.episodes) == (len(x), 8)
    assert found.estimate[1, 0] > found.chance[1]
    assert found.low[1, 0] < found.estimate[1, 0] < found.high[1, 0]
    # Rows that follow each other are alike: chance is far above what independent rows would give.
    assert found.chance.min() > 2.5 / np.sqrt(len(x))
    unrelated = np.abs(found.estimate[[0, 0, 1], [0, 1, 1]])
    assert (unrelated < 1.5 * found.chance.max()).all()


def test_chance_is_exceeded_in_about_one_of_twenty_unrelated_pairs() -> None:
    exceeding = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        accumulator = CorrelationAccumulator(1, 4, shifts=99, seed=seed)
        for _ in range(5):
            accumulator.update(slow_walk(random, 200, 1), slow_walk(random, 200, 4))
        found = accumulator.finalize(resamples=10)
        exceeding += bool((np.abs(found.estimate[0]) > found.chance[0]).any())
    assert exceeding <= 12  # 60 times, 3 expected; more than 12 would be once in 10,000 or less


def test_one_episode_has_no_interval_and_none_is_refused() -> None:
    accumulator = CorrelationAccumulator(1, 1)
    with pytest.raises(UserError, match="no rows"):
        accumulator.finalize()
    values = np.random.default_rng(0).normal(size=(50, 1))
    accumulator.update(values, -values)
    found = accumulator.finalize()
    assert found.estimate[0, 0] == pytest.approx(-1) and np.isnan(found.low[0, 0])
