"""Planted agents to compare: a network, the same one under another name and in other coordinates, and another draw."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.redrawn import redrawn
from retinoscope.analyses.compared import Compared, Member
from retinoscope.testing import planted_inputs

CASE = "agent with memory"


def planted() -> tuple[Agent, Any]:
    """An agent and what it played."""
    inputs = planted_inputs(CASE)
    assert inputs.agent is not None
    return inputs.agent, inputs.recording


def renamed(agent: Agent, name: str, **changed: Any) -> Agent:
    return dataclasses.replace(agent, name=name, **changed)


def drawn(agent: Agent, name: str, seed: int) -> Agent:
    """The same network with other weights."""
    return dataclasses.replace(agent, name=name, policy=redrawn(agent.policy, seed), checkpoint_sha256=f"{seed:064x}")


def permuted(agent: Agent, name: str, seed: int = 0) -> tuple[Agent, torch.Tensor]:
    """The same function with the channels of its first layer in another order, and that order."""
    policy: Any = copy.deepcopy(agent.policy)
    first, second = [each for each in policy.network.encoder.modules() if isinstance(each, torch.nn.Conv2d)][:2]
    order = torch.randperm(first.out_channels, generator=torch.Generator().manual_seed(seed))
    if torch.equal(order, torch.arange(len(order))):
        order = order.flip(0)
    with torch.no_grad():
        first.weight.copy_(first.weight[order].clone())
        if first.bias is not None:
            first.bias.copy_(first.bias[order].clone())
        second.weight.copy_(second.weight[:, order].clone())
    return dataclasses.replace(agent, name=name, policy=policy), order


def compared(*agents: Any, recording: Any = None, **more: Any) -> Compared:
    """Each of a training of its own."""
    frames = () if recording is None else (recording,)
    return Compared(tuple(Member(each.name, each.name, each) for each in agents), frames, **more)
