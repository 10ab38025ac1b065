"""Models of models: the shares are those of scikit-learn's ridge regression, fold by fold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from retinoscope.errors import UserError
from retinoscope.statistics.nested_models import HELD_BACK, NestedModels


def test_held_out_shares_equal_ridge_regression_fitted_fold_by_fold() -> None:
    random = np.random.default_rng(0)
    features, folds = random.normal(size=(900, 7)), np.arange(900) // 60 % 3
    activity = features @ random.normal(size=(7, 4)) * [0, 0.1, 0.5, 1] + random.normal(size=(900, 4)) + 3
    models = NestedModels({"a": 3, "b": 4}, 4, 3)
    for start in range(0, 900, 128):
        rows = slice(start, start + 128)
        models.update(features[rows], activity[rows], folds[rows])
    found = models.explained({"a": ("a",), "both": ("a", "b")}, ridge=5.0)
    for name, columns in (("a", slice(0, 3)), ("both", slice(None))):
        left, total = np.zeros(4), np.zeros(4)
        for fold in range(3):
            train, test = folds != fold, folds == fold
            fitted = Ridge(alpha=5.0).fit(features[train][:, columns], activity[train])
            left += ((activity[test] - fitted.predict(features[test][:, columns])) ** 2).sum(axis=0)
            total += ((activity[test] - activity[train].mean(axis=0)) ** 2).sum(axis=0)
        np.testing.assert_allclose(found[name], 1 - left / total, atol=1e-4)


def filled(features: np.ndarray, activity: np.ndarray, folds: np.ndarray, sizes: dict[str, int]) -> NestedModels:
    models = NestedModels(sizes, activity.shape[1], int(folds.max()) + 1)
    models.update(features, activity, folds)
    return models


def errors_of(
    features: np.ndarray, answers: np.ndarray, train: np.ndarray, test: np.ndarray, penalties: np.ndarray
) -> float:
    """Of ridge regression with a penalty for each feature: each is divided by the root of its own."""
    scaled = features / np.sqrt(penalties)
    fitted = Ridge(alpha=1.0).fit(scaled[train], answers[train])
    return float(((answers[test] - fitted.predict(scaled[test])) ** 2).sum())


def test_how_much_features_are_held_back_is_chosen_in_the_folds_that_are_left() -> None:
    random = np.random.default_rng(1)
    features, folds = random.normal(size=(160, 5)), np.arange(160) // 10 % 4
    weights = np.array([[1.0, 0.05, 0], [1, 0.05, 0], [1, 0.05, 0], [1, 1, 1], [1, 1, 1]])
    activity = features @ weights + 2 * random.normal(size=(160, 3)) + 1
    models = filled(features, activity, folds, {"a": 3, "b": 2})
    found = models.explained({"a": ("a",), "b": ("b",), "both": ("a", "b")}, 2.0, "a")
    chosen = set()
    for unit in range(3):
        left, total = {"a": 0.0, "b": 0.0, "both": 0.0}, 0.0
        for fold in range(4):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            inner = [
                sum(
                    errors_of(
                        features[:, :3],
                        activity[:, unit],
                        train[folds[train] != other],
                        train[folds[train] == other],
                        np.full(3, 2.0 * times),
                    )
                    for other in set(range(4)) - {fold}
                )
                for times in HELD_BACK
            ]
            times = HELD_BACK[int(np.argmin(inner))]
            chosen.add(times)
            total += ((activity[test, unit] - activity[train, unit].mean()) ** 2).sum()
            penalties = np.array([2.0 * times] * 3 + [2.0] * 2)
            for name, columns in (("a", slice(0, 3)), ("b", slice(3, 5)), ("both", slice(None))):
                parts = (features[:, columns], activity[:, unit], train, test, penalties[columns])
                left[name] += errors_of(*parts)
        for name, errors in left.items():
            np.testing.assert_allclose(found[name][unit], 1 - errors / total, atol=1e-4)
    assert len(chosen) > 1


def test_features_that_drift_from_fold_to_fold_are_held_back_until_they_do_no_harm() -> None:
    """They go with the activity within some folds, and lie far from there in others, where they say nothing of it."""
    random = np.random.default_rng(2)
    folds = np.repeat(np.arange(5), 200)
    features = random.normal(size=(1000, 20)) + 6 * random.normal(size=(5, 20))[folds]
    own = np.eye(4)[random.integers(0, 4, 1000)]
    activity = own @ random.normal(size=(4, 3)) + 4 * random.normal(size=(5, 3))[folds]
    models = filled(np.concatenate([features, own], axis=1), activity, folds, {"view": 20, "own": 4})
    asked = {"view": ("view",), "own": ("own",), "both": ("view", "own")}
    trusting, wary = models.explained(asked, 10.0), models.explained(asked, 10.0, "view")
    assert (trusting["view"] < -0.3).all()
    assert (wary["view"] > trusting["view"] + 0.2).all() and (wary["view"] > -0.15).all()
    np.testing.assert_array_equal(wary["own"], trusting["own"])
    assert (wary["both"] - wary["view"] < 1).all()


def test_one_fold_is_refused_and_what_never_changes_has_no_share() -> None:
    models = NestedModels({"a": 1}, 1, 2)
    models.update(np.arange(6.0)[:, None], np.ones((6, 1)), np.zeros(6, int))
    with pytest.raises(UserError, match="of one fold"):
        models.explained({"a": ("a",)}, 1.0)
    models.update(np.arange(6.0)[:, None], np.ones((6, 1)), np.ones(6, int))
    assert np.isnan(models.explained({"a": ("a",)}, 1.0)["a"]).all()
