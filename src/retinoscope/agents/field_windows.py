"""Convolutions, poolings and resizing: what the positions that they give see of those they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from retinoscope.agents.field_geometry import Side, gathered, spread, through_table, through_windows
from retinoscope.agents.sight import Call, Sight

Table = NDArray[np.bool_]  # (position after, position before)


def windows(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Convolutions and poolings whose windows are as large everywhere."""
    axes = _axes(call)
    kernel, stride, padding, dilation = _arguments(call, axes)

    def through(side: Side, number: int, after: int) -> Side:
        return through_windows(side, after, kernel[number], stride[number], padding[number], dilation[number])

    return _along_each(call, tensor, sight, axes, through)


def transposed(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Transposed convolutions."""
    axes = _axes(call)
    kernel = call.given(1, "weight").shape[-axes:]
    stride, padding, dilation = (
        _each(call.given(at, name, default), axes)
        for at, name, default in ((3, "stride", 1), (4, "padding", 0), (7, "dilation", 1))
    )

    def through(side: Side, number: int, after: int) -> Side:
        table = np.zeros((after, side.positions), dtype=bool)
        places = np.arange(side.positions)
        for offset in range(kernel[number]):
            positions = places * stride[number] - padding[number] + offset * dilation[number]
            is_there = (positions >= 0) & (positions < after)
            table[positions[is_there], places[is_there]] = True
        return through_table(side, table, _uneven(call, side, after))

    return _along_each(call, tensor, sight, axes, through)


def adaptive(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Pooling to a given size, whose windows differ where it does not divide the size before."""

    def through(side: Side, number: int, after: int) -> Side:
        position, place = np.arange(after)[:, None], np.arange(side.positions)
        starts, stops = position * side.positions // after, -(-(position + 1) * side.positions // after)
        return through_table(side, (place >= starts) & (place < stops), _uneven(call, side, after))

    return _along_each(call, tensor, sight, _axes(call), through)


def resized(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Resizing, which is asked what it does to each position alone."""
    names = ("mode", "align_corners", "recompute_scale_factor", "antialias")
    how = {name: call.given(at, name) for at, name in enumerate(names, start=3)}
    how = {name: value for name, value in how.items() if value is not None}
    how["mode"] = {"linear": "bilinear", "trilinear": "bilinear"}.get(
        how.get("mode", "nearest"), how.get("mode", "nearest")
    )
    factor = call.given(2, "scale_factor")

    def through(side: Side, number: int, after: int) -> Side:
        # Two columns that are the same: with one alone, torch's antialiasing goes wrong.
        alone = torch.eye(side.positions, dtype=torch.float64)[None, :, :, None].repeat(1, 1, 1, 2)
        size: dict[str, Any] = {"size": (after, 2)}
        if factor is not None:
            size = {"scale_factor": (float(factor if isinstance(factor, int | float) else factor[number]), 1.0)}
        table = (F.interpolate(alone, **(how | size))[0, :, :, 0] != 0).T.numpy()
        return through_table(side, table, _uneven(call, side, after))

    return _along_each(call, tensor, sight, tensor.ndim - 2, through)


def _along_each(
    call: Call, tensor: torch.Tensor, sight: Sight, axes: int, through: Callable[[Side, int, int], Side]
) -> Sight:
    """By `through(side, number of the dimension among the last ones, positions after)` along rows and columns."""
    output, first = call.outputs[0], tensor.ndim - axes
    if axes > 1 and sight.dims == (None, None):
        sight = _laid_out(call, tensor, sight)
    sides, dims = list(sight.sides), list(sight.dims)
    for axis, (side, dim) in enumerate(zip(sight.sides, sight.dims, strict=True)):
        if dim is None or dim < first:
            if dim == first - 1 and call.name.startswith("conv"):
                sides[axis], dims[axis] = gathered(side, f"{call.said} takes rows or columns for channels"), None
            continue
        place = output.ndim - axes + dim - first
        sides[axis], dims[axis] = through(side, dim - first, output.shape[place]), place
    return Sight((sides[0], sides[1]), (dims[0], dims[1]))


def _laid_out(call: Call, tensor: torch.Tensor, sight: Sight) -> Sight:
    """Of a map whose rows and columns are none of the picture's: every position sees all that it was made of."""
    why = f"{call.said} is given what sees the whole picture"
    dims = (tensor.ndim - 2, tensor.ndim - 1)
    rows, columns = (spread(side, tensor.shape[dim], why) for side, dim in zip(sight.sides, dims, strict=True))
    return Sight((rows, columns), dims)


def _axes(call: Call) -> int:
    """2 for `conv2d` and `max_pool2d_with_indices`."""
    return int(next(each for each in call.name if each.isdigit()))


def _arguments(call: Call, axes: int) -> tuple[tuple[int, ...], ...]:
    """Kernel, stride, padding in front and dilation, each along every dimension."""
    ones, none = (1,) * axes, (0,) * axes
    if call.name.startswith("conv"):
        kernel = tuple(call.given(1, "weight").shape[-axes:])
        stride, dilation = _each(call.given(3, "stride", 1), axes), _each(call.given(5, "dilation", 1), axes)
        padding = call.given(4, "padding", 0)
        if padding == "same":
            return kernel, stride, tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)), dilation
        return kernel, stride, none if padding == "valid" else _each(padding, axes), dilation
    is_norm = call.name.startswith("lp")  # whose second argument is which norm
    kernel = _each(call.given(1 + is_norm, "kernel_size"), axes)
    stride = _each(call.given(2 + is_norm, "stride") or kernel, axes)
    padding = none if is_norm else _each(call.given(3, "padding", 0), axes)
    return kernel, stride, padding, _each(call.given(4, "dilation", 1), axes) if call.name.startswith("max") else ones


def _each(value: Any, axes: int) -> tuple[int, ...]:
    numbers = (value,) if isinstance(value, int) else tuple(int(each) for each in value)
    return numbers * axes if len(numbers) == 1 else numbers


def _uneven(call: Call, side: Side, after: int) -> str:
    return f"{call.said} makes {after} of {side.positions} positions"
