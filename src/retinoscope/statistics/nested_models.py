"""What one set of variables says of activity beyond another: linear models, one within the other, held out by folds.

A model is ridge regression (Hoerl & Kennard 1970) on features, bins among them as indicators. It is fitted from second
moments that are kept fold by fold, so that any number of models of the same features needs one pass over the rows, and
is judged on the fold that it has not seen: a model with more features has no advantage from that alone.

Features that drift from episode to episode can mislead a model that trusts them: what it says of a new episode is then
worse than nothing. How much a set of features is to be held back can be chosen, unit by unit, by the same share in the
folds that are left for fitting (nested cross-validation).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]

HELD_BACK = tuple(10.0**power for power in range(7))
"""By how much more than others a set of features may be held back."""


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

    def explained(
        self, models: Mapping[str, Iterable[str]], ridge: float, held_back: str | None = None
    ) -> dict[str, Array]:
        """(unit,) share of the variance that each model explains of the rows it was not fitted to.

        The variance is about the mean of the rows that a model was fitted to, summed over folds; a share below zero is
        worse than that mean. NaN for a unit that never changes.

        Args:
            models: names of sets of features, by the name of the model.
            ridge: weight of the penalty: a bin with so many rows is drawn half way to the mean.
            held_back: a set of features whose penalty is as many times the ridge as of `HELD_BACK` is best for a model
                of that set alone; None for none.

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
            times = np.ones(self._units)
            if held_back is not None and len(there) > 2:
                times = self._times(train, [each for each in there if each != fold], self._columns[held_back], ridge)
            for name, sets in models.items():
                penalties = {each: times if each == held_back else np.ones(self._units) for each in sets}
                left[name] += self._errors(train, fold, penalties, ridge)
        is_changing = (total > 1e-9 * np.maximum(squares, 1e-300)) & (total > 0)
        return {
            name: np.where(is_changing, 1 - errors / np.where(is_changing, total, 1), np.nan)
            for name, errors in left.items()
        }

    def _errors(self, train: Array, fold: int, penalties: Mapping[str, Array], ridge: float) -> Array:
        """(unit,) squared errors in a fold; of each set of features, (unit,) times how much it is held back."""
        chosen = np.concatenate([self._columns[each] for each in penalties])
        each_times = np.stack(list(penalties.values()))
        found = np.empty(self._units)
        for times in np.unique(each_times, axis=1).T:
            units = np.flatnonzero((each_times == times[:, None]).all(axis=0))
            weight = ridge * np.concatenate(
                [np.full(len(self._columns[name]), one) for name, one in zip(penalties, times, strict=True)]
            )
            means, scatter, cross, of_units = self._centred(train, chosen, units)
            slopes = np.linalg.solve(scatter + np.diag(weight), cross)
            found[units] = self._squared_errors(fold, chosen, slopes, of_units - means @ slopes, units)
        return found

    def _times(self, train: Array, folds: Iterable[int], chosen: NDArray[np.int64], ridge: float) -> Array:
        """(unit,) how much features are best held back, judged fold by fold among those that are left."""
        units = np.arange(self._units)
        errors = np.zeros((len(HELD_BACK), self._units))
        for fold in folds:
            means, scatter, cross, of_units = self._centred(train - self._moments[fold], chosen, units)
            values, axes = (np.asarray(each, np.float64) for each in np.linalg.eigh(scatter))
            along = axes.T @ cross
            for number, times in enumerate(HELD_BACK):
                slopes = axes @ (along / (np.maximum(values, 0.0) + ridge * times)[:, None])
                errors[number] += self._squared_errors(fold, chosen, slopes, of_units - means @ slopes, units)
        return np.asarray(HELD_BACK)[errors.argmin(axis=0)]

    def _squared_errors(
        self, fold: int, chosen: NDArray[np.int64], slopes: Array, intercepts: Array, units: NDArray[np.int64]
    ) -> Array:
        weights = np.concatenate([intercepts[None], slopes])
        columns = np.concatenate([[0], chosen + 1])
        product = self._moments[fold][np.ix_(columns, columns)]
        cross = self._moments[fold][np.ix_(columns, self._features + 1 + units)]
        return np.asarray(self._squares[fold][units] + (weights * (product @ weights - 2 * cross)).sum(axis=0))

    def _centred(
        self, train: Array, chosen: NDArray[np.int64], units: NDArray[np.int64]
    ) -> tuple[Array, Array, Array, Array]:
        """Means of features, their scatter, its product with the units, and means of these; intercepts are free."""
        count, columns, answers = train[0, 0], chosen + 1, self._features + 1 + units
        means, of_units = train[0, columns] / count, train[0, answers] / count
        scatter = train[np.ix_(columns, columns)] - count * np.outer(means, means)
        cross = train[np.ix_(columns, answers)] - count * np.outer(means, of_units)
        return means, scatter, cross, of_units
