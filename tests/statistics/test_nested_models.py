"""Models of models: the shares are those of scikit-learn's ridge regression, fold by fold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from retinoscope.errors import UserError
from retinoscope.statistics.nested_models import NestedModels


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


def test_one_fold_is_refused_and_what_never_changes_has_no_share() -> None:
    models = NestedModels({"a": 1}, 1, 2)
    models.update(np.arange(6.0)[:, None], np.ones((6, 1)), np.zeros(6, int))
    with pytest.raises(UserError, match="of one fold"):
        models.explained({"a": ("a",)}, 1.0)
    models.update(np.arange(6.0)[:, None], np.ones((6, 1)), np.ones(6, int))
    assert np.isnan(models.explained({"a": ("a",)}, 1.0)["a"]).all()
