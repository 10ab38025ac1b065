"""A recording of anyone: arrays in memory or `.npy` files, behind the same interface as an episode store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.rollouts.recording import Episode, Recording

_SECOND_AXES = {
    "observation": ("height", "width", "channel"),
    "logits": ("output",),
    "action": ("head",),
    "pickups": ("class",),
    "position": ("axis",),
    "state_entering": ("state_unit",),
}

_OWN = ("terminated", "truncated")  # made from the episodes where they are not given


class ArrayRecording(Recording):
    """Rows of arrays, cut into episodes.

    Args:
        arrays: name -> (time, ...) array, or the path of a `.npy` file, which is mapped and never loaded whole. Layers
            are (time, unit); the names of other variables and their meaning are those of an episode store:
            `observation` (time, height, width, channel) uint8, `value` (time,), `action` (time, head), ...
        layers: names of the arrays that are layers; None for all two-dimensional ones that have no other meaning.
        episode_lengths: of consecutive episodes; None for a single one. What is left at the end is unfinished.
        terminated: whether each of them ended by an end of the world, not by a limit; None for none.
        objects: for each row the objects in view, as `Recording.objects` returns them; None for none.
        attributes: further attributes: agent, checkpoint_sha256, class_names, class_effects, action_heads, ...
        name: by which messages speak of it.

    Raises:
        UserError: arrays differ in length, are not numbers, or do not fit the episodes.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any] | str | Path],
        *,
        layers: Iterable[str] | None = None,
        episode_lengths: Sequence[int] | None = None,
        terminated: Sequence[bool] | None = None,
        objects: Sequence[list[dict[str, Any]]] | None = None,
        attributes: Mapping[str, Any] | None = None,
        name: str = "arrays",
    ) -> None:
        self.path = Path(name)
        self._arrays = {key: _opened(key, each) for key, each in arrays.items()}
        if not self._arrays:
            raise UserError(f"{name}: no arrays; give at least one")
        lengths = {key: len(each) for key, each in self._arrays.items()}
        self.frames = next(iter(lengths.values()))
        for key, length in lengths.items():
            if length != self.frames:
                first = next(iter(lengths))
                raise UserError(f"{name}: {key} has {length} rows, {first} has {self.frames}; give as many of each")
        self.episodes = _episodes(name, self.frames, episode_lengths, terminated)
        self._add_ends()
        self.columns = tuple(self._arrays)
        self._objects = None if objects is None else list(objects)
        if self._objects is not None and len(self._objects) != self.frames:
            raise UserError(
                f"{name}: objects of {len(self._objects)} rows, there are {self.frames}; give one list each"
            )
        wanted = self._layer_names(layers)
        stated = {"layers": {each: int(self._arrays[each].shape[1]) for each in wanted}}
        self.attributes = _defaults() | dict(attributes or {}) | stated

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        """As `Recording.rows`."""
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        wanted = self.columns if names is None else tuple(names)
        for each in wanted:
            if each not in self._arrays:
                raise UserError(f"{self.path}: has no variable {each!r}; choose from {', '.join(self.columns)}")
        variables = {each: (("time", *self._axes(each)), np.array(self._arrays[each][start:stop])) for each in wanted}
        starts = np.array([each.start for each in self.episodes])
        row = np.arange(start, stop)
        episode = np.searchsorted(starts, row, side="right") - 1
        used = {axis for axes, _ in variables.values() for axis in axes}
        labels = {axis: values for axis, values in self._labels().items() if axis in used}
        coordinates: dict[str, Any] = {"episode": ("time", episode), "step": ("time", row - starts[episode])}
        return xarray.Dataset(variables, coords=coordinates | labels)

    def objects(self, start: int = 0, stop: int | None = None) -> list[list[dict[str, Any]]]:
        """As `Recording.objects`; nothing is in view where that is not known."""
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        return [[] for _ in range(start, stop)] if self._objects is None else self._objects[start:stop]

    def _layer_names(self, layers: Iterable[str] | None) -> tuple[str, ...]:
        if layers is None:
            found = (key for key, each in self._arrays.items() if each.ndim == 2 and key not in _SECOND_AXES)
            return tuple(found)
        for each in (chosen := tuple(layers)):
            if each not in self._arrays or self._arrays[each].ndim != 2:
                raise UserError(
                    f"{self.path}: layer {each!r} is no array (time, unit) of it; choose from {self.columns}"
                )
        return chosen

    def _axes(self, key: str) -> tuple[str, ...]:
        further = self._arrays[key].ndim - 1
        known = _SECOND_AXES.get(key, (f"{key}_unit",))
        return known if len(known) == further else tuple(f"{key}_{axis}" for axis in range(further))

    def _labels(self) -> dict[str, list[str]]:
        heads: Mapping[str, Sequence[str]] = self.attributes["action_heads"]
        labels = {
            "output": [f"{head} {output}" for head, outputs in heads.items() for output in outputs],
            "head": list(heads),
            "class": list(self.attributes["class_names"]),
        }
        sizes = {"output": "logits", "head": "action", "class": "pickups"}
        return {
            axis: values
            for axis, values in labels.items()
            if sizes[axis] in self._arrays and self._arrays[sizes[axis]].shape[1:] == (len(values),)
        }

    def _add_ends(self) -> None:
        for key in _OWN:
            if key not in self._arrays:
                ends = np.zeros(self.frames, bool)
                ends[[each.stop - 1 for each in self.episodes if getattr(each, key)]] = True
                self._arrays[key] = ends


def _opened(key: str, given: NDArray[Any] | str | Path) -> NDArray[Any]:
    if isinstance(given, str | Path):
        try:
            array: NDArray[Any] = np.load(given, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"{given}: cannot be read as {key} ({error}); give a .npy file of numbers") from None
    else:
        array = np.asarray(given)
    if array.dtype.kind not in "fiub" or array.ndim < 1:
        raise UserError(f"{key}: holds {array.dtype} of shape {array.shape}; give numbers, (time, ...)")
    return array


def _episodes(
    name: str, frames: int, lengths: Sequence[int] | None, terminated: Sequence[bool] | None
) -> tuple[Episode, ...]:
    given = [frames] if lengths is None else [int(each) for each in lengths]
    if min(given) < 1 or sum(given) > frames:
        raise UserError(f"{name}: episodes of {given} decisions do not fit {frames} rows; give lengths of 1 and more")
    if sum(given) < frames:
        given.append(frames - sum(given))
    has_ended = [bool(each) for each in terminated or ()]
    if len(has_ended) > len(given):
        raise UserError(f"{name}: terminated has {len(has_ended)} entries for {len(given)} episodes; give one for each")
    count = len(lengths) if lengths is not None else 0
    found, start = [], 0
    for index, length in enumerate(given):
        is_over = index < len(has_ended) and has_ended[index]
        found.append(Episode(index, start, start + length, is_over, index < count and not is_over, 0))
        start += length
    return tuple(found)


def _defaults() -> dict[str, Any]:
    """What an episode store knows and arrays do not: no classes, and one decision a second."""
    return {
        "agent": "arrays",
        "checkpoint_sha256": "",
        "frames_trained": None,
        "scenario": None,
        "arena_sha256": "",
        "seed": None,
        "class_names": [],
        "class_effects": [],
        "action_heads": {},
        "frame_skip": 1,
        "tics_per_second": 1,
        "complete": True,
    }
