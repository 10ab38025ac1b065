"""Which components of two memories go up and down together: one to one, whatever their sign (Kuhn 1955).

The best of many correlations is large by chance, and slow time courses have few independent moments. So the second
memory's time courses are also moved along by random amounts, which keeps how slow they are, and matched in the same
way; a pair counts as found where it is more alike than any pair in any of these matchings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ComponentMatch:
    """Components of two memories, paired.

    Attributes:
        partner: (component,) number of the second memory's component; -1 for none, where it has fewer.
        correlation: (component,) of the time courses, with its sign; NaN for none.
        chance: the largest absolute correlation of a pair in any matching with moved time courses; NaN without any.
    """

    partner: NDArray[np.intp]
    correlation: Array
    chance: float

    @property
    def is_found(self) -> NDArray[np.bool_]:
        """(component,) the pair is more alike than any by chance."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.correlation) > self.chance)


def match_components(first: NDArray, second: NDArray, shuffles: int = 0, seed: int = 0) -> ComponentMatch:
    """Pair components by their time courses in the same moments.

    Args:
        first: (moment, component).
        second: of as many moments.
        shuffles: matchings with time courses that are moved along, by an eighth of the moments at least.
        seed: of how far.

    Raises:
        UserError: the moments are not the same.
    """
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
        raise UserError(f"components: shapes {first.shape} and {second.shape} are not of the same moments; give those")
    one, other = _standardised(first), _standardised(second)
    partner, correlation = np.full(one.shape[1], -1), np.full(one.shape[1], np.nan)
    rows, columns, values = _matched(one, other)
    partner[rows], correlation[rows] = columns, values
    random, count = np.random.default_rng(seed), len(one)
    least = max(1, count // 8)
    highest = [
        np.abs(_matched(one, np.roll(other, int(moved), axis=0))[2]).max(initial=0.0)
        for moved in random.integers(least, max(count - least, least) + 1, size=shuffles)
    ]
    return ComponentMatch(partner, correlation, max(map(float, highest), default=np.nan))


def _matched(one: Array, other: Array) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    values = one.T @ other
    rows, columns = scipy.optimize.linear_sum_assignment(-np.abs(values))
    return rows, columns, values[rows, columns]


def _standardised(values: NDArray) -> Array:
    found = np.asarray(values, np.float64)
    found = found - found.mean(axis=0)
    length = np.sqrt(np.square(found).sum(axis=0))
    return np.asarray(np.divide(found, length, out=np.zeros_like(found), where=length > 1e-12))
