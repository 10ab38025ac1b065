"""What an attribution explains: the critic's value, an action, a unit of a layer, or a direction in the memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy, PolicyStep
from retinoscope.errors import UserError

Kind = Literal["value", "probability", "logit", "log_probability", "unit", "direction"]
ACTION_KINDS: tuple[Kind, ...] = ("probability", "logit", "log_probability")


@dataclass(frozen=True)
class Target:
    """One number per observation, computed by a policy.

    Attributes:
        kind: `value`, in units of return; `probability` of an action (softmax within its head), its `logit` or
            `log_probability`; activity of one `unit`; `direction`, the leaving recurrent state times a vector.
        name: what captions call it.
        output: index of the action among `Policy.output_names()`; -1 for the other kinds.
        layer: of the unit; empty for the other kinds.
        unit: its index in the layer, (unit,), or (channel, row, column) for convolutions.
        vector: the direction, as many numbers as the recurrent state has.
    """

    kind: Kind
    name: str
    output: int = -1
    layer: str = ""
    unit: tuple[int, ...] = ()
    vector: tuple[float, ...] = ()

    @property
    def units(self) -> str:
        """Physical units of the target."""
        return {"value": "return", "probability": "probability", "logit": "logit", "log_probability": "nat"}.get(
            self.kind, "activity"
        )


TargetLike = Target | str | Sequence[float] | NDArray[np.floating]


def _targets_given(value: Any) -> Any:
    """Targets from text, in which commas part them but for those within a unit's index; arrays as tuples of numbers."""
    if isinstance(value, str):
        found: list[str] = []
        for part in (each.strip() for each in value.split(",")):
            if part.isdecimal() and found:
                found[-1] += f",{part}"
            elif part:
                found.append(part)
        return tuple(found)
    if value is None or isinstance(value, Target):
        return value
    return tuple(tuple(float(each) for each in one) if isinstance(one, np.ndarray | list) else one for one in value)


Targets = Annotated[tuple[Target | str | tuple[float, ...], ...] | None, pydantic.BeforeValidator(_targets_given)]
"""Type of a parameter that names targets, as `parse_target` takes them; None for `default_targets`."""


def parse_target(policy: Policy, target: TargetLike, name: str | None = None) -> Target:
    """The target that is meant.

    Args:
        policy: which computes it.
        target: `value`; `probability:move forward`, `logit:turn left`, `log_probability:move backward`; a unit, `fc:12`
            or, of a convolution, `conv2:CHANNEL,ROW,COLUMN`; or a direction in the recurrent state, (state,) numbers.
        name: what captions call it; for a direction, which has no name of its own.

    Raises:
        UserError: there is no such target; the message lists those there are.
    """
    if isinstance(target, Target):
        return target
    if not isinstance(target, str):
        return _direction(policy, np.asarray(target), name or "direction in the recurrent state")
    kind, colon, rest = target.partition(":")
    if target == "value":
        return Target("value", target)
    if colon and kind in ACTION_KINDS:
        outputs = policy.output_names()
        if rest not in outputs:
            raise UserError(f"target {target!r}: there is no action {rest!r}; choose from {', '.join(outputs)}")
        return Target(kind, target, output=outputs.index(rest))
    if colon and kind in [layer.name for layer in policy.layers]:
        return Target("unit", target, layer=kind, unit=_unit(policy.layer(kind), rest, target))
    raise UserError(f"target {target!r}: unknown; {_what_there_is(policy)}")


def default_targets(policy: Policy) -> tuple[str, ...]:
    """The critic's value and the probability of every action."""
    return ("value", *(f"probability:{output}" for output in policy.output_names()))


def independent(policy: Policy, targets: tuple[Target, ...]) -> tuple[tuple[Target, ...], torch.Tensor]:
    """Targets from which all are linear combinations: the probabilities of one head add up to one.

    Returns:
        Those targets, and (all targets, those targets) weights. They hold for every method that is linear in the
        target and gives zero for a constant, as gradients and differences are.
    """
    left = list(targets)
    for head in _complete_heads(policy, targets):
        left.remove(head[-1])
    weights = torch.zeros(len(targets), len(left))
    for row, target in enumerate(targets):
        if target in left:
            weights[row, left.index(target)] = 1
        else:
            (head,) = (each for each in _complete_heads(policy, targets) if each[-1] == target)
            weights[row, [left.index(each) for each in head[:-1]]] = -1
    return tuple(left), weights


def _complete_heads(policy: Policy, targets: tuple[Target, ...]) -> list[list[Target]]:
    """The probabilities of each head all of whose outputs are, once each, among the targets."""
    if len(set(targets)) < len(targets):
        return []
    found, first = [], 0
    for head in policy.action_heads:
        outputs = range(first, first + len(head.outputs))
        members = [each for each in targets if each.kind == "probability" and each.output in outputs]
        if len(members) == len(outputs) > 1:
            found.append(members)
        first += len(head.outputs)
    return found


def layers_of(targets: Iterable[Target]) -> tuple[str, ...]:
    """Names of the layers whose activity has to be captured."""
    return tuple(dict.fromkeys(target.layer for target in targets if target.layer))


def answers_of(
    policy: Policy, targets: Iterable[Target], step: PolicyStep, activity: Mapping[str, torch.Tensor]
) -> list[torch.Tensor]:
    """Each of the targets, (batch,), in what the policy computed."""
    wanted = tuple(targets)
    kinds = {target.kind for target in wanted}
    # Computed once for all actions, and only if asked for.
    by_output = {"logit": step.logits}
    if "probability" in kinds:
        by_output["probability"] = policy.probabilities(step.logits)
    if "log_probability" in kinds:
        by_output["log_probability"] = _log_probabilities(policy, step.logits)
    return [_answer(target, step, activity, by_output) for target in wanted]


def _answer(
    target: Target, step: PolicyStep, activity: Mapping[str, torch.Tensor], by_output: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    if target.kind == "value":
        return step.value
    if target.kind in by_output:
        return by_output[target.kind][:, target.output]
    if target.kind == "unit":
        index: tuple[slice | int, ...] = (slice(None), *target.unit)
        return activity[target.layer][index]
    return step.state @ torch.tensor(target.vector, dtype=step.state.dtype, device=step.state.device)


def _log_probabilities(policy: Policy, logits: torch.Tensor) -> torch.Tensor:
    """Log-softmax within each head: the logarithm of a probability that underflowed would be minus infinity."""
    sizes = [len(head.outputs) for head in policy.action_heads]
    return torch.cat([torch.log_softmax(part, dim=-1) for part in logits.split(sizes, dim=-1)], dim=-1)


def _direction(policy: Policy, vector: NDArray[np.floating], name: str) -> Target:
    if not policy.state_size:
        raise UserError("target: a direction in the recurrent state is asked for, and this agent has no recurrent core")
    if vector.shape != (policy.state_size,) or not np.isfinite(vector).all() or not vector.any():
        raise UserError(
            f"target: a direction has {policy.state_size} finite numbers, not all zero, one for each unit of the "
            f"recurrent state; this one has shape {vector.shape}"
        )
    return Target("direction", name, vector=tuple(float(each) for each in vector))


def _unit(layer: Layer, text: str, target: str) -> tuple[int, ...]:
    parts = text.split(",")
    axes = {3: "CHANNEL,ROW,COLUMN"}.get(len(layer.shape), "UNIT")
    if len(parts) != len(layer.shape) or not all(part.strip().isdecimal() for part in parts):
        raise UserError(f"target {target!r}: write {layer.name}:{axes}, counted from 0; {layer.name} is {layer.shape}")
    unit = tuple(int(part) for part in parts)
    if any(index >= size for index, size in zip(unit, layer.shape, strict=True)):
        raise UserError(f"target {target!r}: there is no such unit; {layer.name} is {layer.shape}, counted from 0")
    return unit


def _what_there_is(policy: Policy) -> str:
    actions = ", ".join(policy.output_names())
    layers = ", ".join(f"{layer.name} ({math.prod(layer.shape)} units)" for layer in policy.layers)
    return (
        f"choose value; probability:ACTION, logit:ACTION or log_probability:ACTION with {actions}; LAYER:UNIT with "
        f"{layers}; or, in Python, a direction: an array of {policy.state_size} numbers"
    )
