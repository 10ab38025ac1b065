"""Where a memory stands still under an input that is held: points at which its speed is least.

Sussillo & Barak (2013), "Opening the black box: low-dimensional dynamics in high-dimensional recurrent neural
networks", Neural Computation 25: the speed q(h) = |F(h) - h|^2 / 2 is minimised from many states that the memory was
in. Here by Adam for all at once, points that come together being merged on the way, and then by Levenberg-Marquardt
steps with the exact Jacobian, which end where a gradient step would go on for long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.held_inputs import HeldInputs
from retinoscope.statistics.fixed_points import merged_points

_MERGE_EVERY = 100  # iterations
_ON_THE_WAY = 0.2  # of the distance up to which points are one at the end
_FIRST_RATE, _LAST_RATE = 0.05, 0.0005  # of Adam, in standard deviations of a unit
_DAMPED_STEPS = 40
_LONGEST = 0.1
_FLOOR = 1e-7  # speed, relative to the distance of unrelated states, below which 32 bits tell nothing more
_JACOBIAN_NUMBERS = 16_000_000  # held at a time

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Slowest:
    """Local minima of the speed.

    Attributes:
        states: (point, state).
        inputs: (point,) under which input each lies.
        speed: (point,) |F(h) - h|.
        starts: (point,) how many of the starting states led there.
        jacobians: (point, state, state) of F.
    """

    states: NDArray[np.float32]
    inputs: NDArray[np.int64]
    speed: NDArray[np.float64]
    starts: NDArray[np.int64]
    jacobians: NDArray[np.float32]


def slowest_points(
    held: HeldInputs,
    starts: NDArray[np.floating],
    iterations: int,
    merge_distance: float,
    most_points: int,
    advance: Advance = lambda _count: None,
) -> Slowest:
    """Local minima of the speed under every input, from the same starting states.

    Args:
        held: the inputs.
        starts: (start, state).
        iterations: of Adam.
        merge_distance: up to which two points are one.
        most_points: of each input that are followed to the end: those that most starting states led to.
        advance: told how many iterations were made.
    """
    device = held.policy.device
    unit = float(starts.std(axis=0).mean()) or 1.0
    states = torch.as_tensor(np.tile(starts, (held.count, 1)), dtype=torch.float32, device=device)
    inputs = torch.arange(held.count, device=device).repeat_interleave(len(starts))
    counts = torch.ones(len(states), dtype=torch.int64, device=device)
    # Adam, written out, because points are merged between its steps.
    mean, square = torch.zeros_like(states), torch.zeros_like(states)
    for number in range(iterations):
        _, gradient = _speed(held, inputs, states)
        rate = unit * _FIRST_RATE * (_LAST_RATE / _FIRST_RATE) ** (number / max(iterations - 1, 1))
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = (square / (1 - 0.999 ** (number + 1))).sqrt()
        states = states - rate * (mean / (1 - 0.9 ** (number + 1))) / (corrected + 1e-12)
        if (number + 1) % _MERGE_EVERY == 0 or number + 1 == iterations:
            kept, counts = _merged(held, inputs, states, counts, _ON_THE_WAY * merge_distance)
            states, inputs, mean, square = states[kept], inputs[kept], mean[kept], square[kept]
        advance(1)
    kept = _most_visited(inputs, counts, most_points)
    states, inputs, counts = states[kept], inputs[kept], counts[kept]
    scale = float(np.sqrt(2 * starts.var(axis=0, ddof=1).sum())) or 1.0
    states = _damped(held, inputs, states, scale)
    kept, counts = _merged(held, inputs, states, counts, merge_distance)
    states, inputs = states[kept], inputs[kept]
    speed, _ = _speed(held, inputs, states)
    jacobians = torch.cat(list(_jacobians(held, inputs, states)))
    return Slowest(
        states.cpu().numpy(),
        inputs.cpu().numpy(),
        speed.double().cpu().numpy(),
        counts.cpu().numpy(),
        jacobians.cpu().numpy(),
    )


def _speed(held: HeldInputs, inputs: torch.Tensor, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """|F(h) - h| of each state, and the gradient of half its square."""
    leaf = states.detach().requires_grad_(True)
    with torch.enable_grad():
        squares = ((held.step(inputs, leaf).state - leaf) ** 2).sum(dim=1)
        (gradient,) = torch.autograd.grad(squares.sum() / 2, leaf)
    return squares.detach().sqrt(), gradient


def _jacobians(held: HeldInputs, inputs: torch.Tensor, states: torch.Tensor) -> Iterator[torch.Tensor]:
    """(point, state, state), some points at a time."""
    size = states.shape[1]
    for part in torch.arange(len(states), device=states.device).split(max(1, _JACOBIAN_NUMBERS // size**2)):
        leaf = states[part].detach().requires_grad_(True)
        with torch.enable_grad():
            leaving = held.step(inputs[part], leaf).state
            rows = [torch.autograd.grad(leaving[:, each].sum(), leaf, retain_graph=True)[0] for each in range(size)]
        yield torch.stack(rows, dim=1)


def _damped(held: HeldInputs, inputs: torch.Tensor, states: torch.Tensor, scale: float) -> torch.Tensor:
    """Levenberg-Marquardt: each point goes on until it stands still, or until no step makes it slower.

    No step is longer than `_LONGEST` of the distance of unrelated states, `scale`, so that points stay where the memory
    is.
    """
    states = states.clone()
    damping = torch.full((len(states),), 1e-2, device=states.device)
    is_going = torch.ones(len(states), dtype=torch.bool, device=states.device)
    eye = torch.eye(states.shape[1], device=states.device, dtype=torch.float64)
    for _ in range(_DAMPED_STEPS):
        going = is_going.nonzero()[:, 0]
        if not len(going):
            break
        here, which = states[going], inputs[going]
        with torch.no_grad():
            rest = (held.step(which, here).state - here).double()
        speed = rest.norm(dim=1)
        done = 0
        for block in _jacobians(held, which, here):
            at = slice(done, done + len(block))
            done += len(block)
            slope = block.double() - eye
            normal = slope.transpose(1, 2) @ slope
            scaled = damping[going[at], None, None].double() * normal.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
            downhill = (slope.transpose(1, 2) @ rest[at, :, None])[..., 0]
            move = torch.linalg.solve(normal + (scaled + 1e-12) * eye, -downhill[..., None])[..., 0]
            move *= (_LONGEST * scale / move.norm(dim=1, keepdim=True).clamp(min=1e-30)).clamp(max=1.0)
            tried = (here[at].double() + move).float()
            with torch.no_grad():
                after = (held.step(which[at], tried).state - tried).double().norm(dim=1)
            is_better = after < speed[at]
            moved = going[at][is_better]
            states[moved] = tried[is_better]
            damping[moved] = (damping[moved] / 10).clamp(min=1e-9)
            damping[going[at][~is_better]] *= 10
            gained = (speed[at] - after) / speed[at].clamp(min=1e-30)
            is_done = (torch.minimum(after, speed[at]) < _FLOOR * scale) | (is_better & (gained < 1e-6))
            is_done |= damping[going[at]] > 1e8
            is_going[going[at][is_done]] = False
    return states


def _merged(
    held: HeldInputs, inputs: torch.Tensor, states: torch.Tensor, counts: torch.Tensor, distance: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which points stay, and how many starting states each stands for."""
    speed = _speed(held, inputs, states)[0].cpu().numpy()
    leader = np.arange(len(states))
    points, which = states.cpu().numpy(), inputs.cpu().numpy()
    for each in np.unique(which):
        here = np.flatnonzero(which == each)
        leader[here] = here[merged_points(points[here], speed[here], distance)]
    kept, place = np.unique(leader, return_inverse=True)
    sums = np.bincount(place, counts.cpu().numpy()).astype(np.int64)
    return torch.as_tensor(kept, device=states.device), torch.as_tensor(sums, device=states.device)


def _most_visited(inputs: torch.Tensor, counts: torch.Tensor, most: int) -> torch.Tensor:
    """Of every input the points that stand for most starting states, in the order in which they are."""
    chosen = []
    for each in inputs.unique():
        here = (inputs == each).nonzero()[:, 0]
        chosen.append(here[counts[here].argsort(descending=True, stable=True)[:most]])
    return torch.cat(chosen).sort().values
