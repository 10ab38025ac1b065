"""Play in which the memory is edited at chosen moments only, and what each edit changes at once is noted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.policy import Policy
from retinoscope.analyses.memory.chosen_moments import Moments
from retinoscope.analyses.memory.pushing import divergence, outputs_of
from retinoscope.rollouts.intervention import edited_step
from retinoscope.statistics.state_edits import StateEdit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retinoscope.rollouts.evaluation import Life

HELD, DIVERGENCE, CHANGE = 0, 1, 2
"""Places of what is noted of a decision: whether the condition held, and, if it was pushed, what that changed."""


@dataclass(frozen=True)
class PushedAtMoments:
    """Decides for those that are played: where a condition holds, with the memory edited.

    Of every decision it notes whether the condition held; of those that were pushed also how far what the actor would
    do is from what it would have done unpushed (Kullback-Leibler, nats), and how every output changed.

    Attributes:
        moments: the condition.
        layer: of the memory.
        edit: of the whole layer; None to leave it as it is, and only note where the condition holds.
    """

    moments: Moments
    layer: str
    edit: StateEdit | None

    @property
    def needs_objects(self) -> bool:
        """The world has to say what is in view."""
        return self.moments.needs_objects

    def decide(self, policy: Policy, playing: Sequence[Life]) -> NDArray[np.floating]:
        """(life, output) logits; moves the recurrent states on."""
        observations = torch.from_numpy(np.stack([life.observation for life in playing]))
        states = torch.stack([life.state for life in playing])
        with policy.capture(self.layer) as captured:
            plain = policy.step(observations, states)
            activity = captured[self.layer].double().cpu().numpy().reshape(len(playing), -1)
        held = self.moments.hold(playing, activity)
        noted = np.zeros((len(playing), CHANGE + plain.logits.shape[1]))
        noted[:, HELD] = held
        logits, state = plain.logits, plain.state
        if self.edit is not None and held.any():
            # Of our own networks the step that was made serves again; others have to be run with the edit inside.
            again = (
                (lambda: plain) if isinstance(policy, ActorCriticPolicy) else lambda: policy.step(observations, states)
            )
            pushed = edited_step(policy, self.layer, self._edited, again)
            noted[held, DIVERGENCE] = divergence(policy, plain.logits, pushed.logits)[held]
            noted[held, CHANGE:] = (outputs_of(policy, pushed.logits) - outputs_of(policy, plain.logits))[held]
            chosen = torch.from_numpy(held)[:, None]
            logits, state = torch.where(chosen, pushed.logits, logits), torch.where(chosen, pushed.state, state)
        for life, entering, row in zip(playing, state, noted, strict=True):
            life.state = entering
            life.noted.append(row)
        return logits.numpy()

    def _edited(self, activity: torch.Tensor) -> torch.Tensor:
        assert self.edit is not None
        matrix, offset = (torch.from_numpy(each).to(activity.dtype) for each in (self.edit.matrix, self.edit.offset))
        return activity @ matrix.T + offset
