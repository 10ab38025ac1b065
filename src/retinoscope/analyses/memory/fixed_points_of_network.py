"""The fixed and slow points of one network, what their Jacobians say, and where they lie among its states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray
from numpy.typing import NDArray

from retinoscope.agents.held_inputs import HeldInputs
from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.memory.fixed_point_search import Slowest, slowest_points
from retinoscope.analyses.memory.held_views import (
    MEAN,
    Stretches,
    Views,
    mean_output,
    observations_at,
    replayed_states,
)
from retinoscope.statistics.fixed_points import spectrum, spread_out, time_constants

if TYPE_CHECKING:
    from retinoscope.analyses.memory.fixed_points import FixedPointsParameters
    from retinoscope.rollouts import Recording

AXES = 3
"""Principal components of the memory in which points and trajectories are kept."""

_MOST_JACOBIANS = 16_000_000  # numbers in all of them together
_FEWER_STARTS = 32  # where every step has to pass the encoder
_CANDIDATES = 64  # nearest decisions for each one wanted, of which those apart in time are kept
_BLOCK = 4_096
_MODES, _SLOW = 32, 3

Source = Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]
"""Blocks of states that entered decisions: rows of the recording, and (row, state)."""


@dataclass(frozen=True)
class OfNetwork:
    """What was found of a network.

    Attributes:
        points: by point, see `fixed_points`.
        network: by network, without that dimension.
        held: how many of the inputs could be held.
        is_whole: every step passed the encoder, too.
    """

    points: xarray.Dataset
    network: xarray.Dataset
    held: int
    is_whole: bool


def points_of_network(
    name: str,
    policy: Policy,
    player: Policy,
    recording: Recording,
    stretches: Stretches,
    views: Views,
    chosen: FixedPointsParameters,
    advance: Callable[[int], None],
) -> OfNetwork:
    """Points of a network under all inputs, from states that it was in, or would have been in, in the recording.

    Args:
        name: of the network.
        policy: the network.
        player: that which played.
        recording: what it saw.
        stretches: from which states are drawn.
        views: the inputs.
        chosen: parameters.
        advance: told how many iterations were made.
    """
    is_player = policy is player
    states = (
        stretches.read(recording, "state_entering") if is_player else replayed_states(policy, recording, stretches)
    ).astype(np.float32)
    flat = states.reshape(-1, states.shape[-1])
    unrelated = float(np.sqrt(2 * flat.var(axis=0, ddof=1, dtype=np.float64).sum())) or 1.0
    pixels, mean = observations_at(recording, views.rows), mean_output(recording, policy, stretches)
    compared = flat[np.linspace(0, len(flat) - 1, len(pixels)).astype(np.int64)]
    held = HeldInputs(policy, pixels, compared, None if mean is None else mean[None])
    count = chosen.starts if held.layer is not None else min(chosen.starts, _FEWER_STARTS)
    starts = _spread(recording, count) if is_player else flat[_evenly(len(flat), count)]
    most = max(1, min(chosen.most_points, _MOST_JACOBIANS // (states.shape[-1] ** 2 * held.count)))
    slowest = slowest_points(held, starts, chosen.iterations, chosen.merge_distance * unrelated, most, advance)
    recorded_speed = float(np.median(np.linalg.norm(np.diff(states, axis=1), axis=2))) / unrelated
    speed = slowest.speed / unrelated
    kept = np.flatnonzero(speed <= max(chosen.fixed_speed, chosen.slow_share * recorded_speed))
    source = _recorded_states(recording) if is_player else iter([(stretches.flat, flat)])
    rows, distances = _nearest(slowest.states[kept], source, chosen)
    order = np.lexsort((-slowest.starts[kept], slowest.inputs[kept]))
    order = order[distances[order, 0] <= chosen.farthest * unrelated]
    kept, rows, distances = kept[order], rows[order], distances[order]
    shares = slowest.starts[kept] / len(starts)
    points = _points(slowest, kept, speed, held, chosen).assign(
        distance=("point", distances[:, 0] / unrelated, {"units": "distances of unrelated states"}),
        nearest_row=(("point", "neighbour"), rows),
        nearest_distance=(("point", "neighbour"), distances / unrelated),
    )
    names = np.array([*views.names, MEAN])[slowest.inputs[kept]]
    points["starts"] = ("point", shares, {"units": "share of starting states"})
    points = points.assign_coords(point_network=("point", [name] * len(kept)), point_input=("point", names.astype(str)))
    elsewhere = np.full(len(views.names) + 1, np.nan)
    elsewhere[: held.count] = 1 - np.bincount(slowest.inputs[kept], shares, held.count)
    in_plane, plane = _plane(flat, states, slowest.states[kept], points["direction"].values[:, 0])
    network = xarray.Dataset(
        plane
        | {
            "unrelated_distance": ((), unrelated, {"units": "activity"}),
            "recorded_speed": ((), recorded_speed, {"units": "distances of unrelated states per decision"}),
            "starts_elsewhere": ("held", elsewhere, {"units": "share of starting states"}),
            "starting_states": ((), len(starts)),
        }
    )
    return OfNetwork(points.assign(in_plane), network, held.count, held.layer is None)


def _evenly(length: int, count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, count).round().astype(np.int64))


def _spread(recording: Recording, count: int) -> NDArray[np.float32]:
    """(start, state) that entered decisions spread over the whole recording."""
    name = "state_entering"
    rows = _evenly(recording.frames, count)
    return np.stack([recording.rows(int(row), int(row) + 1, (name,))[name].values[0] for row in rows])


def _recorded_states(recording: Recording) -> Source:
    for first in range(0, recording.frames, _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, recording.frames))
        yield rows, recording.rows(first, int(rows[-1]) + 1, ("state_entering",))["state_entering"].values


def _points(
    slowest: Slowest,
    kept: NDArray[np.int64],
    speed: NDArray[np.float64],
    held: HeldInputs,
    chosen: FixedPointsParameters,
) -> xarray.Dataset:
    states, size = slowest.states[kept], slowest.states.shape[1]
    modes, slow = min(_MODES, size), min(_SLOW, size)
    eigenvalues = np.zeros((len(kept), modes), np.complex128)
    directions = np.zeros((len(kept), slow, size), np.float32)
    unstable = np.zeros(len(kept), np.int64)
    for place, each in enumerate(kept):
        values, vectors = spectrum(slowest.jacobians[each])
        eigenvalues[place], directions[place] = values[:modes], vectors[:slow].real
        unstable[place] = int((np.abs(values) > 1).sum())
    is_fixed = speed[kept] <= chosen.fixed_speed
    kinds = np.where(~is_fixed, "slow", np.where(unstable > 0, "unstable", "stable"))
    policy = held.policy
    with inference():
        entered = torch.as_tensor(states, device=policy.device)
        step = held.step(torch.as_tensor(slowest.inputs[kept], device=policy.device), entered)
        is_continuous = any(head.kind == "gaussian" for head in policy.action_heads)
        outputs = step.logits if is_continuous else policy.probabilities(step.logits)
    by_mode = ("point", "mode")
    return xarray.Dataset(
        {
            "state": (("point", "number"), states, {"units": "activity"}),
            "kind": ("point", kinds.astype(str)),
            "speed": ("point", speed[kept], {"units": "distances of unrelated states per decision"}),
            "unstable_directions": ("point", unstable),
            "value": ("point", step.value.double().cpu().numpy(), {"units": "return"}),
            "eigenvalue_real": (by_mode, eigenvalues.real),
            "eigenvalue_imaginary": (by_mode, eigenvalues.imag),
            "time_constant": (by_mode, time_constants(eigenvalues), {"units": "decisions"}),
            "direction": (("point", "slow", "number"), directions),
            "outputs": (("point", "output"), outputs.double().cpu().numpy()),
        },
        coords={"output": list(policy.output_names())},
    )


def _nearest(
    states: NDArray[np.float32], source: Source, chosen: FixedPointsParameters
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(point, neighbour) rows and distances of the decisions entered with the nearest states, apart in time."""
    count = len(states)
    best = np.full((count, 0), np.inf)
    numbers = np.zeros((count, 0), np.int64)
    squares = (states.astype(np.float64) ** 2).sum(axis=1)
    for rows, block in source:
        block = block.astype(np.float64)
        distance = squares[:, None] - 2 * states @ block.T + (block**2).sum(axis=1)
        best = np.concatenate([best, distance], axis=1)
        numbers = np.concatenate([numbers, np.broadcast_to(rows, distance.shape)], axis=1)
        if best.shape[1] > _CANDIDATES * chosen.neighbours:
            nearest = np.argpartition(best, _CANDIDATES * chosen.neighbours, axis=1)[
                :, : _CANDIDATES * chosen.neighbours
            ]
            best, numbers = np.take_along_axis(best, nearest, 1), np.take_along_axis(numbers, nearest, 1)
    found = np.full((count, chosen.neighbours), -1, np.int64)
    distances = np.full((count, chosen.neighbours), np.nan)
    for point in range(count):
        places = spread_out(numbers[point], best[point], chosen.neighbours, chosen.apart_steps)
        found[point, : len(places)] = numbers[point, places]
        distances[point, : len(places)] = np.sqrt(np.maximum(best[point, places], 0))
    return found, distances


def _plane(
    flat: NDArray[np.float32], states: NDArray[np.float32], points: NDArray[np.float32], slowest: NDArray[np.float32]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where the points lie in the first principal components of the states; and these, with the trajectories."""
    mean = flat.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(flat.T.astype(np.float64)).reshape(flat.shape[1], -1))
    count = min(AXES, flat.shape[1])
    axes = vectors[:, ::-1][:, :count].T
    axes *= np.sign(axes[np.arange(count), np.abs(axes).argmax(axis=1)])[:, None]
    axes = np.pad(axes, ((0, AXES - count), (0, 0)))
    shares = np.pad(np.maximum(values[::-1][:count], 0), (0, AXES - count)) / max(float(values.sum()), 1e-30)
    shown = {
        "place": (("point", "axis"), (points - mean) @ axes.T, {"units": "activity"}),
        "slow_in_plane": (("point", "axis"), slowest @ axes.T),
    }
    plane = {
        "trajectory": (("stretch", "step", "axis"), ((states - mean) @ axes.T).astype(np.float32)),
        "axes": (("axis", "number"), axes),
        "variance_share": ("axis", shares, {"units": "share of the variance of the memory"}),
    }
    return shown, plane
