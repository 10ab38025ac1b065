"""Dataset examples by the words of their definition, sorting everything; shares no code with what it judges."""

from __future__ import annotations

import math

import numpy as np

LEVELS = ("high", "middle", "low")


def slow_levels(values: np.ndarray, proportion: float) -> dict[str, tuple[float, float]]:
    """(lowest, highest) of each level of one component, from all of its values."""
    ordered = sorted(values.ravel().tolist())
    n = len(ordered)
    k = max(1, math.floor(proportion * n + 0.5))
    middle = (n - k) // 2
    return {
        "high": (ordered[::-1][k - 1], math.inf),
        "middle": (ordered[middle + 1 - 1], ordered[middle + k - 1]),
        "low": (-math.inf, ordered[k - 1]),
    }


def slow_lists(
    activity: np.ndarray, proportion: float, gradient_step: int
) -> dict[str, dict[str, dict[str, list[int]]]]:
    """The lists of (sample, step, component), a loop at a time."""
    found: dict[str, dict[str, dict[str, list[int]]]] = {
        scope: {level: {} for level in LEVELS} for scope in ("any_step", "gradient_step")
    }
    for component in range(activity.shape[2]):
        levels = slow_levels(activity[:, :, component], proportion)
        for level in LEVELS:
            low, high = levels[level]
            anywhere, there = [], []
            for sample in range(len(activity)):
                at_level = [low <= float(value) <= high for value in activity[sample, :, component]]
                if any(at_level):
                    anywhere.append(sample)
                if at_level[gradient_step]:
                    there.append(sample)
            found["any_step"][level][str(component)] = anywhere
            found["gradient_step"][level][str(component)] = there
    return found
