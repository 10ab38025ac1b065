"""Gratings as pictures: where their stripes lie, and that they stay within the range of pixels."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.stimuli.gratings import Gratings, colour_axes, highest_contrast


def one(orientation: float, frequency: float, phase: float, amplitude: float = 100.0) -> Gratings:
    values = (np.array([each]) for each in (orientation, frequency, phase))
    return Gratings(128.0, *values, np.full((1, 3), amplitude))


@pytest.mark.parametrize(("orientation", "frequency", "phase"), [(0, 0.1, 0), (30, 0.2, 90), (135, 0.05, 250)])
def test_every_pixel_is_that_of_the_formula(orientation, frequency, phase):
    picture = one(orientation, frequency, phase).draw(0, 1, (7, 9, 3))[0]
    angle = np.radians(orientation)
    for row in range(7):
        for column in range(9):
            across = (column - 4) * np.cos(angle) + (3 - row) * np.sin(angle)
            expected = 128 + 100 * np.cos(2 * np.pi * frequency * across - np.radians(phase))
            np.testing.assert_allclose(picture[row, column], expected, atol=1e-4)


def test_stripes_stand_upright_at_0_degrees_and_turn_anticlockwise():
    upright, lying, turned = (one(angle, 0.125, 0).draw(0, 1, (17, 17, 3))[0, ..., 0] for angle in (0, 90, 45))
    assert np.ptp(upright, axis=0).max() < 1e-3 < np.ptp(upright, axis=1).min()
    np.testing.assert_allclose(lying, upright.T, atol=1e-3)
    # From the upper left to the lower right: upright stripes, turned anticlockwise, lean to the left.
    assert np.ptp(np.diagonal(turned)) < 1e-3 < np.ptp(np.diagonal(turned[::-1]))


def test_a_bright_stripe_runs_through_the_middle_at_phase_0_and_lies_to_the_right_at_90():
    middle, right = (one(0, 0.125, phase).draw(0, 1, (1, 17, 3))[0, 0, :, 0] for phase in (0, 90))
    assert middle.argmax() % 8 == 0 and middle[8] == middle.max()
    assert right[10] == right.max()  # a quarter of 8 pixels


def test_axes_are_at_right_angles_alike_in_length_and_the_same_in_every_frame():
    axes = colour_axes(9, frames=3)
    assert list(axes) == ["luminance", "red-green", "blue-yellow"]
    table = np.stack(list(axes.values()))
    np.testing.assert_allclose(table @ table.T, 3 * np.eye(3), atol=1e-12)
    np.testing.assert_allclose(table[:, :3], table[:, 3:6])
    assert axes["red-green"][0] > 0 > axes["red-green"][1] and axes["blue-yellow"][2] > 0 > axes["blue-yellow"][0]
    assert list(colour_axes(4, frames=4)) == list(colour_axes(1)) == ["luminance"]
    np.testing.assert_allclose(colour_axes(1)["luminance"], [1.0])


def test_a_picture_that_would_leave_the_range_of_pixels_is_refused():
    assert highest_contrast(51.0) == 1.0 and highest_contrast(200.0) == pytest.approx(0.275)
    one(0, 0.1, 0, 127.0)
    with pytest.raises(UserError, match="an amplitude of 128.5 pixel units around grey level 128 leaves 0 to 255"):
        one(0, 0.1, 0, 128.5)
    pictures = one(20, 0.1, 0, 127.0).draw(0, 1, (60, 80, 3))
    assert pictures.dtype == np.float32 and pictures.min() >= 0 and pictures.max() <= 255


def test_parts_are_those_of_the_whole():
    random = np.random.default_rng(0)
    many = Gratings(100.0, *(random.uniform(0, 1, (3, 10)) * [[180], [0.5], [360]]), random.uniform(-50, 50, (10, 3)))
    whole = many.draw(0, 10, (5, 6, 3))
    np.testing.assert_array_equal(many.draw(3, 7, (5, 6, 3)), whole[3:7])
    assert len(many) == 10
