"""Tuning: pynapple's curves and information; false alarms as stated; fields and mean vectors as they were planted."""

from __future__ import annotations

import numpy as np
import pynapple
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.tuning import Bins, information, rotation, tuning
from retinoscope.statistics.tuning_fields import fields_of, mean_vector, smoothed
from tests.planted_tuning import GAUSSIAN, slow_noise, walk


def equal_bins(*counts: int, low: float = 0.0, high: float = 100.0, is_circular: bool = False) -> Bins:
    return Bins(tuple(np.linspace(low, high, each + 1) for each in counts), (is_circular,) * len(counts))


def by_pynapple(values: np.ndarray, activity: np.ndarray, bins: Bins) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(unit, ...) curves, (...) occupancy, rows, and (unit,) bits."""
    times = np.arange(len(values), dtype=float)
    curves = pynapple.compute_tuning_curves(
        pynapple.TsdFrame(t=times, d=activity),
        pynapple.TsdFrame(t=times, d=values),
        bins=[np.array(each) for each in bins.edges],
    )
    occupancy = np.asarray(curves.attrs["occupancy"])
    rates = (curves.values * occupancy).reshape(activity.shape[1], -1).sum(axis=1) / occupancy.sum()
    bits = pynapple.compute_mutual_information(curves, rates)["bits/spike"].values
    return curves.values, occupancy, bits


@pytest.mark.parametrize("counts", [(12,), (6, 7)])
def test_rates_and_information_equal_those_of_pynapple(counts: tuple[int, ...]) -> None:
    random = np.random.default_rng(3)
    values = random.uniform(-10, 110, (4_000, len(counts)))  # some lie outside of all bins
    values[:3] = [[0.0], [100.0], [50.0]]
    activity = random.gamma(2, size=(4_000, 5)) + (values[:, :1] > 40) * np.arange(5)
    bins = equal_bins(*counts)
    whole = [(0, 4_000)]
    found = tuning(activity, bins.of(values), bins.count, whole, np.arange(4_000) % 2, shifts=1, fewest=1)
    curves, occupancy, bits = by_pynapple(values, activity, bins)
    np.testing.assert_array_equal(found.occupancy.reshape(counts), occupancy)
    np.testing.assert_allclose(found.rates.reshape(5, *counts), curves, rtol=1e-8)
    np.testing.assert_allclose(information(found.rates, found.occupancy), bits, rtol=1e-8)


def test_the_share_between_bins_is_that_of_a_slow_loop_and_halves_are_correlated() -> None:
    random = np.random.default_rng(4)
    bins = random.integers(-1, 5, 600)
    activity = random.normal(size=(600, 3)) + np.maximum(bins, 0)[:, None] * [0.0, 0.3, 1.0]
    halves = np.arange(600) // 50 % 2
    found = tuning(activity, bins, 5, [(0, 300), (300, 600)], halves, shifts=5, fewest=1)
    for unit, values in enumerate(activity.T):
        known = values[bins >= 0]
        means = [values[bins == each].mean() for each in range(5)]
        between = sum((bins == each).sum() * (mean - known.mean()) ** 2 for each, mean in enumerate(means))
        assert found.between[unit] == pytest.approx(between / (600 * values.var()), rel=1e-6)
        of_halves = [[values[(bins == each) & (halves == half)].mean() for each in range(5)] for half in (0, 1)]
        assert found.stability[unit] == pytest.approx(np.corrcoef(*of_halves)[0, 1])


def test_a_rotation_stays_within_episodes_and_moves_all_of_one_alike() -> None:
    episodes = [(0, 7), (7, 8), (8, 30)]
    moved = rotation(episodes, np.random.default_rng(1))
    for start, stop in episodes:
        away = (moved[start:stop] - np.arange(start, stop)) % (stop - start)
        assert (away == away[0]).all() and sorted(moved[start:stop]) == list(range(start, stop))


def test_of_two_hundred_layers_of_slow_noise_no_more_are_called_tuned_than_stated() -> None:
    """Family-wise 5%: 10 of 200 are expected, and more than 20 come about once in a thousand times."""
    alarms = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        places = np.concatenate([walk(random, 240)[0] for _ in range(5)])
        activity = np.concatenate([slow_noise(random, 240, 6, span=15) for _ in range(5)])
        episodes = [(start, start + 240) for start in range(0, 1_200, 240)]
        bins = equal_bins(5, 5)
        halves = np.arange(1_200) // 240 % 2
        found = tuning(activity, bins.of(places), 25, episodes, halves, shifts=60, fewest=4, seed=seed)
        alarms += bool((found.p <= 0.05).any())
    assert alarms <= 20


def test_units_that_never_change_are_not_tuned() -> None:
    activity = np.ones((100, 2))
    activity[:, 1] = np.arange(100) % 2
    found = tuning(activity, np.arange(100) % 2, 2, [(0, 100)], np.arange(100) // 50, shifts=20)
    assert found.p[0] == 1 and found.between[1] == pytest.approx(1.0)


def test_fields_have_the_planted_middle_and_width_whatever_the_smoothing() -> None:
    bins = equal_bins(25, 25)
    x, y = np.meshgrid(*bins.centres, indexing="ij")
    rates = np.exp(-((x - 30) ** 2 + (y - 62) ** 2) / (2 * 9.0**2)) + 0.8 * np.exp(
        -((x - 80) ** 2 + (y - 20) ** 2) / (2 * 6.0**2)
    )
    for deviation in (0.0, 1.5):
        found = fields_of(smoothed(rates.ravel(), np.full(625, 10), bins, deviation), bins, deviation)
        assert found.count == 2
        np.testing.assert_allclose(found.centre, (30, 62), atol=1)
        np.testing.assert_allclose(found.width, GAUSSIAN * 9.0, rtol=0.08)


def test_a_field_across_the_ends_of_a_circle_is_one() -> None:
    bins = equal_bins(36, high=360.0, is_circular=True)
    rates = np.exp(3 * (np.cos(np.radians(bins.centres[0] - 5)) - 1))
    found = fields_of(rates, bins)
    assert found.count == 1
    assert min(found.centre[0] % 360, -found.centre[0] % 360) == pytest.approx(5, abs=0.5)
    length, direction = mean_vector(rates, bins.centres[0])
    assert direction == pytest.approx(5, abs=0.01)
    assert length == pytest.approx(0.8099, abs=1e-3)  # I1(3) / I0(3)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="give as many of each"):
        tuning(np.ones((5, 1)), np.zeros(4, int), 1, [(0, 5)], np.zeros(5, int))
    with pytest.raises(UserError, match="at least 1"):
        tuning(np.ones((5, 1)), np.zeros(5, int), 1, [(0, 5)], np.zeros(5, int), shifts=0)
