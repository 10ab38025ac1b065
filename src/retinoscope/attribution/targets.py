"""What an attribution explains: the critic's value, an action, a unit of a layer, or a direction in the memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray

from retinoscope.agents.actions import ActionHead, HeadKind
from retinoscope.agents.policy import Layer, Policy, PolicyStep
from retinoscope.errors import UserError

Kind = Literal["value", "probability", "logit", "log_probability", "unit", "direction"]
_KINDS: dict[str, Kind] = {
    **{"probability": "probability", "log_probability": "log_probability", "logit": "logit"},
    **{"q_value": "logit", "mean": "logit"},  # what the numbers of other heads are called
}
"""What can be asked of an action."""

_HEADS: dict[str, HeadKind] = {
    **{"probability": "choice", "log_probability": "choice"},
    **{"q_value": "q_values", "mean": "gaussian"},
}
"""Of which heads."""


@dataclass(frozen=True)
class Target:
    """One number per observation, computed by a policy.

    Attributes:
        kind: `value`, in units of return; `probability` of an action (softmax within its head), its `logit` (Q-value;
            mean, of continuous actions) or `log_probability`; activity of one `unit`; `direction`, the leaving
            recurrent state times a vector.
        name: what captions call it.
        output: index of the action among `Policy.output_names()`; -1 for the other kinds.
        layer: of the unit; empty for the other kinds.
        unit: its index in the layer, (unit,), or (channel, row, column) for convolutions.
        vector: the direction, as many numbers as the recurrent state has.
        head: what the numbers of the action's head are.
    """

    kind: Kind
    name: str
    output: int = -1
    layer: str = ""
    unit: tuple[int, ...] = ()
    vector: tuple[float, ...] = ()
    head: HeadKind = "choice"

    @property
    def units(self) -> str:
        """Physical units of the target."""
        logits = {"choice": "logit", "q_values": "return", "gaussian": "action"}[self.head]
        return {"value": "return", "probability": "probability", "logit": logits, "log_probability": "nat"}.get(
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
        target: `value`; `probability:move forward`, `logit:turn left`, `log_probability:move backward`; of an agent
            that compares Q-values `q_value:fire`, of continuous actions `mean:steer`, which are other words for
            `logit`; a unit, `fc:12` or, of a map, `conv2:CHANNEL,ROW,COLUMN`; or a direction in the recurrent state,
            (state,) numbers.
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
        if not has_value(policy):
            raise UserError(f"target 'value': this agent has no critic; {_what_there_is(policy)}")
        return Target("value", target)
    if colon and kind in _KINDS:
        return _action(policy, kind, rest, target)
    if colon and kind in [layer.name for layer in policy.layers]:
        return Target("unit", target, layer=kind, unit=_unit(policy.layer(kind), rest, target))
    raise UserError(f"target {target!r}: unknown; {_what_there_is(policy)}")


def has_value(policy: Policy) -> bool:
    """Whether the agent has a critic, or Q-values, of which the highest is the value."""
    return any(layer.kind == "value" for layer in policy.layers) or policy.action_heads[0].kind == "q_values"


def default_targets(policy: Policy) -> tuple[str, ...]:
    """The critic's value, if there is one, and of every action the probability, Q-value or mean."""
    value = ("value",) if has_value(policy) else ()
    return (*value, *(f"{_usual(head)}:{name}" for head, name in _actions(policy)))


def _usual(head: ActionHead) -> str:
    """What is explained of the actions of a head, unless something else is asked for."""
    return {"choice": "probability", "q_values": "q_value", "gaussian": "mean"}[head.kind]


def _actions(policy: Policy) -> list[tuple[ActionHead, str]]:
    """Every action with its head; of continuous ones no deviations, which are no actions."""
    return [
        (head, f"{head.name} {output}")
        for head in policy.action_heads
        for output in head.outputs[: head.action_size if head.kind == "gaussian" else None]
    ]


def _action(policy: Policy, kind: str, rest: str, target: str) -> Target:
    outputs = policy.output_names()
    if rest not in outputs:
        raise UserError(f"target {target!r}: there is no action {rest!r}; choose from {', '.join(outputs)}")
    output = outputs.index(rest)
    (head,) = (each for each, start in _heads(policy) if start <= output < start + len(each.outputs))
    if _HEADS.get(kind, head.kind) != head.kind or (
        kind == "mean" and rest not in [name for _, name in _actions(policy)]
    ):
        why = {
            "choice": "is chosen by its probability",
            "q_values": "is chosen by the highest Q-value, and its probability has no gradient",
            "gaussian": "is continuous and has no probability",
        }[head.kind]
        raise UserError(f"target {target!r}: {rest!r} {why}; choose logit:{rest}, or {_usual(head)}:ACTION")
    return Target(_KINDS[kind], target, output=output, head=head.kind)


def _heads(policy: Policy) -> list[tuple[ActionHead, int]]:
    """Every head with the index of its first output."""
    sizes = [len(head.outputs) for head in policy.action_heads]
    return [(head, sum(sizes[:number])) for number, head in enumerate(policy.action_heads)]


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
    found = []
    for head, first in _heads(policy):
        outputs = range(first, first + len(head.outputs))
        members = [each for each in targets if each.kind == "probability" and each.output in outputs]
        if len(members) == len(outputs) > 1:
            found.append(members)
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
        by_output["probability"] = _by_choice(policy, step.logits, torch.softmax)
    if "log_probability" in kinds:
        # The logarithm of a probability that underflowed would be minus infinity.
        by_output["log_probability"] = _by_choice(policy, step.logits, torch.log_softmax)
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


def _by_choice(
    policy: Policy, logits: torch.Tensor, function: Callable[[torch.Tensor, int], torch.Tensor]
) -> torch.Tensor:
    """A function of the logits within each head that is a choice; others stay as they are."""
    sizes = [len(head.outputs) for head in policy.action_heads]
    parts = zip(policy.action_heads, logits.split(sizes, dim=-1), strict=True)
    return torch.cat([function(part, -1) if head.kind == "choice" else part for head, part in parts], dim=-1)


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
    value = "value; " if has_value(policy) else ""
    kinds = {"choice": "probability:ACTION, logit:ACTION or log_probability:ACTION"}
    ways = dict.fromkeys(kinds.get(head.kind, f"{_usual(head)}:ACTION") for head in policy.action_heads)
    actions = ", ".join(name for _, name in _actions(policy))
    layers = ", ".join(f"{layer.name} ({math.prod(layer.shape)} units)" for layer in policy.layers)
    direction = f"; or, in Python, a direction: an array of {policy.state_size} numbers" if policy.state_size else ""
    return f"choose {value}{' or '.join(ways)} with {actions}; LAYER:UNIT with {layers}{direction}"
