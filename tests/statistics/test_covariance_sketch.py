"""Two passes of a sketch find what the whole covariance holds."""

from __future__ import annotations

import numpy as np

from retinoscope.statistics.covariance_sketch import (
    CovarianceSketch,
    leading_components,
    random_columns,
    second_columns,
)


def sketch(data: np.ndarray, columns: np.ndarray) -> CovarianceSketch:
    made = CovarianceSketch(columns)
    for rows in np.array_split(data, 7):
        made.update(rows)
    return made


def planted(observations: int = 700, units: int = 300, fall: float = 0.97) -> np.ndarray:
    random = np.random.default_rng(0)
    spread = fall ** np.arange(units)
    directions, _ = np.linalg.qr(random.normal(size=(units, units)))
    return 3 + (random.normal(size=(observations, units)) * spread) @ directions


def test_variances_axes_and_squared_norm_are_those_of_the_whole_covariance() -> None:
    data = planted()
    covariance = np.cov(data.T)
    variances, axes = np.linalg.eigh(covariance)
    columns, basis = second_columns(sketch(data, random_columns(300, 60, 0)).finalize(), 10, 1)
    second = sketch(data, columns).finalize()
    found = leading_components(second, basis)
    np.testing.assert_allclose(found.variances[:20], variances[::-1][:20], rtol=2e-3)
    assert (found.variances[:40] <= variances[::-1][:40] * (1 + 1e-9)).all()  # never more than there is
    assert (np.abs(found.variances[:40] - variances[::-1][:40]) <= found.error[:40]).all()
    cosines = np.abs((found.axes[:5] * axes[:, ::-1][:, :5].T).sum(axis=1))
    assert cosines.min() > 0.999
    truth = (covariance**2).sum()
    assert abs(found.squared_norm - truth) < 4 * found.squared_norm_error
    assert abs(found.squared_norm / truth - 1) < 0.01
    np.testing.assert_allclose(second.variance.sum(), np.trace(covariance))


def test_the_squared_norm_is_unbiased_where_most_of_it_lies_outside_of_the_basis() -> None:
    data = planted(units=100, fall=1.0)
    truth = (np.cov(data.T) ** 2).sum()
    found = []
    for seed in range(40):
        columns, basis = second_columns(sketch(data, random_columns(100, 5, seed)).finalize(), 10, seed + 1000)
        found.append(leading_components(sketch(data, columns).finalize(), basis).squared_norm)
    assert abs(np.mean(found) - truth) < 4 * np.std(found) / np.sqrt(len(found))


def test_data_of_few_dimensions_need_no_more_columns_than_that() -> None:
    random = np.random.default_rng(0)
    data = random.normal(size=(200, 3)) @ random.normal(size=(3, 50))
    columns, basis = second_columns(sketch(data, random_columns(50, 20, 0)).finalize(), 4, 1)
    assert basis == 3
    found = leading_components(sketch(data, columns).finalize(), basis)
    np.testing.assert_allclose(found.variances, np.linalg.eigvalsh(np.cov(data.T))[::-1][:3], rtol=1e-9)
    assert found.squared_norm_error < 1e-9 * found.squared_norm


def test_nothing_that_varies_is_no_fault() -> None:
    data = np.ones((30, 40))
    columns, basis = second_columns(sketch(data, random_columns(40, 5, 0)).finalize(), 2, 1)
    found = leading_components(sketch(data, columns).finalize(), basis)
    assert found.squared_norm == 0
    assert not found.variances.any()
