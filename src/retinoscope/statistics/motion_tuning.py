"""What answers to drifting gratings say of a unit: in which direction and how fast it wants the picture to move.

The strength of an answer is its root-mean-square difference from the activity at the grey screen over whole cycles, as
for gratings that stand still (`grating_tuning`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.statistics.peaks import beside, refined_frequency, rolled, vertices

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MotionTuning:
    """Tuning of every unit, measured at the drifting grating that drives it most.

    NaN in all of them for a unit that nothing moves from its activity at the grey screen, and in all but
    `motion_index` and the strengths for one that only stripes that stand still do.

    Attributes:
        strength: (unit,) of the answer to that grating, in units of activity.
        opposite_strength: (unit,) to the same grating drifting in the opposite direction.
        still_strength: (unit,) to the grating that drives it most of those that stand still.
        preferred_direction: (unit,) degrees, 0 to 360: 0 to the right, anticlockwise; between the points of the grid by
            a parabola through three.
        preferred_frequency: (unit,) cycles per pixel, likewise on a logarithmic scale.
        preferred_rate: (unit,) cycles per decision, of the grid.
        preferred_speed: (unit,) pixels per decision: rate over frequency.
        selectivity: (unit,) 1 - circular variance over directions, |sum R exp(i theta)| / sum R.
        classic_selectivity: (unit,) (preferred - opposite) / (preferred + opposite): 0 for a unit to which direction
            makes no difference, 1 for one that does not answer to the opposite one (De Valois, Yund & Hepler 1982).
        motion_index: (unit,) (drifting - still) / (drifting + still) of the strongest answers: -1 to stripes that stand
            still alone, 1 to moving ones alone.
        direction_curve, rate_curve: (unit, direction), (unit, rate) strengths through the best grating.
    """

    strength: Array
    opposite_strength: Array
    still_strength: Array
    preferred_direction: Array
    preferred_frequency: Array
    preferred_rate: Array
    preferred_speed: Array
    selectivity: Array
    classic_selectivity: Array
    motion_index: Array
    direction_curve: Array
    rate_curve: Array


def motion_tuning(
    strengths: Array, still_strength: Array, directions: Array, frequencies: Array, rates: Array, silent_below: Array
) -> MotionTuning:
    """Tuning from tables of strengths.

    Args:
        strengths: (unit, rate, direction, frequency) of answers to drifting gratings.
        still_strength: (unit,) of the strongest answer to one that stands still.
        directions: degrees, evenly spaced over 360, an even number, so that each has its opposite.
        frequencies: cycles per pixel, rising.
        rates: cycles per decision.
        silent_below: (unit,) an answer that is not above this is none.
    """
    units = np.arange(len(strengths))
    at = np.unravel_index(strengths.reshape(len(strengths), -1).argmax(axis=1), strengths.shape[1:])
    rate, direction, frequency = at
    strength = strengths[(units, *at)]
    curves = strengths[units, rate, :, frequency]
    opposite = curves[units, (direction + len(directions) // 2) % len(directions)]
    step = 360 / len(directions)
    finest = refined_frequency(strengths[units, rate, direction], frequency, frequencies)
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = {
            "opposite_strength": opposite,
            "preferred_direction": (directions[direction] + step * vertices(rolled(curves, direction))) % 360,
            "preferred_frequency": finest,
            "preferred_rate": rates[rate],
            "preferred_speed": rates[rate] / finest,
            "selectivity": np.abs(curves @ np.exp(1j * np.radians(directions))) / curves.sum(axis=-1),
            "classic_selectivity": (strength - opposite) / (strength + opposite),
            "direction_curve": curves,
            "rate_curve": strengths[units, :, direction, frequency],
        }
        of_both = {
            "strength": strength,
            "still_strength": still_strength,
            "motion_index": (strength - still_strength) / (strength + still_strength),
        }
    is_unmoved = ~(strength > silent_below)
    is_silent = is_unmoved & ~(still_strength > silent_below)
    return MotionTuning(
        **{name: np.where(beside(is_unmoved, each), np.nan, each) for name, each in measured.items()},
        **{name: np.where(is_silent, np.nan, each) for name, each in of_both.items()},
    )
