"""Linear fields under correlated stimuli: regularised regression from second moments, judged on held-out data.

Under correlated stimuli the average stimulus weighted by activity is the field blurred by the correlations. Regression
undoes that (Theunissen et al. 2001, Network 12:289; Willmore & Smyth 2003, Network 14:553), but divides by variances
that are next to nothing for the fine detail of natural images, so that it has to be regularised: by a Gaussian prior on
the weights (ridge) or by leaving out the directions of least variance. How strongly is chosen for every unit on data
that are neither fitted nor judged.

All that is needed are second moments, which are added up batch by batch, fold by fold: memory grows with the square of
the number of inputs and not with the number of stimuli. Correlations on held-out data follow from their moments too:
of a prediction w'x with the activity y, w'c / sqrt(w'Cw v) with C, c and v the covariances of x, of x and y, and of y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]
Regularisation = Literal["ridge", "components"]

RIDGES = 10.0 ** np.arange(-6.0, 2.5, 0.5)
"""Strengths that are tried: of the ridge, relative to the mean variance of an input."""
SHARES = 2.0 ** np.arange(-8.0, 0.5, 0.5)
"""Shares of all principal components that are tried, the rest left out."""

FEWEST_FOLDS = 3
_NOTHING = 1e-12  # of the largest variance; below it there is none


@dataclass(frozen=True)
class LinearFieldsEstimate:
    """Fields of units, and how well they predict.

    Attributes:
        fields: (unit, input) float64, change of activity per unit of an input; zeros for a unit that never changed.
        r: (fold, unit) correlation of prediction and activity on each fold, by fields that were fitted without it; 0
            where nothing could be predicted, NaN where the activity does not change.
        strength: (unit,) of the regularisation, the median over folds: a ridge, or a share of components.
        reliability: (unit,) agreement of this estimate with a second one like it: cosine between fields fitted to even
            and to odd folds, raised by Spearman-Brown; NaN for a unit that never changed.
        average: (unit, input) the average stimulus weighted by activity, E[(x - mean) (y - mean)], that is not
            corrected for the correlations.
        stimuli: how many there were.
    """

    fields: Array
    r: Array
    strength: Array
    reliability: Array
    average: Array
    stimuli: int


class _Centred(NamedTuple):
    """Moments around the mean: of the inputs (input, input), of inputs and units (input, unit), of units (unit,)."""

    mean_x: Array
    mean_y: Array
    inputs: Array
    both: Array
    units: Array


class LinearFields:
    """Adds up second moments of stimuli and activity, in folds of which each is predicted from the others."""

    def __init__(self, inputs: int, units: int, folds: int) -> None:
        """Sizes.

        Raises:
            UserError: there are fewer than three folds: one is to fit, one to choose the strength, and one to judge.
        """
        if folds < FEWEST_FOLDS:
            raise UserError(f"folds: {folds} are too few; give at least {FEWEST_FOLDS}")
        self._counts = np.zeros(folds, np.int64)
        self._sum_x, self._sum_y = np.zeros((folds, inputs)), np.zeros((folds, units))
        self._xx, self._xy = np.zeros((folds, inputs, inputs)), np.zeros((folds, inputs, units))
        self._yy = np.zeros((folds, units))

    @property
    def folds(self) -> int:
        """How many there are."""
        return len(self._counts)

    def update(self, stimuli: NDArray[np.floating], activity: NDArray[np.floating], fold: int) -> None:
        """Add a batch to a fold: (count, input), best near zero for the sake of digits, and (count, unit)."""
        x, y = stimuli.astype(np.float64), activity.astype(np.float64)
        self._counts[fold] += len(x)
        self._sum_x[fold] += x.sum(axis=0)
        self._sum_y[fold] += y.sum(axis=0)
        self._xx[fold] += x.T @ x
        self._xy[fold] += x.T @ y
        self._yy[fold] += (y**2).sum(axis=0)

    def merge(self, other: LinearFields) -> None:
        """Add what another accumulator of the same sizes has seen."""
        self._counts += other._counts
        for name in ("_sum_x", "_sum_y", "_xx", "_xy", "_yy"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def finalize(self, regularisation: Regularisation = "ridge") -> LinearFieldsEstimate:
        """Fit, choose and judge.

        Raises:
            UserError: a fold is empty.
        """
        if not self._counts.all():
            raise UserError(f"folds: {int((self._counts == 0).sum())} of {self.folds} are empty; give more stimuli")
        folds = range(self.folds)
        chosen = np.empty((self.folds, self._yy.shape[1]), np.int64)
        r = np.empty(chosen.shape)
        for fold in folds:
            # The fold behind it chooses, so that what is judged took part in nothing.
            judge = (fold + 1) % self.folds
            fit = _Fit(self._centred([each for each in folds if each not in (fold, judge)]), regularisation)
            chosen[fold] = fit.best(self._centred([judge]))
            fit = _Fit(self._centred([each for each in folds if each != fold]), regularisation)
            r[fold] = _correlation(fit.fields(chosen[fold]), self._centred([fold]))
        usual = np.median(chosen, axis=0).astype(np.int64)
        whole = self._centred(list(folds))
        is_silent = _is_silent(whole)
        halves = [_Fit(self._centred([*folds][half::2]), regularisation).fields(usual) for half in (0, 1)]
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine = (halves[0] * halves[1]).sum(axis=0) / np.sqrt((halves[0] ** 2).sum(0) * (halves[1] ** 2).sum(0))
        cosine = np.clip(np.where(is_silent, np.nan, np.nan_to_num(cosine)), 0, 1)
        return LinearFieldsEstimate(
            fields=np.where(is_silent, 0.0, _Fit(whole, regularisation).fields(usual)).T,
            r=np.where(is_silent, np.nan, r),
            strength=_strengths(regularisation)[usual],
            reliability=2 * cosine / (1 + cosine),
            average=whole.both.T.copy(),
            stimuli=int(self._counts.sum()),
        )

    def r_of(self, fields: Array) -> Array:
        """(fold, unit) correlation of activity with what other fields predict, (unit, input), of the first units."""
        found = []
        for fold in range(self.folds):
            data = self._centred([fold])
            first = slice(len(fields))
            mine = data._replace(mean_y=data.mean_y[first], both=data.both[:, first], units=data.units[first])
            found.append(_correlation(fields.T, mine))
        return np.stack(found)

    def _centred(self, folds: list[int]) -> _Centred:
        count = self._counts[folds].sum()
        mean_x, mean_y = self._sum_x[folds].sum(axis=0) / count, self._sum_y[folds].sum(axis=0) / count
        inputs = self._xx[folds].sum(axis=0) / count - np.outer(mean_x, mean_x)
        both = self._xy[folds].sum(axis=0) / count - np.outer(mean_x, mean_y)
        units = self._yy[folds].sum(axis=0) / count - mean_y**2
        return _Centred(mean_x, mean_y, inputs, both, np.maximum(units, 0.0))


class _Fit:
    """Regression on the principal axes of the stimuli, where every strength costs one division."""

    def __init__(self, moments: _Centred, regularisation: Regularisation) -> None:
        self._moments = moments
        variances, axes = np.linalg.eigh(moments.inputs)
        self._axes = np.ascontiguousarray(axes[:, ::-1])  # matrices that run backward are multiplied without BLAS
        variances = np.maximum(variances[::-1], 0.0)
        self._projected = self._axes.T @ moments.both
        self._filters = np.stack([_filter(variances, each, regularisation) for each in _strengths(regularisation)])

    def fields(self, chosen: NDArray[np.int64]) -> Array:
        """(input, unit) with the strength of this number for each unit."""
        return np.asarray(self._axes @ (self._filters[chosen].T * self._projected))

    def best(self, other: _Centred) -> NDArray[np.int64]:
        """(unit,) number of the strength whose prediction of other data errs least."""
        ours = self._moments
        rotated = self._axes.T @ other.inputs @ self._axes
        both = self._axes.T @ other.both
        shift = self._axes.T @ (other.mean_x - ours.mean_x)
        errors = []
        for each in self._filters:
            weights = each[:, None] * self._projected
            spread = (weights * (rotated @ weights - 2 * both)).sum(axis=0)
            offset = other.mean_y - ours.mean_y - shift @ weights
            errors.append(spread + offset**2)
        return np.asarray(np.argmin(errors, axis=0))


def _strengths(regularisation: Regularisation) -> Array:
    return RIDGES if regularisation == "ridge" else SHARES


def _filter(variances: Array, strength: float, regularisation: Regularisation) -> Array:
    """What the covariance with each principal component, in falling order of variance, is multiplied by."""
    if regularisation == "ridge":
        ridge = strength * variances.mean()
        return 1 / (variances + ridge) if ridge else np.zeros_like(variances)
    kept = max(1, round(strength * len(variances)))
    is_kept = (np.arange(len(variances)) < kept) & (variances > _NOTHING * variances[0])
    return np.asarray(np.where(is_kept, 1 / np.where(is_kept, variances, 1.0), 0.0))


def _correlation(fields: Array, data: _Centred) -> Array:
    """(input, unit) fields -> (unit,) correlation of what they predict with what happened."""
    predicted = (fields * (data.inputs @ fields)).sum(axis=0)
    together = (fields * data.both).sum(axis=0)
    scale = np.sqrt(np.maximum(predicted, 0) * data.units)
    r = np.divide(together, scale, out=np.zeros_like(together), where=scale > 0)
    return np.where(_is_silent(data) | np.isnan(predicted), np.nan, np.clip(r, -1, 1))


def _is_silent(data: _Centred) -> NDArray[np.bool_]:
    """Units whose activity never changes, but for rounding."""
    return np.asarray(data.units <= 1e-12 * np.maximum(data.mean_y**2, 1e-12))
