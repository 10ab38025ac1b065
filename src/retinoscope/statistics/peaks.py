"""Where curves on a grid have their peaks, between the points of the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rolled(curves: Array, places: NDArray[np.int64]) -> Array:
    """Before, at and after the peak of curves whose ends meet: (unit, 3).

    Args:
        curves: (unit, point).
        places: (unit,) of the peaks.
    """
    count = curves.shape[1]
    return np.stack([curves[np.arange(len(curves)), (places + shift) % count] for shift in (-1, 0, 1)], axis=1)


def vertices(three: Array) -> Array:
    """Where the parabola through three points, the highest in their middle, has its peak: (unit,), -1/2 to 1/2 steps.

    Args:
        three: (unit, 3).
    """
    before, peak, after = three.T
    bend = before - 2 * peak + after
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bend < 0, np.clip((before - after) / (2 * bend), -0.5, 0.5), 0.0)


def refined_frequency(curves: Array, places: NDArray[np.int64], frequencies: Array) -> Array:
    """The frequency of the peak, between the points of the grid on a logarithmic scale; at an end of it, that end.

    Args:
        curves: (unit, frequency).
        places: (unit,) of the peaks.
        frequencies: of the grid, rising.
    """
    last = len(frequencies) - 1
    is_end = (places == 0) | (places == last)
    inside = np.clip(places, 1, last - 1)
    moved = places + np.where(is_end, 0.0, vertices(rolled(curves, inside)))
    return np.asarray(np.exp(np.interp(moved, np.arange(last + 1), np.log(frequencies))))


def beside(is_silent: NDArray[np.bool_], values: Array) -> NDArray[np.bool_]:
    """The same in a shape that goes with values (unit, ...)."""
    return is_silent.reshape(-1, *[1] * (values.ndim - 1))
