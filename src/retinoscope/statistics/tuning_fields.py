"""Where a unit is active along one or two variables: its fields, their middle and width, and its mean vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from retinoscope.statistics.tuning import Array, Bins

_FULL_WIDTH = 2 * np.sqrt(2 * np.log(2))  # of a Gaussian at half its height, in standard deviations


@dataclass(frozen=True)
class Fields:
    """The fields of one unit.

    A field is a stretch of neighbouring bins above half way from the lowest rate to the highest, of the smoothed rates.

    Attributes:
        count: how many.
        centre: (variable,) of the field with the highest rate: mean of its bins, weighted by how far they are above
            half way.
        width: (variable,) full width at half height through the highest bin, the smoothing taken off; it ends where
            the bins do.
    """

    count: int
    centre: Array
    width: Array


def smoothed(rates: Array, occupancy: NDArray[np.number], bins: Bins, deviation: float) -> Array:
    """(bin,) rates smoothed by a Gaussian, each bin by its rows; bins without a rate keep none.

    Args:
        rates: (bin,); NaN where there is none.
        occupancy: (bin,) rows.
        bins: of both.
        deviation: of the Gaussian, bins; 0 for none.
    """
    if deviation == 0:
        return rates
    is_there = np.isfinite(rates).reshape(bins.shape)
    rows = np.where(is_there, np.asarray(occupancy, np.float64).reshape(bins.shape), 0.0)
    sums = rows * np.nan_to_num(rates).reshape(bins.shape)
    modes = ["wrap" if each else "constant" for each in bins.is_circular]
    above, below = (scipy.ndimage.gaussian_filter(each, deviation, mode=modes) for each in (sums, rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(is_there, above / below, np.nan).ravel()


def fields_of(rates: Array, bins: Bins, deviation: float = 0.0, fewest: int = 2) -> Fields:
    """The fields of one unit.

    Args:
        rates: (bin,) smoothed; NaN where there is none.
        bins: of them.
        deviation: of the Gaussian by which they were smoothed, bins.
        fewest: bins of a field.
    """
    nothing = np.full(len(bins.shape), np.nan)
    known = rates[np.isfinite(rates)]
    if not len(known) or known.max() - known.min() <= 1e-12 * max(1.0, abs(float(known.max()))):
        return Fields(0, nothing, nothing)
    level = (known.max() + known.min()) / 2
    shaped = rates.reshape(bins.shape)
    labels = _labelled(np.nan_to_num(shaped, nan=-np.inf) > level, bins.is_circular)
    sizes = np.bincount(labels.ravel())[1:]
    sizes = sizes[sizes > 0]
    peak = np.unravel_index(int(np.nanargmax(rates)), bins.shape)
    here = labels == labels[peak]
    weights = np.where(here, np.nan_to_num(shaped) - level, 0.0)
    centre, width = nothing.copy(), nothing.copy()
    for axis, (middles, edges, is_circular) in enumerate(zip(bins.centres, bins.edges, bins.is_circular, strict=True)):
        along = weights.sum(axis=tuple(each for each in range(weights.ndim) if each != axis))
        period = edges[-1] - edges[0]
        if is_circular:
            angle = np.angle((along * np.exp(2j * np.pi * (middles - edges[0]) / period)).sum())
            centre[axis] = edges[0] + angle / (2 * np.pi) % 1 * period
        else:
            centre[axis] = (along * middles).sum() / along.sum()
        through = shaped[tuple(slice(None) if each == axis else peak[each] for each in range(shaped.ndim))]
        raw = _width(through, int(peak[axis]), level, is_circular)
        step = period / len(middles)
        width[axis] = step * np.sqrt(max(raw**2 - (_FULL_WIDTH * deviation) ** 2, 0.0))
    return Fields(int((sizes >= min(fewest, sizes.max())).sum()), centre, width)


def mean_vector(rates: Array, angles: Array) -> tuple[Array, Array]:
    """Length and direction of the mean vector of rates over a circle.

    Args:
        rates: (..., bin) from zero up; NaN where there is none.
        angles: (bin,) degrees.

    Returns:
        (...,) length, from 0 (no direction) to 1 (one alone), and (...,) direction, degrees from 0 to 360.
    """
    known = np.nan_to_num(rates)
    total = known.sum(axis=-1)
    vector = (known * np.exp(1j * np.radians(angles))).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.where(total > 0, np.abs(vector) / np.where(total > 0, total, 1), np.nan)
    return length, np.degrees(np.angle(vector)) % 360


def _labelled(is_above: NDArray[np.bool_], is_circular: tuple[bool, ...]) -> NDArray[np.int64]:
    """Numbers of connected bins; along a circle the last touches the first."""
    labels = np.asarray(scipy.ndimage.label(is_above)[0], np.int64)
    for axis, joined in enumerate(is_circular):
        for place in range(labels.take(0, axis).size) if joined else ():
            one, other = (int(labels.take(end, axis).ravel()[place]) for end in (0, -1))
            if one and other:
                labels[labels == max(one, other)] = min(one, other)
    return labels


def _width(rates: Array, peak: int, level: float, is_circular: bool) -> float:
    """Between the places to both sides of the peak at which the rates pass the level, bins."""
    return _reach(rates, peak, level, 1, is_circular) + _reach(rates, peak, level, -1, is_circular)


def _reach(rates: Array, peak: int, level: float, step: int, is_circular: bool) -> float:
    count, before = len(rates), float(rates[peak])
    for away in range(1, count):
        place = peak + step * away
        if not is_circular and not 0 <= place < count:
            return away - 0.5  # the edge of the last bin
        value = float(rates[place % count])
        if np.isnan(value):
            return away - 0.5
        if value <= level:
            return away - 1 + (before - level) / (before - value)
        before = value
    return count / 2
