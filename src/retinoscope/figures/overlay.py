"""A frame under a diverging overlay, by look-up tables.

The picture is grey, red where it raises the target and blue where it lowers it (with our own style); the stronger, the
less of it shines through.
"""

from __future__ import annotations

import functools

import matplotlib
import numpy as np

from retinoscope.figures.canvas import to_rgb
from retinoscope.figures.style import colour_map

_LEVELS = 127  # on either side of zero
_FADE = 0.55  # exponent of opacity: a tenth of the scale is still seen


def overlay(observation: np.ndarray, values: np.ndarray, scale: float) -> np.ndarray:
    """Compose one picture.

    Args:
        observation: (height, width, channel) uint8.
        values: (height, width); beyond plus and minus `scale` they are drawn like these.
        scale: of the colours; zero draws the frame alone.

    Returns:
        (height, width, 3) uint8.
    """
    colours, opacity = _tables(colour_map("diverging").name)
    relative = values / scale if scale > 0 else np.zeros(values.shape)
    index = np.clip(np.rint(relative * _LEVELS), -_LEVELS, _LEVELS).astype(np.int16) + _LEVELS
    cover = opacity[index][..., None]
    blended = faded(observation).astype(np.float32) * (1 - cover) + colours[index] * cover
    return np.rint(blended).astype(np.uint8)


def faded(observation: np.ndarray) -> np.ndarray:
    """The frame in light greys that the overlay stands out from, (height, width, 3) uint8."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    luminance = to_rgb(observation).astype(np.float32) @ weights
    return np.rint(90 + luminance * (165 / 255)).astype(np.uint8)[..., None].repeat(3, axis=-1)


def colour_bar(width: int, height: int) -> np.ndarray:
    """From minus to plus the scale, over middle grey, (height, width, 3) uint8."""
    values = np.broadcast_to(np.linspace(-1, 1, width, dtype=np.float32), (height, width))
    return overlay(np.full((height, width, 3), 128, np.uint8), values, 1.0)


@functools.lru_cache(maxsize=4)
def _tables(name: str) -> tuple[np.ndarray, np.ndarray]:
    """(level, 3) colours, 0 to 255, and (level,) opacities, from minus to plus the scale, of the map of this name."""
    relative = np.linspace(-1, 1, 2 * _LEVELS + 1)
    # The ends of the map are nearly black: they are left out, so that the two signs differ where it counts most.
    colours = matplotlib.colormaps[name]((1 + 0.86 * np.sign(relative) * np.abs(relative) ** 0.3) / 2)[:, :3] * 255
    return colours.astype(np.float32), (np.abs(relative) ** _FADE).astype(np.float32)
