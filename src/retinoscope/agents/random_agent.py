"""The agent that acts uniformly at random: what there is to look at before anybody has trained."""

from __future__ import annotations

import torch
from torch import nn

from retinoscope.agents.actions import ActionHead, gaussian_head
from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.agents.networks import NetworkConfig
from retinoscope.worlds.choosing import WorldLike, find_world
from retinoscope.worlds.declaration import Declaration
from retinoscope.worlds.doom.world import DoomWorld


def random_agent(world: WorldLike = "digits") -> Agent:
    """An agent with the view and the actions of a world, to whom all actions are equally likely.

    Its network is an untrained one whose actor and critic have zero weights, so that it can be recorded, shown and
    analysed like any other; what its encoder computes has no influence on what it does. Continuous actions are drawn
    from standard normal distributions.

    Args:
        world: a world, an arena, or what `worlds.find_world` takes.

    Raises:
        UserError: there is no such world.
    """
    where = find_world(world)
    declared = where.declaration
    heads = random_heads(declared)
    if not isinstance(where, DoomWorld):
        network = _Undecided(declared.picture.channels, sum(len(head.outputs) for head in heads))
        return from_module(network, world=where, actions=heads, name="random", frames_trained=0)
    policy = ActorCriticPolicy.untrained(NetworkDescription(NetworkConfig(), declared.picture.shape, heads))
    for layer in (policy.network.policy, policy.network.value):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return Agent("random", policy, where.arena.scenario, frames_trained=0)


class _Undecided(nn.Module):
    """Two convolutions that any picture has room for, and an actor and a critic that make nothing of them."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first, self.second = nn.Conv2d(channels, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 2, 1)
        self.actor, self.critic = nn.Linear(16, outputs), nn.Linear(16, 1)
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, std=0.1, generator=generator)
        for name, parameter in self.named_parameters():
            if not name.endswith("weight") or name.startswith(("actor", "critic")):
                nn.init.zeros_(parameter)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.first(pixels.permute(0, 3, 1, 2).float() / 255).relu()
        features = self.second(maps).relu().mean(dim=(2, 3))
        return self.actor(features), self.critic(features)


def random_heads(world: Declaration) -> tuple[ActionHead, ...]:
    """Heads that, given zeros, act at random: every output is equally likely, every number of standard deviation 1."""
    return tuple(
        gaussian_head(head.outputs, head.bounds) if head.is_continuous else ActionHead(head.name, head.outputs)
        for head in world.actions
    )
