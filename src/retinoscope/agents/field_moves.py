"""Functions that only move elements: crops, transposes, padding, flattening. What they move is found by moving numbers.

The numbers of the rows, in a tensor of the same shape, are given to the same function with the same arguments; where
they come out is where the rows are now.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.field_geometry import NOTHING, Side, picked, through_table
from retinoscope.agents.sight import Call, Sight, named

MOVES = named(
    "permute transpose swapaxes swapdims t T mT H mH movedim moveaxis unsqueeze squeeze view view_as reshape",
    "flatten unflatten ravel expand expand_as broadcast_to repeat tile repeat_interleave chunk split split_with_sizes",
    "reshape_as tensor_split unbind narrow select getitem index_select flip fliplr flipud roll rot90 pixel_shuffle",
    "pixel_unshuffle unfold diagonal pad masked_select",
)
"""Names of the functions, without underscores."""

_MIRRORING = ("reflect", "replicate")  # within, these are as regular as padding with zeros


def moved(call: Call, tensor: torch.Tensor, sight: Sight) -> tuple[Sight, ...]:
    """What each output sees, of a call that moves the elements of this tensor."""
    numbers = [_moved_numbers(call, tensor, dim) for dim in sight.dims]
    found = []
    for output in range(len(call.outputs)):
        rows, columns = (
            (side, None) if dim is None else _placed(call, side, places[output])
            for side, dim, places in zip(sight.sides, sight.dims, numbers, strict=True)
        )
        found.append(Sight((rows[0], columns[0]), (rows[1], columns[1])))
    return tuple(found)


def _moved_numbers(call: Call, tensor: torch.Tensor, dim: int | None) -> list[NDArray[np.int64]]:
    """Where the positions along a dimension are now: numbers, of the shape of each output."""
    if dim is None:
        return []
    line = torch.arange(tensor.shape[dim], dtype=torch.float64)  # floats: there is no mirrored padding of integers
    numbers = line.reshape([-1 if each == dim else 1 for each in range(tensor.ndim)]).expand(tensor.shape).contiguous()
    args, kwargs = _with(call.args, tensor, numbers), _with(dict(call.kwargs), tensor, numbers)
    if call.name == "pad" and call.given(2, "mode", "constant") == "constant":
        args, kwargs = args[:3], kwargs | {"value": NOTHING}
    result = call.function(*args, **kwargs)
    return [each.long().numpy() for each in ([result] if isinstance(result, torch.Tensor) else result)]


def _placed(call: Call, side: Side, places: NDArray[np.int64]) -> tuple[Side, int | None]:
    """The side whose positions are now at `places`, and the dimension along which they lie."""
    why = f"{call.said} moves rows and columns"
    varying = [dim for dim in range(places.ndim) if _varies(places, dim)]
    if len(varying) > 1:  # as rows among the channels: what any of them holds, along the dimension that tells most
        tables = {dim: _table(places, dim, side.positions) for dim in varying}
        found = {dim: through_table(side, table, why) for dim, table in tables.items()}
        dim = min(found, key=lambda each: found[each].sees.mean())
        return found[dim], dim
    if not varying:
        present = places[places != NOTHING]
        one = picked(side, present.flat[:1].reshape(-1) if present.size else np.array([NOTHING]), why)
        return (side if side.positions == 1 else one), None
    (dim,) = varying
    line = places.max(axis=tuple(each for each in range(places.ndim) if each != dim))
    return picked(side, line, why, _within(call, dim, places.shape)), dim


def _table(places: NDArray[np.int64], dim: int, count: int) -> NDArray[np.bool_]:
    """(position along this dimension now, position before) bool."""
    lines = np.moveaxis(places, dim, 0).reshape(places.shape[dim], -1)
    table = np.zeros((len(lines), count), dtype=bool)
    for row, line in zip(table, lines, strict=True):
        row[line[line != NOTHING]] = True
    return table


def _varies(places: NDArray[np.int64], dim: int) -> bool:
    """Whether places differ along this dimension, other than by some of them being nothing."""
    highest = places.max(axis=dim, keepdims=True)
    return bool(((places != NOTHING) & (places != highest)).any())


def _within(call: Call, dim: int, shape: tuple[int, ...]) -> slice:
    """The positions that mirrored padding did not add; else all."""
    if call.name != "pad" or call.given(2, "mode", "constant") not in _MIRRORING:
        return slice(None)
    amounts = call.given(1, "pad")
    place = 2 * (len(shape) - 1 - dim)
    return slice(max(amounts[place], 0), shape[dim] - max(amounts[place + 1], 0))


def _with(value: Any, old: torch.Tensor, new: torch.Tensor) -> Any:
    """The same nested arguments with another tensor in the place of one."""
    if value is old:
        return new
    if isinstance(value, dict):
        return {key: _with(each, old, new) for key, each in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_with(each, old, new) for each in value)
    return value
