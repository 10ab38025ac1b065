"""What is measured of attribution on some frames: one task for one process, arrays in and arrays out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy, inference
from retinoscope.attribution.attribute import attribute_window_targets, keep_freed_memory, maps_by_method
from retinoscope.attribution.methods import Explained
from retinoscope.attribution.parameters import WITH_BASELINE, AttributionMethod
from retinoscope.attribution.randomisation import cascade
from retinoscope.attribution.targets import Target
from retinoscope.statistics.attribution_checks import rank_similarity

FRACTIONS = (0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0)
"""Shares of the pixels that are deleted or inserted."""

RANKED_PIXELS = 512
"""Pixels of a map that are ranked, drawn at random for every frame: ranking all of them takes longer than the maps."""

FEWEST_PIXELS = 32  # fewer do not make a rank correlation

_AT_ONCE = 64  # frames that pass the network together

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Frames:
    """Frames of a recording, taken apart.

    Attributes:
        rows: (frame,) of the recording.
        observations: (frame, height, width, channel), uint8 or float32.
        states: (frame, state) that entered.
        backgrounds: as `observations`, what they are compared with: as a rule the same views of the emptied world.
        masks: for each frame (object, height, width) bool, where the objects in view are.
        objects: for each frame (object,), their places in `Recording.objects`.
    """

    rows: NDArray[np.int64]
    observations: NDArray[Any]
    states: NDArray[np.float32]
    backgrounds: NDArray[Any]
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
    methods: tuple[AttributionMethod, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


def measure(work: tuple[Task, Frames]) -> dict[str, NDArray[Any]]:
    """All three checks on some frames.

    Returns:
        `signed`, `absolute` (method, stage, target, frame): rank correlation of maps before and after randomisation;
        `signed_chance`, `absolute_chance`; `deletion`, `insertion` (order, target, frame, fraction): distance of the
        target from its value at the whole frame, orders being the methods, the pixels' own difference from the
        background, which knows nothing of the network, and the random one;
        `object_frame` (object) row of the recording; `object_index` (object) place in `Recording.objects`;
        `object_pixels` (object); `change` (target, object) true change of the target when the
        object is painted out; `mass_signed`, `mass_absolute` (method, target, object);
        `object_difference` (object), how much its pixels differ from what lies behind it, in all.
    """
    task, frames = work
    keep_freed_memory()
    maps = _maps(task, task.policy, frames)
    sums = {method: _over_colours(each) for method, each in maps.items()}
    return (
        {"row": frames.rows}
        | _similarities(task, frames, maps)
        | _curves(task, frames, sums)
        | _objects(task, frames, sums)
    )


def signed_maps(work: tuple[Task, Frames]) -> Array:
    """Maps by the task's first method, summed over colours, (target, frame, height, width)."""
    task, frames = work
    maps, _ = _over_colours(_maps(task, task.policy, frames)[task.methods[0]])
    return maps.reshape(*maps.shape[:2], *frames.observations.shape[1:3])


def answers(task: Task, frames: Frames) -> NDArray[np.float64]:
    """The targets themselves, (frame, target)."""
    return _answers(task, frames, frames.observations)


def similarities(work: tuple[Task, Frames]) -> dict[str, NDArray[Any]]:
    """The first check alone."""
    task, frames = work
    return {"row": frames.rows} | _similarities(task, frames, _maps(task, task.policy, frames))


def past(work: tuple[Task, NDArray[Any], NDArray[np.float32]]) -> tuple[Array, Array]:
    """Gradients at the last observation of windows with respect to all of them, latest first.

    Args:
        work: what is measured; windows (window, step, height, width, channel); the states that entered them.

    Returns:
        (target, window, lag) sums over pixels of the absolute gradient, itself a sum over colours; and the gradient of
        the first target (window, lag, height, width).
    """
    task, windows, states = work
    keep_freed_memory()
    maps = attribute_window_targets(task.policy, windows, states, task.targets, "gradient")[:, :, ::-1]
    summed = maps @ np.ones(maps.shape[-1], maps.dtype)
    return np.abs(summed).sum(axis=(3, 4), dtype=np.float64), summed[0]


_Maps = dict[AttributionMethod, Array]
_Sums = dict[AttributionMethod, tuple[Array, Array]]


def _maps(task: Task, policy: Policy, frames: Frames) -> _Maps:
    """By method, (target, frame, pixel, channel)."""
    maps = maps_by_method(
        policy, frames.observations, frames.states, task.targets, task.methods, frames.backgrounds, task.settings
    )
    return {method: found.reshape(*found.shape[:2], -1, found.shape[-1]) for method, found in maps.items()}


def _over_colours(maps: Array) -> tuple[Array, Array]:
    """Signed and absolute sums over the last axis."""
    # A product with ones: numpy's own sum over so short an axis takes several times as long.
    ones = np.ones(maps.shape[-1], maps.dtype)
    return maps @ ones, np.abs(maps) @ ones


def _similarities(task: Task, frames: Frames, maps: _Maps) -> dict[str, NDArray[Any]]:
    places = [(number, frame) for number in range(len(task.methods)) for frame in range(len(frames.rows))]
    pixels = {place: _ranked_pixels(task, frames, place[1], task.methods[place[0]]) for place in places}
    pixels = {place: chosen for place, chosen in pixels.items() if len(chosen) >= FEWEST_PIXELS}

    def ranked(found: _Maps) -> dict[tuple[int, int], Array]:
        """Signed and absolute maps at these pixels, (map and target, pixel)."""
        return {
            (number, frame): np.concatenate(_over_colours(found[task.methods[number]][:, frame, chosen]))
            for (number, frame), chosen in pixels.items()
        }

    before = ranked(maps)
    after = [ranked(_maps(task, policy, frames)) for _, policy in cascade(task.policy, task.seed)]
    shape = (len(task.methods), len(after), len(task.targets), len(frames.rows))
    names = ("signed", "absolute", "signed_chance", "absolute_chance")
    found = {name: np.full(shape, np.nan, np.float32) for name in names}
    for (number, frame), one in before.items():
        values = rank_similarity(one, np.stack([each[number, frame] for each in after]))
        for each, ending in zip(values, ("", "_chance"), strict=True):
            for name, part in zip(("signed", "absolute"), np.split(each, 2, axis=-1), strict=True):
                found[f"{name}{ending}"][number, :, :, frame] = part
    return found


def _ranked_pixels(task: Task, frames: Frames, frame: int, method: AttributionMethod) -> NDArray[np.int64]:
    """In order of the raster. For methods with a baseline only where there is something: elsewhere maps are zero."""
    chosen = np.arange(np.prod(frames.observations.shape[1:3]))
    if method in WITH_BASELINE:
        differs = (frames.observations[frame] != frames.backgrounds[frame]).any(axis=-1)
        chosen = np.flatnonzero(differs)
    generator = np.random.default_rng((task.seed, int(frames.rows[frame])))
    if len(chosen) > RANKED_PIXELS:
        chosen = np.sort(generator.choice(chosen, RANKED_PIXELS, replace=False))
    return chosen


def _curves(task: Task, frames: Frames, maps: _Sums) -> dict[str, NDArray[Any]]:
    count, targets = len(frames.rows), len(task.targets)
    shape = (len(task.methods) + 2, targets, count, len(FRACTIONS))
    found = {name: np.zeros(shape, np.float32) for name in ("deletion", "insertion")}
    whole, nothing = _answers(task, frames, frames.observations), _answers(task, frames, frames.backgrounds)
    distance = np.abs(nothing - whole)
    found["deletion"][..., -1] = found["insertion"][..., 0] = distance.T
    mixtures = _Mixtures(task, frames)
    chance = np.stack([_random_order(task, frames, frame) for frame in range(count)])
    orders = [list(maps[method][1]) for method in task.methods]
    orders += [[_difference(frames)], [np.zeros(chance.shape, np.float32)]]  # the same for every target
    for number, by_target in enumerate(orders):
        for target, values in enumerate(by_target):
            which = slice(target, target + 1) if number < len(task.methods) else slice(None)
            away = np.abs(mixtures.answers(_largest(values, chance), whole, nothing) - whole)
            for name, part in zip(("deletion", "insertion"), away, strict=True):
                found[name][number, which, :, 1:-1] = part.transpose(2, 1, 0)[which]
    return found


class _Mixtures:
    """Frames of which some pixels are those of the backgrounds, and the answers to them."""

    def __init__(self, task: Task, frames: Frames) -> None:
        self._explained, device = Explained(task.policy, task.targets), task.policy.device
        self._states = torch.from_numpy(frames.states).to(device)
        self._seen, self._behind = (
            torch.from_numpy(np.ascontiguousarray(each)).to(device)
            for each in (frames.observations, frames.backgrounds)
        )
        self._differs = (frames.observations != frames.backgrounds).any(axis=-1).reshape(len(frames.rows), -1)
        with inference():
            both = [task.policy.first_preactivation(each) for each in (self._seen, self._behind)]
            # What enters the first activation function for a mixture and for its complement adds up to this.
            self._sums = None if both[0] is None or both[1] is None else both[0] + both[1]

    def answers(
        self, first: NDArray[np.bool_], whole: NDArray[np.float64], nothing: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Answers where pixels are deleted, and where only they are inserted: (two, mixture, frame, target).

        Args:
            first: (mixture, frame, pixel) those pixels.
            whole: (frame, target) answers to the frames.
            nothing: (frame, target) answers to the backgrounds.
        """
        found = np.empty((2, *first.shape[:2], whole.shape[1]))
        is_all, is_none = ((each >= self._differs).all(axis=-1) for each in (first, ~first))
        for each, deleted, inserted in ((is_all, nothing, whole), (is_none, whole, nothing)):
            mixture, frame = np.nonzero(each)
            found[0, mixture, frame], found[1, mixture, frame] = deleted[frame], inserted[frame]
        mixture, frame = np.nonzero(~(is_all | is_none))
        with inference():
            for start in range(0, len(frame), _AT_ONCE):
                part = slice(start, start + _AT_ONCE)
                chosen = torch.from_numpy(first[mixture[part], frame[part]]).to(self._seen.device)
                found[:, mixture[part], frame[part]] = self._answers(chosen, torch.from_numpy(frame[part]))
        return found

    def _answers(self, chosen: torch.Tensor, frame: torch.Tensor) -> NDArray[np.float64]:
        """(two, row, target) for (row, pixel) pixels of (row,) frames."""
        states, explained = self._states[frame], self._explained
        seen, behind = self._seen[frame], self._behind[frame]
        is_behind = chosen.reshape(*seen.shape[:-1], 1)
        deleted = torch.where(is_behind, behind, seen)
        entering = explained.policy.first_preactivation(deleted)
        if entering is None or self._sums is None:
            inserted = torch.where(is_behind, seen, behind)
            answers = [explained.each(each[:, None], states) for each in (deleted, inserted)]
        else:
            answers = [explained.each_from(each, states)[0] for each in (entering, self._sums[frame] - entering)]
        return torch.stack([torch.stack(each, dim=1) for each in answers]).cpu().numpy().astype(np.float64)


def _difference(frames: Frames) -> Array:
    """How much every pixel differs from the background, summed over colours: (frame, pixel)."""
    away = np.abs(frames.observations.astype(np.float32) - frames.backgrounds).sum(axis=-1)
    return away.reshape(len(away), -1)


def _largest(values: Array, chance: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the largest values are, (fraction, frame, pixel), for each of the `FRACTIONS` but none and all of them.

    Args:
        values: (frame, pixel) float32, none negative.
        chance: (frame, pixel) numbers from 0 up in random order: of equal values the one with the smaller comes first.
    """
    # Such floats have the order of their bits read as whole numbers, which are sorted many times faster.
    keys = (np.iinfo(np.int32).max - np.ascontiguousarray(values, np.float32).view(np.int32)).astype(np.int64)
    keys = keys << 32 | chance
    ordered = np.sort(keys, axis=1)
    counts = np.ceil(np.array(FRACTIONS[1:-1]) * keys.shape[1]).astype(int)
    return np.asarray(keys <= ordered[:, counts - 1].T[:, :, None])


def _random_order(task: Task, frames: Frames, frame: int) -> NDArray[np.int64]:
    generator = np.random.default_rng((task.seed, int(frames.rows[frame]), 1))
    return generator.permutation(int(np.prod(frames.observations.shape[1:3])))


def _objects(task: Task, frames: Frames, maps: _Sums) -> dict[str, NDArray[Any]]:
    frame_of = np.repeat(np.arange(len(frames.rows)), [len(masks) for masks in frames.masks])
    is_painted = np.concatenate(frames.masks)[..., None]
    painted = np.where(is_painted, frames.backgrounds[frame_of], frames.observations[frame_of])
    whole = _answers(task, frames, frames.observations)[frame_of]
    change = whole - _answers(task, frames, painted, frame_of)
    inside = is_painted.reshape(len(frame_of), int(np.prod(frames.observations.shape[1:3])))
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
                torch.from_numpy(np.ascontiguousarray(observations[start : start + _AT_ONCE])).to(device)[:, None],
                torch.from_numpy(states[start : start + _AT_ONCE]).to(device),
            )
            for start in range(0, len(observations), _AT_ONCE)
        ]
        answers = torch.cat(parts) if parts else torch.empty(0, len(task.targets))
        return answers.cpu().numpy().astype(np.float64)
