"""Shares of neighbours equal their slow definition, and chance what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.embedding_quality import (
    are_close_in_time,
    chance_of_keeping,
    chance_of_same_class,
    neighbours_kept,
    neighbours_of_same_class,
    time_neighbours,
)

POINTS, NEIGHBOURS, WITHIN = 80, 6, 4


def random_neighbours(random: np.random.Generator) -> np.ndarray:
    others = [np.delete(np.arange(POINTS), point) for point in range(POINTS)]
    return np.stack([random.choice(each, NEIGHBOURS, replace=False) for each in others])


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]:
    """Neighbours, and points of three episodes in any order, some steps left out."""
    random = np.random.default_rng(seed)
    moment = random.permutation(np.sort(random.choice(120, POINTS, replace=False)))
    return random_neighbours(random), moment // 40, moment % 40, random


def test_neighbours_kept_are_counted_and_chance_is_their_mean() -> None:
    neighbours, _, _, random = planted()
    assert neighbours_kept(neighbours, np.flip(neighbours, axis=1)).tolist() == [1.0] * POINTS
    other = random_neighbours(random)
    slow = [len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(neighbours.tolist(), other.tolist(), strict=True)]
    np.testing.assert_allclose(neighbours_kept(neighbours, other), slow)
    shares = [neighbours_kept(neighbours, random_neighbours(random)).mean() for _ in range(100)]
    assert np.mean(shares) == pytest.approx(chance_of_keeping(POINTS, NEIGHBOURS), rel=0.05)
    assert chance_of_keeping(5, 2) == 0.5  # of the four others
    with pytest.raises(UserError, match="differ"):
        neighbours_kept(neighbours, other[:, :3])


def test_neighbours_in_time_are_counted_with_their_chance_and_their_most() -> None:
    neighbours, episode, step, random = planted()
    found = time_neighbours(neighbours, episode, step, WITHIN)
    close = (episode[:, None] == episode) & (np.abs(step[:, None] - step) <= WITHIN) & ~np.eye(POINTS, dtype=bool)
    np.testing.assert_allclose(found.share, [close[p, neighbours[p]].mean() for p in range(POINTS)])
    np.testing.assert_allclose(found.chance, close.sum(axis=1) / (POINTS - 1))
    np.testing.assert_allclose(found.most, np.minimum(close.sum(axis=1), NEIGHBOURS) / NEIGHBOURS)
    shares = [time_neighbours(random_neighbours(random), episode, step, WITHIN).share.mean() for _ in range(100)]
    assert np.mean(shares) == pytest.approx(found.chance.mean(), rel=0.05)


def test_classes_are_compared_with_neighbours_that_are_not_those_in_time() -> None:
    neighbours, episode, step, random = planted()
    label = random.integers(0, 3, POINTS)
    close = are_close_in_time(neighbours, episode, step, WITHIN)
    same, counted = neighbours_of_same_class(neighbours, label, close)
    for point in range(POINTS):
        kept = [each for each, left_out in zip(neighbours[point], close[point], strict=True) if not left_out]
        assert counted[point] == len(kept)
        assert same[point] == sum(label[each] == label[point] for each in kept)


def test_chance_of_the_same_class_is_that_of_shuffled_labels() -> None:
    neighbours, episode, step, random = planted()
    label = np.repeat([0, 1, 2], [50, 20, 10])
    close = are_close_in_time(neighbours, episode, step, WITHIN)
    shares = []
    for _ in range(100):
        same, counted = neighbours_of_same_class(neighbours, random.permutation(label), close)
        shares.append(same.sum() / counted.sum())
    _, counted = neighbours_of_same_class(neighbours, label, close)
    assert chance_of_same_class(label, counted) == pytest.approx(np.mean(shares), abs=0.02)
    assert np.isnan(chance_of_same_class(label, np.zeros(POINTS)))
