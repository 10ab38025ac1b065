"""Which samples drive a variable high, middling or low: the levels, and the lists of samples.

A sample is a number of consecutive steps. The levels of a variable are set over all steps of all samples, with *k* the
number of steps that a proportion of them makes: high is at or above the k-th largest value, low at or below the k-th
smallest, middle within the k values in the middle of the order, ends included. Ties at an end are all in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.order_statistics import Blocks, order_statistics

LEVELS = ("high", "middle", "low")
SCOPES = ("any_step", "gradient_step")


@dataclass(frozen=True)
class Thresholds:
    """Where the levels of each variable begin and end, all (variable,), ends included.

    Attributes:
        high: from here on upwards.
        middle_from, middle_to: the middle.
        low: from here on downwards.
        median: the ((n + 1) // 2)-th smallest of the n values.
    """

    high: NDArray[np.floating]
    middle_from: NDArray[np.floating]
    middle_to: NDArray[np.floating]
    low: NDArray[np.floating]
    median: NDArray[np.floating]

    def of(self, variables: slice) -> Thresholds:
        """Those of some of the variables."""
        parts = (self.high, self.middle_from, self.middle_to, self.low, self.median)
        return Thresholds(*(each[variables] for each in parts))


@dataclass(frozen=True)
class Extremes:
    """For one level and scope, what each sample has of it.

    Attributes:
        listed: (sample, variable) it is at that level.
        value: (sample, variable) at its most extreme step at that level: the highest, the lowest, or the one nearest to
            the centre of the middle. What it is where the sample is not listed has no meaning.
        step: (sample, variable) int32, that step; the first of equals.
    """

    listed: NDArray[np.bool_]
    value: NDArray[np.floating]
    step: NDArray[np.int32]


def level_ranks(count: int, proportion: float) -> tuple[int, int, int, int, int]:
    """Places of `high`, `middle_from`, `middle_to`, `low` and `median` in ascending order, counted from 0.

    Raises:
        UserError: the proportion is not above 0 and at most 0.5, or there are no values.
    """
    if not 0 < proportion <= 0.5:
        raise UserError(f"proportion {proportion}: must be above 0 and at most 0.5; 0.1 takes a tenth of the steps")
    if count < 1:
        raise UserError("dataset examples: there are no steps; give at least one sample of one step")
    taken = max(1, math.floor(proportion * count + 0.5))
    middle = (count - taken) // 2
    return count - taken, middle, middle + taken - 1, taken - 1, (count - 1) // 2


def find_thresholds(blocks: Blocks, count: int, variables: int, proportions: Iterable[float]) -> list[Thresholds]:
    """The thresholds for each of the proportions, in as many passes as one needs.

    Args:
        blocks: (step, variable) blocks, a pass at each call.
        count: number of steps in all.
        variables: number of variables.
        proportions: above 0, at most 0.5.

    Raises:
        UserError: a proportion is outside of this range, or there are no values.
    """
    ranks = [level_ranks(count, each) for each in proportions]
    places = sorted({rank for each in ranks for rank in each})
    values = dict(zip(places, order_statistics(blocks, places, variables), strict=True))
    return [Thresholds(*(values[rank] for rank in each)) for each in ranks]


def extremes_of_samples(
    activations: NDArray[np.floating], thresholds: Thresholds, gradient_step: int
) -> dict[tuple[str, str], Extremes]:
    """What each sample has of each level, by (scope, level).

    Args:
        activations: (sample, step, variable).
        thresholds: of these variables.
        gradient_step: the step that `gradient_step` looks at.
    """
    now = activations[:, gradient_step]
    step_now = np.full(now.shape, gradient_step, np.int32)
    found: dict[tuple[str, str], Extremes] = {}
    for level in LEVELS:
        step = _most_extreme_step(activations, thresholds, level)
        value = np.take_along_axis(activations, step[:, None], axis=1)[:, 0]
        found["any_step", level] = Extremes(is_at_level(value, thresholds, level), value, step.astype(np.int32))
        found["gradient_step", level] = Extremes(is_at_level(now, thresholds, level), now, step_now)
    return found


def is_at_level(values: NDArray[np.floating], thresholds: Thresholds, level: str) -> NDArray[np.bool_]:
    """Which values are at a level: (..., variable) -> (..., variable)."""
    if level == "high":
        return values >= thresholds.high
    if level == "low":
        return values <= thresholds.low
    is_there = values >= thresholds.middle_from
    is_there &= values <= thresholds.middle_to
    return is_there


def at_any_step(is_there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(sample, step, variable) -> (sample, variable)."""
    found = is_there[:, 0].copy()
    for step in range(1, is_there.shape[1]):  # several times quicker than `any` over the middle axis
        found |= is_there[:, step]
    return found


def extremeness_order(
    values: NDArray[np.floating], level: str, centre: float, samples: NDArray[np.integer]
) -> NDArray[np.intp]:
    """The order from the most extreme to the least, of equals the earlier sample first: indices into `values`."""
    key = {"high": -values, "low": values, "middle": np.abs(values - centre)}[level]
    return np.lexsort((samples, key))


def centre_of_middle(thresholds: Thresholds) -> NDArray[np.floating]:
    """Halfway between the ends of the middle, (variable,)."""
    return thresholds.middle_from + (thresholds.middle_to - thresholds.middle_from) / 2


def _most_extreme_step(activations: NDArray[np.floating], thresholds: Thresholds, level: str) -> NDArray[np.intp]:
    """(sample, variable); the first of equals."""
    if level == "high":
        return activations.argmax(axis=1)
    if level == "low":
        return activations.argmin(axis=1)
    distance = np.abs(activations - centre_of_middle(thresholds))
    # Rounding may bring a step outside of the middle as near to its centre as one at its end.
    return np.where(is_at_level(activations, thresholds, level), distance, np.inf).argmin(axis=1)
