"""One pass of a sketch whose columns come from a sample finds what the whole covariance holds."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.statistics.covariance_sketch import (
    CovarianceSketch,
    LeadingComponents,
    SketchEstimate,
    leading_components,
    sample_axes,
    sketch_columns,
)


def sketched(
    data: np.ndarray, sample: np.ndarray, most: int, probes: int = 10, seed: int = 0
) -> tuple[SketchEstimate, LeadingComponents]:
    columns, basis = sketch_columns(sample, most, probes, seed)
    made = CovarianceSketch(columns)
    for rows in np.array_split(data, 7):
        made.update(rows)
    estimate = made.finalize()
    return estimate, leading_components(estimate, basis)


def planted(observations: int = 700, units: int = 300, fall: float = 0.97) -> np.ndarray:
    random = np.random.default_rng(0)
    spread = fall ** np.arange(units)
    directions, _ = np.linalg.qr(random.normal(size=(units, units)))
    return 3 + (random.normal(size=(observations, units)) * spread) @ directions


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_variances_axes_and_squared_norm_are_those_of_the_whole_covariance(dtype: type) -> None:
    data = planted()
    covariance = np.cov(data.T)
    variances, axes = np.linalg.eigh(covariance)
    sketch, found = sketched((data - 3).astype(dtype), data[::5].astype(dtype), 80)
    np.testing.assert_allclose(found.variances[:20], variances[::-1][:20], rtol=2e-3)
    assert (found.variances[:40] <= variances[::-1][:40] * (1 + 1e3 * np.finfo(dtype).eps)).all()  # never too much
    assert (np.abs(found.variances[:40] - variances[::-1][:40]) <= found.error[:40]).all()
    cosines = np.abs((found.axes[:5] * axes[:, ::-1][:, :5].T).sum(axis=1))
    assert cosines.min() > 0.999
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(len(found.axes)), atol=1e-6)
    truth = (covariance**2).sum()
    assert abs(found.squared_norm - truth) < 4 * found.squared_norm_error
    assert abs(found.squared_norm / truth - 1) < 0.01
    np.testing.assert_allclose(sketch.variance.sum(), np.trace(covariance), rtol=1e-6)
    np.testing.assert_allclose(sketch.mean, data.mean(axis=0) - 3, atol=1e-6)


def test_the_squared_norm_is_unbiased_where_most_of_it_lies_outside_of_the_basis() -> None:
    data = planted(units=100, fall=1.0)
    truth = (np.cov(data.T) ** 2).sum()
    found = [sketched(data, data[::20], 5, seed=seed)[1].squared_norm for seed in range(40)]
    assert abs(np.mean(found) - truth) < 4 * np.std(found) / np.sqrt(len(found))


def test_what_is_strong_and_rare_is_found_though_the_sample_has_none_of_it() -> None:
    data = np.pad(planted(units=280, fall=0.9), ((0, 0), (0, 20)))
    direction = np.repeat([0, 1], [280, 20]) / np.sqrt(20)  # in units that are silent otherwise
    data[[3, 4]] += 400 * direction  # no row of the sample
    truth = np.linalg.eigvalsh(np.cov(data.T))[::-1]
    _, found = sketched(data, data[::5], 60)
    np.testing.assert_allclose(found.variances[0], truth[0], rtol=0.01)
    assert abs(found.axes[0] @ direction) > 0.999


def test_data_of_few_dimensions_need_no_more_columns_than_that() -> None:
    random = np.random.default_rng(0)
    data = random.normal(size=(200, 3)) @ random.normal(size=(3, 50))
    assert sample_axes(data[::2], 20).shape == (50, 3)
    _, found = sketched(data, data[::2], 20, probes=4)
    np.testing.assert_allclose(found.variances, np.linalg.eigvalsh(np.cov(data.T))[::-1][:3], rtol=1e-9)
    assert found.squared_norm_error < 1e-9 * found.squared_norm


@pytest.mark.parametrize("rows", [0, 1, 10])
def test_a_sample_that_tells_too_little_is_filled_up_at_random(rows: int) -> None:
    data = planted(fall=0.9)
    columns, basis = sketch_columns(data[:rows], 60, 5, 0)
    assert basis == 60
    np.testing.assert_allclose(columns[:, :60].T @ columns[:, :60], np.eye(60), atol=1e-12)
    np.testing.assert_allclose(columns[:, :60].T @ columns[:, 60:], 0, atol=1e-12)
    _, found = sketched(data, data[:rows], 60)
    np.testing.assert_allclose(found.variances[:5], np.linalg.eigvalsh(np.cov(data.T))[::-1][:5], rtol=0.05)


def test_a_basis_of_all_units_leaves_nothing_outside() -> None:
    data = planted(units=30)
    _, found = sketched(data, data[:12], 30)
    truth = np.linalg.eigvalsh(np.cov(data.T))[::-1]
    np.testing.assert_allclose(found.variances, truth, rtol=1e-6)
    np.testing.assert_allclose(found.squared_norm, (truth**2).sum(), rtol=1e-9)


def test_nothing_that_varies_is_no_fault() -> None:
    data = np.ones((30, 40))
    _, found = sketched(data, data[::2], 5, probes=2)
    assert found.squared_norm == 0
    assert not found.variances.any()
