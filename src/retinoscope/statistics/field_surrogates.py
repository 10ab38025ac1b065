"""Fields with nothing to find in them: what a fit explains of a field without a place, or without a shape.

Two halves of a field are changed alike, so that they agree with each other as much as before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEAST_ENVELOPE = 0.05  # of its largest value


def shuffled(halves: Array, random: np.random.Generator) -> Array:
    """The pixels of every field in another order: its weights with no neighbourhood.

    Args:
        halves: (half, field, height, width).
        random: of the orders, one for each field, the same in all of its halves.
    """
    flat = halves.reshape(*halves.shape[:2], -1)
    order = np.argsort(random.random(flat.shape[1:]), axis=1)
    return np.asarray(np.take_along_axis(flat, order[None], axis=2).reshape(halves.shape))


def with_random_phases(halves: Array, random: np.random.Generator, envelope: Array | None = None) -> Array:
    """Fields as smooth and as rich in every frequency and orientation as the given ones, with phases drawn anew.

    The surrogate of Theiler et al. 1992 (Physica D 58:77) in two dimensions: structure of one place becomes texture.

    Args:
        halves: (half, field, height, width).
        random: of the phases, one set for each field, the same in all of its halves.
        envelope: (height, width), at least zero: where in the field weights are large without any structure, as in the
            middle of what units see through several layers. Fields are divided by it before and multiplied after. None
            for the same everywhere.
    """
    size = halves.shape[2:]
    around = np.ones(size) if envelope is None else np.maximum(envelope / envelope.max(), _LEAST_ENVELOPE)
    noise = np.fft.rfft2(random.normal(size=halves.shape[1:]))
    turn = noise / np.maximum(np.abs(noise), 1e-300)
    return np.asarray(np.fft.irfft2(np.fft.rfft2(halves / around) * turn, s=size) * around)
