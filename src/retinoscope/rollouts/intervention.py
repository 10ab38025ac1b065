"""An agent whose memory is edited at every decision: a policy around its policy, so that every player plays it."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.policy import Policy, PolicyStep, ReceptiveField
from retinoscope.errors import UserError


class EditedPolicy(Policy):
    """A policy whose recurrent state is replaced by matrix @ state + offset before actor and critic read it.

    The edited state is what the logits and the value are computed from, and what enters the next decision. What
    `capture` gives is what was computed before the edit.

    Args:
        policy: has a recurrent core, and actor and critic that read its state.
        matrix: (state, state).
        offset: (state,).

    Raises:
        UserError: the policy is none of this kind, or the edit is not of its size.
    """

    def __init__(self, policy: Policy, matrix: NDArray[np.floating], offset: NDArray[np.floating]) -> None:
        if not isinstance(policy, ActorCriticPolicy) or not policy.state_size:
            raise UserError("intervene: this agent has no recurrent core whose state could be edited; choose another")
        if matrix.shape != (policy.state_size,) * 2 or offset.shape != (policy.state_size,):
            raise UserError(
                f"intervene: the edit is for a state of {len(offset)} units, the agent has {policy.state_size}"
            )
        self._policy = policy
        self._matrix = torch.tensor(matrix, dtype=torch.float32, device=policy.device)
        self._offset = torch.tensor(offset, dtype=torch.float32, device=policy.device)
        self.observation_shape, self.action_heads = policy.observation_shape, policy.action_heads
        self.layers, self.state_size, self.device = policy.layers, policy.state_size, policy.device

    def step(self, observations: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        network = self._policy.network
        edited = self._policy.step(observations, state).state @ self._matrix.T + self._offset
        return PolicyStep(network.policy(edited), network.value_of(edited), edited)

    def capture(self, *names: str) -> AbstractContextManager[dict[str, torch.Tensor]]:
        return self._policy.capture(*names)

    def encode(self, observations: torch.Tensor, until: str) -> torch.Tensor:
        return self._policy.encode(observations, until)

    def receptive_field(self, layer: str) -> ReceptiveField:
        return self._policy.receptive_field(layer)

    @property
    def grey_level(self) -> float:
        return self._policy.grey_level

    def to(self, device: torch.device | str) -> EditedPolicy:
        return EditedPolicy(self._policy.to(device), self._matrix.cpu().numpy(), self._offset.cpu().numpy())
