"""What answers to gratings say of a unit: its preferences, how selective it is, whether it is simple or complex.

Units of networks may answer below their level at the grey screen as well as above it, so the strength of an answer to a
grating is its root-mean-square difference from the grey level over a cycle of phases. It is never negative, the same
for a unit and its negative, and holds what modulates (simple cells) and what does not (complex cells) alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.statistics.peaks import beside, refined_frequency, rolled, vertices

Array = NDArray[np.float64]

_UNMODULATED = 0.1
"""Of a unit that is modulated less than this (F1/F0) the preferred phase means nothing."""


@dataclass(frozen=True)
class GratingTuning:
    """Tuning of every unit, measured at the colour axis, orientation and frequency that drive it most.

    NaN in all of them for a unit that does not answer.

    Attributes:
        axis, orientation, frequency: (unit,) int64, place of the grating that drives it most in the table; -1 for a
            unit that does not answer.
        strength: (unit,) of the answer to that grating, in units of activity.
        mean_response: (unit,) mean over phases of the answer to it, F0: above 0 excited, below 0 suppressed.
        preferred_orientation: (unit,) degrees, 0 to 180, between the points of the grid by a parabola through three.
        preferred_frequency: (unit,) cycles per pixel, likewise on a logarithmic scale.
        preferred_phase: (unit,) degrees, at which the unit is most active; NaN where it is not modulated.
        selectivity: (unit,) 1 - circular variance, |sum R exp(2i theta)| / sum R: 0 without, 1 for one orientation.
        classic_selectivity: (unit,) (preferred - orthogonal) / (preferred + orthogonal).
        orientation_half_width: (unit,) degrees, half the width at half height; NaN where it does not fall to half.
        low_cut, high_cut: (unit,) cycles per pixel at which the answer has fallen to half; NaN where it does not.
        bandwidth: (unit,) octaves between these.
        modulation: (unit,) F1/F0, see `modulation_of`; above 1 simple, below 1 complex.
        linearity: (unit,) share of the mean squared answer that is the sinusoid of the grating itself: 1 for a linear
            unit, 1/2 for a half-wave rectified one, 0 for an energy model.
        axis_strength: (unit, axis) of the answer to the best grating along each axis.
        orientation_curve, frequency_curve: (unit, orientation), (unit, frequency) strengths through the best grating.
        phase_curve: (unit, phase) answers to it, above or below the grey level.
    """

    axis: NDArray[np.int64]
    orientation: NDArray[np.int64]
    frequency: NDArray[np.int64]
    strength: Array
    mean_response: Array
    preferred_orientation: Array
    preferred_frequency: Array
    preferred_phase: Array
    selectivity: Array
    classic_selectivity: Array
    orientation_half_width: Array
    low_cut: Array
    high_cut: Array
    bandwidth: Array
    modulation: Array
    linearity: Array
    axis_strength: Array
    orientation_curve: Array
    frequency_curve: Array
    phase_curve: Array


def grating_tuning(answers: Array, orientations: Array, frequencies: Array, silent_below: Array) -> GratingTuning:
    """Tuning from a table of answers.

    Args:
        answers: (unit, axis, orientation, frequency, phase), activity minus that at the grey screen. Phases are evenly
            spaced over a cycle.
        orientations: degrees, evenly spaced over 180, an even number, so that each has its orthogonal.
        frequencies: cycles per pixel, rising.
        silent_below: (unit,) a unit whose strongest answer is not above this does not answer.
    """
    strengths = np.sqrt(np.square(answers).mean(axis=-1))
    units = np.arange(len(answers))
    at = np.unravel_index(strengths.reshape(len(answers), -1).argmax(axis=1), strengths.shape[1:])
    axis, orientation, frequency = at
    strength = strengths[(units, *at)]
    is_silent = ~(strength > silent_below)
    curves = strengths[units, axis, :, frequency]
    along = strengths[units, axis, orientation, :]
    phases = answers[(units, *at)]
    first = _first_harmonic(phases)
    power = np.square(phases).mean(axis=1)
    modulation = modulation_of(phases)
    orthogonal = curves[units, (orientation + len(orientations) // 2) % len(orientations)]
    step = 180 / len(orientations)
    turned = orientations[orientation] + step * vertices(rolled(curves, orientation))
    # Stripes that are turned by 180 degrees are the same stripes, whose phase is counted the other way.
    angle = np.where((turned < 0) | (turned >= 180), -1, 1) * np.angle(first)
    widths = np.array([_half_width(curve, place) for curve, place in zip(curves, orientation, strict=True)])
    cuts = np.array([_cuts(curve, place, frequencies) for curve, place in zip(along, frequency, strict=True)])
    low, high = cuts.reshape(-1, 2).T
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = {
            "strength": strength,
            "mean_response": phases.mean(axis=1),
            "preferred_orientation": turned % 180,
            "preferred_frequency": refined_frequency(along, frequency, frequencies),
            "preferred_phase": np.where(modulation >= _UNMODULATED, np.degrees(angle) % 360, np.nan),
            "selectivity": selectivity_of(curves, orientations),
            "classic_selectivity": (strength - orthogonal) / (strength + orthogonal),
            "orientation_half_width": widths * step,
            "low_cut": low,
            "high_cut": high,
            "bandwidth": np.log2(high / low),
            "modulation": modulation,
            "linearity": np.square(np.abs(first)) / 2 / power,
            "axis_strength": strengths.max(axis=(2, 3)),
            "orientation_curve": curves,
            "frequency_curve": along,
            "phase_curve": phases,
        }
    places = {"axis": axis, "orientation": orientation, "frequency": frequency}
    return GratingTuning(
        **{name: np.where(is_silent, -1, each) for name, each in places.items()},
        **{name: np.where(beside(is_silent, each), np.nan, each) for name, each in measured.items()},
    )


def selectivity_of(curves: Array, orientations: Array) -> Array:
    """1 - circular variance (Ringach, Shapley & Hawken 2002) of curves (..., orientation) of strengths."""
    turns = np.exp(2j * np.radians(orientations))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(curves @ turns) / curves.sum(axis=-1))


def modulation_of(phases: Array) -> Array:
    """F1/F0 of the part of the answers that lies above the grey level (Skottun et al. 1991).

    That part is rectified, as the rate of a neuron is: F0 is its mean, F1 the amplitude of its first harmonic. Of a
    unit that goes further below the grey level than above it, what lies below is taken. A linear unit and a half-wave
    rectified one have pi / 2, an energy model 0; the largest possible is 2.

    Args:
        phases: (unit, phase), evenly spaced over a cycle.
    """
    goes_below = -phases.min(axis=1) > phases.max(axis=1)
    rectified = np.maximum(np.where(goes_below[:, None], -phases, phases), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(_first_harmonic(rectified)) / rectified.mean(axis=1))


def shuffled_selectivity(answers: Array, orientations: Array, shuffles: int, seed: int) -> Array:
    """What selectivity answers have whose orientation and phase are exchanged at random: its 95th percentile.

    Args:
        answers: (unit, orientation, phase) at the frequency that drives the unit most, minus that at the grey screen.
        orientations: degrees.
        shuffles: how many.
        seed: of the permutations.

    Returns:
        (unit,); NaN for a unit that is constant at its grey level.
    """
    random = np.random.default_rng(seed)
    flat = np.square(answers).reshape(len(answers), -1)
    found = np.empty((shuffles, len(answers)))
    for number in range(shuffles):
        mixed = flat[:, random.permutation(flat.shape[1])].reshape(answers.shape)
        found[number] = selectivity_of(np.sqrt(mixed.mean(axis=-1)), orientations)
    return np.asarray(np.quantile(found, 0.95, axis=0))


def _first_harmonic(phases: Array) -> NDArray[np.complex128]:
    """Complex amplitude: its length is F1, its angle the phase at which the answer is largest."""
    count = phases.shape[1]
    return np.asarray(2 / count * phases @ np.exp(2j * np.pi * np.arange(count) / count))


def _half_width(curve: Array, place: int) -> float:
    """Half the width at half height of a curve whose ends meet, in steps; NaN where either side stays above."""
    return (_steps_to_half(np.roll(curve, -place)) + _steps_to_half(np.roll(curve[::-1], place + 1))) / 2


def _cuts(curve: Array, place: int, frequencies: Array) -> tuple[float, float]:
    below, above = place - _steps_to_half(curve[place::-1]), place + _steps_to_half(curve[place:])
    low, high = np.exp(np.interp([below, above], np.arange(len(frequencies)), np.log(frequencies)))
    return (np.nan if np.isnan(below) else float(low)), (np.nan if np.isnan(above) else float(high))


def _steps_to_half(curve: Array) -> float:
    """From the peak, the first point, to where the curve falls to half of it, in steps; NaN if it does not."""
    half = curve[0] / 2
    fallen = np.flatnonzero(curve <= half)
    if not len(fallen) or not half > 0:
        return np.nan
    at = int(fallen[0])
    return float(at - (half - curve[at]) / (curve[at - 1] - curve[at]))
