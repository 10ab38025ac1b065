"""The agent that acts uniformly at random: what there is to look at before anybody has trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from retinoscope.agents.actions import ActionHead, gaussian_head
from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig

if TYPE_CHECKING:
    from retinoscope.worlds.choosing import WorldLike


def random_agent(world: WorldLike = "digits") -> Agent:
    """An agent with the view and the actions of a world, to whom all actions are equally likely.

    Of continuous actions, every number is drawn around 0 with a standard deviation of 1, within its bounds.

    Its network is an untrained one whose actor and critic have zero weights, so that it can be recorded, shown and
    analysed like any other; what its encoder computes has no influence on what it does.

    Args:
        world: a world, or what `find_world` takes.

    Raises:
        UserError: there is no such world, or its observations are too small for a network of ours.
    """
    from retinoscope.worlds.choosing import find_world
    from retinoscope.worlds.doom.world import DoomWorld

    where = find_world(world)
    declared = where.declaration
    heads = tuple(
        gaussian_head(each.outputs, each.bounds) if each.is_continuous else ActionHead(each.name, each.outputs)
        for each in declared.actions
    )
    policy = ActorCriticPolicy.untrained(NetworkDescription(NetworkConfig(), declared.picture.shape, heads))
    for layer in (policy.network.policy, policy.network.value):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    scenario = where.arena.scenario if isinstance(where, DoomWorld) else None
    return Agent("random", policy, scenario, frames_trained=0, world=None if scenario is not None else where)
