"""Statistics of maps, channel by channel: distribution, power spectrum and autocorrelation, from a stream of pictures.

Power spectra are periodograms under a Hann window, whose weighted mean is taken from every picture before: without the
window, the edges of a picture would leak power of all frequencies along both axes (Field 1987, JOSA A 4:2379). What
that takes from the neighbours of frequency zero is given back as if all were white. Spectra are densities, squared
activity per (cycle per pixel)², so that maps of any stride can be compared with the input at the same frequency: of a
linear filter, the ratio is the squared length of its transfer function, as far as its stride folds nothing back.
Autocorrelation is that of what is left of the mean of the channel, divided at every lag by the number of pairs (no
window, and no wrapping around).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]

SMALLEST = 6
"""Rows and columns that a map needs for a power spectrum."""
REACH, BINS = 8.0, 64
"""Of the histograms, in standard deviations around the mean; the first and last bin hold what is beyond, too."""
EDGES = np.linspace(-REACH, REACH, BINS + 1)


@dataclass(frozen=True)
class ChannelsEstimate:
    """What is known of every channel.

    Attributes:
        mean, deviation: (channel,) of the activity.
        skewness, kurtosis: (channel,) third and fourth moment of it in standard deviations; excess kurtosis, 0 for a
            normal distribution. NaN where nothing changes.
        sparseness: (channel,) of Treves & Rolls, over places and times, of activity above zero: 0 if it is always the
            same, near 1 if it is rarely there. NaN where it never is.
        active: (channel,) share of places and times above zero.
        histogram: (channel, bin) density per standard deviation, over `EDGES`.
        power: (channel, row, column) power density, zero frequency first, as `numpy.fft.fft2` orders them; None for
            maps that are too small.
        autocorrelation: (channel, row lag, column lag), rows from no lag to half of the map, columns from half of it
            to the left to half of it to the right; 1 at no lag. The other half is the same, turned by 180°.
        pictures: how many there were.
    """

    mean: Array
    deviation: Array
    skewness: Array
    kurtosis: Array
    sparseness: Array
    active: Array
    histogram: Array
    power: Array | None
    autocorrelation: Array
    pictures: int


class ChannelMoments:
    """First pass: means and deviations, around which the second one counts."""

    def __init__(self, channels: int) -> None:
        self._sums, self._squares, self._count = np.zeros(channels), np.zeros(channels), 0

    def update(self, maps: NDArray[np.floating]) -> None:
        """Add maps, (time, channel, row, column)."""
        values = np.moveaxis(maps, 1, 0).reshape(len(self._sums), -1).astype(np.float64)
        self._sums += values.sum(axis=1)
        self._squares += (values**2).sum(axis=1)
        self._count += values.shape[1]

    def merge(self, other: ChannelMoments) -> None:
        """Add what another accumulator has seen."""
        self._sums += other._sums
        self._squares += other._squares
        self._count += other._count

    def finalize(self) -> tuple[Array, Array]:
        """(channel,) mean and standard deviation.

        Raises:
            UserError: nothing was added yet.
        """
        if not self._count:
            raise UserError("channels: nothing was measured; give at least one picture")
        mean = self._sums / self._count
        variance = self._squares / self._count - mean**2
        return mean, np.sqrt(np.where(variance > 1e-12 * np.maximum(mean**2, 1e-12), variance, 0.0))


class Channels:
    """Second pass: everything else."""

    def __init__(self, mean: Array, deviation: Array, shape: tuple[int, int], strides: tuple[float, float]) -> None:
        """What the first pass found, rows and columns of a map, and pixels from one to the next."""
        self._mean, self._deviation, self._shape = mean, deviation, shape
        self._area = strides[0] * strides[1]
        window = np.outer(*(np.hanning(each + 2)[1:-1] for each in shape))
        self._window = window / np.sqrt((window**2).sum())
        # Share of the power of white noise that is left when the weighted mean is taken away, by frequency.
        one, two = np.fft.fft2(self._window) / self._window.sum(), np.fft.fft2(self._window**2)
        kept = 1 - 2 * (one.conj() * two).real + np.abs(one) ** 2
        self._kept = np.where(kept > 1e-9, kept, 1.0)
        self._powers = np.zeros((4, len(mean)))  # third and fourth moment, above zero, how many
        self._above = np.zeros((2, len(mean)))
        self._counts = np.zeros((len(mean), BINS))
        self._power = np.zeros((len(mean), *shape))
        self._padded = tuple(2 * each for each in shape)
        self._pairs = np.zeros((len(mean), *self._padded))
        self._pictures = 0

    def update(self, maps: NDArray[np.floating]) -> None:
        """Add maps, (time, channel, row, column)."""
        centred = maps.astype(np.float64) - self._mean[:, None, None]
        flat = np.moveaxis(centred, 1, 0).reshape(len(self._mean), -1)
        scores = flat / np.where(self._deviation, self._deviation, 1.0)[:, None]
        self._powers[0] += (scores**3).sum(axis=1)
        self._powers[1] += (scores**4).sum(axis=1)
        rates = np.maximum(flat + self._mean[:, None], 0)
        self._above[0] += rates.sum(axis=1)
        self._above[1] += (rates**2).sum(axis=1)
        self._powers[2] += (rates > 0).sum(axis=1)
        self._powers[3] += flat.shape[1]
        places = np.clip(((scores + REACH) * (BINS / (2 * REACH))).astype(np.int64), 0, BINS - 1)
        for channel, found in enumerate(places):
            self._counts[channel] += np.bincount(found, minlength=BINS)
        # The mean under the window is what would leak from frequency zero.
        level = (centred * self._window).sum(axis=(2, 3), keepdims=True) / self._window.sum()
        spectra = np.fft.fft2((centred - level) * self._window)
        self._power += (spectra.real**2 + spectra.imag**2).sum(axis=0)
        padded = np.fft.rfft2(centred, self._padded)
        self._pairs += np.fft.irfft2((padded.real**2 + padded.imag**2).sum(axis=0), self._padded)
        self._pictures += len(maps)

    def merge(self, other: Channels) -> None:
        """Add what another accumulator of the same first pass has seen."""
        self._powers += other._powers
        self._above += other._above
        self._counts += other._counts
        self._power += other._power
        self._pairs += other._pairs
        self._pictures += other._pictures

    def finalize(self) -> ChannelsEstimate:
        """The estimate so far.

        Raises:
            UserError: nothing was added yet.
        """
        if not self._pictures:
            raise UserError("channels: nothing was measured; give at least one picture")
        third, fourth, active, count = self._powers
        is_still = self._deviation == 0
        with np.errstate(divide="ignore", invalid="ignore"):
            sparseness = (1 - (self._above[0] / count) ** 2 / (self._above[1] / count)) / (1 - 1 / count)
        width = EDGES[1] - EDGES[0]
        is_large = min(self._shape) >= SMALLEST
        return ChannelsEstimate(
            mean=self._mean,
            deviation=self._deviation,
            skewness=np.where(is_still, np.nan, third / count),
            kurtosis=np.where(is_still, np.nan, fourth / count - 3),
            sparseness=sparseness,
            active=active / count,
            histogram=self._counts / count[:, None] / width,
            power=self._power / self._pictures * self._area / self._kept if is_large else None,
            autocorrelation=self._autocorrelation(is_still),
            pictures=self._pictures,
        )

    def _autocorrelation(self, is_still: NDArray[np.bool_]) -> Array:
        rows, columns = self._shape
        reach = (rows // 2 + 1, columns // 2 + 1)
        down, across = np.arange(reach[0]), np.arange(1 - reach[1], reach[1])
        numbers = np.outer(rows - down, columns - np.abs(across)) * self._pictures
        found = self._pairs[:, down[:, None], across[None]] / numbers
        none = np.where(is_still, np.nan, found[:, 0, reach[1] - 1])
        return np.asarray(found / none[:, None, None])


def frequencies(shape: tuple[int, ...], strides: tuple[float, float]) -> tuple[Array, Array]:
    """(row,) and (column,) frequencies of a power spectrum in cycles per pixel."""
    rows, columns = (np.fft.fftfreq(count, stride) for count, stride in zip(shape, strides, strict=True))
    return rows, columns


def radial_bins(shape: tuple[int, ...], strides: tuple[float, float]) -> tuple[Array, NDArray[np.int64]]:
    """Rings of equal frequency, up to the highest that both directions have.

    Returns:
        (ring,) mean frequency of each in cycles per pixel; (row, column) the ring of each frequency, −1 for none: zero,
        and what is beyond.
    """
    rows, columns = frequencies(shape, strides)
    distance = np.hypot(rows[:, None], columns[None])
    step = max(1 / (count * stride) for count, stride in zip(shape, strides, strict=True))
    highest = min(0.5 / stride for stride in strides)
    ring = np.floor(distance / step - 0.5).astype(np.int64)
    ring = np.where((distance > highest * (1 + 1e-9)) | (ring < 0), -1, ring)
    # Rings without any frequency are left out.
    there, numbered = np.unique(ring, return_inverse=True)
    numbered = numbered.reshape(ring.shape) - int(there[0] == -1)
    found = [distance[numbered == each].mean() for each in range(numbered.max() + 1)]
    return np.array(found), numbered


def radial_mean(values: Array, rings: NDArray[np.int64]) -> Array:
    """(..., row, column) -> (..., ring)."""
    return np.stack([values[..., rings == each].mean(axis=-1) for each in range(rings.max() + 1)], axis=-1)


def by_distance(autocorrelation: Array, strides: tuple[float, float]) -> tuple[Array, Array]:
    """Autocorrelation by distance in all directions.

    Args:
        autocorrelation: (channel, row lag, column lag), as in `ChannelsEstimate`.
        strides: pixels from one row, and one column, to the next.

    Returns:
        (distance,) in pixels; (channel, distance).
    """
    _, rows, columns = autocorrelation.shape
    lags = (np.arange(rows) * strides[0], (np.arange(columns) - columns // 2) * strides[1])
    distance = np.hypot(lags[0][:, None], lags[1][None])
    step = max(strides)
    ring = np.round(distance / step).astype(np.int64)
    ring[distance > min(each[-1] for each in lags) + 1e-9] = -1
    there = [each for each in range(ring.max() + 1) if (ring == each).any()]
    means = np.stack([autocorrelation[:, ring == each].mean(axis=1) for each in there], axis=1)
    return np.array([distance[ring == each].mean() for each in there]), means


def slope_of(frequency: Array, power: Array) -> Array:
    """α of power ∝ 1/f^α, (...,), by least squares on logarithms: natural images have about 2, what is white 0.

    NaN where there are fewer than four frequencies or no power.
    """
    if len(frequency) < 4:
        return np.full(power.shape[:-1], np.nan)
    x = np.log(frequency) - np.log(frequency).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        found = -(np.log(power) * x).sum(axis=-1) / (x**2).sum()
    return np.where(np.isfinite(found), found, np.nan)


def phases_shuffled(pictures: NDArray, random: np.random.Generator) -> NDArray[np.float32]:
    """Pictures (time, height, width, channel) of the same power spectra, their phases drawn anew.

    The same phases are added in all channels of a picture, so that colours stay as correlated as they were; mean and
    variance of every channel stay.
    """
    spectra = np.fft.rfft2(pictures.astype(np.float64), axes=(1, 2))
    noise = random.normal(size=(len(pictures), *pictures.shape[1:3]))
    turned = np.fft.rfft2(noise, axes=(1, 2))
    turned /= np.abs(turned)
    turned[:, 0, 0] = 1
    found = np.fft.irfft2(spectra * turned[..., None], pictures.shape[1:3], axes=(1, 2))
    return np.asarray(found, np.float32)
