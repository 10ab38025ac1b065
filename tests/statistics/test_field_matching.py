"""Planted permutations with signs and shifts are found; independent fields are not taken for pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.ndimage

from retinoscope.errors import UserError
from retinoscope.statistics.field_matching import match_fields, shifted_correlations, standardised

SIDE, SHIFT = 10, 2


def fields(count: int, random: np.random.Generator, margin: int = 0) -> np.ndarray:
    """Smooth noise in colour, (count, SIDE, SIDE, 3), nothing but zeros within a margin."""
    found = random.normal(size=(count, SIDE, SIDE, 3))
    found = scipy.ndimage.gaussian_filter(found, (0, 1, 1, 0))
    inside = np.zeros((SIDE, SIDE))
    inside[margin : SIDE - margin, margin : SIDE - margin] = 1
    return found * inside[..., None]


def moved(field: np.ndarray, down: int, right: int) -> np.ndarray:
    """By whole pixels, zeros coming in, without any transform."""
    found = np.zeros_like(field)
    for row, column in itertools.product(range(SIDE), range(SIDE)):
        if 0 <= row - down < SIDE and 0 <= column - right < SIDE:
            found[row, column] = field[row - down, column - right]
    return found


def test_correlations_over_shifts_are_those_of_moved_fields() -> None:
    random = np.random.default_rng(0)
    first, second = standardised(fields(3, random)), standardised(fields(4, random))
    values, places = shifted_correlations(first, second, SHIFT)
    for one, other in itertools.product(range(3), range(4)):
        slow = {
            (down, right): float((first[one] * moved(second[other], down, right)).sum())
            for down, right in itertools.product(range(-SHIFT, SHIFT + 1), repeat=2)
        }
        best = max(slow, key=lambda each: abs(slow[each]))
        assert tuple(places[one, other]) == best
        assert values[one, other] == pytest.approx(slow[best], abs=1e-8)


def test_a_planted_permutation_is_found_in_100_of_100_cases() -> None:
    for case in range(100):
        random = np.random.default_rng(case)
        first = fields(6, random, margin=SHIFT)
        order, signs = random.permutation(6), random.choice([-1, 1], 6)
        shifts = random.integers(-SHIFT, SHIFT + 1, (6, 2))
        second = np.stack([signs[n] * moved(first[order[n]], *shifts[n]) for n in range(6)])
        second += 0.2 * second.std() * random.normal(size=second.shape)
        match = match_fields(first, second, SHIFT, surrogates=5, seed=case)
        back = np.argsort(order)
        np.testing.assert_array_equal(match.partner, back)
        np.testing.assert_array_equal(np.sign(match.correlation), signs[back])
        np.testing.assert_array_equal(match.shift, -shifts[back])
        assert match.is_found.all()


def test_independent_fields_are_no_pairs() -> None:
    found = []
    for case in range(20):
        random = np.random.default_rng(1000 + case)
        match = match_fields(fields(6, random), fields(6, random), SHIFT, surrogates=50, seed=case)
        assert (match.partner >= 0).all()
        found.append(int(match.is_found.sum()))
    assert sum(found) <= 1  # by the rule one matching in 51 has a pair


def test_units_without_a_field_have_no_partner() -> None:
    random = np.random.default_rng(3)
    first, second = fields(4, random), fields(3, random)
    first[1] = np.nan
    match = match_fields(first, second)
    assert match.partner[1] == -1 and np.isnan(match.correlation[1]) and not match.is_found.any()
    others = match.partner[[0, 2, 3]]
    assert len(set(others[others >= 0])) == (others >= 0).sum()


def test_fields_of_other_sizes_are_refused() -> None:
    with pytest.raises(UserError, match="of one size"):
        match_fields(np.zeros((2, 5, 5, 3)), np.zeros((2, 5, 4, 3)))
