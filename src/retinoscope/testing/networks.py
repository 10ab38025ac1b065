"""The agents of the planted recordings: networks of few units, of every kind that there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from retinoscope.agents.actions import ActionHead, gaussian_head
from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.agents.networks import NetworkConfig

VIEW = (24, 20, 3)
"""Of our own network: (height, width, channel)."""
HEADS = {"turn": ("none", "left", "right"), "move": ("none", "forward", "backward")}
KEPT = 0.6
"""Share of its state that the planted memory keeps from one decision to the next, whatever it sees."""
SHA256 = "ab" * 32
NAME = "planted"
"""Of agents whose memory forgets as `KEPT` says."""


def our_network(rnn: Any = "gru", heads: Mapping[str, tuple[str, ...]] = HEADS) -> Agent:
    """A network of this package, untrained but for its memory."""
    shape = {"global_channels": 3, "retinal_bottleneck": 2, "kernel_size": 3, "hidden_size": 12, "rnn_size": 8}
    config = NetworkConfig(**shape, rnn=rnn)
    named = tuple(ActionHead(name, outputs) for name, outputs in heads.items())
    policy = ActorCriticPolicy.untrained(NetworkDescription(config, VIEW, named), seed=0)
    policy.network.pixel_mean.fill_(100.0)
    policy.network.pixel_scale.fill_(50.0)
    if policy.network.rnn is not None:
        _plant_memory(policy.network.rnn)
    return Agent(NAME, policy, checkpoint_sha256=SHA256)


def q_network() -> Agent:
    """Four stacked grey frames of 84 x 84 pixels in, values of four actions out; no memory."""
    network = _Network((84, 84, 4), kernels=(8, 4), strides=(4, 2), outputs=4)
    return _found(network, ("stay", "fire", "right", "left"), "planted Q-network", q_values=True)


def colour_gru() -> Agent:
    """Colour pictures of 56 x 56 pixels in, a GRU that forgets as `KEPT` says, a critic, six actions."""
    network = _Network((56, 56, 3), outputs=6, critic=True, memory=nn.GRU(FEATURES, UNITS))
    actions = ("left", "right", "forward", "take", "drop", "open")
    return _found(network, actions, NAME, initial_state=lambda batch: torch.zeros(1, batch, UNITS))


def stacked_frames() -> Agent:
    """Three stacked colour frames of 32 x 40 pixels in, padded convolutions, a critic, two heads; no memory."""
    network = _Network((32, 40, 9), kernels=(5, 3), padding=1, outputs=5, critic=True)
    return _found(network, {"steer": ("left", "on", "right"), "brake": ("no", "yes")}, "planted stack")


def lstm() -> Agent:
    """Grey pictures of 36 x 36 pixels in, an LSTM whose state is (h, c), a critic, three actions."""
    network = _Network((36, 36, 1), outputs=3, critic=True, memory=nn.LSTM(FEATURES, UNITS))

    def start(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(1, batch, UNITS), torch.zeros(1, batch, UNITS)

    return _found(network, ("left", "stay", "right"), "planted LSTM", initial_state=start)


def continuous() -> Agent:
    """Colour pictures of 32 x 32 pixels in, means and deviations of two numbers out; no critic, no memory."""
    network = _Network((32, 32, 3), outputs=4)
    return _found(network, (gaussian_head(("push", "turn"), ((-1.0, 1.0), (-1.0, 1.0))),), "planted continuous")


FEATURES, UNITS = 12, 8
"""Units of the encoder's output, and of the memory."""


class _Network(nn.Module):
    """Two convolutions, a dense layer, perhaps a memory, an actor and perhaps a critic."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        kernels: tuple[int, int] = (4, 3),
        strides: tuple[int, int] = (2, 2),
        padding: int = 0,
        critic: bool = False,
        memory: nn.GRU | nn.LSTM | None = None,
    ) -> None:
        super().__init__()
        self.shape = shape
        self.conv1 = nn.Conv2d(shape[2], 5, kernels[0], strides[0], padding)
        self.conv2 = nn.Conv2d(5, 6, kernels[1], strides[1], padding)
        with torch.no_grad():
            flat = self.conv2(self.conv1(torch.zeros(1, shape[2], *shape[:2]))).numel()
        self.fc = nn.Linear(flat, FEATURES)
        self.memory = memory
        features = FEATURES if memory is None else UNITS
        self.actor = nn.Linear(features, outputs)
        self.critic = nn.Linear(features, 1) if critic else None

    def forward(self, pictures: torch.Tensor, state: Any = None) -> Any:
        maps = torch.relu(self.conv2(torch.relu(self.conv1(pictures))))
        features = torch.relu(self.fc(maps.flatten(1)))
        if self.memory is not None:
            hidden, state = self.memory(features[None], state)
            features = hidden[0]
        answer = [self.actor(features)]
        if self.critic is not None:
            answer.append(self.critic(features))
        if self.memory is not None:
            answer.append(state)
        return answer[0] if len(answer) == 1 else tuple(answer)


def _found(network: _Network, actions: Any, name: str, **settings: Any) -> Agent:
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.orthogonal_(parameter, generator=generator)
        else:
            nn.init.zeros_(parameter)
    if name == NAME:
        _plant_memory(network.memory)
    return from_module(
        network,
        observation_shape=network.shape,
        actions=actions,
        preprocess=lambda pixels: (pixels.permute(0, 3, 1, 2) - 100.0) / 50.0,
        name=name,
        **settings,
    )


def _plant_memory(memory: Any) -> None:
    """In h = (1 - z) n + z h the gate z is `KEPT` and n does not look at h, so that it is known how it forgets."""
    size = memory.hidden_size
    with torch.no_grad():
        memory.weight_hh_l0.zero_()
        memory.bias_hh_l0.zero_()
        memory.weight_ih_l0[: 2 * size] = 0
        memory.bias_ih_l0[: 2 * size] = 0
        memory.bias_ih_l0[size : 2 * size] = float(np.log(KEPT / (1 - KEPT)))
        memory.weight_ih_l0[2 * size :] *= 3
