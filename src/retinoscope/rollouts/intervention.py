"""An agent whose memory is edited at every decision: a policy around its policy, so that every player plays it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.observing import Edit
from retinoscope.agents.policy import Policy, PolicyStep, ReceptiveField
from retinoscope.agents.traced_policy import TracedPolicy
from retinoscope.errors import NotMeasurable, UserError


class EditedPolicy(Policy):
    """A policy a layer of whose memory is replaced by matrix @ activity + offset before anything reads it.

    What is computed from the activity, logits and value among it, is computed from what it was replaced by, and so is
    what enters the next decision. Of the state of an LSTM, [h | c], only h is activity: c stays as it is. What
    `capture` gives is what was computed before the edit.

    Args:
        policy: has a memory.
        matrix: (unit, unit).
        offset: (unit,).
        layer: of the memory; None for the first.

    Raises:
        UserError: there is no such layer of memory, or the edit is not of its size.
        NotMeasurable: the policy has no memory, or none that could be edited.
    """

    def __init__(
        self, policy: Policy, matrix: NDArray[np.floating], offset: NDArray[np.floating], layer: str | None = None
    ) -> None:
        self.layer_edited = editable_layer(policy, layer)
        units = policy.layer(self.layer_edited).shape[0]
        if matrix.shape != (units, units) or offset.shape != (units,):
            raise UserError(
                f"intervene: the edit is for {len(offset)} units, layer {self.layer_edited!r} of the agent has {units}"
            )
        self._policy = policy
        self._matrix = torch.tensor(matrix, dtype=torch.float32, device=policy.device)
        self._offset = torch.tensor(offset, dtype=torch.float32, device=policy.device)
        self.observation_shape, self.action_heads = policy.observation_shape, policy.action_heads
        self.layers, self.state_size, self.device = policy.layers, policy.state_size, policy.device
        self.notes = policy.notes

    def step(self, observations: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        return edited_step(self._policy, self.layer_edited, self._edit, lambda: self._policy.step(observations, state))

    def _edit(self, activity: torch.Tensor) -> torch.Tensor:
        matrix, offset = self._matrix.to(activity.dtype), self._offset.to(activity.dtype)
        return activity @ matrix.T + offset

    def capture(self, *names: str) -> AbstractContextManager[dict[str, torch.Tensor]]:
        return self._policy.capture(*names)

    def encode(self, observations: torch.Tensor, until: str) -> torch.Tensor:
        return self._policy.encode(observations, until)

    def receptive_field(self, layer: str) -> ReceptiveField:
        return self._policy.receptive_field(layer)

    def state_columns(self, layer: str) -> slice | None:
        return self._policy.state_columns(layer)

    def initial_state(self, batch: int) -> torch.Tensor:
        return self._policy.initial_state(batch)

    @property
    def grey_level(self) -> float:
        return self._policy.grey_level

    def to(self, device: torch.device | str) -> EditedPolicy:
        matrix, offset = self._matrix.cpu().numpy(), self._offset.cpu().numpy()
        return EditedPolicy(self._policy.to(device), matrix, offset, self.layer_edited)


def edited_step(policy: Policy, layer: str, edit: Edit, decide: Callable[[], PolicyStep]) -> PolicyStep:
    """A decision in which a layer of the memory is edited before anything reads it.

    Args:
        policy: that decides.
        layer: of its memory, see `editable_layer`.
        edit: from (batch, unit) to (batch, unit).
        decide: makes the decision: `policy.step` or `policy.step_from`.
    """
    if isinstance(policy, TracedPolicy):
        with policy.edited(layer, edit):
            return decide()
    network = policy.network  # type: ignore[attr-defined]  # of our own networks, see `editable_layer`
    edited = edit(decide().state)
    return PolicyStep(network.policy(edited), network.value_of(edited), edited)


def editable_layer(policy: Policy, layer: str | None = None) -> str:
    """The layer of the memory that is meant, if its activity can be edited; None for the first.

    Raises:
        UserError: there is no such layer of memory.
        NotMeasurable: the policy has no memory, or one that is out of sight.
    """
    memory = [each.name for each in policy.layers_of("memory")]
    if not policy.state_size or not memory:
        raise NotMeasurable("intervene: this agent has no recurrent core whose state could be edited; choose another")
    chosen = memory[0] if layer is None else layer
    if chosen not in memory:
        raise UserError(f"intervene: layer {chosen!r} is no memory of this agent; choose from {', '.join(memory)}")
    if isinstance(policy, ActorCriticPolicy):
        return chosen
    try:
        if not isinstance(policy, TracedPolicy):
            raise UserError("nothing of it can be replaced")
        with policy.edited(chosen, lambda activity: activity):
            return chosen
    except UserError as error:
        raise NotMeasurable(f"intervene: the memory of this agent is computed out of sight ({error})") from None
