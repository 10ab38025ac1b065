"""The networks that have learned nothing, beside which an agent's early vision is shown, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.agents.redrawn import first_of_run, redrawn
from retinoscope.analyses.early_vision.receptive_field_measuring import how_many
from retinoscope.errors import NotMeasurable

DRAWS, FEWEST_DRAWS = 5, 2
"""Networks of weights drawn anew that see gratings, unless a number is given."""

BUDGET_OPERATIONS = 2e12
"""What these may cost: a minute of one core at most."""

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


def before_training(agent: Agent | Policy) -> tuple[Policy | None, str]:
    """The checkpoint of before an agent's training, another one than the agent; or None, and why, as a sentence."""
    if not isinstance(agent, Agent) or (first := first_of_run(agent)) is None:
        return None, "The checkpoint before training is not known."
    if first.policy is agent.policy or first.checkpoint_sha256 == agent.checkpoint_sha256 != "":
        return None, "This agent is itself the checkpoint before training."
    return first.policy, ""


def named_networks(
    agent: Agent | Policy, asked: int | None, seed: int, cost: Callable[[], float]
) -> tuple[dict[str, Policy], int, list[str]]:
    """The untrained networks beside which the answers to gratings of an agent are shown.

    Args:
        agent: an agent or its policy, of which no first checkpoint is known.
        asked: how many are drawn anew; None for as many as a minute of one core allows.
        seed: of the first of them.
        cost: operations that measuring one of them takes; only asked for where `asked` is None.

    Returns:
        The networks by name, `first` and `redrawn 1`, ...; how many were to be drawn anew; and why there are not more,
        as sentences.
    """
    policy = agent.policy if isinstance(agent, Agent) else agent
    wanted = how_many(cost(), DRAWS, FEWEST_DRAWS, BUDGET_OPERATIONS) if asked is None else asked
    first, why_not = before_training(agent)
    found: dict[str, Policy] = {} if first is None else {"first": first}
    notes = [] if first is not None else [why_not]
    try:
        for number in range(wanted):
            found[f"redrawn {number + 1}"] = redrawn(policy, seed + number)
        if asked is None and wanted < DRAWS:
            notes.append(f"Of so large a network no more than {wanted} are drawn anew, unless `untrained` says so.")
    except NotMeasurable as reason:
        notes.append(f"No weights were drawn anew: {reason}.")
    return found, wanted, notes


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
