"""Recordings of pictures of a known power spectrum, and an agent whose filters are planted."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Actions, Declaration, Picture

ACTIONS = ("left", "stay", "right")


class PlantedFilters(nn.Module):
    """A convolution of planted filters, with a rectifier if so asked; and three actions."""

    def __init__(self, filters: np.ndarray, shape: tuple[int, int, int], stride: int, is_rectified: bool) -> None:
        super().__init__()
        units, size, _, channels = filters.shape
        self.conv1 = nn.Conv2d(channels, units, size, stride, bias=False)
        self.conv1.weight.data.copy_(torch.from_numpy(np.moveaxis(filters, -1, 1)))
        self.is_rectified = is_rectified
        self.actor = nn.Linear(units, len(ACTIONS))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = self.conv1(pixels)
        maps = torch.relu(maps) if self.is_rectified else maps
        return self.actor(maps.mean(dim=(2, 3)))


def planted_agent(
    filters: np.ndarray, shape: tuple[int, int, int], stride: int = 1, is_rectified: bool = False
) -> Agent:
    """An agent whose conv1 holds these filters, (unit, size, size, channel)."""
    return from_module(
        PlantedFilters(filters.astype(np.float32), shape, stride, is_rectified),
        observation_shape=shape,
        actions=ACTIONS,
        preprocess=lambda pixels: (pixels.permute(0, 3, 1, 2) - 100.0) / 50.0,
        name="planted filters",
    )


def noise_pictures(count: int, shape: tuple[int, int, int], exponent: float, seed: int = 0) -> np.ndarray:
    """(count, *shape) uint8, mean 100, noise whose amplitude falls as 1/f^exponent, in colours that are alike."""
    random = np.random.default_rng(seed)
    height, width, channels = shape
    frequency = np.hypot(np.fft.fftfreq(2 * height)[:, None], np.fft.fftfreq(2 * width)[None])
    frequency[0, 0] = np.inf
    noise = random.normal(size=(count, 1 + channels, 2 * height, 2 * width))
    smooth = np.fft.ifft2(np.fft.fft2(noise) / frequency**exponent).real[..., :height, :width]
    pictures = 0.8 * smooth[:, :1] + 0.6 * smooth[:, 1:]
    pictures = 100 + 30 * pictures / pictures.std()
    return np.clip(np.moveaxis(pictures, 1, -1).round(), 0, 255).astype(np.uint8)


def recording_of_pictures(agent: Agent, pictures: np.ndarray, episodes: int = 5) -> ArrayRecording:
    """These pictures as what an agent saw."""
    lengths = [len(each) for each in np.array_split(np.arange(len(pictures)), episodes)]
    shape = pictures.shape[1:]
    world = Declaration("planted scenes", "ce" * 32, "planted", Picture(*shape), (Actions("action", ACTIONS),))
    return ArrayRecording(
        {"observation": pictures},
        layers=[],
        roles={},
        world=world,
        episode_lengths=lengths,
        attributes={"agent": agent.name, "checkpoint_sha256": agent.checkpoint_sha256},
        name="scenes.zarr",
    )
