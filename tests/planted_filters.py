"""Networks of one hand-set convolution: Gabors, differences of Gaussians, colour opponents, energy models, noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module

SIDE = 17
"""Of every filter, pixels."""
SHAPE = (33, 37, 3)
LUMINANCE = (1.0, 1.0, 1.0)
OPPONENTS = {"luminance": LUMINANCE, "red-green": (1.0, -1.0, 0.0), "blue-yellow": (-0.5, -0.5, 1.0)}


def coordinates() -> tuple[np.ndarray, np.ndarray]:
    """Rightwards and upwards from the middle, pixels: (side, side)."""
    row, column = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    return column, -row


def gabor(orientation: float, frequency: float, phase: float) -> np.ndarray:
    """Stripes that stand upright at 0 degrees and turn anticlockwise; 1.2 octaves wide. (side, side)."""
    x, y = coordinates()
    angle = np.radians(orientation)
    across = x * np.cos(angle) + y * np.sin(angle)
    envelope = np.exp(-(x**2 + y**2) / (2 * (0.45 / frequency) ** 2))
    return envelope * np.cos(2 * np.pi * frequency * across - np.radians(phase))


def centre_surround(centre: float, surround: float) -> np.ndarray:
    """A difference of Gaussians that adds up to nothing; standard deviations in pixels."""
    x, y = coordinates()
    one, other = (np.exp(-(x**2 + y**2) / (2 * sigma**2)) for sigma in (centre, surround))
    return one / one.sum() - other / other.sum()


def best_frequency(centre: float, surround: float) -> float:
    """Of `centre_surround`, cycles per pixel: where the difference of two Gaussians in frequency is largest."""
    return float(np.sqrt(np.log(surround**2 / centre**2) / (2 * np.pi**2 * (surround**2 - centre**2))))


def coloured(filters: np.ndarray, weights: tuple[float, float, float] = LUMINANCE) -> np.ndarray:
    """(unit, side, side) -> (unit, 3, side, side)."""
    return filters[:, None] * np.array(weights)[:, None, None]


def noisy(filters: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """White noise is added, as long as this share of the length of each filter."""
    flat = filters.reshape(len(filters), -1)
    noise = np.random.default_rng(seed).standard_normal(flat.shape)
    noise *= share * np.linalg.norm(flat, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (flat + noise).reshape(filters.shape)


class Filters(nn.Module):
    """conv: the filters, then a rectifier; energy: the squared answers of neighbours, summed in pairs."""

    def __init__(self, filters: np.ndarray, is_energy: bool = False, threshold: float = 0.0) -> None:
        super().__init__()
        count = len(filters)
        scaled = filters / np.linalg.norm(filters.reshape(count, -1), axis=1)[:, None, None, None]
        self.conv = nn.Conv2d(3, count, SIDE, stride=4)
        self.energy = nn.Conv2d(count, count // 2, 1, groups=count // 2, bias=False) if is_energy else None
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(scaled))
            self.conv.bias.fill_(-threshold)
            if self.energy is not None:
                self.energy.weight.fill_(1.0)
        self.actor = nn.Linear(count // 2 if is_energy else count, 2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        maps = self.conv((pictures - 128.0) / 64.0)
        maps = torch.relu(maps) if self.energy is None else self.energy(maps**2)
        return self.actor(maps.mean(dim=(2, 3)))


def agent_of(filters: np.ndarray, *, is_energy: bool = False, threshold: float = 0.0) -> Agent:
    """An agent whose `conv` (or `energy`) has these filters (unit, 3, side, side), brought to length 1."""
    return from_module(
        Filters(filters, is_energy, threshold),
        observation_shape=SHAPE,
        actions=2,
        preprocess=lambda pixels: pixels.permute(0, 3, 1, 2).float(),
        name="planted filters",
    )
