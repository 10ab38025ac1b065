"""What one set of variables says of activity beyond another: linear models, one within the other, held out by folds.

A model is ridge regression (Hoerl & Kennard 1970) on features, bins among them as indicators. It is fitted from second
moments that are kept fold by fold, so that any number of models of the same features needs one pass over the rows, and
is judged on the fold that it has not seen: a model with more features has no advantage from that alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]


class NestedModels:
    """Moments of features and activity, added up block by block, and what models of some of the features explain.

    Args:
        sizes: how many features each set has, by name, in the order of the columns.
        units: whose activity.
        folds: how many.
    """

    def __init__(self, sizes: Mapping[str, int], units: int, folds: int) -> None:
        self._columns: dict[str, NDArray[np.int64]] = {}
        first = 0
        for name, size in sizes.items():
            self._columns[name] = np.arange(first, first + size)
            first += size
        self._features, self._units, self._folds = first, units, folds
        whole = first + units + 1
        self._moments = np.zeros((folds, first + 1, whole))
        self._squares = np.zeros((folds, units))

    def update(
        self, features: NDArray[np.floating], activity: NDArray[np.floating], folds: NDArray[np.integer]
    ) -> None:
        """Add rows: (row, feature) of all sets, (row, unit), and (row,) the fold of each."""
        for fold in np.unique(folds):
            here = folds == fold
            x = np.asarray(features[here], np.float32)
            both = np.concatenate([np.ones((len(x), 1), np.float32), x], axis=1)
            answers = np.asarray(activity[here], np.float32)
            self._moments[fold, :, : self._features + 1] += both.T @ both
            self._moments[fold, :, self._features + 1 :] += both.T @ answers
            self._squares[fold] += (answers.astype(np.float64) ** 2).sum(axis=0)

    def explained(self, models: Mapping[str, Iterable[str]], ridge: float) -> dict[str, Array]:
        """(unit,) share of the variance that each model explains of the rows it was not fitted to.

        The variance is about the mean of the rows that a model was fitted to, summed over folds; a share below zero is
        worse than that mean. NaN for a unit that never changes.

        Args:
            models: names of sets of features, by the name of the model.
            ridge: weight of the penalty: a bin with so many rows is drawn half way to the mean.

        Raises:
            UserError: fewer than two folds have rows.
        """
        there = [fold for fold in range(self._folds) if self._moments[fold, 0, 0] > 0]
        if len(there) < 2:
            raise UserError("nested models: all rows are of one fold; give at least two")
        whole, squares = self._moments.sum(axis=0), self._squares.sum(axis=0)
        left = {name: np.zeros(self._units) for name in models}
        total = np.zeros(self._units)
        for fold in there:
            train, test = whole - self._moments[fold], self._moments[fold]
            mean = train[0, self._features + 1 :] / train[0, 0]
            total += self._squares[fold] - 2 * mean * test[0, self._features + 1 :] + mean**2 * test[0, 0]
            for name, sets in models.items():
                chosen = np.concatenate([self._columns[each] for each in sets])
                weights = self._fitted(train, chosen, ridge)
                columns = np.concatenate([[0], chosen + 1])
                product = test[np.ix_(columns, columns)]
                cross = test[columns, self._features + 1 :]
                left[name] += self._squares[fold] + (weights * (product @ weights - 2 * cross)).sum(axis=0)
        is_changing = (total > 1e-9 * np.maximum(squares, 1e-300)) & (total > 0)
        return {
            name: np.where(is_changing, 1 - errors / np.where(is_changing, total, 1), np.nan)
            for name, errors in left.items()
        }

    def _fitted(self, train: Array, chosen: NDArray[np.int64], ridge: float) -> Array:
        """(intercept and feature, unit) weights; the intercept is not held back."""
        count, columns = train[0, 0], chosen + 1
        means = train[0, columns] / count
        of_units = train[0, self._features + 1 :] / count
        scatter = train[np.ix_(columns, columns)] - count * np.outer(means, means)
        cross = train[columns, self._features + 1 :] - count * np.outer(means, of_units)
        weights = np.linalg.solve(scatter + ridge * np.eye(len(chosen)), cross)
        return np.concatenate([(of_units - means @ weights)[None], weights])
