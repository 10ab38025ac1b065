"""The lists of dataset examples one by one, the most extreme sample first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.memory.activations import Activations
from retinoscope.statistics.dataset_examples import (
    LEVELS,
    SCOPES,
    Extremes,
    Thresholds,
    centre_of_middle,
    extremeness_order,
    extremes_of_samples,
)

_LIST_BYTES = 300_000_000  # of lists that are held at a time


class ExampleList(NamedTuple):
    """The samples of one component at one level, the most extreme first.

    Attributes:
        scope: `any_step` or `gradient_step`.
        level: `high`, `middle` or `low`.
        component: its number.
        samples: (sample,) row numbers.
        values: (sample,) activation at the most extreme step at that level.
        steps: (sample,) that step.
    """

    scope: str
    level: str
    component: int
    samples: NDArray[np.intp]
    values: NDArray[np.floating]
    steps: NDArray[np.int32]


def example_lists(
    activations: Activations, numbers: NDArray[np.integer], thresholds: Thresholds, gradient_step: int
) -> Iterator[ExampleList]:
    """Every list, component by component, in as many passes as keep the memory bounded."""
    together = max(1, _LIST_BYTES // (120 * activations.count))
    for first in range(0, len(numbers), together):
        chosen = slice(first, min(first + together, len(numbers)))
        found = _extremes(activations, thresholds.of(chosen), gradient_step, chosen)
        centres = centre_of_middle(thresholds.of(chosen))
        for place, number in enumerate(numbers[chosen]):
            for scope in SCOPES:
                for level in LEVELS:
                    extremes = found[scope, level]
                    samples = np.flatnonzero(extremes.listed[:, place])
                    values, steps = extremes.value[samples, place], extremes.step[samples, place]
                    order = extremeness_order(values, level, float(centres[place]), samples)
                    yield ExampleList(scope, level, int(number), samples[order], values[order], steps[order])


def thresholds_of(one: xarray.Dataset) -> Thresholds:
    """The thresholds in the data of a Result of `dataset_examples`, of one proportion."""
    return Thresholds(*(one[name].values for name in ("high", "middle_from", "middle_to", "low", "median")))


def _extremes(
    activations: Activations, thresholds: Thresholds, step: int, chosen: slice
) -> dict[tuple[str, str], Extremes]:
    """Of all samples, for some of the components."""
    parts: dict[tuple[str, str], list[Extremes]] = {}
    for block in activations.blocks(chosen):
        for key, extremes in extremes_of_samples(block, thresholds, step).items():
            parts.setdefault(key, []).append(extremes)
    return {
        key: Extremes(
            *(np.concatenate([getattr(each, name) for each in several]) for name in ("listed", "value", "step"))
        )
        for key, several in parts.items()
    }
