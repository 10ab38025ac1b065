"""What an agent can do: heads of an actor, and how an action is drawn from what they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from retinoscope.errors import NotMeasurable, UserError

HeadKind = Literal["choice", "q_values", "gaussian"]


@dataclass(frozen=True)
class ActionHead:
    """One head of the actor.

    Attributes:
        name: of the head.
        outputs: names of its numbers, in order.
        kind: `choice` among the outputs, whose numbers are logits; `q_values`, whose numbers are the values of the
            outputs, of which the highest is chosen; `gaussian`, continuous actions, whose numbers are first the means
            and then as many logarithms of standard deviations.
        epsilon: of `q_values`, the probability that the choice is random instead.
        bounds: of `gaussian`, (lowest, highest) of each action, by which what is drawn is cut; empty for none.
    """

    name: str
    outputs: tuple[str, ...]
    kind: HeadKind = "choice"
    epsilon: float = 0.0
    bounds: tuple[tuple[float, float], ...] = ()

    @property
    def action_size(self) -> int:
        """Numbers in an action: one for a choice, one for each continuous action."""
        return len(self.outputs) // 2 if self.kind == "gaussian" else 1

    def probabilities(self, numbers: torch.Tensor) -> torch.Tensor:
        """Of its outputs, (batch, output), from its numbers.

        Raises:
            NotMeasurable: its actions are continuous.
        """
        if self.kind == "choice":
            return torch.softmax(numbers, dim=-1)
        if self.kind == "q_values":
            best = torch.nn.functional.one_hot(numbers.argmax(dim=-1), numbers.shape[-1])
            return (1 - self.epsilon) * best.to(numbers.dtype) + self.epsilon / numbers.shape[-1]
        raise NotMeasurable(f"actions {self.name!r}: are continuous and have no probabilities; ask for logit:OUTPUT")

    def draw(self, numbers: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """An action for each row: (batch, 1) int64 index of an output, or (batch, action) float32."""
        if self.kind != "gaussian":
            return torch.multinomial(self.probabilities(numbers), 1, generator=generator)
        means, deviations = numbers.chunk(2, dim=-1)
        noise = torch.randn(means.shape, generator=generator, device=means.device, dtype=means.dtype)
        return self._within(means + deviations.exp() * noise)

    def likeliest(self, numbers: torch.Tensor) -> torch.Tensor:
        """The likeliest action for each row, of the form that `draw` gives."""
        if self.kind != "gaussian":
            return numbers.argmax(dim=-1, keepdim=True)
        return self._within(numbers.chunk(2, dim=-1)[0])

    def _within(self, actions: torch.Tensor) -> torch.Tensor:
        if not self.bounds:
            return actions
        lowest, highest = torch.tensor(self.bounds, dtype=actions.dtype, device=actions.device).T
        return torch.minimum(torch.maximum(actions, lowest), highest)


def action_heads(actions: Any, q_values: bool = False, epsilon: float = 0.0) -> tuple[ActionHead, ...]:
    """The heads that are meant.

    Args:
        actions: how many, or their names; a mapping from the names of heads to either; a Gymnasium space (Discrete,
            MultiDiscrete, or Box for continuous actions); or heads.
        q_values: what the network gives are values of the actions.
        epsilon: probability of a random action, for these.

    Raises:
        UserError: these are no actions.
    """
    if isinstance(actions, ActionHead):
        return (actions,)
    if isinstance(actions, tuple | list) and actions and all(isinstance(each, ActionHead) for each in actions):
        return tuple(actions)
    if not 0 <= epsilon <= 1:
        raise UserError(f"epsilon {epsilon}: is no probability; give 0 to 1")
    if getattr(actions, "low", None) is not None and getattr(actions, "shape", None) is not None:
        return (_gaussian(actions),)
    given = _named(actions)
    kind: HeadKind = "q_values" if q_values else "choice"
    heads = tuple(ActionHead(name, _outputs(each), kind, epsilon if q_values else 0.0) for name, each in given.items())
    if q_values and len(heads) > 1:
        raise UserError(f"actions: {len(heads)} heads of Q-values are not supported; give one, or logits")
    return heads


def gaussian_head(names: tuple[str, ...], bounds: tuple[tuple[float, float], ...] = ()) -> ActionHead:
    """Continuous actions of these names."""
    return ActionHead("action", (*names, *(f"{name} log deviation" for name in names)), "gaussian", bounds=bounds)


def _named(actions: Any) -> dict[str, Any]:
    """Number or names of the outputs, by head."""
    if isinstance(actions, Mapping) and actions:
        return {str(name): each for name, each in actions.items()}
    if getattr(actions, "nvec", None) is not None:
        return {f"action {number}": int(count) for number, count in enumerate(actions.nvec.reshape(-1))}
    if getattr(actions, "n", None) is not None and not isinstance(actions, tuple | list):
        return {"action": int(actions.n)}
    return {"action": actions}


def _outputs(given: Any) -> tuple[str, ...]:
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return tuple(map(str, range(given)))
    if isinstance(given, tuple | list) and given and all(isinstance(each, str) for each in given):
        if len(set(given)) == len(given):
            return tuple(given)
        raise UserError(f"actions {', '.join(given)}: two have the same name; give each its own")
    raise UserError(
        f"actions {given!r}: are none; give their number or names, a mapping from heads to these, or a Gymnasium space"
    )


def _gaussian(space: Any) -> ActionHead:
    if len(space.shape) != 1 or not space.shape[0]:
        raise UserError(f"actions: continuous ones of shape {tuple(space.shape)} are not supported; give a flat Box")
    bounds = tuple((float(low), float(high)) for low, high in zip(space.low, space.high, strict=True))
    return gaussian_head(tuple(map(str, range(space.shape[0]))), bounds)
