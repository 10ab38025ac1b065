"""Which receptive fields of two networks correspond: one to one, whatever their sign, and moved by some pixels.

A field and its negative carry the same information, and where in its window a filter stands is an accident of its
initialisation. So fields are compared by the largest absolute correlation over shifts, and paired so that these add up
to the most (`scipy.optimize.linear_sum_assignment`; Kuhn 1955). What is moved out of the window is lost, and lowers the
correlation.

The best of many correlations is large by chance. So the second network's fields are replaced by noise as smooth as they
are, in all directions alike and with their colours (`field_surrogates.smooth_noise`), and matched in the same way; a
pair counts as found where it is more alike than any pair in any of these matchings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.field_surrogates import smooth_noise

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Match:
    """Fields of two networks, paired.

    Attributes:
        partner: (unit,) number of the second network's field; -1 for none, where it has fewer.
        correlation: (unit,) with its sign, after the shift; NaN for none.
        shift: (unit, 2) pixels down and right by which the second field is moved onto the first.
        chance: the largest absolute correlation of a pair in any matching with noise; NaN without any.
    """

    partner: NDArray[np.intp]
    correlation: Array
    shift: NDArray[np.intp]
    chance: float

    @property
    def is_found(self) -> NDArray[np.bool_]:
        """(unit,) the pair is more alike than any by chance."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.correlation) > self.chance)


def match_fields(first: NDArray, second: NDArray, shift: int = 0, surrogates: int = 0, seed: int = 0) -> Match:
    """Pair the fields of two networks.

    Args:
        first: (unit, height, width, channel); fields that are NaN have no partner.
        second: of the same shape but for the number of units.
        shift: pixels by which fields may be moved, at most, down, up, right and left.
        surrogates: matchings with noise.
        seed: of the noise.

    Raises:
        UserError: the fields are not of one size.
    """
    if first.ndim != 4 or first.shape[1:] != second.shape[1:]:
        raise UserError(f"fields: shapes {first.shape} and {second.shape} cannot be matched; give fields of one size")
    one, other = standardised(first), standardised(second)
    values, places = shifted_correlations(one, other, shift)
    rows, columns = scipy.optimize.linear_sum_assignment(-np.abs(values))
    partner = np.full(len(one), -1)
    correlation, moved = np.full(len(one), np.nan), np.zeros((len(one), 2), np.intp)
    partner[rows], correlation[rows], moved[rows] = columns, values[rows, columns], places[rows, columns]
    silent = ~np.isfinite(first).all(axis=(1, 2, 3)) | ~one.any(axis=(1, 2, 3))
    silent |= np.isin(partner, np.flatnonzero(~other.any(axis=(1, 2, 3))))
    partner[silent], correlation[silent] = -1, np.nan
    random = np.random.default_rng(seed)
    highest = [_highest_by_chance(one, other, shift, random) for _ in range(surrogates)]
    return Match(partner, correlation, moved, max(highest, default=np.nan))


def standardised(fields: NDArray) -> Array:
    """(unit, height, width, channel) each with mean zero and length one; zeros for one that is constant or NaN."""
    found = np.asarray(fields, np.float64)
    found = np.where(np.isfinite(found).all(axis=(1, 2, 3), keepdims=True), found, 0.0)
    found = found - found.mean(axis=(1, 2, 3), keepdims=True)
    length = np.sqrt(np.square(found).sum(axis=(1, 2, 3), keepdims=True))
    return np.asarray(np.divide(found, length, out=np.zeros_like(found), where=length > 1e-12))


def shifted_correlations(first: Array, second: Array, shift: int) -> tuple[Array, NDArray[np.intp]]:
    """The correlation largest in size of every two standardised fields, over shifts of the second.

    Returns:
        (first, second) with its sign, and (first, second, 2) the shift, pixels down and right.
    """
    height, width = first.shape[1:3]
    if shift == 0:
        values = first.reshape(len(first), -1) @ second.reshape(len(second), -1).T
        return values, np.zeros((*values.shape, 2), np.intp)
    size = (height + shift, width + shift)  # what goes out at one side must not come in at the other
    one, other = (np.fft.rfft2(each, s=size, axes=(1, 2)) for each in (first, second))
    moves = np.stack(np.meshgrid(*2 * [np.arange(-shift, shift + 1)], indexing="ij"), axis=-1).reshape(-1, 2)
    values, places = np.empty((len(first), len(second))), np.empty((len(first), len(second), 2), np.intp)
    for row, spectrum in enumerate(one):
        product = np.einsum("hwc,nhwc->nhw", spectrum, other.conj())
        crossed = np.fft.irfft2(product, s=size)[:, moves[:, 0], moves[:, 1]]
        best = np.abs(crossed).argmax(axis=1)
        values[row], places[row] = crossed[np.arange(len(second)), best], moves[best]
    return values, places


def _highest_by_chance(first: Array, second: Array, shift: int, random: np.random.Generator) -> float:
    values, _ = shifted_correlations(first, standardised(_noise_like(second, random)), shift)
    rows, columns = scipy.optimize.linear_sum_assignment(-np.abs(values))
    return float(np.abs(values[rows, columns]).max(initial=0.0))


def _noise_like(fields: Array, random: np.random.Generator) -> Array:
    """Noise as smooth as the fields, with their colours: each axis of colour of a field by itself."""
    units, height, width, channels = fields.shape
    pixels = fields.reshape(units, height * width, channels)
    spatial, strength, colours = np.linalg.svd(pixels, full_matrices=False)
    axes = strength.shape[1]
    maps = (spatial * strength[:, None]).transpose(0, 2, 1).reshape(units * axes, height, width)
    envelope = np.sqrt(np.square(fields).mean(axis=(0, 3)))
    noise = smooth_noise(np.stack([maps, maps]), random, envelope if envelope.max() > 0 else None)[0]
    found = noise.reshape(units, axes, height * width).transpose(0, 2, 1) @ colours
    return np.asarray(found.reshape(fields.shape))
