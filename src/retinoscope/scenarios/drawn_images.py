"""Images drawn by formula: pure arithmetic on numbers from a seed, the same bytes on every machine.

Only + - * / and the square root are used, whose results are rounded the same way everywhere; sines and exponentials of
the mathematical libraries differ in their last bit between machines.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from retinoscope.scenarios.image_sources import DrawnApples, DrawnGabors

APPLE_HUES = {"red": (205, 30, 35), "blue": (40, 70, 215)}
GABOR_ORIENTATIONS = (0, 36, 72, 108, 144)
"""Degrees from stripes that stand upright, anticlockwise."""
GABOR_CYCLES = {"coarse": 2.0, "fine": 4.5}
"""Spatial frequencies, cycles per image."""


def draw_images(source: DrawnApples | DrawnGabors) -> dict[str, list[np.ndarray]]:
    """Class name -> its images, each (pixels, pixels, 4) uint8, transparent where there is nothing."""
    variations = range(source.variations)
    if isinstance(source, DrawnApples):
        return {
            name: [draw_apple(hue, variation, source.pixels) for variation in variations]
            for name, hue in APPLE_HUES.items()
        }
    return {
        f"{name}-{degrees}": [draw_gabor(degrees, cycles, variation, source.pixels) for variation in variations]
        for name, cycles in GABOR_CYCLES.items()
        for degrees in GABOR_ORIENTATIONS
    }


def draw_apple(colour: tuple[int, int, int], variation: int, pixels: int) -> np.ndarray:
    """One apple on a transparent ground: (pixels, pixels, 4) uint8.

    Args:
        colour: RGB of the skin, 0-255.
        variation: seed of the proportions and of the light's direction.
        pixels: side of the image.
    """
    random = np.random.Generator(np.random.PCG64(variation))
    squash, lean, light_x, light_y = random.uniform((0.86, -0.1, -0.45, -0.5), (1.0, 0.1, 0.45, -0.2))
    x, y = _coordinates(pixels, pixels)
    body_y = (y - 0.18) / (0.8 * squash)
    body_x = (x - lean * y) / 0.8
    dent = 0.28 * np.maximum(0.0, 0.35 - np.abs(body_x)) * (body_y < 0)
    inside = body_x**2 + (body_y - dent) ** 2 < 1
    shade = 1.15 - 0.55 * np.sqrt((x - light_x) ** 2 + (y - light_y) ** 2)
    stem = (np.abs(x - lean * y - 0.06 * (y + 1)) < 0.07) & (y < -0.35) & (y > -0.95)
    image = np.zeros((pixels, pixels, 4), np.uint8)
    skin = np.clip(np.array(colour)[None, None] * np.clip(shade, 0.35, 1.2)[..., None], 0, 255)
    image[inside, :3] = np.rint(skin).astype(np.uint8)[inside]
    image[stem, :3] = (92, 58, 30)
    image[inside | stem, 3] = 255
    return image


def draw_gabor(degrees: float, cycles: float, variation: int, pixels: int) -> np.ndarray:
    """One Gabor patch in a round window on a transparent ground: (pixels, pixels, 4) uint8.

    A sinusoidal grating under a Gaussian envelope, whose standard deviation is a quarter of the image's side, around
    mean grey.

    Args:
        degrees: orientation; 0 for stripes that stand upright, anticlockwise.
        cycles: spatial frequency, cycles per image.
        variation: seed of the phase, of up to 5 degrees of tilt and up to 8% of frequency.
        pixels: side of the image.
    """
    random = np.random.Generator(np.random.PCG64(variation))
    phase, tilt, stretch = random.uniform((0.0, -5.0, 0.92), (1.0, 5.0, 1.08))
    turns = np.array((degrees + tilt) / 360)
    x, y = _coordinates(pixels, pixels)
    across = x * cosine(turns) - y * cosine(turns - 0.25)  # rows count downwards; cos(turns - 1/4) is the sine
    grating = cosine(across * (cycles * stretch / 2) + phase)
    squared_radius = x * x + y * y
    image = np.zeros((pixels, pixels, 4), np.uint8)
    image[..., :3] = np.rint(127.5 + 127.5 * grating * _gaussian(squared_radius * 2))[..., None]
    image[..., 3] = 255 * (squared_radius < 1)
    return image


def draw_pillar(variation: int, width: int, height: int) -> np.ndarray:
    """An obstacle: a round pillar of stone, lit from one side: (height, width, 3) uint8.

    Args:
        variation: seed of the joints between its stones and of their shades.
        width: pixels.
        height: pixels.
    """
    random = np.random.Generator(np.random.PCG64(variation))
    x, y = _coordinates(width, height)
    stones = 6
    along = (y + 1) / 2 * stones + random.uniform(0, 1)
    shades = random.uniform(0.75, 1.0, stones + 1)
    joint = np.abs(along - np.rint(along)) < 0.06
    roundness = np.sqrt(np.maximum(0.0, 1 - (0.9 * (x + 0.25)) ** 2))
    light = (0.35 + 0.65 * roundness) * shades[along.astype(int)] * np.where(joint, 0.6, 1.0)
    return np.rint(np.array([176, 160, 140]) * light[..., None]).astype(np.uint8)


def cosine(turns: np.ndarray) -> np.ndarray:
    """Cosine of an angle in turns, by its Taylor series, which needs nothing but exactly rounded arithmetic."""
    from_whole = np.abs(turns - np.rint(turns))  # 0 to 1/2, where the cosine falls from 1 to -1
    mirrored = np.minimum(from_whole, 0.5 - from_whole)  # 0 to 1/4
    squared = (mirrored * 6.283185307179586) ** 2
    series = np.zeros_like(squared)
    for coefficient in reversed(_COSINE_COEFFICIENTS):
        series = series * squared + coefficient
    return np.where(from_whole > 0.25, -series, series)


def _cosine_coefficients(count: int) -> tuple[float, ...]:
    term, found = Fraction(1), []
    for order in range(count):
        found.append(float(term))
        term = -term / ((2 * order + 1) * (2 * order + 2))
    return tuple(found)


_COSINE_COEFFICIENTS = _cosine_coefficients(10)


def _gaussian(exponent: np.ndarray) -> np.ndarray:
    """exp(-exponent), as (1 - exponent / 1024) ** 1024."""
    power = 1 - exponent / 1024
    for _ in range(10):
        power = power * power
    return power


def _coordinates(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Middle of each pixel, x and y, (height, width), from -1 at the left and upper to 1 at the other edges."""
    columns, rows = ((np.arange(pixels) + 0.5) / pixels * 2 - 1 for pixels in (width, height))
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return x, y
