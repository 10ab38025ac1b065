"""The layers among the operations of a network: which are layers, what they are called, and what they are for."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from retinoscope.agents.field_rules import ACTIVATION_FUNCTIONS
from retinoscope.agents.policy import LayerKind, Role
from retinoscope.agents.tracing import STATE, Operation, Trace

CELLS = ("gru_cell", "lstm_cell", "rnn_tanh_cell", "rnn_relu_cell")
SEQUENCES = ("gru", "lstm", "rnn_tanh", "rnn_relu")
CONVOLUTIONS = frozenset(f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3))
_LINEAR = ("linear", "matmul", "mm", "addmm")
_SUMS = ("add", "iadd", "radd")
_NORMALISATIONS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm")
_PASSING = frozenset(
    (*_NORMALISATIONS, "dropout", "dropout2d", "contiguous", "float", "to", "flatten", "view", "reshape")
)
"""What may lie between a layer and its activation function."""
_RESERVED = ("value", "policy", "pixels", "logits", "observation", "action", "reward", "state_entering")
_WEIGHTED: tuple[LayerKind, ...] = ("convolution", "dense", "recurrent")
_OF_ENCODER: tuple[LayerKind, ...] = ("convolution", "dense", "sum")


@dataclass(frozen=True)
class FoundLayer:
    """A layer in a trace: the operation that makes it, and the one behind its activation function."""

    kind: LayerKind
    source: int
    activity: int
    parameters: tuple[str, ...]


def sources(trace: Trace) -> list[FoundLayer]:
    """Everything that is a layer, with its activation function."""
    consumers = trace.consumers()
    found: list[FoundLayer] = []
    absorbed: set[int] = set()
    for number, operation in enumerate(trace.operations):
        kind = _kind(trace, operation)
        if kind is None or (kind == "activation" and number in absorbed):
            continue
        activity, parameters = number, operation.weights
        if kind not in ("recurrent", "activation"):
            activity, parameters = _behind_activation(trace, consumers, number)
        absorbed.add(activity)
        found.append(FoundLayer(kind, number, activity, parameters))
    return sorted(found, key=lambda each: each.activity)


def _kind(trace: Trace, operation: Operation) -> LayerKind | None:
    is_map = operation.sight is not None and operation.sight.is_map
    if operation.function in CONVOLUTIONS:
        return "convolution"
    if operation.function in _LINEAR and operation.weights:
        return "convolution" if is_map else "dense"  # of channels alone
    if operation.function in CELLS or operation.function in SEQUENCES:
        return "recurrent"
    if "pool" in operation.function:
        return "pooling" if is_map else None
    if operation.function in ACTIVATION_FUNCTIONS:
        return "activation" if operation.inputs else None
    if operation.function in _SUMS and _adds_two(trace, operation):
        return "sum"
    return None


def _adds_two(trace: Trace, operation: Operation) -> bool:
    """Whether two things that were computed from the picture are added, of one shape: the end of a skip connection."""
    computed = [number for number in operation.inputs if number >= 0 and trace.operations[number].sight is not None]
    shape = operation.outputs[0].shape
    return len(computed) == 2 and all(trace.operations[number].outputs[0].shape == shape for number in computed)


def _behind_activation(trace: Trace, consumers: dict[int, list[int]], source: int) -> tuple[int, tuple[str, ...]]:
    """The operation whose output is the activity, and the parameters up to there.

    Normalisation and flattening may lie between; where no activation function follows, the activity is that behind the
    normalisation.
    """
    here = normalised = source
    parameters = among = trace.operations[source].weights
    while len(set(consumers[here])) == 1:
        here = consumers[here][0]
        operation = trace.operations[here]
        if len(operation.inputs) > 1 or len(operation.outputs) > 1:
            break
        among = (*among, *operation.weights)
        if operation.function in ACTIVATION_FUNCTIONS:
            return here, among
        if operation.function not in _PASSING:
            break
        if operation.function in _NORMALISATIONS:
            normalised, parameters = here, among
    return normalised, parameters


def without_heads(trace: Trace, found: Sequence[FoundLayer]) -> list[FoundLayer]:
    """Without the last weights of all, which make the outputs, and what lies behind them."""
    above = {each.source: trace.upstream({each.source}) - {each.source} for each in found}
    weighted = [each for each in found if each.kind in _WEIGHTED]
    heads = {
        each.source
        for each in weighted
        if each.kind == "dense" and not any(each.source in above[o.source] for o in weighted)
    }
    return [each for each in found if each.source not in heads and not heads & above[each.source]]


def roles_of(
    trace: Trace, found: Sequence[FoundLayer], to_logits: set[int], to_value: set[int], has_memory: bool
) -> list[Role]:
    """What each layer is for.

    The encoder's output is the last layer before the memory; without a memory, the last that actor and critic share.

    Args:
        trace: of the network.
        found: its layers.
        to_logits: the operations on which the logits depend.
        to_value: likewise; empty without a critic.
        has_memory: a state goes from one decision to the next.
    """
    roles: list[Role] = ["other"] * len(found)
    memories = [number for number, each in enumerate(found) if has_memory and each.kind == "recurrent"]
    memories.sort(key=lambda number: found[number].activity not in to_logits)
    from_state = {number for number, each in enumerate(found) if STATE in trace.upstream({each.activity})}
    candidates = [
        trace.upstream({found[memories[0]].source}) if memories else set(),
        to_logits & to_value if to_value else set(),
        to_logits,  # actor and critic share nothing
    ]
    inside: list[int] = []
    for before, without in itertools.product(candidates, (from_state, set(memories))):
        # Where a stack of frames is the state, there is nothing that does not depend on it.
        inside = inside or [n for n, each in enumerate(found) if each.activity in before and n not in without]
    seeing = [number for number in inside if trace.operations[found[number].activity].sight is not None]
    output = next(iter((seeing or inside)[::-1]), None)
    to_output = trace.upstream({found[output].activity}) if output is not None else set()
    for number, each in enumerate(found):
        if number in memories:
            roles[number] = "memory"
        elif number == output:
            roles[number] = "encoder output"
        elif each.activity in to_output and each.kind in _OF_ENCODER:
            roles[number] = "encoder stage"
        elif each.activity not in to_output and each.kind in ("dense", "recurrent", "sum"):
            is_of_picture = trace.operations[each.activity].sight is not None or not seeing
            roles[number] = "readout" if is_of_picture else "other"
    return roles


def names_of(trace: Trace, found: Sequence[FoundLayer]) -> list[str]:
    """Unique names: the path of the module, or of the weight, or of the place and what is done there."""
    counted: Counter[str] = Counter()
    names = []
    for each in found:
        operation = trace.operations[each.source]
        path = operation.where
        if not operation.is_in_leaf or not path:
            word = "sum" if each.kind == "sum" else operation.function
            path = _path_of_weight(operation) or f"{operation.where}.{word}"
        name = re.sub(r"\W+", "_", path.replace("_orig_mod.", "")).strip("_")
        if name in _RESERVED or not name or name[0].isdigit():
            name = f"layer_{name}".rstrip("_")
        counted[name] += 1
        while counted[name] > 1 and f"{name}_{counted[name]}" in names:
            counted[name] += 1
        names.append(name if counted[name] == 1 else f"{name}_{counted[name]}")
    return names


def _path_of_weight(operation: Operation) -> str:
    """`encoder.conv1` for `encoder.conv1.weight`; empty if there is no weight."""
    return re.sub(r"\.(parametrizations\.)?(weight|bias|kernel).*$", "", next(iter(operation.weights), ""))
