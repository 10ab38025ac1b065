"""From what the engine draws to what the agent sees."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image


def area_mean(screen: np.ndarray, factor: int) -> np.ndarray:
    """Mean of blocks of `factor` x `factor` pixels (1, 2 or 4), halves rounded up: (height, width, 3) uint8."""
    if factor != 2 or not screen.flags.c_contiguous:
        return np.asarray(Image.fromarray(screen).reduce(factor))
    # Twos, which every shipped scenario has, by whole numbers in half the time: pairs of rows, then of neighbours.
    height, width, channels = screen.shape
    rows = np.add(screen[0::2], screen[1::2], dtype=np.uint16).ravel()
    sums = rows[:-channels] + rows[channels:]
    sums += 2
    sums >>= 2
    chosen = sums.astype(np.uint8).take(_left_of_pairs(height // 2, width, channels))
    return chosen.reshape(height // 2, width // 2, channels)


@functools.cache
def _left_of_pairs(height: int, width: int, channels: int) -> np.ndarray:
    """Places of the pixels of even columns in a flat (height, width, channel) array."""
    return np.arange(height * width * channels).reshape(height, width, channels)[:, 0::2].ravel()


def area_resized(screen: np.ndarray, height: int, width: int) -> np.ndarray:
    """Means over the areas that pixels of any other size cover, halves rounded up: (height, width, 3) uint8."""
    rows, columns = _shares(screen.shape[0], height), _shares(screen.shape[1], width)
    drawn = screen.astype(np.float32).transpose(2, 0, 1)
    return np.floor(rows @ drawn @ columns.T + 0.5).astype(np.uint8).transpose(1, 2, 0).copy()


@functools.cache
def _shares(drawn: int, seen: int) -> np.ndarray:
    """(seen, drawn) float32: how much of each drawn pixel is in each pixel that is seen; rows add up to 1."""
    size = drawn / seen
    starts, places = np.arange(seen)[:, None] * size, np.arange(drawn)
    covered = np.minimum(starts + size, places + 1) - np.maximum(starts, places)
    return (np.maximum(covered, 0) / size).astype(np.float32)
