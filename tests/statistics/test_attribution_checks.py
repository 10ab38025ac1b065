"""Rank correlations and areas against scipy and against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from retinoscope.statistics.attribution_checks import (
    area_between,
    mean_over_frames,
    mean_rank_correlation,
    rank_correlation,
    rank_similarity,
)

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


def test_rank_correlation_of_pairs_is_scipys_and_its_interval_holds_the_truth():
    inside = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        common = np.repeat(random.normal(size=40), 5)  # pairs of one stretch are alike
        one, other = common + random.normal(size=200), common + random.normal(size=200)
        found = rank_correlation(one, other, np.repeat(np.arange(40), 5))
        assert found.estimate == pytest.approx(spearmanr(one, other).statistic)
        assert found.low < found.estimate < found.high
        inside += found.low < 6 / np.pi * np.arcsin(0.5 / 2) < found.high  # Spearman's rho of Gaussians with r = 0.5
    assert inside >= 51  # 95% of 60 are 57; fewer than 51 happen once in a hundred


def test_the_mean_correlation_is_that_of_the_variables():
    ones, others = RANDOM.normal(size=(3, 50)), RANDOM.normal(size=(3, 50))
    others[0] += ones[0]
    expected = np.mean([spearmanr(one, other).statistic for one, other in zip(ones, others, strict=True)])
    assert mean_rank_correlation(ones, others, np.arange(50) // 5).estimate == pytest.approx(expected)


def test_means_leave_out_what_is_not_a_number():
    values = np.array([1.0, np.nan, 3.0, 5.0])
    assert mean_over_frames(values, np.array([0, 0, 1, 1])).estimate == pytest.approx(3.0)


def test_areas_are_those_of_trapezia():
    fractions = np.array([0.0, 0.25, 1.0])
    curves, random = np.array([[0.0, 1.0, 1.0]]), np.array([0.0, 0.25, 1.0])
    # Above the diagonal: a triangle and the one beside it.
    assert area_between(fractions, curves, random)[0] == pytest.approx(0.75 * 0.25 / 2 + 0.75 * 0.75 / 2)
