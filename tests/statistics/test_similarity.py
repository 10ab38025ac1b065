"""Debiased CKA, RSA and shape distance against slow definitions, known values and what chance gives."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.shape_distance import Axes, ShapeDistances
from retinoscope.statistics.similarity import BlockSimilarity, Similarity, gram


def similarities(*activities: np.ndarray, block: int = 10_000, groups: int = 10, shuffles: int = 0, seed: int = 0):
    """Both measures of representations (stimulus, unit), in blocks of consecutive stimuli; each stimulus a unit."""
    random = np.random.default_rng(seed)
    found = BlockSimilarity(len(activities), groups, shuffles)
    for start in range(0, len(activities[0]), block):
        parts = [each[start : start + block] for each in activities]
        grams = np.array([gram(each) for each in parts])
        orders = np.array([random.permutation(len(parts[0])) for _ in range(shuffles)], int).reshape(
            shuffles, len(parts[0])
        )
        found.update(grams, (start + np.arange(len(parts[0]))) % groups, orders)
    return found.finalize()


def shapes(*activities: np.ndarray, dimensions: int = 20, groups: int = 10, shuffles: int = 0) -> Similarity:
    found = ShapeDistances(len(activities), dimensions, groups, shuffles)
    count = len(activities[0])
    pairs = [Axes.fitted(each, dimensions).scores(each, dimensions) for each in activities]
    random = np.random.default_rng(0)
    orders = np.array([random.permutation(count) for _ in range(shuffles)], int).reshape(shuffles, count)
    scores, squares = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    found.update(scores, squares, np.arange(count) % groups, orders)
    return found.finalize()


def hsic_by_quadruples(first: np.ndarray, second: np.ndarray) -> float:
    """The U-statistic that HSIC_1 is (Song et al. 2012, theorem 2): the mean over all ordered quadruples."""
    one, other, count = first @ first.T, second @ second.T, len(first)
    total = 0.0
    for i, j, q, r in itertools.permutations(range(count), 4):
        total += one[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q])
    return total / math.perm(count, 4)


def biased_cka(first: np.ndarray, second: np.ndarray) -> float:
    """The usual estimator (Kornblith et al. 2019)."""
    one, other = (each - each.mean(axis=0) for each in (first, second))
    return float(
        np.square(one.T @ other).sum() / np.sqrt(np.square(one.T @ one).sum() * np.square(other.T @ other).sum())
    )


def turned(activity: np.ndarray, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    rotation = np.linalg.qr(random.normal(size=(activity.shape[1],) * 2))[0]
    return 3 * activity @ rotation + random.normal(size=activity.shape[1])


def test_cka_is_the_mean_over_quadruples_of_stimuli() -> None:
    random = np.random.default_rng(1)
    first = random.normal(size=(9, 5)) + 2
    second = np.hstack([first[:, :2] ** 2, random.normal(size=(9, 2))])
    expected = hsic_by_quadruples(first, second) / math.sqrt(
        hsic_by_quadruples(first, first) * hsic_by_quadruples(second, second)
    )
    assert similarities(first, second)["cka"].estimate[0, 1] == pytest.approx(expected, abs=1e-8)


def test_rsa_is_the_correlation_of_distances() -> None:
    random = np.random.default_rng(2)
    first = random.normal(size=(30, 7))
    second = np.tanh(first[:, :4]) + 0.5 * random.normal(size=(30, 4))
    pairs = list(itertools.combinations(range(30), 2))
    apart = [[math.dist(each[i], each[j]) for i, j in pairs] for each in (first, second)]
    expected = np.corrcoef(*apart)[0, 1]
    assert similarities(first, second)["rsa"].estimate[0, 1] == pytest.approx(expected, abs=1e-8)


def test_angle_is_what_the_best_rotation_leaves() -> None:
    """Found by alternating search over rotations, without singular values of the covariance."""
    random = np.random.default_rng(3)
    first = random.normal(size=(60, 2))
    second = first @ np.array([[0.4, -1.3], [0.8, 0.5]]) + 0.4 * random.normal(size=(60, 2))
    one, other = (each - each.mean(axis=0) for each in (first, second))
    best = -1.0
    for angle in np.linspace(0, 2 * np.pi, 200_001):
        cosine, sine = math.cos(angle), math.sin(angle)
        traces = one.T @ other
        for mirrored in (1, -1):
            turn = np.array([[cosine, -sine], [mirrored * sine, mirrored * cosine]])
            best = max(best, float((traces * turn).sum()))
    expected = math.acos(best / (np.linalg.norm(one) * np.linalg.norm(other)))
    assert shapes(first, second, dimensions=2).estimate[0, 1] == pytest.approx(expected, abs=1e-8)


def test_independent_representations_are_not_alike_where_units_are_as_many_as_stimuli() -> None:
    random = np.random.default_rng(4)
    first, second = random.normal(size=(2, 200, 180))
    found = similarities(first, second, block=100)["cka"]
    assert biased_cka(first, second) > 0.4
    assert found.low[0, 1] < 0 < found.high[0, 1]
    assert found.high[0, 1] - found.low[0, 1] < 0.2


def test_intervals_hold_what_they_should() -> None:
    """Of 100 independent pairs, the 95% interval holds zero in 88 to 100."""
    random = np.random.default_rng(5)
    held = 0
    for _ in range(100):
        found = similarities(*random.normal(size=(2, 60, 50)), groups=10)["cka"]
        held += found.low[0, 1] <= 0 <= found.high[0, 1]
    assert 88 <= held <= 100


def test_copies_are_the_same_however_they_are_turned_moved_or_ordered() -> None:
    random = np.random.default_rng(6)
    activity = random.normal(size=(120, 12)) * np.linspace(3, 0.5, 12)
    shuffled = activity[:, random.permutation(12)]
    for copy in (turned(activity, 7), shuffled, -activity):
        found = similarities(activity, copy, block=50)
        assert found["cka"].estimate[0, 1] == pytest.approx(1, abs=1e-9)
        assert found["rsa"].estimate[0, 1] == pytest.approx(1, abs=1e-9)
        assert shapes(activity, copy, dimensions=12).estimate[0, 1] < 1e-6


def test_a_mixture_has_its_known_value() -> None:
    """Of X and [X, Y], independent and white, CKA is |C_XZ|^2 / (|C_XX| |C_ZZ|) = p / sqrt(p (p + q))."""
    random = np.random.default_rng(8)
    p, q = 6, 18
    first, second = random.normal(size=(4000, p)), random.normal(size=(4000, q))
    mixture = turned(np.hstack([first, second]), 9)
    found = similarities(first, mixture, block=200)["cka"]
    assert found.estimate[0, 1] == pytest.approx(math.sqrt(p / (p + q)), abs=0.01)
    assert found.low[0, 1] < 0.5 < found.high[0, 1]
    # The nuclear norm of the covariance is p, the lengths are those of p and p + q white units.
    angle = shapes(first[:800], mixture[:800], dimensions=24).estimate[0, 1]
    assert angle == pytest.approx(math.acos(p / math.sqrt(p * (p + q))), abs=0.03)


def test_chance_is_what_other_stimuli_give() -> None:
    random = np.random.default_rng(10)
    first = random.normal(size=(300, 40))
    second = turned(first, 11) + 0.1 * random.normal(size=(300, 40))
    found = similarities(first, second, block=100, shuffles=20)
    for name in ("cka", "rsa"):
        by_chance = found[name].by_chance[:, 0, 1]
        assert found[name].estimate[0, 1] > 0.9 > 5 * by_chance.max()
        assert by_chance.mean() == pytest.approx(0, abs=0.03)
    angle = shapes(first, second, dimensions=10, shuffles=5)
    assert angle.estimate[0, 1] < 0.5 < 1 < angle.by_chance[:, 0, 1].min()


def test_chance_is_symmetric_in_the_stimuli_that_are_moved() -> None:
    """Of one shuffle, computed from the definition: rows and columns of the second are put into that order."""
    random = np.random.default_rng(12)
    first, second = random.normal(size=(2, 20, 3))
    order = random.permutation(20)
    found = BlockSimilarity(2, 2, 1)
    found.update(np.array([gram(first), gram(second)]), np.arange(20) % 2, order[None])
    by_chance = {name: each.by_chance[0, 0, 1] for name, each in found.finalize().items()}
    moved = similarities(first, second[order], groups=2)
    assert by_chance["cka"] == pytest.approx(moved["cka"].estimate[0, 1], abs=1e-10)
    assert by_chance["rsa"] == pytest.approx(moved["rsa"].estimate[0, 1], abs=1e-10)


def test_parts_add_up() -> None:
    random = np.random.default_rng(13)
    blocks = random.normal(size=(4, 3, 25, 6))
    groups = random.integers(0, 5, (4, 25))
    orders = np.array([[random.permutation(25) for _ in range(3)] for _ in range(4)])
    whole, parts = BlockSimilarity(3, 5, 3), [BlockSimilarity(3, 5, 3) for _ in range(2)]
    for number, block in enumerate(blocks):
        grams = np.array([gram(each) for each in block])
        for each in (whole, parts[number % 2]):
            each.update(grams, groups[number], orders[number])
    parts[0].merge(parts[1])
    for name, each in parts[0].finalize().items():
        expected = whole.finalize()[name]
        for field in ("estimate", "low", "high", "by_chance"):
            np.testing.assert_allclose(getattr(each, field), getattr(expected, field), atol=1e-10)


def test_parts_of_shapes_add_up_and_leave_out_what_is_left_out() -> None:
    random = np.random.default_rng(14)
    scores = random.normal(size=(2, 80, 3))
    scores[1] += scores[0]
    group = np.arange(80) % 4
    squares = np.square(scores).sum(axis=(1, 2))
    whole, parts = ShapeDistances(2, 3, 4, 0), [ShapeDistances(2, 3, 4, 0) for _ in range(2)]
    none = np.zeros((0, 80), int)
    whole.update(scores, squares, group, none)
    for each, rows in zip(parts, (slice(0, 30), slice(30, 80)), strict=True):
        each.update(scores[:, rows], squares / 2, group[rows], none)
    parts[0].merge(parts[1])
    found, expected = parts[0].finalize(), whole.finalize()
    for field in ("estimate", "low", "high"):
        np.testing.assert_allclose(getattr(found, field), getattr(expected, field), atol=1e-6)
    kept = [shapes(*(each[group != one] for each in scores), dimensions=3).estimate[0, 1] for one in range(4)]
    error = math.sqrt(3 / 4 * sum((each - np.mean(kept)) ** 2 for each in kept))
    assert expected.high[0, 1] - expected.estimate[0, 1] == pytest.approx(3.182446 * error, rel=1e-3)
    np.testing.assert_allclose(whole.share_kept, 1, rtol=1e-12)


def test_what_never_changes_is_like_nothing() -> None:
    random = np.random.default_rng(15)
    activity = random.normal(size=(40, 5))
    constant = np.full((40, 3), 2.5)
    found = similarities(activity, constant)
    assert np.isnan(found["cka"].estimate[0, 1]) and np.isnan(found["rsa"].estimate[1, 1])
    assert np.isnan(shapes(activity, constant).estimate[0, 1])


def test_too_few_stimuli_are_refused() -> None:
    with pytest.raises(UserError, match="at least 4"):
        similarities(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(UserError, match="show some"):
        BlockSimilarity(2).finalize()
    with pytest.raises(UserError, match="show some"):
        ShapeDistances(2, 3).finalize()


def test_axes_are_the_principal_ones() -> None:
    random = np.random.default_rng(16)
    activity = random.normal(size=(50, 400)) * np.linspace(4, 0.1, 400)
    axes = Axes.fitted(activity, 5)
    variances = np.linalg.svd(activity - activity.mean(axis=0), compute_uv=False) ** 2
    scores, total = axes.scores(activity, 7)
    np.testing.assert_allclose(np.square(scores).sum(axis=0)[:5], variances[:5], rtol=1e-8)
    assert not scores[:, 5:].any() and total == pytest.approx(variances.sum())
