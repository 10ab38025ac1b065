"""Patches of recorded observations: what a unit of a map saw during behaviour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError


@dataclass(frozen=True, eq=False)
class RecordedPatches:
    """Random frames of a recording, seen through the window of a random unit of a map.

    Attributes:
        observations: (time, height, width, channel) uint8, at least one frame.
        rows: first rows of the windows, at least one; every one of them goes with every one of the columns.
        columns: first columns of the windows, at least one.
        seed: of the random numbers, not negative; batch k depends on the seed and k alone.

    Raises:
        UserError: there is no frame, or the observations have another form.
    """

    observations: NDArray[np.uint8]
    rows: tuple[int, ...] = (0,)
    columns: tuple[int, ...] = (0,)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.observations.ndim != 4 or not len(self.observations):
            shape = self.observations.shape
            raise UserError(f"observations: have shape {shape}; give at least one of (time, height, width, channel)")

    def draw(self, batch: int, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Stimuli of batch number `batch`: (count, height, width, channel) float32, drawn with replacement.

        Raises:
            UserError: the observations are smaller than the patches, or have other channels.
        """
        frames, *size, channels = self.observations.shape
        height, width = shape[:2]
        if size[0] < max(self.rows) + height or size[1] < max(self.columns) + width or channels != shape[2]:
            seen = "x".join(map(str, self.observations.shape[1:]))
            raise UserError(f"observations: are {seen}, too small for patches of {'x'.join(map(str, shape))}")
        generator = np.random.default_rng([self.seed, batch])
        patches = np.empty((count, *shape), dtype=np.float32)
        for patch, frame in zip(patches, generator.integers(frames, size=count), strict=True):
            window = generator.integers((len(self.rows), len(self.columns)))
            row, column = self.rows[window[0]], self.columns[window[1]]
            patch[:] = self.observations[frame, row : row + height, column : column + width]
        return patches
