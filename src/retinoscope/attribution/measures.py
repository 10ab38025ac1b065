"""What the checks of attribution measure on some frames: one task for one process, arrays in and arrays out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy, inference
from retinoscope.attribution.attribute import maps_by_method
from retinoscope.attribution.methods import Explained
from retinoscope.attribution.parameters import WITH_BASELINE, Method
from retinoscope.attribution.randomisation import cascade
from retinoscope.attribution.targets import Target
from retinoscope.statistics.attribution_checks import rank_similarity

FRACTIONS = (0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0)
"""Shares of the pixels that are deleted or inserted."""

RANKED_PIXELS = 512
"""Pixels of a map that are ranked, drawn at random for every frame: ranking all of them takes longer than the maps."""

FEWEST_PIXELS = 32  # fewer do not make a rank correlation

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Frames:
    """Frames of a recording, taken apart.

    Attributes:
        rows: (frame,) of the recording.
        observations: (frame, height, width, channel) uint8.
        states: (frame, state) that entered.
        backgrounds: as `observations`, the same views without stimuli.
        masks: for each frame (object, height, width) bool, where the objects in view are.
        objects: for each frame (object,), their places in `Recording.objects`.
    """

    rows: NDArray[np.int64]
    observations: NDArray[np.uint8]
    states: NDArray[np.float32]
    backgrounds: NDArray[np.uint8]
    masks: tuple[NDArray[np.bool_], ...]
    objects: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True)
class Task:
    """What is measured.

    Attributes:
        policy: whose maps.
        targets: what they explain.
        methods: by which methods.
        settings: of the methods.
        seed: of the randomised parameters, the pixels ranked and the random order.
    """

    policy: Policy
    targets: tuple[Target, ...]
    methods: tuple[Method, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


def measure(work: tuple[Task, Frames]) -> dict[str, NDArray[Any]]:
    """All three checks on some frames.

    Returns:
        `signed`, `absolute` (method, stage, target, frame): rank correlation of maps before and after randomisation;
        `signed_chance`, `absolute_chance`; `deletion`, `insertion` (order, target, frame, fraction): distance of the
        target from its value at the whole frame, orders being the methods, the pixels' own difference from the view
        without stimuli, which knows nothing of the network, and the random one;
        `object_frame` (object) row of the recording; `object_index` (object) place in `Recording.objects`;
        `object_pixels` (object); `change` (target, object) true change of the target when the
        object is painted out; `mass_signed`, `mass_absolute` (method, target, object);
        `object_difference` (object), how much its pixels differ from what lies behind it, in all.
    """
    task, frames = work
    maps = _flat_maps(task, task.policy, frames)
    return (
        {"row": frames.rows}
        | _similarities(task, frames, maps)
        | _curves(task, frames, maps)
        | _objects(task, frames, maps)
    )


def signed_maps(work: tuple[Task, Frames]) -> Array:
    """Maps by the task's first method, summed over colours, (target, frame, height, width)."""
    task, frames = work
    maps = _flat_maps(task, task.policy, frames)[task.methods[0]][0]
    return maps.reshape(*maps.shape[:2], *frames.observations.shape[1:3])


def answers(task: Task, frames: Frames) -> NDArray[np.float64]:
    """The targets themselves, (frame, target)."""
    return _answers(task, frames, frames.observations)


def similarities(work: tuple[Task, Frames]) -> dict[str, NDArray[Any]]:
    """The first check alone."""
    task, frames = work
    return {"row": frames.rows} | _similarities(task, frames, _flat_maps(task, task.policy, frames))


_Maps = dict[Method, tuple[Array, Array]]


def _flat_maps(task: Task, policy: Policy, frames: Frames) -> _Maps:
    """By method, maps summed over colours: signed and absolute, (target, frame, pixel)."""
    maps = maps_by_method(
        policy, frames.observations, frames.states, task.targets, task.methods, frames.backgrounds, task.settings
    )
    return {method: (_flat(found.sum(axis=-1)), _flat(np.abs(found).sum(axis=-1))) for method, found in maps.items()}


def _flat(maps: Array) -> Array:
    return maps.reshape(*maps.shape[:2], -1)


def _similarities(task: Task, frames: Frames, maps: _Maps) -> dict[str, NDArray[Any]]:
    randomised = [_flat_maps(task, policy, frames) for _, policy in cascade(task.policy, task.seed)]
    shape = (len(task.methods), len(randomised), len(task.targets), len(frames.rows))
    names = ("signed", "absolute", "signed_chance", "absolute_chance")
    found = {name: np.full(shape, np.nan, np.float32) for name in names}
    for frame in range(len(frames.rows)):
        for number, method in enumerate(task.methods):
            pixels = _ranked_pixels(task, frames, frame, method)
            if len(pixels) < FEWEST_PIXELS:
                continue
            for part, name in enumerate(("signed", "absolute")):
                before = maps[method][part][:, frame, pixels]
                after = np.stack([each[method][part][:, frame, pixels] for each in randomised])
                values, chance = rank_similarity(before, after)
                found[name][number, :, :, frame], found[f"{name}_chance"][number, :, :, frame] = values, chance
    return found


def _ranked_pixels(task: Task, frames: Frames, frame: int, method: Method) -> NDArray[np.int64]:
    """In order of the raster. For methods with a baseline only where there is something: elsewhere maps are zero."""
    chosen = np.arange(np.prod(frames.observations.shape[1:3]))
    if method in WITH_BASELINE:
        differs = (frames.observations[frame] != frames.backgrounds[frame]).any(axis=-1)
        chosen = np.flatnonzero(differs)
    generator = np.random.default_rng((task.seed, int(frames.rows[frame])))
    if len(chosen) > RANKED_PIXELS:
        chosen = np.sort(generator.choice(chosen, RANKED_PIXELS, replace=False))
    return chosen


def _curves(task: Task, frames: Frames, maps: _Maps) -> dict[str, NDArray[Any]]:
    count, targets = len(frames.rows), len(task.targets)
    shape = (len(task.methods) + 2, targets, count, len(FRACTIONS))
    found = {name: np.zeros(shape, np.float32) for name in ("deletion", "insertion")}
    whole, nothing = _answers(task, frames, frames.observations), _answers(task, frames, frames.backgrounds)
    distance = np.abs(nothing - whole)
    found["deletion"][..., -1] = found["insertion"][..., 0] = distance.T
    chance = np.stack([_random_order(task, frames, frame) for frame in range(count)])
    orders = [[_ranks(each, chance) for each in maps[method][1]] for method in task.methods]
    orders += [[_ranks(_difference(frames), chance)], [chance]]  # the same for every target
    for number, by_target in enumerate(orders):
        for target, ranks in enumerate(by_target):
            which = slice(target, target + 1) if number < len(task.methods) else slice(None)
            for place, fraction in enumerate(FRACTIONS[1:-1], start=1):
                first = (ranks < fraction * ranks.shape[1]).reshape(*frames.observations.shape[:3], 1)
                for name, (inside, outside) in {
                    "deletion": (frames.backgrounds, frames.observations),
                    "insertion": (frames.observations, frames.backgrounds),
                }.items():
                    away = np.abs(_answers(task, frames, np.where(first, inside, outside)) - whole)
                    found[name][number, which, :, place] = away.T[which]
    return found


def _difference(frames: Frames) -> Array:
    """How much every pixel differs from the view without stimuli, summed over colours: (frame, pixel)."""
    away = np.abs(frames.observations.astype(np.float32) - frames.backgrounds).sum(axis=-1)
    return away.reshape(len(away), -1)


def _ranks(values: Array, chance: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of pixels from the largest value down, (frame, pixel); equal ones in random order."""
    order = np.lexsort((chance, -values), axis=-1)
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(values.shape[1])[None], axis=1)
    return ranks


def _random_order(task: Task, frames: Frames, frame: int) -> NDArray[np.int64]:
    generator = np.random.default_rng((task.seed, int(frames.rows[frame]), 1))
    return generator.permutation(int(np.prod(frames.observations.shape[1:3])))


def _objects(task: Task, frames: Frames, maps: _Maps) -> dict[str, NDArray[Any]]:
    frame_of = np.repeat(np.arange(len(frames.rows)), [len(masks) for masks in frames.masks])
    is_painted = np.concatenate(frames.masks)[..., None]
    painted = np.where(is_painted, frames.backgrounds[frame_of], frames.observations[frame_of])
    whole = _answers(task, frames, frames.observations)[frame_of]
    change = whole - _answers(task, frames, painted, frame_of)
    inside = is_painted.reshape(len(frame_of), -1)
    found: dict[str, NDArray[Any]] = {
        "object_frame": frames.rows[frame_of],
        "object_index": np.concatenate(frames.objects),
        "object_pixels": inside.sum(axis=1).astype(np.float32),
        "object_difference": (_difference(frames)[frame_of] * inside).sum(axis=1),
        "change": change.T.astype(np.float32),
    }
    for part, name in enumerate(("mass_signed", "mass_absolute")):
        found[name] = np.stack(
            [(maps[method][part][:, frame_of] * inside).sum(axis=-1, dtype=np.float32) for method in task.methods]
        )
    return found


def _answers(
    task: Task, frames: Frames, observations: NDArray[Any], frame_of: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """(observation, target)."""
    states = frames.states if frame_of is None else frames.states[frame_of]
    explained, device = Explained(task.policy, task.targets), task.policy.device
    with inference():
        parts = [
            explained.answers(
                torch.from_numpy(np.ascontiguousarray(observations[start : start + 128])).to(device)[:, None],
                torch.from_numpy(states[start : start + 128]).to(device),
            )
            for start in range(0, len(observations), 128)
        ]
        answers = torch.cat(parts) if parts else torch.empty(0, len(task.targets))
        return answers.cpu().numpy().astype(np.float64)
