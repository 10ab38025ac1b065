"""The summary of what an agent does, its intervals, and smoothed histograms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from retinoscope.errors import UserError
from retinoscope.statistics.contrasts import contrast_intervals, contrast_p, densities

SIDES = np.array([-1, -1, -1, 0, 1, 1, 1, 1])


def planted(effect: float, between: float, seed: int, images: int = 30):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(8), images)
    level = effect * SIDES / 2 + between * random.normal(size=8)
    return level[labels] + 0.3 * random.normal(size=len(labels)), labels


def test_it_is_welchs_interval_of_the_class_means():
    values, labels = planted(1.0, 0.4, 0)
    (found,) = contrast_intervals(values, labels, SIDES)
    means = np.array([values[labels == each].mean() for each in range(8)])
    oracle = scipy.stats.ttest_ind(means[SIDES == 1], means[SIDES == -1], equal_var=False).confidence_interval(0.95)
    assert found.estimate == pytest.approx(means[SIDES == 1].mean() - means[SIDES == -1].mean())
    np.testing.assert_allclose(found[1:], oracle, rtol=1e-9)


def test_classes_that_differ_without_regard_to_their_side_give_an_interval_that_covers_zero():
    covered = {True: 0, False: 0}
    for seed in range(200):
        values, labels = planted(0.0, 0.5, seed)
        for over_classes in covered:
            (found,) = contrast_intervals(values, labels, SIDES, over_classes, resamples=200)
            covered[over_classes] += found.low <= 0 <= found.high
    low, _ = scipy.stats.binom.interval(0.99, 200, 0.95)
    assert covered[True] >= low
    assert covered[False] < 100  # why intervals over images alone would mislead


def test_over_images_it_is_the_bootstrap():
    values, labels = planted(1.0, 0.4, 1)
    (found,) = contrast_intervals(values, labels, SIDES, over_classes=False)
    error = np.sqrt(
        sum(values[labels == each].var() / 30 / (SIDES[each] == SIDES).sum() ** 2 for each in range(8) if SIDES[each])
    )
    np.testing.assert_allclose((found.high - found.low) / 2, 1.96 * error, rtol=0.1)


def test_a_single_class_on_a_side_falls_back_to_images():
    values, labels = planted(1.0, 0.2, 2)
    sides = np.array([-1, 0, 0, 0, 0, 0, 0, 1])
    assert contrast_intervals(values, labels, sides) == contrast_intervals(values, labels, sides, over_classes=False)
    assert np.isnan(contrast_p(values, labels, sides))


def test_p_is_exact_over_the_ways_to_assign_the_classes():
    values, labels = planted(0.5, 0.4, 3)
    means = np.array([values[labels == each].mean() for each in range(8)])[SIDES != 0]
    truth = means[3:].mean() - means[:3].mean()
    ways = []
    for chosen in itertools.combinations(range(7), 4):
        rest = [each for each in range(7) if each not in chosen]
        ways.append(means[list(chosen)].mean() - means[rest].mean())
    assert contrast_p(values, labels, SIDES) == pytest.approx(np.mean(np.array(ways) >= truth - 1e-12))


def test_columns_share_their_images_and_constant_ones_are_exact():
    values, labels = planted(1.0, 0.4, 4)
    found = contrast_intervals(np.stack([values, np.ones_like(values)], axis=1), labels, SIDES)
    assert found[0].estimate == contrast_intervals(values, labels, SIDES)[0].estimate
    assert found[1] == (0, 0, 0)


def test_a_side_without_images_is_refused():
    with pytest.raises(UserError, match="a side has no class"):
        contrast_intervals(np.ones(4), np.arange(4), np.array([1, 1, 0, 0]))
    with pytest.raises(UserError, match="one for each image"):
        contrast_intervals(np.ones(3), np.arange(4), np.array([1, 1, -1, -1]))


def test_densities_integrate_to_one_and_stay_in_range():
    values = np.stack([np.zeros(50), np.full(50, 0.52), np.random.default_rng(0).random(50)])
    found = densities(values, bins=20)
    np.testing.assert_allclose(found.mean(axis=1), 1, rtol=1e-9)
    assert found[0].argmax() == 0 and found[1].argmax() == 10
    assert (found >= 0).all()
    spread = densities(np.random.default_rng(1).random((1, 100_000)), bins=20)
    np.testing.assert_allclose(spread, 1, atol=0.05)  # the ends are not eaten away
