"""Observations as they are shown: the newest frame of a stack, in grey or colour, from black to white."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import xarray

from retinoscope.figures.canvas import to_rgb

__all__: list[str] = []


@dataclass(frozen=True)
class Pictures:
    """How observations of a world are to be shown.

    Attributes:
        low, high: black and white.
        frames: how many are stacked in one observation, the newest last.
    """

    low: float = 0.0
    high: float = 255.0
    frames: int = 1

    @classmethod
    def of(cls, data: xarray.Dataset) -> Pictures:
        """As `analyses.recorded.picture_attribute` says it of a Result; pixels from 0 to 255 where nothing is said."""
        return cls(**json.loads(data.attrs.get("picture", "{}")))

    def shown(self, observation: np.ndarray) -> np.ndarray:
        """(height, width, channel) -> its newest frame, (height, width, 3) uint8.

        A frame of three channels is in colour, any other in grey: its first channel.
        """
        newest = observation[..., observation.shape[-1] // self.frames * (self.frames - 1) :]
        if newest.dtype != np.uint8 or (self.low, self.high) != (0, 255):
            share = (newest.astype(np.float32) - self.low) / (self.high - self.low)
            newest = (255 * np.clip(share, 0, 1)).round().astype(np.uint8)
        return to_rgb(newest)
