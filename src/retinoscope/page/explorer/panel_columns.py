"""Numbers of a panel as columns; pictures that would be too large for a page are averaged in blocks of pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.page.explorer.data_folder import DataFolder, Encoding

Entry = dict[str, Any]


class Columns:
    """Columns of one panel; an array that stands in several of its places is written once."""

    def __init__(self, folder: DataFolder, path: str) -> None:
        self.folder, self.path = folder, path
        self._known: dict[int, tuple[NDArray[Any], Entry]] = {}

    def __call__(self, name: str, values: NDArray[Any], encoding: Encoding = "float32", **more: Any) -> Entry:
        if id(values) not in self._known:
            flat = values.reshape(len(values), math.prod(values.shape[1:]))
            self._known[id(values)] = (values, self.folder.column(f"{self.path}/{name}", flat, encoding, **more))
        return self._known[id(values)][1]

    def centred(self, name: str, values: NDArray[Any], scale: float, encoding: Encoding) -> Entry:
        """Codes of which the middle one is zero."""
        return self(name, values, encoding, low=-scale, high=scale)


def averaged(pictures: NDArray[Any], block: int) -> NDArray[Any]:
    """(picture, height, width, channel) with blocks of pixels averaged; those at the far ends may be smaller."""
    if block == 1:
        return pictures
    sums = pictures.astype(np.float64)
    for axis in (1, 2):
        starts = np.arange(0, pictures.shape[axis], block)
        counts = np.diff([*starts, pictures.shape[axis]]).reshape([-1 if each == axis else 1 for each in range(4)])
        sums = np.add.reduceat(sums, starts, axis=axis) / counts
    return sums.astype(np.float32)


def in_blocks(pictures: NDArray[Any], most: int) -> tuple[NDArray[Any], int]:
    """(picture, height, width, channel) of at most so many numbers, and the side of the blocks that were averaged."""
    block = 1
    while math.prod(blocks_of(pictures.shape, block)) > most and block < max(pictures.shape[1:3]):
        block += 1
    return averaged(pictures, block), block


def blocks_of(shape: Sequence[int], block: int) -> tuple[int, ...]:
    """The shape of (picture, height, width, ...) when blocks of pixels are averaged."""
    return (shape[0], math.ceil(shape[1] / block), math.ceil(shape[2] / block), *shape[3:])


def largest(values: NDArray[Any]) -> float:
    """The largest finite absolute value; 0 where there is none."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def range_of(values: NDArray[Any]) -> tuple[float, float]:
    """The lowest and highest finite value; 0 where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
