"""Components of two memories: a planted permutation is found, slow but independent time courses are no pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.component_matching import match_components


def slow_courses(count: int, random: np.random.Generator, moments: int = 600) -> np.ndarray:
    """(moment, component) that forget over some ten moments."""
    found = np.zeros((moments, count))
    for moment in range(1, moments):
        found[moment] = 0.9 * found[moment - 1] + random.normal(size=count)
    return found


def test_a_planted_permutation_with_signs_is_found() -> None:
    random = np.random.default_rng(0)
    first = slow_courses(5, random)
    order, signs = random.permutation(5), random.choice([-1, 1], 5)
    second = 7 * first[:, order] * signs + 3 + random.normal(size=first.shape)
    match = match_components(first, second, shuffles=20)
    np.testing.assert_array_equal(match.partner, np.argsort(order))
    np.testing.assert_array_equal(np.sign(match.correlation), signs[match.partner])
    assert match.is_found.all()
    for component, partner in enumerate(match.partner):
        expected = np.corrcoef(first[:, component], second[:, partner])[0, 1]
        assert match.correlation[component] == pytest.approx(expected, abs=1e-8)


def test_no_other_pairing_is_better() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 40, 4))
    r = np.abs(np.corrcoef(first.T, second.T)[:4, 4:])
    best = max(sum(r[row, column] for row, column in enumerate(each)) for each in itertools.permutations(range(4)))
    assert np.abs(match_components(first, second).correlation).sum() == pytest.approx(best)


def test_slow_time_courses_are_no_pairs_by_themselves() -> None:
    found = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        match = match_components(slow_courses(4, random, 300), slow_courses(4, random, 300), shuffles=50, seed=seed)
        found += bool(match.is_found.any())
    assert found <= 2


def test_a_memory_with_fewer_components_leaves_some_without_a_partner() -> None:
    random = np.random.default_rng(3)
    match = match_components(slow_courses(4, random), slow_courses(2, random))
    assert (match.partner == -1).sum() == 2 and np.isnan(match.correlation[match.partner == -1]).all()
    with pytest.raises(UserError, match="same moments"):
        match_components(np.zeros((5, 2)), np.zeros((6, 2)))
