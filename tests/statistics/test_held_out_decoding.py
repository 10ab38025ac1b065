"""Read-outs held out by folds equal scikit-learn's; what lasts, and its half-life, are those of hand-drawn curves."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score

from retinoscope.statistics.decoding import SHRINKAGE
from retinoscope.statistics.held_out_decoding import Errors, Reduced, Target, lasting, read_out, regression


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activity, folds and episodes."""
    random = np.random.default_rng(0)
    return random.normal(size=(1_200, 6)), np.arange(1_200) // 40 % 3, np.arange(1_200) // 40


def test_classes_are_named_as_by_linear_discriminants_fitted_to_the_other_folds(planted: tuple) -> None:
    activity, folds, episodes = planted
    random = np.random.default_rng(1)
    rows = np.sort(random.choice(1_200, 700, replace=False))
    labels = (activity[rows] @ random.normal(size=(6, 3)) + random.normal(size=(700, 3))).argmax(axis=1)
    reduced = Reduced.of(activity, folds, 6)
    found = read_out(Target(rows, labels, 3), [reduced], folds, episodes)
    named = np.empty(700, int)
    for fold in range(3):
        test = folds[rows] == fold
        scores = reduced.scores[fold][rows].astype(float)
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE, priors=np.full(3, 1 / 3))
        named[test] = model.fit(scores[~test], labels[~test]).predict(scores[test])
    assert found.score()[0] == pytest.approx(balanced_accuracy_score(labels, named), abs=0.003)
    assert found.all.sum() == 700 and found.score()[0] > 0.5
    once = np.zeros((1, 30))
    once[0, 4] = 1
    here = episodes[rows] == 4
    assert found.score(once)[0] == pytest.approx(balanced_accuracy_score(labels[here], named[here]), abs=0.1)


def test_numbers_are_read_out_as_by_ridge_regression(planted: tuple) -> None:
    activity, folds, episodes = planted
    numbers = activity @ np.arange(6) + np.random.default_rng(2).normal(size=1_200)
    weights, offset = regression(activity, numbers)
    level = activity.var(axis=0).mean()
    model = Ridge(alpha=1_200 * SHRINKAGE * level / (1 - SHRINKAGE)).fit(activity, numbers / (1 - SHRINKAGE))
    np.testing.assert_allclose(weights, model.coef_, rtol=1e-6)
    assert offset == pytest.approx(numbers.mean() - activity.mean(axis=0) @ weights)
    reduced = Reduced.of(activity, folds, 6)
    found = read_out(Target(np.arange(1_200), numbers, 0), [reduced], folds, episodes)
    assert found.score()[0] == pytest.approx(55 / 56, abs=0.01)


def test_moved_rows_of_a_part_take_away_what_that_part_tells(planted: tuple) -> None:
    activity, folds, episodes = planted
    target = Target(np.arange(1_200), activity[:, 0] + activity[:, 5], 0)
    parts = [Reduced.of(activity[:, :3], folds, 3), Reduced.of(activity[:, 3:], folds, 3)]
    moved = np.roll(np.arange(1_200), 7)
    assert read_out(target, parts, folds, episodes).score()[0] > 0.99
    assert read_out(target, parts, folds, episodes, [None, moved]).score()[0] == pytest.approx(0.5, abs=0.05)


def test_errors_of_no_episode_have_no_score() -> None:
    errors = Errors(np.ones((2, 1)), np.ones((2, 1)) * 4, False)
    assert errors.score()[0] == pytest.approx(0.75)
    assert np.isnan(errors.score(np.zeros((1, 2)))[0])


def test_what_lasts_is_the_unbroken_run_from_the_first_delay() -> None:
    random = np.random.default_rng(3)
    shifted = random.normal(0, 0.01, (39, 6))
    delays = np.array([1, 2, 4, 8, 16, 32])
    p, lasts, half = lasting(delays, np.array([0.8, 0.8, 0.8, 0.2, 0.0, 0.5]), shifted, 0.05)
    assert (p[[0, 1, 2, 3, 5]] <= 0.05).all() and p[4] > 0.05
    assert lasts == 8
    assert half == pytest.approx(4 + 4 * (0.4 / 0.6), abs=0.2)
    _, lasts, half = lasting(delays, np.full(6, 0.7), shifted, 0.05)
    assert lasts == 32 and half == np.inf
    _, lasts, half = lasting(delays, np.array([0.0, 0.8, 0.8, 0, 0, 0]), shifted, 0.05)
    assert np.isnan(lasts) and np.isnan(half)
    p, lasts, _ = lasting(delays, np.full(6, np.nan), shifted, 0.05)
    assert np.isnan(p).all() and np.isnan(lasts)
