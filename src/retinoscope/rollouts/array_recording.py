"""A recording of anyone: arrays in memory or `.npy` files, behind the same interface as an episode store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.actions import gaussian_head
from retinoscope.agents.policy import Role
from retinoscope.errors import UserError
from retinoscope.rollouts.recording import Episode, Recording, labels_of
from retinoscope.worlds.declaration import Declaration, Event, Picture, Variable

_SECOND_AXES = {
    "observation": ("height", "width", "channel"),
    "logits": ("output",),
    "action": ("head",),
    "events": ("event",),
    "state_entering": ("state_unit",),
}

_NO_VARIABLES = ("value", "reward", "terminated", "truncated", "object_count")

_LOOKED_AT = 256  # frames
_OWN = ("terminated", "truncated")  # made from the episodes where they are not given


class ArrayRecording(Recording):
    """Rows of arrays, cut into episodes.

    Args:
        arrays: name -> (time, ...) array, or the path of a `.npy` file, which is mapped and never loaded whole. Layers
            are (time, unit); the names of other variables and their meaning are those of an episode store:
            `observation` (time, height, width, channel) uint8, `value` (time,), `action` (time, head), `events` (time,
            event) counts, `terminated` and `truncated` (time,), ... One-dimensional ones without such a meaning are
            variables of the world.
        layers: names of the arrays that are layers; None for all two-dimensional ones that have no other meaning.
        roles: what layers are for, by name: `encoder output`, `memory`, ...; `other` for those not named.
        events: names of the events, in their order, with their valences: above 0 good, below 0 bad, None not known.
        world: what there is; None to make out of the arrays what they tell.
        episode_lengths: of consecutive episodes; None to cut where `terminated` or `truncated` say it, which is a
            single one if neither is there. What is left at the end is unfinished.
        terminated: whether each of them ended by an end of the world, not by a limit; None for none.
        objects: for each row the objects in view, as `Recording.objects` returns them; None for none.
        attributes: further attributes: agent, checkpoint_sha256, action_heads, state_columns, ...
        name: by which messages speak of it.

    Raises:
        UserError: arrays differ in length, are not numbers, or do not fit the episodes, roles or events.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any] | str | Path],
        *,
        layers: Iterable[str] | None = None,
        roles: Mapping[str, Role] | None = None,
        events: Mapping[str, float | None] | None = None,
        world: Declaration | None = None,
        episode_lengths: Sequence[int] | None = None,
        terminated: Sequence[bool] | None = None,
        objects: Sequence[list[dict[str, Any]]] | None = None,
        attributes: Mapping[str, Any] | None = None,
        name: str = "arrays",
    ) -> None:
        self.path = Path(name)
        self._arrays = {key: _arranged(key, _opened(key, each)) for key, each in arrays.items()}
        if not self._arrays:
            raise UserError(f"{name}: no arrays; give at least one")
        lengths = {key: len(each) for key, each in self._arrays.items()}
        self.frames = next(iter(lengths.values()))
        for key, length in lengths.items():
            if length != self.frames:
                first = next(iter(lengths))
                raise UserError(f"{name}: {key} has {length} rows, {first} has {self.frames}; give as many of each")
        if episode_lengths is None:
            episode_lengths, terminated = self._told_ends(terminated)
        self.episodes = _episodes(name, self.frames, episode_lengths, terminated)
        self._add_ends()
        self.columns = tuple(self._arrays)
        self._objects = None if objects is None else list(objects)
        if self._objects is not None and len(self._objects) != self.frames:
            raise UserError(
                f"{name}: objects of {len(self._objects)} rows, there are {self.frames}; give one list each"
            )
        wanted = self._layer_names(layers, world)
        self.world = world or self._world_of_arrays(name, wanted, events)
        given = _defaults() | dict(attributes or {})
        known_roles = given["roles"] | dict(roles or {})
        for each in known_roles:
            if each not in self._arrays:
                raise UserError(f"{name}: roles name {each!r}, and there is no such array; choose from {self.columns}")
        self.attributes = given | {
            "layers": {each: int(self._arrays[each].shape[1]) for each in wanted},
            "roles": {each: known_roles.get(each, "other") for each in wanted},
            "world_sha256": self.world.sha256,
        }
        if "action" in self._arrays and not self.attributes["action_heads"]:
            self.attributes |= _heads_of(self._arrays["action"])

    @classmethod
    def open(cls, folder: str | Path, **settings: Any) -> ArrayRecording:
        """Every `NAME.npy` in a folder as the array of this name; none is loaded whole.

        Args:
            folder: where they are.
            **settings: as for `ArrayRecording` itself.

        Raises:
            UserError: there are none, or as for `ArrayRecording`.
        """
        paths = sorted(Path(folder).glob("*.npy"))
        if not paths:
            raise UserError(f"{folder}: holds no .npy files; give a folder with one for each array")
        return cls({path.stem: path for path in paths}, **{"name": str(folder)} | settings)

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

    def _layer_names(self, layers: Iterable[str] | None, world: Declaration | None) -> tuple[str, ...]:
        if layers is None:
            known = {*_SECOND_AXES, *(() if world is None else (each.name for each in world.variables))}
            return tuple(key for key, each in self._arrays.items() if each.ndim == 2 and key not in known)
        for each in (chosen := tuple(layers)):
            if each not in self._arrays or self._arrays[each].ndim != 2:
                raise UserError(
                    f"{self.path}: layer {each!r} is no array (time, unit) of it; choose from {self.columns}"
                )
        return chosen

    def _world_of_arrays(
        self, name: str, layers: Sequence[str], events: Mapping[str, float | None] | None
    ) -> Declaration:
        """What the arrays tell of the world: its pictures, the names of variables and how many events there are."""
        frames = self._arrays.get("observation")
        height, width, channels = (0, 0, 0) if frames is None or frames.ndim != 4 else frames.shape[1:]
        dtype = "uint8" if frames is None else str(frames.dtype)
        # Floats are seldom pixels from 0 to 255; the first of them show it.
        low, high = (0.0, 255.0) if frames is None or dtype == "uint8" else _range_of(frames[:_LOOKED_AT])
        count = self._arrays["events"].shape[1] if "events" in self._arrays else 0
        named = {f"event {number}": None for number in range(count)} if events is None else events
        if len(named) != count:
            raise UserError(f"{name}: names of {len(named)} events, and counts of {count}; give one name for each")
        return Declaration(
            name=name,
            sha256="",
            source="",
            picture=Picture(int(height), int(width), int(channels), dtype, low, high),
            actions=(),
            variables=tuple(
                Variable(key)
                for key, each in self._arrays.items()
                if each.ndim == 1 and key not in (*_NO_VARIABLES, *layers)
            ),
            events=tuple(Event(each, valence) for each, valence in named.items()),
            repeats_itself=False,
        )

    def _axes(self, key: str) -> tuple[str, ...]:
        further = self._arrays[key].ndim - 1
        variable = next((each for each in self.world.variables if each.name == key), None)
        if key == "action" and self._arrays[key].dtype.kind == "f" and further == 1:
            return ("action_number",)  # continuous ones, as many as there are, whatever the heads
        known = _SECOND_AXES.get(key, (f"{key}_unit",)) if variable is None else variable.dimensions
        return known if len(known) == further else tuple(f"{key}_{axis}" for axis in range(further))

    def _labels(self) -> dict[str, list[str]]:
        """Names along those dimensions that have as many places as there are names."""
        sizes = {
            axis: size
            for key in self._arrays
            for axis, size in zip(self._axes(key), self._arrays[key].shape[1:], strict=True)
        }
        found = labels_of(self.world, self.attributes["action_heads"])
        return {axis: names for axis, names in found.items() if names and sizes.get(axis) == len(names)}

    def _told_ends(self, terminated: Sequence[bool] | None) -> tuple[list[int] | None, Sequence[bool] | None]:
        """Lengths of the episodes that end where the arrays say it, and whether they were terminated."""
        ends = [self._arrays[key].astype(bool).reshape(-1) for key in _OWN if key in self._arrays]
        if not ends:
            return None, terminated
        last = np.flatnonzero(np.any(ends, axis=0))
        if "terminated" in self._arrays and terminated is None:
            terminated = self._arrays["terminated"].astype(bool).reshape(-1)[last].tolist()
        return (np.diff(last, prepend=-1).tolist() or None), terminated

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


def _arranged(key: str, array: NDArray[Any]) -> NDArray[Any]:
    """With an axis for the one head, event or channel that anyone may leave out."""
    lacks_one = array.ndim == {"action": 1, "events": 1, "observation": 3}.get(key)
    return array[..., None] if lacks_one else array


def _range_of(frames: NDArray[Any]) -> tuple[float, float]:
    """Black and white of float frames: from 0, or the darkest below it, to 1, or 255 if any are brighter."""
    return min(0.0, float(frames.min())), 1.0 if frames.max() <= 1 else 255.0


def _heads_of(actions: NDArray[Any]) -> dict[str, Any]:
    """Heads of actions (time, head) of which nothing but the numbers is known."""
    count = actions.shape[1]
    names = [f"action {number}" for number in range(count)] if count > 1 else ["action"]
    if actions.dtype.kind == "f":
        head = gaussian_head(tuple(map(str, range(count))))
        return {"action_heads": {head.name: list(head.outputs)}, "action_kinds": {head.name: head.kind}}
    outputs = [int(column.max()) + 1 for column in actions.T]
    return {
        "action_heads": {name: [str(each) for each in range(size)] for name, size in zip(names, outputs, strict=True)},
        "action_kinds": dict.fromkeys(names, "choice"),
    }


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
    """What an episode store knows and arrays do not."""
    return {
        "agent": "arrays",
        "checkpoint_sha256": "",
        "frames_trained": None,
        "seed": None,
        "action_heads": {},
        "action_kinds": {},
        "roles": {},
        "state_columns": {},
        "complete": True,
    }
