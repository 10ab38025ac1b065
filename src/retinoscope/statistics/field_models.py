"""Two shapes that a receptive field may have, with sign: a Gabor and a difference of Gaussians, eight numbers each.

Both are sums of two parts whose amplitudes enter linearly: a cosine and a sine under one envelope (Jones and Palmer
1987, Journal of Neurophysiology 58:1233), a centre and a surround (Rodieck 1965, Vision Research 5:583). So each has
six shape parameters and two amplitudes, and neither fits better for having more to turn. A difference of Gaussians may
be elongated, by a factor of two at most, as those of the retina and of the geniculate are; what is longer is oriented.

Pixels are counted from the middle of the first one: x along a row, y down a column. Angles are radians, from the x axis
towards the y axis, so clockwise as a picture is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SMALLEST_SIGMA = 0.5
"""Pixels: half of a pixel is the least that an envelope can be told by."""
NYQUIST = 0.5
"""Cycles per pixel."""
_POSITIONS = 7  # of starts along each side, at most
_ORIENTATIONS = 8
_ASPECT = 2.0  # of a difference of Gaussians, at most
_RATIO = (1.25, 6.0)  # of the surround's to the centre's standard deviation


@dataclass(frozen=True)
class Shape:
    """A family of fields: shape parameters, their bounds, and starts for a search.

    Attributes:
        name: `gabor` or `difference_of_gaussians`.
        names: of the shape parameters, in their order.
        parts: (field, parameter), pixels x and y (pixel,) -> the two parts (field, 2, pixel).
        slopes: the same and amplitudes (field, 2) -> derivatives of the weighted sum by every shape parameter
            (field, parameter, pixel).
        bounds: height, width -> lowest and highest value (2, parameter); an angle has none.
        starts: height, width -> shape parameters (start, parameter) that cover what is possible.
        kind: which of the parameters tells starts apart: of each of its values the best start is followed.
    """

    name: str
    names: tuple[str, ...]
    parts: Callable[[Array, Array, Array], Array]
    slopes: Callable[[Array, Array, Array, Array], Array]
    bounds: Callable[[int, int], Array]
    starts: Callable[[int, int], Array]
    kind: int


def pixels(height: int, width: int, dtype: type[np.floating] = np.float64) -> tuple[Array, Array]:
    """Columns x and rows y of all pixels, row by row, (height x width,) each; parts and slopes have their precision."""
    y, x = np.mgrid[:height, :width].astype(dtype)
    return x.ravel(), y.ravel()


def _turned(shapes: Array, x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """Coordinates across and along, (field, pixel), and cosine and sine of the angle (field, 1)."""
    cosine, sine = np.cos(shapes[:, 2, None]), np.sin(shapes[:, 2, None])
    right, down = x - shapes[:, 0, None], y - shapes[:, 1, None]
    return right * cosine + down * sine, down * cosine - right * sine, cosine, sine


def _gabor_parts(shapes: Array, x: Array, y: Array) -> Array:
    shapes = shapes.astype(x.dtype)
    across, along, _, _ = _turned(shapes, x, y)
    frequency, wide, long = (shapes[:, each, None] for each in (3, 4, 5))
    envelope = np.exp(-0.5 * ((across / wide) ** 2 + (along / long) ** 2))
    phase = 2 * np.pi * frequency * across
    return np.stack([envelope * np.cos(phase), envelope * np.sin(phase)], axis=1)


def _gabor_slopes(shapes: Array, amplitudes: Array, x: Array, y: Array) -> Array:
    shapes, amplitudes = shapes.astype(x.dtype), amplitudes.astype(x.dtype)
    across, along, cosine, sine = _turned(shapes, x, y)
    frequency, wide, long = (shapes[:, each, None] for each in (3, 4, 5))
    envelope = np.exp(-0.5 * ((across / wide) ** 2 + (along / long) ** 2))
    turn = 2 * np.pi * across
    even, odd = np.cos(frequency * turn), np.sin(frequency * turn)
    first, second = amplitudes[:, :1], amplitudes[:, 1:]
    value = envelope * (first * even + second * odd)
    by_phase = envelope * (second * even - first * odd)
    by_across = by_phase * (2 * np.pi * frequency) - value * across / wide**2
    by_along = -value * along / long**2
    return np.stack(
        [
            by_along * sine - by_across * cosine,
            -by_across * sine - by_along * cosine,
            by_across * along - by_along * across,
            by_phase * turn,
            value * across**2 / wide**3,
            value * along**2 / long**3,
        ],
        axis=1,
    )


def _gabor_bounds(height: int, width: int) -> Array:
    side = min(height, width)
    largest = max(side / 2, 2 * SMALLEST_SIGMA)
    low = [0, 0, -np.inf, 0.25 / max(height, width), SMALLEST_SIGMA, SMALLEST_SIGMA]
    return np.array([low, [width - 1, height - 1, np.inf, NYQUIST, largest, largest]], np.float64)


def _gabor_starts(height: int, width: int) -> Array:
    side = min(height, width)
    sigmas = np.unique(np.maximum(side / np.array([10.0, 6.0, 3.5]), 0.8))
    frequencies = np.geomspace(min(0.6 / max(height, width), 0.2), 0.4, 6)
    angles = np.arange(_ORIENTATIONS) * np.pi / _ORIENTATIONS
    grid = _grid(*_positions(height, width), angles, frequencies, sigmas)
    cycles = grid[:, 3] * grid[:, 4]
    grid = grid[(cycles > 0.04) & (cycles < 1.0)]
    return np.concatenate([grid, grid[:, 4:]], axis=1)


def _dog_parts(shapes: Array, x: Array, y: Array) -> Array:
    shapes = shapes.astype(x.dtype)
    square = _dog_square(shapes, x, y)[0]
    return np.stack([np.exp(-0.5 * square), np.exp(-0.5 * square / shapes[:, 5, None] ** 2)], axis=1)


def _dog_square(shapes: Array, x: Array, y: Array) -> tuple[Array, ...]:
    """Squared distance in standard deviations of the centre, and what it is made of."""
    across, along, cosine, sine = _turned(shapes, x, y)
    sigma, aspect = shapes[:, 3, None], shapes[:, 4, None]
    return (across**2 * aspect + along**2 / aspect) / sigma**2, across, along, cosine, sine, sigma, aspect


def _dog_slopes(shapes: Array, amplitudes: Array, x: Array, y: Array) -> Array:
    shapes, amplitudes = shapes.astype(x.dtype), amplitudes.astype(x.dtype)
    square, across, along, cosine, sine, sigma, aspect = _dog_square(shapes, x, y)
    ratio = shapes[:, 5, None]
    centre = amplitudes[:, :1] * np.exp(-0.5 * square)
    surround = amplitudes[:, 1:] * np.exp(-0.5 * square / ratio**2)
    by_square = -0.5 * (centre + surround / ratio**2)
    by_across = by_square * 2 * across * aspect / sigma**2
    by_along = by_square * 2 * along / (aspect * sigma**2)
    return np.stack(
        [
            by_along * sine - by_across * cosine,
            -by_across * sine - by_along * cosine,
            by_across * along - by_along * across,
            by_square * -2 * square / sigma,
            by_square * (across**2 - (along / aspect) ** 2) / sigma**2,
            surround * square / ratio**3,
        ],
        axis=1,
    )


def _dog_bounds(height: int, width: int) -> Array:
    largest = max(min(height, width) / 2, 2 * SMALLEST_SIGMA)
    low = [0, 0, -np.inf, SMALLEST_SIGMA, 1.0, _RATIO[0]]
    return np.array([low, [width - 1, height - 1, np.inf, largest, _ASPECT, _RATIO[1]]], np.float64)


def _dog_starts(height: int, width: int) -> Array:
    side = min(height, width)
    sigmas = np.unique(np.maximum(side / np.array([16.0, 10.0, 7.0, 5.0, 3.5]), 0.7))
    angles = np.arange(4) * np.pi / 4
    return _grid(*_positions(height, width), angles, sigmas, np.array([1.3]), np.array([1.5, 2.5]))


def _positions(height: int, width: int) -> tuple[Array, Array]:
    """Columns and rows at which starts lie."""
    x, y = (
        np.linspace(0, side - 1, min(side, _POSITIONS + 2))[1:-1] if side > 2 else np.zeros(1)
        for side in (width, height)
    )
    return x, y


def _grid(*axes: Array) -> Array:
    return np.stack([each.ravel() for each in np.meshgrid(*axes, indexing="ij")], axis=1)


GABOR = Shape(
    "gabor",
    ("x", "y", "angle", "frequency", "sigma_across", "sigma_along"),
    _gabor_parts,
    _gabor_slopes,
    _gabor_bounds,
    _gabor_starts,
    kind=3,
)
"""Stripes across `angle`; sigma in pixels, frequency in cycles per pixel."""

DIFFERENCE_OF_GAUSSIANS = Shape(
    "difference_of_gaussians",
    ("x", "y", "angle", "sigma", "aspect", "surround_ratio"),
    _dog_parts,
    _dog_slopes,
    _dog_bounds,
    _dog_starts,
    kind=3,
)
"""`sigma` is the centre's, the geometric mean of both axes, whose ratio is `aspect`; the surround's is `surround_ratio`
times as large."""
