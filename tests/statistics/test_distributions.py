"""Moments and histograms in blocks are those of the whole."""

from __future__ import annotations

import numpy as np
import scipy.stats

from retinoscope.statistics.distributions import MomentsAccumulator, histogram, histogram_edges


def test_moments_of_blocks_and_shards_are_those_of_all_values() -> None:
    values = np.random.default_rng(0).gamma(2, size=(5_000, 3)) + np.array([1e4, 0, -5])
    first, second = MomentsAccumulator(3), MomentsAccumulator(3)
    for block in np.array_split(values[:3_000], 11):
        first.update(block)
    second.update(values[3_000:])
    second.update(values[:0])
    first.merge(second)
    found = first.finalize()
    assert found.count == 5_000
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.standard_deviation, values.std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.skewness, scipy.stats.skew(values), rtol=1e-6)
    np.testing.assert_allclose(found.kurtosis, scipy.stats.kurtosis(values), rtol=1e-6)
    assert np.array_equal(found.lowest, values.min(axis=0)) and np.array_equal(found.highest, values.max(axis=0))


def test_millions_of_values_keep_their_moments() -> None:
    values = np.random.default_rng(0).gamma(2, size=(2_200_000, 1)).astype(np.float32)
    accumulator = MomentsAccumulator(1)
    for block in np.array_split(values, 3):
        accumulator.update(block)
    found = accumulator.finalize()
    exact = values[:, 0].astype(np.float64)
    assert found.count == 2_200_000
    assert found.standard_deviation.dtype == np.float64
    for name, expected in (
        ("mean", exact.mean()),
        ("standard_deviation", exact.std()),
        ("skewness", scipy.stats.skew(exact)),
        ("kurtosis", scipy.stats.kurtosis(exact)),
    ):
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-9)


def test_a_constant_has_no_shape() -> None:
    accumulator = MomentsAccumulator(1)
    accumulator.update(np.full((9, 1), 0.1))
    found = accumulator.finalize()
    assert found.standard_deviation[0] == 0 and np.isnan(found.skewness[0]) and np.isnan(found.kurtosis[0])


def test_histogram_counts_every_value_once() -> None:
    values = np.random.default_rng(1).normal(size=(4_000, 2))
    values[:, 1] = 3.0
    edges = histogram_edges(values.min(axis=0), values.max(axis=0), 10)
    counts = histogram(iter(np.array_split(values, 5)), edges)
    assert np.array_equal(counts[0], np.histogram(values[:, 0], edges[0])[0])
    assert counts[1].sum() == 4_000 and counts[1].max() == 4_000
