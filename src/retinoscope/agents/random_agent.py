"""The agent that acts uniformly at random: what there is to look at before anybody has trained."""

from __future__ import annotations

from pathlib import Path

import torch

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead
from retinoscope.scenarios import Scenario, load_scenario


def random_agent(arena: Scenario | str | Path = "digits") -> Agent:
    """An agent with the view and the actions of an arena, to whom all actions are equally likely.

    Its network is an untrained one whose actor and critic have zero weights, so that it can be recorded, shown and
    analysed like any other; what its encoder computes has no influence on what it does.

    Args:
        arena: a specification, or what `load_scenario` takes.

    Raises:
        UserError: there is no such arena.
    """
    scenario = arena if not isinstance(arena, str | Path) else load_scenario(arena)
    view = scenario.observation
    heads = tuple(ActionHead(name, outputs) for name, outputs in scenario.action_heads.items())
    policy = ActorCriticPolicy.untrained(NetworkDescription(NetworkConfig(), (view.height, view.width, 3), heads))
    for layer in (policy.network.policy, policy.network.value):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return Agent("random", policy, scenario, frames_trained=0)
