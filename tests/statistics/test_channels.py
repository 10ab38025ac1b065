"""Spectra, moments and autocorrelation of maps that are known: white, smoothed, decimated, oblique."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.channels import (
    EDGES,
    ChannelMoments,
    Channels,
    ChannelsEstimate,
    by_distance,
    frequencies,
    phases_shuffled,
    radial_bins,
    radial_mean,
    slope_of,
)

SHAPE = (24, 32)


def white(count: int = 300, seed: int = 0, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return 5 + 3 * np.random.default_rng(seed).normal(size=(count, 1, *shape))


def measured(maps: np.ndarray, strides: tuple[float, float] = (1.0, 1.0)) -> ChannelsEstimate:
    moments = ChannelMoments(maps.shape[1])
    for part in np.array_split(maps, 3):
        moments.update(part)
    found = Channels(*moments.finalize(), maps.shape[2:], strides)
    for part in np.array_split(maps, 3):
        found.update(part)
    return found.finalize()


def radial(found: ChannelsEstimate, strides: tuple[float, float] = (1.0, 1.0)) -> tuple[np.ndarray, np.ndarray]:
    assert found.power is not None
    frequency, rings = radial_bins(found.power.shape[1:], strides)
    return frequency, radial_mean(found.power, rings)


def test_white_noise_has_the_same_power_everywhere_and_its_variance() -> None:
    found = measured(white())
    frequency, power = radial(found)
    np.testing.assert_allclose(power[0], 9.0, rtol=0.06)
    assert abs(slope_of(frequency, power)[0]) < 0.03
    assert found.mean[0] == pytest.approx(5, abs=0.05) and found.deviation[0] == pytest.approx(3, rel=0.02)
    assert abs(found.kurtosis[0]) < 0.05 and abs(found.skewness[0]) < 0.05
    around = found.autocorrelation[0].copy()
    assert around[0, SHAPE[1] // 2] == 1
    around[0, SHAPE[1] // 2] = 0
    assert np.abs(around).max() < 0.03


def test_a_filter_passes_what_its_transfer_function_says() -> None:
    """The mean of three columns passes (1 + 2 cos 2πf)² / 9 of the power at horizontal frequency f."""
    noise = white(600, seed=1, shape=(24, 34))
    smoothed = (noise[..., :-2] + noise[..., 1:-1] + noise[..., 2:]) / 3
    power, before = measured(smoothed).power, measured(noise[..., 1:-1]).power
    assert power is not None and before is not None
    _, across = frequencies((24, 32), (1.0, 1.0))
    expected = ((1 + 2 * np.cos(2 * np.pi * across)) / 3) ** 2
    # The zero of the filter is filled by what the window spreads.
    np.testing.assert_allclose(power[0][2:-1].mean(axis=0) / before[0][2:-1].mean(axis=0), expected, atol=0.03)


def test_power_of_every_stride_is_in_the_same_units() -> None:
    """Every second pixel of smooth noise has the same density at the same frequency, as far as nothing folds back."""
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)[None])
    random = np.random.default_rng(2)
    smooth = np.fft.ifft2(np.fft.fft2(random.normal(size=(400, 1, 64, 64))) * (frequency < 0.2)).real
    all_pixels, power = radial(measured(smooth))
    every_second, decimated = radial(measured(smooth[..., ::2, ::2], (2.0, 2.0)), (2.0, 2.0))
    assert every_second.max() <= 0.25
    passing = every_second < 0.17
    expected = np.interp(every_second[passing], all_pixels, power[0])
    np.testing.assert_allclose(decimated[0][passing], expected, rtol=0.1)


def test_power_that_falls_with_frequency_is_found() -> None:
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None])
    frequency[0, 0] = np.inf
    noise = np.random.default_rng(3).normal(size=(100, 2, 128, 128))
    noise[:, 0] = np.fft.ifft2(np.fft.fft2(noise[:, 0]) / frequency).real
    noise[:, 1] = np.fft.ifft2(np.fft.fft2(noise[:, 1]) / np.sqrt(frequency)).real
    found = slope_of(*radial(measured(noise[..., :40, :56])))
    np.testing.assert_allclose(found, [2.0, 1.0], atol=0.15)


def test_autocorrelation_is_that_of_a_slow_loop_and_knows_oblique_from_oblique() -> None:
    random = np.random.default_rng(4)
    noise = random.normal(size=(3, 1, 9, 11))
    maps = noise[..., 1:, 1:] + noise[..., :-1, :-1]  # what is below and to the right is alike
    found = measured(maps)
    mean, variance = maps.mean(), maps.var()
    rows, columns = maps.shape[2:]
    for down in range(rows // 2 + 1):
        for right in range(-(columns // 2), columns // 2 + 1):
            products = [
                (maps[time, 0, row, column] - mean) * (maps[time, 0, row + down, column + right] - mean)
                for time in range(3)
                for row in range(rows - down)
                for column in range(columns)
                if 0 <= column + right < columns
            ]
            assert found.autocorrelation[0, down, right + columns // 2] == pytest.approx(np.mean(products) / variance)
    middle = columns // 2
    assert found.autocorrelation[0, 1, middle + 1] > 0.3 > found.autocorrelation[0, 1, middle - 1]
    distance, by = by_distance(found.autocorrelation, (1.0, 1.0))
    assert distance[0] == 0 and by[0, 0] == 1 and len(distance) == 5


def test_moments_are_those_of_the_textbook() -> None:
    maps = np.maximum(np.random.default_rng(5).gamma(2, size=(20, 2, 5, 4)) - 1, 0)
    maps[:, 1] = 4.0
    found = measured(maps)
    flat = maps[:, 0].ravel()
    scores = (flat - flat.mean()) / flat.std()
    assert found.skewness[0] == pytest.approx((scores**3).mean()) and np.isnan(found.skewness[1])
    assert found.kurtosis[0] == pytest.approx((scores**4).mean() - 3) and np.isnan(found.kurtosis[1])
    assert found.active[0] == pytest.approx((flat > 0).mean()) and found.active[1] == 1
    count = len(flat)
    assert found.sparseness[0] == pytest.approx((1 - flat.mean() ** 2 / (flat**2).mean()) / (1 - 1 / count))
    assert found.sparseness[1] == pytest.approx(0, abs=1e-9)
    inside, _ = np.histogram(scores, EDGES)
    np.testing.assert_allclose(found.histogram[0], inside / count / (EDGES[1] - EDGES[0]))
    assert found.power is None, "maps of 5 x 4 are too small"
    assert np.isnan(found.autocorrelation[1]).all()


def test_shuffled_phases_keep_power_mean_and_colours_but_not_edges() -> None:
    random = np.random.default_rng(6)
    pictures = np.zeros((40, 24, 31, 3))
    for each in pictures:
        row, column = random.integers(0, 16, 2)
        each[row : row + 8, column : column + 8] = (200, 100, 50)
    turned = phases_shuffled(pictures, random)
    assert turned.shape == pictures.shape and turned.dtype == np.float32
    one, other = (np.abs(np.fft.fft2(each, axes=(1, 2))) for each in (pictures, turned))
    np.testing.assert_allclose(other, one, atol=0.5)
    np.testing.assert_allclose(turned.mean(axis=(1, 2)), pictures.mean(axis=(1, 2)), atol=1e-3)
    np.testing.assert_allclose(turned[..., 1], turned[..., 0] / 2, atol=0.01)
    before, after = (measured(np.moveaxis(each, -1, 1)).kurtosis[0] for each in (pictures, turned))
    assert before > 3 and after < 1


def test_parts_add_up_to_the_whole() -> None:
    maps = white(20, seed=7)
    first, second = ChannelMoments(1), ChannelMoments(1)
    first.update(maps[:7])
    second.update(maps[7:])
    first.merge(second)
    one, other = (Channels(*first.finalize(), SHAPE, (1.0, 1.0)) for _ in range(2))
    one.update(maps[:4])
    other.update(maps[4:])
    one.merge(other)
    found, whole = one.finalize(), measured(maps)
    for name in ("mean", "deviation", "kurtosis", "histogram", "power", "autocorrelation", "sparseness"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), atol=1e-9)


def test_nothing_cannot_be_measured() -> None:
    with pytest.raises(UserError, match="nothing was measured"):
        ChannelMoments(1).finalize()
    with pytest.raises(UserError, match="nothing was measured"):
        Channels(np.zeros(1), np.ones(1), SHAPE, (1.0, 1.0)).finalize()
    assert np.isnan(slope_of(np.array([0.1, 0.2]), np.ones((1, 2)))).all()
