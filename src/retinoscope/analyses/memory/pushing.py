"""What an agent decides when its memory is pushed: at once at recorded decisions, and on the views that followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.held_inputs import HeldInputs
from retinoscope.agents.policy import Policy, PolicyStep, inference
from retinoscope.rollouts.intervention import edited_step
from retinoscope.statistics.state_edits import Reading

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_BATCH = 2_048

Edit = Callable[[torch.Tensor, slice], torch.Tensor]
"""From the (some, unit) activity of rows, and which rows these are, to what is to take its place."""


def push(reading: Reading, doses: NDArray[np.floating], is_clamped: bool, device: torch.device) -> Edit:
    """Push every row along a direction.

    Args:
        reading: the direction.
        doses: (row,) in standard deviations.
        is_clamped: the activation is held at that from its mean, else that is added to it.
        device: where rows are computed.
    """
    direction, pattern, mean = (
        torch.as_tensor(each, dtype=torch.float32, device=device)
        for each in (reading.direction, reading.pattern, reading.mean)
    )
    wanted = torch.as_tensor(doses, dtype=torch.float32, device=device)

    def edit(activity: torch.Tensor, rows: slice) -> torch.Tensor:
        size = wanted[rows]
        if is_clamped:
            size = size - (activity - mean) @ direction
        return activity + size[:, None] * pattern

    return edit


@dataclass(frozen=True)
class Decided:
    """What was decided, one row for each decision.

    Attributes:
        logits: (row, output) what the actor gives.
        outputs: (row, output) probabilities, or the numbers of continuous actions.
        value: (row,).
        state: (row, state) that leaves.
    """

    logits: torch.Tensor
    outputs: NDArray[np.float64]
    value: NDArray[np.float64]
    state: torch.Tensor


class Decisions:
    """Recorded decisions that can be made again with another memory, their views passed through the encoder once.

    Args:
        policy: has a memory.
        recording: what was seen.
        rows: (moment,) of the recording.
        steps: how many decisions of the same episode are made again from each moment on, that one included.
    """

    def __init__(self, policy: Policy, recording: Recording, rows: NDArray[np.integer], steps: int = 1) -> None:
        self.policy, self.rows, self.steps = policy, np.asarray(rows, np.int64), steps
        ends = np.array([each.stop for each in recording.episodes])
        stops = ends[np.searchsorted(ends, self.rows, side="right")]
        self.lasts = np.minimum(self.rows + steps, stops)
        spans = zip(self.rows.tolist(), self.lasts.tolist(), strict=True)
        views = [recording.rows(first, last, ("observation",))["observation"].values for first, last in spans]
        self._first = np.concatenate([[0], np.cumsum([len(each) for each in views])])[:-1]
        self._lengths = np.array([len(each) for each in views])
        pixels = np.concatenate(views)
        self._held = HeldInputs(policy, pixels, np.zeros((len(pixels), policy.state_size), np.float32))

    def is_there(self, lag: int) -> NDArray[np.bool_]:
        """(moment,) whether its episode goes on for so many decisions."""
        return lag < self._lengths

    def decide(
        self, states: torch.Tensor, layer: str | None = None, edit: Edit | None = None, lag: int = 0, times: int = 1
    ) -> Decided:
        """The decisions at a lag from every moment.

        Args:
            states: (times * moment, state) that enter.
            layer: of the memory, that is edited.
            edit: of it; None for none.
            lag: decisions since the moments; where an episode has ended, the last is made again.
            times: how often every moment stands in the rows, all moments after one another.
        """
        which = self._first + np.minimum(lag, self._lengths - 1)
        inputs = torch.as_tensor(np.tile(which, times), device=self.policy.device)
        parts: list[PolicyStep] = []
        with inference():
            for first in range(0, len(inputs), _BATCH):
                part = slice(first, first + _BATCH)
                parts.append(self._decided(inputs[part], states[part], layer, edit, part))
        step = PolicyStep(*(torch.cat(each) for each in zip(*parts, strict=True)))
        outputs = outputs_of(self.policy, step.logits)
        return Decided(step.logits, outputs, step.value.double().cpu().numpy(), step.state)

    def _decided(
        self, inputs: torch.Tensor, states: torch.Tensor, layer: str | None, edit: Edit | None, part: slice
    ) -> PolicyStep:
        if edit is None or layer is None:
            return self._held.step(inputs, states)
        return edited_step(self.policy, layer, lambda each: edit(each, part), lambda: self._held.step(inputs, states))


def outputs_of(policy: Policy, logits: torch.Tensor) -> NDArray[np.float64]:
    """(row, output) probabilities of what the actor gives, or the numbers themselves where actions are continuous."""
    is_continuous = any(head.kind == "gaussian" for head in policy.action_heads)
    return (logits if is_continuous else policy.probabilities(logits)).double().cpu().numpy()


def divergence(policy: Policy, before: torch.Tensor, after: torch.Tensor) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of what the actor would do after from what it would have done before, nats.

    Of several heads the sum, for they are drawn independently; of Q-values NaN, for the best one alone is done.

    Args:
        policy: whose heads they are.
        before: (row, output) what its actor gives.
        after: of the same shape.
    """
    sizes = [len(head.outputs) for head in policy.action_heads]
    total = torch.zeros(len(before), dtype=torch.float64, device=before.device)
    parts = zip(policy.action_heads, before.double().split(sizes, -1), after.double().split(sizes, -1), strict=True)
    for head, one, other in parts:
        if head.kind == "choice":
            log_one, log_other = torch.log_softmax(one, -1), torch.log_softmax(other, -1)
            total += (log_one.exp() * (log_one - log_other)).sum(-1)
        elif head.kind == "gaussian":
            (mean, log), (new, new_log) = one.chunk(2, -1), other.chunk(2, -1)
            spread = ((2 * log).exp() + (mean - new) ** 2) / (2 * (2 * new_log).exp())
            total += (new_log - log + spread - 0.5).sum(-1)
        else:
            total += torch.nan
    return total.clamp(min=0).cpu().numpy() if not total.isnan().any() else total.cpu().numpy()
