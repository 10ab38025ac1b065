"""Where the units of a map look, by the pixels that their gradient reaches: to check, and where nothing else helps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.field_geometry import Spacing
from retinoscope.agents.policy import Policy, ReceptiveField, inference, one_thread

_TOLERANCE = 1e-5
_PICTURES = 4  # a unit that is silent for one may answer to another

Seen = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # rows, columns


def checked(policy: Policy, layer: str, field: ReceptiveField) -> ReceptiveField:
    """The field as it is, if nothing outside of it is reached by a gradient or makes a difference; else as searched."""
    _, rows, columns = policy.layer(layer).shape
    row, column = field.middle(rows, columns)
    last = (rows - 1 if field.row_stride else row, columns - 1 if field.column_stride else column)
    corners = ((0 if field.row_stride else row, 0 if field.column_stride else column), last)
    units = sorted({(row, column), *(unit for unit in corners if field.is_whole(*unit))})
    for (row, column), seen in zip(units, _seen(policy, layer, units), strict=True):
        sizes = (field.height, field.width)
        for along, start, size in zip(seen, field.starts(row, column), sizes, strict=True):
            inside = np.zeros_like(along)
            inside[max(start, 0) : max(start + size, 0)] = True
            if (along & ~inside).any():
                return searched(policy, layer, "the gradient reaches more pixels than could be followed")
    if not _is_all(policy, layer, field):
        return searched(policy, layer, "more pixels make a difference than could be followed")
    return field


def searched(policy: Policy, layer: str, why: str) -> ReceptiveField:
    """The field of the middle unit and, where they can be told, the strides, from the gradient.

    Args:
        policy: whose layer.
        layer: a map in the encoder.
        why: the geometry could not be followed.
    """
    height, width, _ = policy.observation_shape
    _, rows, columns = policy.layer(layer).shape
    places = [sorted({0, *range(max(n // 2 - 2, 0), min(n // 2 + 3, n)), n - 1}) for n in (rows, columns)]
    # Rows and columns are moved together: as many units as the longer of both lists needs.
    count = max(map(len, places))
    units = [(places[0][min(n, len(places[0]) - 1)], places[1][min(n, len(places[1]) - 1)]) for n in range(count)]
    units.append((rows // 2, columns // 2))
    seen = list(_seen(policy, layer, units))
    if not all(each.any() for each in seen[-1]):
        return _whole(policy, f"{why}; no gradient reaches the pixels")
    of_units = list(zip(units, seen, strict=True))
    spans = [{unit[axis]: _span(each[axis]) for unit, each in of_units if each[axis].any()} for axis in (0, 1)]
    down, across = _along(spans[0], rows // 2, height), _along(spans[1], columns // 2, width)
    note = f"field not known: {why}; found from the pixels that the gradient reaches"
    bounds = (down.low, across.low, down.high, across.high)
    field = ReceptiveField(down.size, across.size, down.stride, across.stride, down.first, across.first, bounds, note)
    if not _is_all(policy, layer, field):
        return _whole(policy, f"{why}; pixels that no gradient reaches make a difference")
    return field


def _whole(policy: Policy, why: str) -> ReceptiveField:
    height, width, _ = policy.observation_shape
    note = f"field not known: {why}, so that units are shown whole pictures"
    return ReceptiveField(height, width, 0, 0, 0, 0, (0, 0, height, width), note)


def _is_all(policy: Policy, layer: str, field: ReceptiveField) -> bool:
    """Whether the middle unit answers alike whatever is outside of its field."""
    row, column = field.middle(*policy.layer(layer).shape[1:])
    top, left = field.starts(row, column)
    rows, columns = slice(max(top, 0), top + field.height), slice(max(left, 0), left + field.width)
    pictures, others = _pictures(policy, 1), _pictures(policy, 2)
    others[:, rows, columns] = pictures[:, rows, columns]
    with inference():
        one, other = (policy.encode(each, until=layer)[:, :, row, column] for each in (pictures, others))
        return torch.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE * float(one.abs().max()), equal_nan=True)


def _pictures(policy: Policy, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (255 * torch.rand((_PICTURES, *policy.observation_shape), generator=generator)).to(policy.device)


def _seen(policy: Policy, layer: str, units: Iterable[tuple[int, int]]) -> Iterable[Seen]:
    """For each unit of a map the rows and the columns of pixels that any of its channels' gradients reach."""
    pictures = _pictures(policy, 0).requires_grad_()
    generator = torch.Generator().manual_seed(0)
    with one_thread(), torch.enable_grad():
        maps = policy.encode(pictures, until=layer)
        weights = torch.randn(maps.shape[:2], generator=generator).to(maps)  # so that channels do not cancel
        for row, column in units:
            answer = (maps[:, :, row, column] * weights).sum()
            gradient = None
            if answer.requires_grad:
                (gradient,) = torch.autograd.grad(answer, pictures, retain_graph=True, allow_unused=True)
            if gradient is None:
                gradient = torch.zeros_like(pictures)
            reached = (gradient != 0).any(dim=3).any(dim=0).cpu().numpy()
            yield reached.any(axis=1), reached.any(axis=0)


def _span(seen: NDArray[np.bool_]) -> tuple[int, int]:
    (there,) = seen.nonzero()
    return int(there[0]), int(there[-1]) + 1


def _along(spans: dict[int, tuple[int, int]], middle: int, picture: int) -> Spacing:
    start, stop = spans[middle]
    alone = Spacing(start, stop - start, 0, start, stop)
    whole = {place: span for place, span in spans.items() if span[0] > 0 and span[1] < picture}
    places = sorted(whole)
    if len(places) < 2 or len({stop - start for start, stop in whole.values()}) > 1:
        return alone
    start, stop = whole[places[0]]
    stride = (whole[places[-1]][0] - start) // (places[-1] - places[0])
    found = Spacing(start - places[0] * stride, stop - start, stride, 0, picture)
    expected = {place: _cut(found.first + place * stride, found.size, picture) for place in spans}
    is_even = stride > 0 and all(
        expected[place][0] <= low and high <= expected[place][1] for place, (low, high) in spans.items()
    )
    return found if is_even and all(whole[place] == expected[place] for place in places) else alone


def _cut(start: int, size: int, picture: int) -> tuple[int, int]:
    return max(start, 0), min(start + size, picture)
