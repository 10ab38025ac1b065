"""The networks that have learned nothing, beside which an agent's early vision is shown, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.agents.redrawn import first_of_run, redrawn
from retinoscope.errors import NotMeasurable

_BATCH = 256  # what passes the network at once; larger batches are no faster


@dataclass(frozen=True)
class Untrained:
    """What stands beside an agent.

    Attributes:
        first: the checkpoint of before its training; None where that is not known.
        draws: the same network, its weights drawn anew.
        why_not: why there are no draws, as a sentence; empty if there are as many as were asked for.
    """

    first: Policy | None
    draws: tuple[Policy, ...]
    why_not: str = ""

    @classmethod
    def of(cls, agent: Agent, draws: int, seed: int) -> Untrained:
        """Of an agent: the checkpoint of before its training, and so many independent draws."""
        first = first_of_run(agent)
        before = None if first is None else first.policy
        try:
            return cls(before, tuple(redrawn(agent.policy, seed + each) for each in range(draws)))
        except NotMeasurable as error:
            return cls(before, (), f"There are no untrained draws: {error}.")

    @classmethod
    def one_of(cls, agent: Agent, seed: int) -> Untrained:
        """The checkpoint of before its training; where that is not known, one draw."""
        found = cls.of(agent, 0, seed)
        return found if found.first is not None else cls.of(agent, 1, seed)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The draws, then the first checkpoint, as far as they are there."""
        return self.draws if self.first is None else (*self.draws, self.first)


def named_networks(agent: Agent | Policy, draws: int, seed: int) -> tuple[dict[str, Policy], list[str]]:
    """The untrained networks by name, `first` and `redrawn 1`, ..., and why some of them are not there.

    Args:
        agent: an agent or its policy, of which no first checkpoint is known.
        draws: how many are drawn anew.
        seed: of the first of them.
    """
    policy = agent.policy if isinstance(agent, Agent) else agent
    found: dict[str, Policy] = {}
    notes = []
    first = first_of_run(agent) if isinstance(agent, Agent) else None
    if first is None:
        notes.append("The checkpoint before training is not known.")
    elif first.policy is policy or (isinstance(agent, Agent) and first.checkpoint_sha256 == agent.checkpoint_sha256):
        notes.append("This agent is itself the checkpoint before training.")
    else:
        found["first"] = first.policy
    try:
        for number in range(draws):
            found[f"redrawn {number + 1}"] = redrawn(policy, seed + number)
    except NotMeasurable as reason:
        notes.append(f"No weights were drawn anew: {reason}.")
    return found, notes


def layers_at(
    policy: Policy, layers: Iterable[str], observations: NDArray[np.uint8] | NDArray[np.float32]
) -> Mapping[str, NDArray[np.float32]]:
    """(time, *layer.shape) activity of layers of an encoder, by name, at observations (time, *observation_shape)."""
    names = tuple(layers)
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    with inference(), policy.capture(*names) as found:
        for first in range(0, len(observations), _BATCH):
            pixels = torch.as_tensor(observations[first : first + _BATCH], device=policy.device)
            policy.step(pixels, policy.initial_state(len(pixels)))
            for name, each in parts.items():
                each.append(found[name].cpu().numpy())
    return {name: np.concatenate(each) for name, each in parts.items()}
