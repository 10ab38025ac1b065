"""Edits of one direction of a state, and random directions of the same variance to compare them with.

A component is read out of the state h by its direction, s = direction . (h - mean), and shows in it as its pattern:
changing s by d changes h by d times the pattern. All edits are affine, h -> matrix h + offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.components import Array, Components

_STEEPEST = 60.0


@dataclass(frozen=True)
class StateEdit:
    """h -> matrix @ h + offset: (unit, unit) and (unit,)."""

    matrix: Array
    offset: Array

    def apply(self, states: NDArray[np.floating]) -> Array:
        """(..., unit) -> (..., unit)."""
        return np.asarray(states, np.float64) @ self.matrix.T + self.offset


@dataclass(frozen=True)
class Reading:
    """A direction of unit variance in the state.

    Attributes:
        direction: (unit,) its activation is direction . (h - mean); has unit variance.
        pattern: (unit,) how the state changes with it.
        mean: (unit,) of the state.
    """

    direction: Array
    pattern: Array
    mean: Array


def reading_of(components: Components, number: int, deviations: Array) -> Reading:
    """A component as a direction of unit variance; `deviations` (component,) are those of the activations.

    Raises:
        UserError: the components are not uncorrelated readouts of the state, so that nothing of the same variance can
        be
            drawn.
    """
    if components.method not in ("ica", "pca"):
        raise UserError(f"components {components.method}: cannot be intervened on; choose ica:16 or pca:16")
    if not 0 <= number < components.count:
        raise UserError(f"component {number}: there are components 0 to {components.count - 1}; choose among these")
    size = deviations[number]
    return Reading(components.directions()[number] / size, components.patterns()[number] * size, components.offset)


def reading_along(vector: NDArray[np.floating], states: NDArray[np.floating]) -> Reading:
    """A vector in the state, read along itself: a unit, a difference of means.

    Its activation is the state's part along the vector, in standard deviations of that, and pushing it moves the state
    along the vector and nowhere else.

    Args:
        vector: (unit,) of any length above 0.
        states: (row, unit) of which mean and deviation are taken.

    Raises:
        UserError: nothing of the state varies along the vector.
    """
    mean = np.asarray(states, np.float64).mean(axis=0)
    along = np.asarray(vector, np.float64)
    length = float(along @ along)
    deviation = float(((states - mean) @ along).std())
    if not length or not np.isfinite(length) or deviation <= 1e-12 * np.sqrt(length):
        raise UserError("direction: nothing of the state varies along it; choose another")
    return Reading(along / deviation, along * (deviation / length), mean)


def reading_of_decoder(weights: NDArray[np.floating], states: NDArray[np.floating]) -> Reading:
    """What a linear decoder reads, weights . h, and how the state changes with it over the states.

    The pattern is the covariance of the state with what is read (Haufe et al. 2014, "On the interpretation of weight
    vectors of linear models in multivariate neuroimaging", NeuroImage 87), not the weights, which also cancel noise.

    Args:
        weights: (unit,).
        states: (row, unit).

    Raises:
        UserError: what is read never changes.
    """
    mean = np.asarray(states, np.float64).mean(axis=0)
    read = (states - mean) @ np.asarray(weights, np.float64)
    deviation = float(read.std())
    if deviation <= 1e-12 * float(np.linalg.norm(weights)) or not np.isfinite(deviation):
        raise UserError("direction: what the decoder reads never changes; choose another")
    pattern = (states - mean).T @ read / len(states) / deviation
    return Reading(np.asarray(weights, np.float64) / deviation, pattern, mean)


def clamp(reading: Reading, dose: float = 0.0) -> StateEdit:
    """Hold the activation at so many standard deviations from its mean."""
    matrix = np.eye(len(reading.mean)) - np.outer(reading.pattern, reading.direction)
    return StateEdit(matrix, reading.pattern * (float(reading.direction @ reading.mean) + dose))


def add(reading: Reading, dose: float) -> StateEdit:
    """Add so many standard deviations to the activation."""
    return StateEdit(np.eye(len(reading.mean)), reading.pattern * dose)


def ablate(reading: Reading) -> StateEdit:
    """Remove the direction: afterwards nothing of the state projects on it, as in a state of zeros."""
    return StateEdit(
        np.eye(len(reading.mean)) - np.outer(reading.pattern, reading.direction), np.zeros(len(reading.mean))
    )


def swap(one: Reading, other: Reading) -> StateEdit:
    """Exchange the activations of two directions, in units of their standard deviations."""
    difference = other.direction - one.direction
    matrix = np.eye(len(one.mean)) + np.outer(one.pattern - other.pattern, difference)
    return StateEdit(matrix, -(one.pattern - other.pattern) * float(difference @ one.mean))


def random_reading(components: Components, deviations: Array, explained: float, random: np.random.Generator) -> Reading:
    """A random direction, in the space of the components, that explains this share of the variance of the state.

    In the coordinates of the principal components, all of unit variance, a direction q of unit length explains the sum
    of q_j^2 lambda_j. A random q is tilted towards the larger or the smaller of them, q_j lambda_j^b, until that is the
    share wanted; it grows with b. A share beyond what the space holds gives the nearest there is.

    Args:
        components: found by `ica` or `pca`.
        deviations: (component,) of their activations.
        explained: share of the variance of the standardised state.
        random: draws the direction.
    """
    patterns = components.mixing * deviations  # of components of unit variance, in the standardised state
    _, roots, right = np.linalg.svd(patterns, full_matrices=False)
    wanted = explained * len(components.offset)
    start = random.standard_normal(len(roots))
    lowest, highest = -_STEEPEST, _STEEPEST
    for _ in range(200):
        tilt = (lowest + highest) / 2
        logarithms = np.log(np.abs(start)) + tilt * np.log(roots / roots[0])
        tilted = np.sign(start) * np.exp(logarithms - logarithms.max())
        tilted /= np.linalg.norm(tilted)
        if float((tilted**2) @ roots**2) < wanted:
            lowest = tilt
        else:
            highest = tilt
    weights = right.T @ tilted  # of the components of unit variance
    return Reading(
        (weights / deviations) @ components.directions(),
        (weights * deviations) @ components.patterns(),
        components.offset,
    )
