"""The layers of a network that was observed: their names, kinds, shapes and roles, and where their activity appears."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from retinoscope.agents.field_geometry import Side, Spacing, spacing_of
from retinoscope.agents.field_rules import ACTIVATION_FUNCTIONS
from retinoscope.agents.policy import Layer, LayerKind, ReceptiveField, Role
from retinoscope.agents.sight import Sight
from retinoscope.agents.tracing import STATE, Operation, Trace

CELLS = ("gru_cell", "lstm_cell", "rnn_tanh_cell", "rnn_relu_cell")
SEQUENCES = ("gru", "lstm", "rnn_tanh", "rnn_relu")
_CONVOLUTIONS = frozenset(f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3))
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
class TracedLayer:
    """A layer, and how its activity is found when the network computes.

    Attributes:
        layer: as analyses see it.
        function, occurrence: the call whose first output is its activity: the third `relu`, counted from 0.
        batch_dim: the dimension of that output along which the rows of the batch lie.
        map_dims: those of rows and columns of a map; empty for other layers.
        source_shape: of the layer before anything flattened it, with 0 in the place of the batch.
        output_ndim: dimensions of that output.
        is_overwritten: the network changes that output later, so that it has to be copied.
        parameters: paths of its parameters.
        field: of a map, what its units see, as far as it could be followed.
        is_followed: `field` is what is seen; else all that may be.
    """

    layer: Layer
    function: str
    occurrence: int
    batch_dim: int
    map_dims: tuple[int, ...]
    source_shape: tuple[int, ...]
    output_ndim: int
    is_overwritten: bool
    parameters: tuple[str, ...]
    field: ReceptiveField | None = None
    is_followed: bool = True

    def arranged(self, output: torch.Tensor) -> torch.Tensor:
        """The activity in the output of the call: (batch, *layer.shape)."""
        if output.ndim != self.output_ndim:
            raise ValueError(f"{output.ndim} dimensions instead of {self.output_ndim}")
        if self.map_dims and output.ndim != len(self.source_shape):
            output = output.reshape(len(output), *self.source_shape[1:])
        others = [dim for dim in range(output.ndim) if dim != self.batch_dim and dim not in self.map_dims]
        ordered = output.permute(self.batch_dim, *others, *self.map_dims)
        if not self.map_dims:
            return ordered.flatten(1)
        return ordered if len(others) == 1 else ordered.reshape(len(ordered), -1, *ordered.shape[-2:])

    def put_back(self, activity: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """What `output` is with this activity, of a layer that is no map."""
        others = [size for dim, size in enumerate(output.shape) if dim != self.batch_dim]
        return activity.reshape(len(activity), *others).movedim(0, self.batch_dim).to(output.dtype)


@dataclass(frozen=True)
class _Found:
    """A layer in a trace: the operation that makes it, and the one behind its activation function."""

    kind: LayerKind
    source: int
    activity: int
    parameters: tuple[str, ...]


def find_layers(
    first: Trace,
    second: Trace,
    logits: Iterable[torch.Tensor],
    value: Iterable[torch.Tensor],
    has_memory: bool,
    roles: Mapping[str, Role] | None = None,
) -> tuple[list[TracedLayer], list[str]]:
    """The layers of a network, in the order of their activity; without the outputs themselves.

    Args:
        first: a pass.
        second: the same with a batch of another size.
        logits: tensors that the first pass returned as these.
        value: likewise.
        has_memory: a state goes from one decision to the next.
        roles: by name of a layer, those that are to replace what was found.

    Returns:
        The layers, and one line for each that is left out.
    """
    found = _sources(first)
    to_logits = first.upstream({n for n in map(first.producer, logits) if n is not None})
    to_value = first.upstream({n for n in map(first.producer, value) if n is not None})
    found = [each for each in _without_heads(first, found) if each.activity in to_logits | to_value]
    given_roles = _roles(first, found, to_logits, to_value, has_memory)
    layers: list[TracedLayer] = []
    left_out: list[str] = []
    for each, name, role in zip(found, _names(first, found), given_roles, strict=True):
        traced = _traced(first, second, each, name, role)
        if traced is None:
            left_out.append(f"layer {name!r}: left out, for its activity has no row for each observation")
        else:
            layers.append(traced)
    return [_with_role(each, roles or {}) for each in layers], left_out


def _with_role(traced: TracedLayer, roles: Mapping[str, Role]) -> TracedLayer:
    role = roles.get(traced.layer.name)
    return traced if role is None else replace(traced, layer=replace(traced.layer, role=role))


def _sources(trace: Trace) -> list[_Found]:
    """Everything that is a layer, with its activation function."""
    consumers = trace.consumers()
    found: list[_Found] = []
    absorbed: set[int] = set()
    for number, operation in enumerate(trace.operations):
        kind = _kind(trace, operation)
        if kind is None or (kind == "activation" and number in absorbed):
            continue
        activity, parameters = number, operation.weights
        if kind not in ("recurrent", "activation"):
            activity, parameters = _behind_activation(trace, consumers, number)
        absorbed.add(activity)
        found.append(_Found(kind, number, activity, parameters))
    return sorted(found, key=lambda each: each.activity)


def _kind(trace: Trace, operation: Operation) -> LayerKind | None:
    is_map = operation.sight is not None and operation.sight.is_map
    if operation.function in _CONVOLUTIONS:
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


def _without_heads(trace: Trace, found: Sequence[_Found]) -> list[_Found]:
    """Without the last weights of all, which make the outputs, and what lies behind them."""
    above = {each.source: trace.upstream({each.source}) - {each.source} for each in found}
    weighted = [each for each in found if each.kind in _WEIGHTED]
    heads = {
        each.source
        for each in weighted
        if each.kind == "dense" and not any(each.source in above[o.source] for o in weighted)
    }
    return [each for each in found if each.source not in heads and not heads & above[each.source]]


def _roles(
    trace: Trace, found: Sequence[_Found], to_logits: set[int], to_value: set[int], has_memory: bool
) -> list[Role]:
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


def _names(trace: Trace, found: Sequence[_Found]) -> list[str]:
    """Unique names: the path of the module, or of the weight, or of the place and what is done there."""
    counted: Counter[str] = Counter()
    names = []
    for each in found:
        operation = trace.operations[each.source]
        path = operation.where
        if not operation.is_in_leaf or not path:
            weight = (
                re.sub(r"\.(parametrizations\.)?(weight|bias|kernel).*$", "", operation.weights[0])
                if operation.weights
                else ""
            )
            word = "sum" if each.kind == "sum" else operation.function
            path = weight or f"{operation.where}.{word}"
        name = re.sub(r"\W+", "_", path.replace("_orig_mod.", "")).strip("_")
        if name in _RESERVED or not name or name[0].isdigit():
            name = f"layer_{name}".rstrip("_")
        counted[name] += 1
        while counted[name] > 1 and f"{name}_{counted[name]}" in names:
            counted[name] += 1
        names.append(name if counted[name] == 1 else f"{name}_{counted[name]}")
    return names


def _traced(first: Trace, second: Trace, each: _Found, name: str, role: Role) -> TracedLayer | None:
    source, activity = first.operations[each.source], first.operations[each.activity]
    output = activity.outputs[0]
    twins = [o for o in second.operations if (o.function, o.occurrence) == (activity.function, activity.occurrence)]
    if not twins or twins[0].outputs[0].ndim != output.ndim:
        return None
    dim = _batch_dim(output, twins[0].outputs[0], first, second)
    if dim is None:
        return None
    map_dims = _map_dims(source)
    shape = tuple(source.outputs[0].shape)
    if map_dims and output.ndim != len(shape) and dim != 0:
        return None
    sight = activity.sight if activity.sight is not None and activity.sight.is_map else source.sight
    field, is_followed = (None, True) if not map_dims else _field(sight)
    kind: LayerKind = "dense" if each.kind == "recurrent" and role != "memory" else each.kind
    traced = TracedLayer(
        Layer(name, kind, (), role),
        activity.function,
        activity.occurrence,
        dim,
        map_dims,
        (0, *shape[1:]) if dim == 0 else shape,
        output.ndim,
        activity.is_overwritten,
        each.parameters,
        field,
        is_followed,
    )
    return replace(traced, layer=replace(traced.layer, shape=tuple(traced.arranged(output).shape[1:])))


def _batch_dim(output: torch.Tensor, twin: torch.Tensor, first: Trace, second: Trace) -> int | None:
    differing = [dim for dim in range(output.ndim) if output.shape[dim] != twin.shape[dim]]
    if len(differing) != 1:
        return None
    (dim,) = differing
    return dim if (output.shape[dim], twin.shape[dim]) == (first.batch, second.batch) else None


def _map_dims(source: Operation) -> tuple[int, ...]:
    if source.sight is not None and source.sight.is_map:
        return tuple(dim for dim in source.sight.dims if dim is not None)
    is_flat = source.function not in _CONVOLUTIONS or source.function.endswith("1d")
    return () if is_flat else (source.outputs[0].ndim - 2, source.outputs[0].ndim - 1)


def _field(sight: Sight | None) -> tuple[ReceptiveField | None, bool]:
    """What the units see, and whether it was followed; None if nothing is known at all."""
    if sight is None:
        return None, False
    down, across = map(_along, sight.sides)
    note = "; ".join(
        dict.fromkeys(side.why for side, each in zip(sight.sides, (down, across), strict=True) if not each.stride)
    )
    bounds = (down.low, across.low, down.high, across.high)
    field = ReceptiveField(down.size, across.size, down.stride, across.stride, down.first, across.first, bounds, note)
    return field, all(side.is_exact for side in sight.sides)


def _along(side: Side) -> Spacing:
    """The spacing of the fields along one side; where it is not even, stride 0 and the field of the middle unit."""
    spacing = side.spacing or (spacing_of(side.sees) if side.is_exact else None)
    if spacing is not None:
        return spacing
    (seen,) = side.sees[side.positions // 2].nonzero()
    first, stop = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, side.sees.shape[1])
    return Spacing(first, stop - first, 0, first, stop)
