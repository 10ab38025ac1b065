"""Planted truth: networks and stimuli whose answers are known."""

from __future__ import annotations

import numpy as np
import torch

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead

PIXEL_MEAN, PIXEL_SCALE = 60.0, 40.0


def small_policy(shape: tuple[int, int, int] = (24, 20, 3), seed: int = 0, **config: object) -> ActorCriticPolicy:
    """An untrained network of few units that normalises pixels by `PIXEL_MEAN` and `PIXEL_SCALE`."""
    small = {"global_channels": 3, "retinal_bottleneck": 2, "kernel_size": 3, "hidden_size": 7, "rnn_size": 5}
    heads = (ActionHead("turn", ("none", "left", "right")),)
    policy = ActorCriticPolicy.untrained(NetworkDescription(NetworkConfig(**{**small, **config}), shape, heads), seed)
    policy.network.pixel_mean.fill_(PIXEL_MEAN)
    policy.network.pixel_scale.fill_(PIXEL_SCALE)
    return policy


def convolution_of(policy: ActorCriticPolicy, layer: str) -> torch.nn.Conv2d:
    """The convolution inside a layer, to plant weights in."""
    convolution = policy.network.encoder.layers.get_submodule(f"{layer}.convolution")
    assert isinstance(convolution, torch.nn.Conv2d)
    return convolution


def gabors(count: int, size: int) -> np.ndarray:
    """Gabor filters of every orientation in luminance, red-green and yellow-blue: (count, 3, size, size) float32."""
    row, column = np.mgrid[:size, :size] - (size - 1) / 2
    opponency = ((1.0, 1.0, 1.0), (1.0, -1.0, 0.0), (0.5, 0.5, -1.0))
    filters = []
    for number in range(count):
        angle = np.pi * number / count
        along = column * np.cos(angle) + row * np.sin(angle)
        envelope = np.exp(-(row**2 + column**2) / (2 * (size / 4.5) ** 2))
        gabor = envelope * np.cos(2 * np.pi * along * 2.2 / size + number)
        filters.append(np.array(opponency[number % 3])[:, None, None] * gabor)
    return np.asarray(filters, dtype=np.float32)


def gabor_policy(count: int = 6, size: int = 7, activation: str = "elu") -> tuple[ActorCriticPolicy, np.ndarray]:
    """A network whose conv1 is Gabor filters; and the filters as (unit, height, width, colour)."""
    policy = small_policy(
        vvs_depth=0, global_channels=count, kernel_size=size, activation=activation, shape=(32, 32, 3)
    )
    filters = gabors(count, size)
    convolution_of(policy, "conv1").weight.copy_(torch.from_numpy(filters))
    return policy, np.moveaxis(filters, 1, -1)
