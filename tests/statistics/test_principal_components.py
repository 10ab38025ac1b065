"""Planted dimensions are found, and the chance level is what shuffling gives."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.statistics.covariance import Covariance
from retinoscope.statistics.jackknife import jackknife_interval
from retinoscope.statistics.principal_components import (
    GroupedVariance,
    correlation_intervals,
    exact_components,
    unrelated_participation_ratio,
)
from tests.planted_activity import latent_activity


def covariance_of(data: np.ndarray) -> Covariance:
    made = Covariance(data.shape[1])
    made.update(data)
    return made


def slow_ratio(data: np.ndarray) -> float:
    variances = np.linalg.eigvalsh(np.cov(data.T))
    return float(variances.sum() ** 2 / (variances**2).sum())


@pytest.mark.parametrize("dimensions", [1, 3, 8])
def test_latent_dynamics_of_so_many_dimensions_have_that_participation_ratio(dimensions: int) -> None:
    data = latent_activity(6000, dimensions, 40)
    found = exact_components(covariance_of(data).finalize())
    assert found.participation_ratio == pytest.approx(dimensions, rel=0.05)
    assert found.variances[dimensions - 1] > 100 * found.variances[dimensions]
    assert found.participation_ratio == pytest.approx(slow_ratio(data), rel=1e-9)


def test_scores_are_uncorrelated_with_the_variances_of_the_components_and_signs_are_fixed() -> None:
    data = latent_activity(500, 4, 9)
    found = exact_components(covariance_of(data).finalize())
    np.testing.assert_allclose(np.cov(found.scores(data).T), np.diag(found.variances), atol=1e-9)
    assert found.scores(data, 2).shape == (500, 2)
    assert (np.take_along_axis(found.axes, np.abs(found.axes).argmax(axis=1)[:, None], axis=1) > 0).all()


def test_chance_is_what_shuffling_every_unit_by_itself_gives() -> None:
    data = latent_activity(60, 3, 30) * np.linspace(0.3, 2, 30)
    random = np.random.default_rng(1)
    shuffled = [slow_ratio(random.permuted(data, axis=0)) for _ in range(200)]
    chance = unrelated_participation_ratio(data.var(axis=0, ddof=1), 60)
    assert chance == pytest.approx(np.mean(shuffled), rel=0.02)
    assert slow_ratio(data) < min(shuffled)


def grouped(data: np.ndarray, groups: np.ndarray, axes: int) -> tuple[GroupedVariance, object]:
    whole = exact_components(covariance_of(data).finalize())
    made = GroupedVariance(whole.mean, whole.axes[:axes], groups.max() + 1)
    for rows, group in zip(np.array_split(data, 9), np.array_split(groups, 9), strict=True):
        made.update(rows, group)
    return made, whole


@pytest.mark.parametrize("axes", [12, 6])
def test_the_interval_is_the_jackknife_over_groups(axes: int) -> None:
    data = latent_activity(300, 5, 12, noise=0.05)
    groups = np.repeat(np.arange(6), 50)
    made, whole = grouped(data, groups, axes)
    found = made.participation_ratio(whole)  # type: ignore[arg-type]
    slow = np.log([slow_ratio(data[groups != left]) for left in range(6)])
    error = np.sqrt(5 / 6 * ((slow - slow.mean()) ** 2).sum())
    expected = np.exp(np.log(slow_ratio(data)) + np.array([0, -1, 1]) * 2.5706 * error)
    np.testing.assert_allclose(found, expected, rtol=1e-4 if axes == 12 else 5e-3)


def test_an_interval_of_two_unlike_episodes_holds_nothing_that_cannot_be() -> None:
    random = np.random.default_rng(0)
    line = random.normal(size=(60, 1)) * np.ones(8)
    ball = 3 * random.normal(size=(60, 8))
    made, whole = grouped(np.concatenate([line, ball]), np.repeat([0, 1], 60), 8)
    found = made.participation_ratio(whole)  # type: ignore[arg-type]
    assert (found.low, found.high) == (1, 8) and 1 < found.estimate < 8


def test_one_episode_has_no_interval() -> None:
    data = latent_activity(50, 2, 4)
    made, whole = grouped(data, np.zeros(50, int), 4)
    found = made.participation_ratio(whole)  # type: ignore[arg-type]
    assert found.estimate > 1 and np.isnan(found.low) and np.isnan(found.high)
    assert np.isnan(correlation_intervals([covariance_of(data)])[1][0, 1])


def test_jackknife_intervals_cover_the_mean_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        sample = random.normal(size=12)
        without = np.array([np.delete(sample, left).mean() for left in range(12)])
        interval = jackknife_interval(sample.mean(), without)
        covered += interval.low < 0 < interval.high
    assert 0.92 < covered / 400 < 0.975


def test_correlations_and_their_intervals_are_those_of_the_groups() -> None:
    random = np.random.default_rng(0)
    data = random.normal(size=(400, 1)) + random.normal(size=(400, 3)) * (0.5, 1, -1)
    groups = [covariance_of(rows) for rows in np.split(data, 8)]
    estimate, low, high = correlation_intervals([*groups, Covariance(3)])
    np.testing.assert_allclose(estimate, np.corrcoef(data.T), atol=1e-12)
    assert (low[0, 1], high[0, 1]) == (low[1, 0], high[1, 0])
    assert low[0, 1] < estimate[0, 1] < high[0, 1]
    assert 0.02 < high[0, 1] - low[0, 1] < 0.3
