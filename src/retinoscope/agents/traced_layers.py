"""The layers of a network that was observed: shapes, fields, and where their activity appears."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch

from retinoscope.agents.field_geometry import Side, Spacing, spacing_of
from retinoscope.agents.found_layers import CONVOLUTIONS, FoundLayer, names_of, roles_of, sources, without_heads
from retinoscope.agents.policy import Layer, LayerKind, ReceptiveField, Role
from retinoscope.agents.sight import Sight
from retinoscope.agents.tracing import Operation, Trace


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
    found = sources(first)
    to_logits = first.upstream({n for n in map(first.producer, logits) if n is not None})
    to_value = first.upstream({n for n in map(first.producer, value) if n is not None})
    found = [each for each in without_heads(first, found) if each.activity in to_logits | to_value]
    given_roles = roles_of(first, found, to_logits, to_value, has_memory)
    layers: list[TracedLayer] = []
    left_out: list[str] = []
    for each, name, role in zip(found, names_of(first, found), given_roles, strict=True):
        traced = _traced(first, second, each, name, role)
        if traced is None:
            left_out.append(f"layer {name!r}: left out, for its activity has no row for each observation")
        else:
            layers.append(traced)
    return [_with_role(each, roles or {}) for each in layers], left_out


def _with_role(traced: TracedLayer, roles: Mapping[str, Role]) -> TracedLayer:
    role = roles.get(traced.layer.name)
    return traced if role is None else replace(traced, layer=replace(traced.layer, role=role))


def _traced(first: Trace, second: Trace, each: FoundLayer, name: str, role: Role) -> TracedLayer | None:
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
    is_flat = source.function not in CONVOLUTIONS or source.function.endswith("1d")
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
