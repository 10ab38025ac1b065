"""Filters that correspond are found, whatever their order and sign."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.filter_matching import match_filters


def test_a_shuffled_copy_is_matched_with_its_signs():
    random = np.random.default_rng(0)
    first = random.normal(size=(6, 5, 5, 3))
    order, signs = random.permutation(6), np.array([1, -1, 1, 1, -1, 1])
    second = (3 * signs[:, None, None, None] * first + 1)[order]
    partners, correlation = match_filters(first, second)
    assert order[partners].tolist() == list(range(6))
    np.testing.assert_allclose(correlation, signs, atol=1e-9)


def test_the_total_is_the_largest_of_all_assignments():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(4, 6)), random.normal(size=(5, 6))
    _, correlation = match_filters(first, second)
    table = np.abs(np.corrcoef(first, second)[:4, 4:])
    best = max(
        sum(table[row, column] for row, column in enumerate(each)) for each in itertools.permutations(range(5), 4)
    )
    assert np.abs(correlation).sum() == pytest.approx(best)


def test_filters_of_other_sizes_are_refused():
    with pytest.raises(UserError, match="cannot be matched"):
        match_filters(np.ones((2, 3, 3)), np.ones((2, 4, 4)))
