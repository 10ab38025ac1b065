"""What the agent sees is the mean of what the engine draws, whichever way it is computed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from retinoscope.worlds.doom.pixels import area_mean


@pytest.mark.parametrize("factor", [1, 2, 4])
@pytest.mark.parametrize("kind", ["any", "dark", "bright", "two values"])
def test_a_pixel_is_the_mean_of_its_block_rounded_to_nearest(factor: int, kind: str) -> None:
    random = np.random.default_rng(factor)
    low, high = {"any": (0, 256), "dark": (0, 3), "bright": (253, 256), "two values": (0, 2)}[kind]
    screen = random.integers(low, high, (12 * factor, 10 * factor, 3), dtype=np.uint8)
    if kind == "two values":
        screen *= 255
    blocks = screen.reshape(12, factor, 10, factor, 3).astype(int).sum(axis=(1, 3))
    expected = (2 * blocks + factor**2) // (2 * factor**2)  # halves up
    found = area_mean(screen, factor)
    assert (found.dtype, found.shape) == (np.uint8, (12, 10, 3))
    np.testing.assert_array_equal(found, expected)


def test_twos_are_what_pillow_makes_of_them() -> None:
    screen = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    np.testing.assert_array_equal(area_mean(screen, 2), np.asarray(Image.fromarray(screen).reduce(2)))
    np.testing.assert_array_equal(area_mean(screen[:, ::-1], 2), area_mean(screen, 2)[:, ::-1])
