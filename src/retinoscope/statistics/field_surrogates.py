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
    """Textures as smooth as the given fields, and as rich in every frequency and orientation: phases drawn anew.

    The surrogate of Theiler et al. 1992 (Physica D 58:77) in two dimensions. Its power is that of what both halves
    share, by the transform of their cross-correlation, so that no edge meets the opposite one; the correlation at a
    distance is divided by how many pairs of pixels lie at it, and fades out towards the size of the field. What the
    halves do not share is shuffled, in each of them by itself, and added again. The correlation of a single patch is
    known only roughly: of textures whose own correlation reaches far into it, surrogates are somewhat too rough.

    Args:
        halves: (2, field, height, width).
        random: of the phases, one set for each field, the same in both of its halves.
        envelope: (height, width), at least zero: where in the field weights are large without any structure, as in the
            middle of what units see through several layers. Fields are divided by it before and multiplied after. None
            for the same everywhere.
    """
    return _textures(halves, random, envelope, is_round=False)


def smooth_noise(halves: Array, random: np.random.Generator, envelope: Array | None = None) -> Array:
    """Noise as smooth as the given fields, in all directions alike.

    As `with_random_phases`, with the power of all orientations averaged at every spatial frequency. A field of stripes
    keeps its stripes when only phases are drawn anew, for they are in its power; here they are gone.

    Args:
        halves: (2, field, height, width).
        random: of the phases, one set for each field, the same in both of its halves.
        envelope: (height, width), see `with_random_phases`.
    """
    return _textures(halves, random, envelope, is_round=True)


def _textures(halves: Array, random: np.random.Generator, envelope: Array | None, is_round: bool) -> Array:
    size = halves.shape[2:]
    twice = (2 * size[0], 2 * size[1])
    around = np.ones(size) if envelope is None else np.maximum(envelope / envelope.max(), _LEAST_ENVELOPE)
    first, second = (np.fft.rfft2(half / around, s=twice) for half in halves)
    correlation = np.fft.irfft2((first * second.conj()).real, s=twice)
    down, across = (_per_pair(side) for side in size)
    power = np.fft.rfft2(correlation * down[:, None] * across).real
    power = np.maximum(_same_in_all_directions(power, twice) if is_round else power, 0)
    noise = np.fft.rfft2(random.normal(size=(halves.shape[1], *twice)))
    turned = np.sqrt(power) * noise / np.maximum(np.abs(noise), 1e-300)
    texture = np.fft.irfft2(turned, s=twice)[:, : size[0], : size[1]] * around
    shared = np.maximum((halves[0] * halves[1]).sum(axis=(1, 2)), 0)
    squares = np.square(texture).sum(axis=(1, 2))
    texture *= np.sqrt(np.divide(shared, squares, out=np.zeros_like(shared), where=squares > 0))[:, None, None]
    apart = (halves[0] - halves[1]) / np.sqrt(2)
    return np.stack([texture + shuffled(apart[None], random)[0] for _ in halves])


def _same_in_all_directions(power: Array, size: tuple[int, int]) -> Array:
    """The mean power of all waves that are about as long: rings as wide as the finest step of frequency."""
    frequency = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1]))
    ring = np.round(frequency * max(size)).astype(int).ravel()
    members = np.eye(ring.max() + 1)[ring]
    means = power.reshape(len(power), -1) @ members / np.maximum(members.sum(axis=0), 1)
    return np.asarray(means[:, ring].reshape(power.shape))


def _per_pair(side: int) -> Array:
    """What a correlation at every distance along one side, (2 side,), is multiplied by."""
    distance = np.minimum(np.arange(2 * side), 2 * side - np.arange(2 * side)) / side
    fading = np.sqrt(np.maximum(0.5 + 0.5 * np.cos(np.pi * distance), 0))
    return np.asarray(fading / np.maximum(1 - distance, 1 / side))
