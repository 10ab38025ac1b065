"""Fits of a shape to many fields at once: a search over a grid of starts, then Levenberg-Marquardt from the best ones.

Amplitudes enter linearly and are solved exactly at every step (Golub and Pereyra 2003, Inverse Problems 19:R1), so that
only the six shape parameters are searched. All fields step together; each has its own damping.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.statistics.field_models import Shape, pixels

Array = NDArray[np.float64]

_STARTS = 3  # that are followed
_FIRST_STEPS, _LAST_STEPS = 5, 15
_GAIN = 1e-4  # share of the squared field by which a step has to better the fit for another one
_ENTRIES = 400_000  # of the largest array, which stays in the processor's cache
_AMPLITUDES = 2
_LEAST_RIGID = 1e-6  # share of a part that has to be left beside the other one


@dataclass(frozen=True)
class Fits:
    """One fit for each of the fields.

    Attributes:
        shape: which family.
        shapes: (field, parameter), see `Shape.names`.
        amplitudes: (field, 2) of its two parts.
        height, width: of the fields, pixels.
    """

    shape: Shape
    shapes: Array
    amplitudes: Array
    height: int
    width: int

    def by_name(self) -> dict[str, Array]:
        """Every shape parameter (field,) by its name; angles from 0 to pi."""
        found = dict(zip(self.shape.names, self.shapes.T, strict=True))
        return found | {"angle": np.mod(found["angle"], np.pi)}

    def fields(self) -> Array:
        """What was fitted, (field, height, width)."""
        x, y = pixels(self.height, self.width)
        parts = self.shape.parts(self.shapes, x, y)
        return np.einsum("fa,fap->fp", self.amplitudes, parts).reshape(-1, self.height, self.width)


def fit(shape: Shape, fields: Array) -> Fits:
    """Fit a shape to every field by least squares, signs and all.

    Args:
        shape: which family.
        fields: (field, height, width) float64. A field of zeros gets amplitudes of zero.
    """
    count, height, width = fields.shape
    flat = fields.reshape(count, -1).astype(np.float64)
    scale = np.sqrt(np.mean(np.square(flat), axis=1, keepdims=True))
    flat = np.divide(flat, scale, out=np.zeros_like(flat), where=scale > 0)
    # Single precision: shares to four digits are asked for, and it takes half of the time.
    flat = flat.astype(np.float32)
    x, y = pixels(height, width, np.float32)
    bounds = shape.bounds(height, width)
    found, amplitudes = np.zeros((count, len(shape.names))), np.zeros((count, _AMPLITUDES))
    size = max(1, _ENTRIES // (flat.shape[1] * (len(shape.names) + _AMPLITUDES) * _STARTS))
    for chunk in _chunks(count, size):
        wanted = flat[chunk]
        starts = _best_starts(shape, wanted, height, width)
        followed = starts.shape[1]
        repeated = np.repeat(wanted, followed, axis=0)
        shapes, costs = _descend(shape, repeated, starts.reshape(-1, starts.shape[2]), bounds, x, y, _FIRST_STEPS)
        best = costs.reshape(-1, followed).argmin(axis=1)
        shapes = shapes.reshape(-1, followed, shapes.shape[1])[np.arange(len(best)), best]
        found[chunk], _ = _descend(shape, wanted, shapes, bounds, x, y, _LAST_STEPS)
        amplitudes[chunk] = _solved(shape.parts(found[chunk], x, y), wanted)[0]
    return Fits(shape, found, amplitudes * scale, height, width)


def _chunks(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


@functools.lru_cache(maxsize=8)
def _atoms(shape: Shape, height: int, width: int) -> tuple[Array, NDArray[np.float32], NDArray[np.intp]]:
    """Starts, their two parts made orthogonal and of length one (2, start, pixel), and the kind of each start."""
    starts = shape.starts(height, width)
    parts = np.concatenate([shape.parts(starts[each], *pixels(height, width)) for each in _chunks(len(starts), 2_000)])
    first, second = parts[:, 0], parts[:, 1]
    first /= np.linalg.norm(first, axis=1, keepdims=True) + 1e-12
    lengths = np.linalg.norm(second, axis=1, keepdims=True)
    second -= (first * second).sum(axis=1, keepdims=True) * first
    rest = np.linalg.norm(second, axis=1, keepdims=True)
    second = np.divide(second, rest, out=np.zeros_like(second), where=rest > 1e-3 * lengths)
    kinds = np.unique(starts[:, shape.kind], return_inverse=True)[1].reshape(-1)
    return starts, np.stack([first, second]).astype(np.float32), kinds


def _best_starts(shape: Shape, wanted: Array, height: int, width: int) -> Array:
    """Of each kind of start the one that explains most, and of these the best: (field, start, parameter)."""
    starts, atoms, kinds = _atoms(shape, height, width)
    count = int(kinds.max()) + 1
    best, explained = np.zeros((count, len(wanted)), np.intp), np.zeros((count, len(wanted)), np.float32)
    fields = wanted.T
    for kind in range(count):
        members = np.flatnonzero(kinds == kind)
        share = np.square(atoms[0, members] @ fields) + np.square(atoms[1, members] @ fields)
        top = share.argmax(axis=0)
        best[kind], explained[kind] = members[top], share[top, np.arange(share.shape[1])]
    order = np.argsort(-explained, axis=0)[:_STARTS]
    return starts[np.take_along_axis(best, order, axis=0)].transpose(1, 0, 2)


def _solved(parts: Array, wanted: Array) -> tuple[Array, Array]:
    """Amplitudes (field, 2) of two parts by least squares, and what is left of the squared field (field,)."""
    products = np.matmul(parts, parts.transpose(0, 2, 1)).astype(np.float64)
    aa, bb, ab = products[:, 0, 0], products[:, 1, 1], products[:, 0, 1]
    a, b = np.matmul(parts, wanted[:, :, None])[:, :, 0].astype(np.float64).T
    rest = aa * bb - ab**2
    is_rigid = rest > _LEAST_RIGID * aa * bb
    safe = np.where(is_rigid, rest, 1.0)
    alone = np.divide(a, aa, out=np.zeros_like(a), where=aa > 0)
    first = np.where(is_rigid, (a * bb - b * ab) / safe, alone)
    second = np.where(is_rigid, (b * aa - a * ab) / safe, 0.0)
    left = np.square(wanted).sum(axis=1) - first * a - second * b
    return np.stack([first, second], axis=1), left


def _descend(
    shape: Shape, wanted: Array, start: Array, bounds: Array, x: Array, y: Array, steps: int
) -> tuple[Array, Array]:
    """Levenberg-Marquardt within bounds: shape parameters (field, parameter) and the squared error left (field,)."""
    shapes = np.clip(start, bounds[0], bounds[1])
    parts = shape.parts(shapes, x, y)
    amplitudes, cost = _solved(parts, wanted)
    damping = np.full(len(wanted), 1e-2)
    is_open = np.ones(len(wanted), bool)
    for _ in range(steps):
        rows = np.flatnonzero(is_open)
        if not len(rows):
            break
        step = _step(shape, shapes[rows], amplitudes[rows], parts[rows], wanted[rows], damping[rows], bounds, x, y)
        tried = np.clip(shapes[rows] + step, bounds[0], bounds[1])
        tried_parts = shape.parts(tried, x, y)
        tried_amplitudes, tried_cost = _solved(tried_parts, wanted[rows])
        is_better = tried_cost < cost[rows]
        gained = cost[rows] - tried_cost
        better = rows[is_better]
        shapes[better], parts[better] = tried[is_better], tried_parts[is_better]
        amplitudes[better], cost[better] = tried_amplitudes[is_better], tried_cost[is_better]
        damping[rows] = np.clip(damping[rows] * np.where(is_better, 0.2, 8.0), 1e-9, 1e9)
        is_done = (is_better & (gained < _GAIN * wanted.shape[1])) | (damping[rows] > 1e6)
        is_open[rows[is_done]] = False
    return shapes, cost


def _step(
    shape: Shape,
    shapes: Array,
    amplitudes: Array,
    parts: Array,
    wanted: Array,
    damping: Array,
    bounds: Array,
    x: Array,
    y: Array,
) -> Array:
    """The step of the shape parameters; a parameter that lies at a bound and is pressed against it stays there."""
    slopes = np.concatenate([shape.slopes(shapes, amplitudes, x, y), parts], axis=1)
    rest = wanted - np.einsum("fa,fap->fp", amplitudes.astype(wanted.dtype), parts)
    towards = np.matmul(slopes, rest[:, :, None])[:, :, 0].astype(np.float64)
    normal = np.matmul(slopes, slopes.transpose(0, 2, 1)).astype(np.float64)
    count = shapes.shape[1]
    is_held = np.zeros(towards.shape, bool)
    is_held[:, :count] = ((shapes <= bounds[0]) & (towards[:, :count] < 0)) | (
        (shapes >= bounds[1]) & (towards[:, :count] > 0)
    )
    is_free = ~is_held
    normal = normal * (is_free[:, :, None] & is_free[:, None, :])
    diagonal = np.einsum("fii->fi", normal)
    diagonal += damping[:, None] * diagonal + 1e-9 * diagonal.max(axis=1, keepdims=True) + 1e-12 + is_held
    solved: Array = np.linalg.solve(normal, (towards * is_free)[:, :, None])[:, :count, 0]
    return np.where(is_held[:, :count], 0.0, solved)
