"""White noise: Gaussian, in pixel units, and the same for the same seed and batch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from retinoscope.errors import UserError
from retinoscope.stimuli.white_noise import WhiteNoise, noise_level


def test_pixels_are_gaussian_with_the_stated_mean_and_sigma_and_not_clipped():
    pixels = WhiteNoise(mean=20, sigma=30, seed=1).draw(0, 400, (5, 5, 3))
    assert pixels.dtype == np.float32 and pixels.shape == (400, 5, 5, 3)
    assert kstest((pixels.ravel() - 20) / 30, "norm").pvalue > 0.01
    assert pixels.min() < 0


def test_pixels_are_independent_of_each_other():
    pixels = WhiteNoise(seed=2).draw(0, 20_000, (2, 2, 2)).reshape(20_000, -1)
    correlation = np.corrcoef(pixels.T) - np.eye(8)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(20_000)


def test_a_batch_depends_on_seed_and_number_alone():
    noise, again = WhiteNoise(seed=3), WhiteNoise(seed=3)
    expected = noise.draw(5, 4, (2, 2, 3))
    again.draw(1, 7, (2, 2, 3))
    assert np.array_equal(again.draw(5, 4, (2, 2, 3)), expected)
    assert not np.array_equal(noise.draw(6, 4, (2, 2, 3)), expected)
    assert not np.array_equal(WhiteNoise(seed=4).draw(5, 4, (2, 2, 3)), expected)


@pytest.mark.parametrize(
    ("grey_level", "expected"), [(51, (51, 17)), (0, (127.5, 42.5)), (10, (48, 16)), (240, (207, 16))]
)
def test_the_level_follows_the_agent_and_keeps_pixels_in_range(grey_level, expected):
    mean, sigma = noise_level(grey_level)
    assert (mean, sigma) == expected
    assert mean - 3 * sigma >= 0 and mean + 3 * sigma <= 255


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sigma": 0}, "sigma 0"),
        ({"sigma": -1}, "sigma -1"),
        ({"sigma": float("inf")}, "sigma inf"),
        ({"mean": float("nan")}, "mean nan"),
        ({"mean": -1}, "mean -1"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_impossible_noise_is_refused(parameters, message):
    with pytest.raises(UserError, match=message):
        WhiteNoise(**parameters)
