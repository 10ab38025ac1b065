"""Images drawn by formula, against the formulas as a textbook has them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from retinoscope.scenarios.drawn_images import (
    GABOR_CYCLES,
    GABOR_ORIENTATIONS,
    cosine,
    draw_gabor,
    draw_images,
    draw_pillar,
)
from retinoscope.scenarios.image_sources import DrawnApples, DrawnGabors

GABORS_SHA256 = "3f9cdbd35e0c2e549fe30758349264c96145bf97ed70ef4b2f4634e37f89f89d"
PILLAR_SHA256 = "ed625ea0994c1af09e1f22b17c6f8ce173272ca592b3fca083db82d6f9531315"


def test_the_cosine_is_the_cosine():
    turns = np.linspace(-3, 3, 10_001)
    np.testing.assert_allclose(cosine(turns), np.cos(2 * np.pi * turns), atol=1e-13)


def test_gabors_are_ten_classes_of_orientations_and_frequencies_and_every_image_is_another():
    images = draw_images(DrawnGabors(source="gabors", variations=5, pixels=40))
    assert list(images) == [f"{name}-{angle}" for name in ("coarse", "fine") for angle in (0, 36, 72, 108, 144)]
    every = [image for each in images.values() for image in each]
    assert {image.shape for image in every} == {(40, 40, 4)}
    assert len({image.tobytes() for image in every}) == 50


@pytest.mark.parametrize("degrees", GABOR_ORIENTATIONS)
@pytest.mark.parametrize("cycles", GABOR_CYCLES.values())
def test_a_gabor_is_a_grating_of_its_orientation_and_frequency(degrees, cycles):
    """By the peak of the Fourier spectrum, within the stated variation of 5 degrees and 8%."""
    pixels, padded = 64, 512
    for variation in range(6):
        grey = draw_gabor(degrees, cycles, variation, pixels)[..., 0] - 127.5
        power = np.abs(np.fft.fftshift(np.fft.fft2(grey, (padded, padded)))) ** 2
        row, column = np.unravel_index(power.argmax(), power.shape)
        upward, across = (padded // 2 - row) * pixels / padded, (column - padded // 2) * pixels / padded
        assert np.hypot(across, upward) == pytest.approx(cycles, rel=0.16, abs=0.2)
        # Stripes stand at right angles to the direction in which the grating changes.
        difference = (np.rad2deg(np.arctan2(upward, across)) - degrees + 90) % 180 - 90
        assert abs(difference) < 9


def test_a_gabor_is_the_textbook_formula():
    random = np.random.Generator(np.random.PCG64(3))
    phase, tilt, stretch = random.uniform((0, -5, 0.92), (1, 5, 1.08))
    angle = np.deg2rad(36 + tilt)
    steps = (np.arange(32) + 0.5) / 32 - 0.5  # in sides of the image
    y, x = np.meshgrid(-steps, steps, indexing="ij")
    grating = np.cos(2 * np.pi * (4.5 * stretch * (x * np.cos(angle) + y * np.sin(angle)) + phase))
    envelope = np.exp(-(x**2 + y**2) / (2 * 0.25**2))
    expected = 127.5 + 127.5 * grating * envelope
    image = draw_gabor(36, 4.5, 3, 32)
    np.testing.assert_allclose(image[..., 0], expected, atol=1)
    assert (image[..., :3] == image[..., :1]).all()
    np.testing.assert_array_equal(image[..., 3] == 255, np.hypot(x, y) < 0.5)


def test_a_pillar_is_opaque_lit_from_the_left_and_has_joints():
    image = draw_pillar(0, 32, 192).astype(float).mean(-1)
    assert image.shape == (192, 32) and draw_pillar(0, 32, 192).shape[-1] == 3
    assert image[:, 4:12].mean() > 1.3 * image[:, -4:].mean()
    assert len({draw_pillar(variation, 32, 192).tobytes() for variation in range(4)}) == 4
    rows = image[:, 8]
    dark = rows < 0.72 * np.median(rows)
    assert 5 <= np.diff(dark.astype(int)).clip(0).sum() + dark[0] <= 7


def test_drawings_are_these_bytes_on_every_machine():
    gabors = b"".join(image.tobytes() for each in draw_images(DrawnGabors(source="gabors")).values() for image in each)
    assert hashlib.sha256(gabors).hexdigest() == GABORS_SHA256
    pillars = b"".join(draw_pillar(variation, 32, 192).tobytes() for variation in range(4))
    assert hashlib.sha256(pillars).hexdigest() == PILLAR_SHA256


def test_apples_have_one_hue_per_class():
    images = draw_images(DrawnApples(source="apples", variations=3, pixels=16))
    assert {name: len(each) for name, each in images.items()} == {"red": 3, "blue": 3}
