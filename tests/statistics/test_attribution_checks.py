"""Rank correlations and areas against scipy and against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from retinoscope.statistics.attribution_checks import (
    area_between,
    means_over_frames,
    rank_correlations,
    rank_similarity,
    shares,
)
from retinoscope.statistics.bootstrap import bootstrap_interval, ratio_of_sums

RANDOM = np.random.default_rng(0)


def test_similarity_is_scipys_rank_correlation_ties_included():
    reference, others = RANDOM.normal(size=(4, 60)).round(1), RANDOM.normal(size=(3, 4, 60)).round(1)
    others += 0.5 * reference
    found, chance = rank_similarity(reference, others)
    for stage, row in np.ndindex(3, 4):
        assert found[stage, row] == pytest.approx(spearmanr(reference[row], others[stage, row]).statistic)
        rolled = np.roll(others[stage, row], 30)
        assert chance[stage, row] == pytest.approx(spearmanr(reference[row], rolled).statistic)


def test_a_constant_map_is_like_nothing():
    found, chance = rank_similarity(np.ones((1, 9)), RANDOM.normal(size=(1, 1, 9)))
    assert np.isnan(found).all() and np.isnan(chance).all()


def test_rank_correlations_of_pairs_are_scipys_and_their_intervals_hold_the_truth():
    inside = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        common = np.repeat(random.normal(size=40), 5)  # pairs of one stretch are alike
        one, other = common + random.normal(size=200), common + random.normal(size=200)
        (estimate, low, high), mean = rank_correlations(one[None], other[None], np.repeat(np.arange(40), 5))
        assert estimate == pytest.approx(spearmanr(one, other).statistic)
        np.testing.assert_array_equal(mean, (estimate, low, high))
        assert low < estimate < high
        inside += low < 6 / np.pi * np.arcsin(0.5 / 2) < high  # Spearman's rho of Gaussians with r = 0.5
    assert inside >= 51  # 95% of 60 are 57; fewer than 51 happen once in a hundred


def test_behind_the_variables_correlations_comes_their_mean():
    ones, others = RANDOM.normal(size=(3, 50)).round(1), RANDOM.normal(size=(3, 50)).round(1)
    others[0] += ones[0]
    expected = [spearmanr(one, other).statistic for one, other in zip(ones, others, strict=True)]
    found = rank_correlations(ones, others, np.arange(50) // 5)
    np.testing.assert_allclose(found[:, 0], [*expected, np.mean(expected)], rtol=1e-9)
    for number in range(3):
        alone = rank_correlations(ones[number : number + 1], others[number : number + 1], np.arange(50) // 5)
        np.testing.assert_allclose(found[number], alone[0], rtol=1e-9)


def test_means_leave_out_what_is_not_a_number():
    values = np.array([[1.0, np.nan, 3.0, 5.0], [np.nan] * 4])
    found = means_over_frames(values, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(found[0], (3.0, 1.0, 4.0))
    assert np.isnan(found[1]).all()


def test_means_of_many_series_are_those_of_each_by_itself():
    values, stretch = RANDOM.normal(size=(2, 35, 30)), np.arange(30) // 6
    values[0, 3, :5] = np.nan
    found = means_over_frames(values, stretch)
    for place in ((0, 0), (0, 3), (0, 34), (1, 17), (1, 34)):
        of_stretches = values[place].reshape(5, 6)
        table = np.stack([np.nansum(of_stretches, axis=1), np.isfinite(of_stretches).sum(axis=1)], axis=1)
        np.testing.assert_allclose(found[place], bootstrap_interval(table, ratio_of_sums), rtol=1e-9)


def test_shares_are_of_the_sum_with_intervals_over_stretches():
    amounts, stretch = RANDOM.exponential(size=(24, 4)), np.arange(24) // 6
    found = shares(amounts, stretch)
    assert found[:, 0].sum() == pytest.approx(1)
    sums = amounts.reshape(4, 6, 4).sum(axis=1)
    for column in range(4):
        table = np.stack([sums[:, column], sums.sum(axis=1)], axis=1)
        np.testing.assert_allclose(found[column], bootstrap_interval(table, ratio_of_sums), rtol=1e-9)
    assert np.isnan(shares(amounts, np.zeros(24, int))).all() and np.isnan(shares(0 * amounts, stretch)).all()


@pytest.mark.parametrize("times", [2, 5])
def test_more_frames_that_are_alike_make_no_interval_narrower(times):
    """Frames of one stretch are no independent samples: intervals go over stretches."""
    ones, others, stretch = RANDOM.normal(size=(2, 40)), RANDOM.normal(size=(2, 40)), np.arange(40) // 8
    many = np.repeat(stretch, times)
    for found, more in (
        (
            rank_correlations(ones, others, stretch),
            rank_correlations(ones.repeat(times, axis=1), others.repeat(times, axis=1), many),
        ),
        (means_over_frames(ones, stretch), means_over_frames(ones.repeat(times, axis=1), many)),
        (shares(np.exp(ones.T), stretch), shares(np.exp(ones.T).repeat(times, axis=0), many)),
    ):
        np.testing.assert_allclose(more, found, rtol=1e-9)


def test_areas_are_those_of_trapezia():
    fractions = np.array([0.0, 0.25, 1.0])
    curves, random = np.array([[0.0, 1.0, 1.0]]), np.array([0.0, 0.25, 1.0])
    # Above the diagonal: a triangle and the one beside it.
    assert area_between(fractions, curves, random)[0] == pytest.approx(0.75 * 0.25 / 2 + 0.75 * 0.75 / 2)
