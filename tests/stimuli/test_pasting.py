"""Pasted images against a slow paste, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.stimuli.pasting import Paster
from retinoscope.stimuli.places import Pasted


def slow_paste(background: np.ndarray, image: np.ndarray, place: Pasted, fine: int = 40) -> np.ndarray:
    """By looking up, at many points of every pixel of the view, what lies there."""
    height, width = background.shape[:2]
    tall, wide = place.height, place.height * image.shape[1] / image.shape[0]
    shown = np.empty(background.shape)
    points = (np.arange(fine) + 0.5) / fine
    for row, column in np.ndindex(height, width):
        total = np.zeros(3)
        for y in (row + points - place.row + tall / 2) / tall:
            for x in (column + points - place.column + wide / 2) / wide:
                colour = background[row, column].astype(float)
                if 0 <= y < 1 and 0 <= x < 1:
                    pixel = image[int(y * image.shape[0]), int(x * image.shape[1])].astype(float)
                    opacity = pixel[3] / 255 if len(pixel) == 4 else 1.0
                    colour = pixel[:3] * opacity + colour * (1 - opacity)
                total += colour
        shown[row, column] = total / fine**2
    return shown


@pytest.mark.parametrize("channels", [3, 4])
def test_pasting_is_the_mean_of_what_covers_each_pixel(channels):
    random = np.random.default_rng(0)
    background = random.integers(0, 256, (9, 11, 3)).astype(np.uint8)
    images = random.integers(0, 256, (2, 3, 2, channels)).astype(np.uint8)
    place = Pasted(5.3, 4.2, 5.6)
    shown = Paster(background, place, (3, 2)).paste(images)
    assert shown.dtype == np.uint8 and shown.shape == (2, 9, 11, 3)
    for image, each in zip(images, shown, strict=True):
        np.testing.assert_allclose(each, slow_paste(background, image, place), atol=6)


def test_whole_pixels_are_copied_exactly_and_the_rest_is_background():
    random = np.random.default_rng(1)
    background = random.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    images = random.integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    shown = Paster(background, Pasted(4, 6, 8), (4, 4)).paste(images)
    np.testing.assert_array_equal(shown[:, 4:8, 6:10], images)
    outside = np.ones((12, 12), bool)
    outside[4:8, 6:10] = False
    assert (shown[:, outside] == background[outside]).all()
