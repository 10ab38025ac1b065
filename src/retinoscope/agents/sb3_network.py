"""The networks of Stable-Baselines3, under the library's own names, so that saved weights find their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    each.__name__: each
    for each in (nn.Tanh, nn.ReLU, nn.ELU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Mish, nn.SELU, nn.Sigmoid)
}


@dataclass(frozen=True)
class Build:
    """What has to be known of a policy to build it again.

    Attributes:
        shape: (channel, height, width) of its observations.
        outputs: numbers that the actor gives.
        is_continuous: they are means, and there are as many deviations.
        has_cnn: features come from the convolutions of `NatureCNN`; else they are the pixels.
        features: units of the dense layer behind the convolutions.
        actor, critic: units of the layers behind the features, or behind the memory.
        activation: between these, a name in `ACTIVATIONS`.
        is_shared: actor and critic share the features.
    """

    shape: tuple[int, int, int]
    outputs: int
    is_continuous: bool = False
    has_cnn: bool = True
    features: int = 512
    actor: tuple[int, ...] = ()
    critic: tuple[int, ...] = ()
    activation: str = "Tanh"
    is_shared: bool = True


@dataclass(frozen=True)
class Memory:
    """LSTMs between features and outputs.

    Attributes:
        units: of each layer.
        layers: how many.
        is_shared: the critic reads the actor's.
        has_critic: the critic has its own.
    """

    units: int = 256
    layers: int = 1
    is_shared: bool = False
    has_critic: bool = True


@dataclass(frozen=True)
class Wanted:
    """A whole network.

    Attributes:
        build: its parts.
        memory: None without one.
        is_q_network: it gives Q-values.
    """

    build: Build
    memory: Memory | None = None
    is_q_network: bool = field(default=False)

    def made(self) -> nn.Module:
        """The network, with random weights."""
        return _QPolicy(self.build) if self.is_q_network else _ActorCritic(self.build, self.memory)


class _Features(nn.Module):
    """`NatureCNN` (Mnih et al. 2015), or `FlattenExtractor`."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        if not build.has_cnn:
            self.flatten = nn.Flatten()
            self.size = int(torch.tensor(build.shape).prod())
            return
        self.cnn = nn.Sequential(
            *(nn.Conv2d(build.shape[0], 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3, 1), nn.ReLU(), nn.Flatten()),
        )
        with torch.no_grad():
            flat = self.cnn(torch.zeros(1, *build.shape)).shape[1]
        self.linear = nn.Sequential(nn.Linear(flat, build.features), nn.ReLU())
        self.size = build.features

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.linear(self.cnn(pictures)) if hasattr(self, "cnn") else self.flatten(pictures)
        return features


def _layers(size: int, units: Sequence[int], activation: str) -> tuple[nn.Sequential, int]:
    """Dense layers, each with its activation function, and what the last of them gives."""
    layers: list[nn.Module] = []
    for each in units:
        layers += [nn.Linear(size, each), ACTIVATIONS[activation]()]
        size = each
    return nn.Sequential(*layers), size


class _Readout(nn.Module):
    """`MlpExtractor`."""

    def __init__(self, build: Build, size: int) -> None:
        super().__init__()
        self.policy_net, self.actor_size = _layers(size, build.actor, build.activation)
        self.value_net, self.critic_size = _layers(size, build.critic, build.activation)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, feature) -> (batch, unit)."""
        found: torch.Tensor = self.policy_net(features)
        return found

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, feature) -> (batch, unit)."""
        found: torch.Tensor = self.value_net(features)
        return found


class _ActorCritic(nn.Module):
    """`ActorCriticPolicy` and `RecurrentActorCriticPolicy`."""

    def __init__(self, build: Build, memory: Memory | None) -> None:
        super().__init__()
        self.features_extractor = _Features(build)
        self.pi_features_extractor = self.features_extractor
        self.vf_features_extractor = self.features_extractor if build.is_shared else _Features(build)
        size = self.features_extractor.size
        self.mlp_extractor = _Readout(build, size if memory is None else memory.units)
        self.action_net = nn.Linear(self.mlp_extractor.actor_size, build.outputs)
        self.value_net = nn.Linear(self.mlp_extractor.critic_size, 1)
        self.log_std = nn.Parameter(torch.zeros(build.outputs)) if build.is_continuous else None
        self.lstm_actor = self.lstm_critic = self.critic = None
        if memory is not None:
            self.lstm_actor = nn.LSTM(size, memory.units, memory.layers)
            if memory.has_critic:
                self.lstm_critic = nn.LSTM(size, memory.units, memory.layers)
            elif not memory.is_shared:
                self.critic = nn.Linear(size, memory.units)


class _QNetwork(nn.Module):
    """`QNetwork`."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.features_extractor = _Features(build)
        hidden, size = _layers(self.features_extractor.size, build.actor, build.activation)
        self.q_net = nn.Sequential(*hidden, nn.Linear(size, build.outputs))


class _QPolicy(nn.Module):
    """`DQNPolicy`, which keeps a second network for its training."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.q_net, self.q_net_target = _QNetwork(build), _QNetwork(build)
