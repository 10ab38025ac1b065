"""Sinusoidal gratings as pictures, in pixel units around a grey level.

Orientation is that of the stripes: 0 degrees for stripes that stand upright, anticlockwise, as in the Gabors of
`scenarios`. Phase counts from the middle of the picture: at 0 a bright stripe runs through it, at 90 degrees the bright
stripe lies a quarter of a cycle further, to the right of upright stripes. For a network that computes on one picture at
a time, a grating at all its phases is a drifting grating.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]

_OPPONENT = {
    "luminance": (1.0, 1.0, 1.0),
    "red-green": (1.0, -1.0, 0.0),
    "blue-yellow": (-0.5, -0.5, 1.0),
}


def colour_axes(channels: int, frames: int = 1) -> dict[str, Array]:
    """The directions in colour space along which gratings vary, name -> (channel,) weights.

    Red-green is R - G and blue-yellow B - (R + G) / 2, the axes of the primaries that resemble the cardinal directions
    of cone contrasts (Derrington, Krauskopf & Lennie 1984). They and luminance, all primaries alike, are at right
    angles and of length 1 in one frame, so that gratings of the same amplitude have the same root-mean-square over
    pixels and primaries. Pictures without three primaries have luminance alone.

    Args:
        channels: of an observation.
        frames: stacked in it; all show the same.
    """
    primaries = channels // frames
    chosen = _OPPONENT if primaries == 3 else {"luminance": (1.0,) * primaries}
    return {
        name: np.tile(np.array(weights) / np.linalg.norm(weights), channels // primaries)
        for name, weights in chosen.items()
    }


def highest_contrast(mean: float) -> float:
    """Of a grating around this grey level, without leaving 0 to 255: its amplitude over the grey level."""
    return min(mean, 255.0 - mean) / mean


@dataclass(frozen=True)
class Gratings:
    """Gratings, one row of every array for each.

    Attributes:
        mean: grey level around which they vary, pixel units.
        orientation: (count,) degrees.
        frequency: (count,) cycles per pixel.
        phase: (count,) degrees.
        amplitude: (count, channel) pixel units; of either sign, or complex: its angle is how far the stripes of a
            channel lie behind `phase`.

    Raises:
        UserError: a picture would leave 0 to 255, so that the network would see something else than a sinusoid.
    """

    mean: float
    orientation: Array
    frequency: Array
    phase: Array
    amplitude: Array | NDArray[np.complex128]

    def __post_init__(self) -> None:
        largest = float(np.abs(self.amplitude).max(initial=0.0))
        room = min(self.mean, 255 - self.mean)
        if largest > room * (1 + 1e-9):
            raise UserError(
                f"gratings: an amplitude of {largest:.4g} pixel units around grey level {self.mean:.4g} leaves 0 to "
                f"255; give a contrast of at most {highest_contrast(self.mean):.4g}"
            )

    def __len__(self) -> int:
        return len(self.orientation)

    def draw(self, first: int, last: int, shape: tuple[int, int, int]) -> NDArray[np.float32]:
        """Those from number `first` to before `last`: (count, height, width, channel) float32, pixel units."""
        height, width, _ = shape
        rows = np.arange(height, dtype=np.float64) - (height - 1) / 2
        columns = np.arange(width, dtype=np.float64) - (width - 1) / 2
        chosen = slice(first, last)
        angle, turns = np.radians(self.orientation[chosen]), 2 * np.pi * self.frequency[chosen]
        # Separable: cos(a + b) of a row and a column needs no cosine for every pixel. Rows count downwards.
        across = (turns * np.cos(angle))[:, None] * columns - np.radians(self.phase[chosen])[:, None]
        down = -(turns * np.sin(angle))[:, None] * rows
        wave = np.cos(down)[:, :, None] * np.cos(across)[:, None] - np.sin(down)[:, :, None] * np.sin(across)[:, None]
        amplitude = self.amplitude[chosen, None, None]
        pictures = self.mean + wave[..., None] * amplitude.real
        if np.iscomplexobj(amplitude):
            late = (
                np.sin(down)[:, :, None] * np.cos(across)[:, None] + np.cos(down)[:, :, None] * np.sin(across)[:, None]
            )
            pictures -= late[..., None] * amplitude.imag
        # Rounding may pass the ends by a millionth.
        return np.clip(pictures, 0, 255).astype(np.float32)
