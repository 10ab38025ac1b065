"""Fields that are known to be what they are, and fields in which there is nothing."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

NOISE = 0.5
"""Standard deviation of the noise on either half, in root-mean-squares of the field."""
SIDE = 13

GREY = np.ones(1)
OPPONENT = np.array([0.7, -0.68, 0.1])  # red against green


def planted(kind: str, count: int, random: np.random.Generator, side: int = SIDE) -> np.ndarray:
    """(field, side, side, colour) of one kind, by its formula, each with parameters of its own.

    Args:
        kind: `gabor`: 0.25 to 0.45 cycles within a standard deviation of an envelope of 10 to 15% of the side, any
            phase and orientation; `dog`: a centre of 8 to 12% of the side, a surround 1.5 to 2.2 times as wide that
            takes away 80 to 100% of it; `blob`: the centre alone; `white`, and `smooth`, white noise blurred by 1 to
            1.5 pixels. `opponent gabor`, `opponent dog`: in red against green.
        count: how many.
        random: of the parameters.
        side: pixels.
    """
    colours = OPPONENT if kind.startswith("opponent") else GREY
    made = {"gabor": _gabor, "dog": _dog, "blob": _blob, "white": _white, "smooth": _smooth}[kind.split()[-1]]
    return np.stack([made(random, side) for _ in range(count)])[..., None] * colours


def noisy(fields: np.ndarray, random: np.random.Generator, noise: float = NOISE) -> np.ndarray:
    """(2, *fields.shape): two halves, each with noise of its own."""
    axes = tuple(range(1, fields.ndim))
    size = np.sqrt(np.mean(np.square(fields), axis=axes, keepdims=True))
    return np.stack([fields + noise * size * random.normal(size=fields.shape) for _ in range(2)])


def _from_middle(random: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:side, :side] - random.uniform(0.35, 0.65, 2)[:, None, None] * (side - 1)
    return x, y


def _gabor(random: np.random.Generator, side: int) -> np.ndarray:
    x, y = _from_middle(random, side)
    sigma, angle = random.uniform(0.1, 0.15) * side, random.uniform(0, np.pi)
    frequency, phase = random.uniform(0.25, 0.45) / sigma, random.uniform(0, 2 * np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    return np.exp(-(x**2 + y**2) / (2 * sigma**2)) * np.cos(2 * np.pi * frequency * across + phase)


def _dog(random: np.random.Generator, side: int, surround: float | None = None) -> np.ndarray:
    x, y = _from_middle(random, side)
    sigma, ratio = random.uniform(0.08, 0.12) * side, random.uniform(1.5, 2.2)
    share = random.uniform(0.8, 1.0) if surround is None else surround
    squared = (x**2 + y**2) / (2 * sigma**2)
    return random.choice([-1, 1]) * (np.exp(-squared) - share / ratio**2 * np.exp(-squared / ratio**2))


def _blob(random: np.random.Generator, side: int) -> np.ndarray:
    return _dog(random, side, surround=0.0)


def _white(random: np.random.Generator, side: int) -> np.ndarray:
    return random.normal(size=(side, side))


def _smooth(random: np.random.Generator, side: int) -> np.ndarray:
    around = 8  # so that opposite sides do not meet
    blurred = gaussian_filter(random.normal(size=(side + 2 * around,) * 2), random.uniform(1.0, 1.5))
    return blurred[around:-around, around:-around]
