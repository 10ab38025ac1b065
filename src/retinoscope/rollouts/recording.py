"""Reading a recording: episodes and arrays, labelled, without loading all of it."""

from __future__ import annotations

import abc
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.policy import Role
from retinoscope.errors import UserError
from retinoscope.rollouts.schema import SCHEMA_VERSION
from retinoscope.rollouts.store import EpisodeStore
from retinoscope.rollouts.table import Column
from retinoscope.worlds.declaration import Declaration
from retinoscope.worlds.earlier import recorded_attributes, recorded_columns

_NOT_FOR_READERS = ("episode", "step", "object_start")  # coordinates, or of use to the store alone


@dataclass(frozen=True)
class Episode:
    """One episode of a recording.

    Attributes:
        index: its number in `Recording.episodes`.
        start, stop: its rows, from `start` up to but not including `stop`.
        terminated: the world ended it; `Recording.world.endings` says what that means.
        truncated: the time limit ended it. If neither, the recording ended first.
        environment: in which of the environments it was played.
    """

    index: int
    start: int
    stop: int
    terminated: bool
    truncated: bool
    environment: int


class Recording(abc.ABC):
    """What an agent saw, computed and did, whatever holds it: an episode store (`StoredRecording`) or arrays.

    Attributes:
        path: of the store; of arrays, the name by which messages speak of them.
        frames: number of rows (decisions).
        world: what there is where it was made.
        attributes: agent, checkpoint_sha256, frames_trained, world_sha256, seed, action_heads (head -> names of its
            outputs), action_kinds, layers (name -> units of those that are stored), roles (of these), state_columns
            (memory -> first and last column of the state, the last not included), versions.
        episodes: all episodes in the order of their rows.
        columns: names of the variables of `rows`.
    """

    path: Path
    frames: int
    world: Declaration
    attributes: dict[str, Any]
    episodes: tuple[Episode, ...]
    columns: tuple[str, ...]

    @abc.abstractmethod
    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        """Load the rows from `start` up to but not including `stop` (the end, if None), and no others.

        Args:
            start: first row.
            stop: row behind the last.
            names: variables wanted; None for all.

        Returns:
            A dataset over `time` with coordinates `episode` (index in `episodes`) and `step` (decisions since its
            start).

        Raises:
            UserError: there are no such rows or variables, or the recording is damaged.
        """

    @abc.abstractmethod
    def objects(self, start: int = 0, stop: int | None = None) -> list[list[dict[str, Any]]]:
        """For each row, the objects in view at the time of its observation, nearest first.

        Returns:
            Dictionaries of `class_index` (in `world.object_classes`), `box` ((4,) float32: left, top, width, height;
            observation pixels) and `distance` (`world.distance_units`).

        Raises:
            UserError: there are no such rows, or the recording is damaged.
        """

    def layers_of(self, *roles: Role) -> tuple[str, ...]:
        """Names of the stored layers with one of these roles, in the order in which they are computed."""
        return tuple(name for name, role in self.attributes["roles"].items() if role in roles)

    def state_columns(self, layer: str) -> slice | None:
        """Where in `state_entering` the activity of this layer is handed on; None if it is no part of it."""
        columns = self.attributes["state_columns"].get(layer)
        return None if columns is None else slice(*columns)

    def blocks(self, size: int = 2048, names: Iterable[str] | None = None) -> Iterator[xarray.Dataset]:
        """All rows in order, `size` of them at a time; the last block may be smaller.

        Raises:
            UserError: `size` is below 1.
        """
        if size < 1:
            raise UserError(f"size: {size} rows is no block; give at least 1")
        wanted = None if names is None else tuple(names)
        for start in range(0, self.frames, size):
            yield self.rows(start, min(start + size, self.frames), wanted)

    def __repr__(self) -> str:
        return f"<Recording {self.path}: {self.frames:,} rows of {self.attributes['agent']}>"

    def _check_span(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.frames:
            raise UserError(f"rows {start} to {stop}: {self.path} has rows 0 to {self.frames}; choose among these")


class StoredRecording(Recording):
    """A read-only view of an episode store.

    Rows are numbered environment by environment: first the whole life of environment 0, episode after episode, then
    that of environment 1, and so on. Each environment was recorded for the same number of decisions, whatever
    happened in it, so that the rows are a fair sample of the time the agent spends (an ending after so many
    *episodes* would favour short ones); the last episode of each environment is therefore usually unfinished.

    Attributes:
        attributes: also schema_version, environments, greedy and complete.
    """

    def __init__(self, store: EpisodeStore) -> None:
        self._store = store
        self.path = store.path
        self.frames = store.rows
        self._columns = dict(store.columns)
        written = dict(store.attributes)
        if written["schema_version"] == 1:
            self._columns = recorded_columns(self._columns)
            written = recorded_attributes(written)
        self.world = Declaration.from_json(written.pop("world"))
        self.attributes = {**written, "complete": store.complete}

    @functools.cached_property
    def episodes(self) -> tuple[Episode, ...]:  # type: ignore[override]  # an attribute, found when first asked for
        """All episodes in the order of their rows."""
        found: list[Episode] = []
        for environment in range(self._store.environments):
            found += self._episodes_of(environment, len(found))
        return tuple(found)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the variables of `rows`."""
        return tuple(name for name in self._columns if name not in _NOT_FOR_READERS)

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        """Load the rows from `start` up to but not including `stop` (the end, if None), and no others.

        Args:
            start: first row.
            stop: row behind the last.
            names: variables wanted; None for all.

        Returns:
            Variables over `time`, with coordinates `episode` (index in `episodes`) and `step` (decisions since the
            episode's start). At the time of the observation: `observation` (time, height, width, channel) in
            `world.picture.dtype`, every variable that the world declares, float32, `object_count`; what the policy
            computed from it: `state_entering` (time, state), the layers (time, unit), `logits` (time, output),
            `value`, all float32; `action` (time, head) int8, or (time, number) float32 where actions are continuous;
            what followed before the next row: `reward`, `terminated`, `truncated`, `events` (time, event) uint8.

        Raises:
            UserError: there are no such rows or variables, or the recording is damaged.
        """
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        columns = {name: column for name, column in self._columns.items() if name not in _NOT_FOR_READERS}
        wanted = tuple(columns) if names is None else tuple(names)
        for name in wanted:
            if name not in columns:
                raise UserError(f"{self.path}: has no variable {name!r}; choose from {', '.join(columns)}")
        variables = {
            name: (
                ("time", *columns[name].dimensions),
                self._read(name, start, stop),
                _attributes_of(columns[name]),
            )
            for name in wanted
        }
        used = {dimension for name in wanted for dimension in columns[name].dimensions}
        labels = {name: values for name, values in self._labels().items() if name in used}
        return xarray.Dataset(variables, coords=self._coordinates(start, stop) | labels)

    def objects(self, start: int = 0, stop: int | None = None) -> list[list[dict[str, Any]]]:
        """As `Recording.objects`; none are recorded in a world that does not list them."""
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        rows = [row for span in self._spans(start, stop) for row in self._store.read_objects(*span)]
        return [
            [
                {
                    "class_index": int(each["class_index"]),
                    "box": each["box"].copy(),
                    "distance": float(each["distance"]),
                }
                for each in row
            ]
            for row in rows
        ]

    def _spans(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """Rows as (environment, first step, step behind the last)."""
        steps = self._store.steps
        if start == stop:
            return []
        return [
            (environment, max(start - environment * steps, 0), min(stop - environment * steps, steps))
            for environment in range(start // steps, (stop - 1) // steps + 1)
        ]

    def _read(self, name: str, start: int, stop: int) -> np.ndarray:
        column = self._columns[name]
        empty = np.empty((0, *column.shape), column.dtype)
        return np.concatenate([empty, *(self._store.read(column.name, *span) for span in self._spans(start, stop))])

    @functools.cached_property
    def _first_episodes(self) -> np.ndarray:
        """Index of the first episode of each environment."""
        last = self._store.steps
        counts = [
            int(self._store.read("episode", environment, last - 1, last)[0]) + 1
            for environment in range(self._store.environments)
        ]
        return np.cumsum([0, *counts[:-1]])

    def _coordinates(self, start: int, stop: int) -> dict[str, Any]:
        episodes = [
            self._first_episodes[environment] + self._store.read("episode", environment, first, last)
            for environment, first, last in self._spans(start, stop)
        ]
        about_episode = {"long_name": "index in Recording.episodes"}
        about_step = {"long_name": "decisions since the start of the episode", "units": "decisions"}
        return {
            "episode": ("time", np.concatenate([np.empty(0, np.int64), *episodes]), about_episode),
            "step": ("time", self._read("step", start, stop), about_step),
        }

    def _labels(self) -> dict[str, list[str]]:
        return labels_of(self.world, self.attributes["action_heads"])

    def _episodes_of(self, environment: int, index: int) -> list[Episode]:
        found: list[Episode] = []
        offset, start = environment * self._store.steps, 0
        for first in range(0, self._store.steps, self._store.block_steps):
            last = min(first + self._store.block_steps, self._store.steps)
            terminated = self._store.read("terminated", environment, first, last)
            truncated = self._store.read("truncated", environment, first, last)
            following = self._store.read("step", environment, first + 1, min(last + 1, self._store.steps))
            # An interrupted recording of a world that does not repeat itself goes on with another episode.
            is_cut = np.zeros(last - first, bool)
            is_cut[: len(following)] = following == 0
            for end in np.flatnonzero(terminated | truncated | is_cut).tolist():
                stop, how = first + end + 1, (bool(terminated[end]), bool(truncated[end]))
                found.append(Episode(index + len(found), offset + start, offset + stop, *how, environment))
                start = stop
        if start < self._store.steps:  # the end is not that of an episode
            stop = offset + self._store.steps
            found.append(Episode(index + len(found), offset + start, stop, False, False, environment))
        return found


def labels_of(world: Declaration, action_heads: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Names along the dimensions of rows."""
    numbers = [output for head in world.actions if head.is_continuous for output in head.outputs]
    return {
        "output": [f"{head} {output}" for head, outputs in action_heads.items() for output in outputs],
        "head": list(action_heads),
        "action_number": numbers,
        "event": [each.name for each in world.events],
        "channel": list(world.picture.channel_names),
        **{each.dimensions[0]: list(each.labels) for each in world.variables if each.labels},
    }


def _attributes_of(column: Column) -> dict[str, str]:
    described = {"long_name": column.long_name, "units": column.units}
    return {name: text for name, text in described.items() if text}


def open_recording(path: str | Path) -> StoredRecording:
    """Open a recording that `record` made, finished or not.

    Raises:
        UserError: there is none at this path, or it is damaged, or of a schema version that is not known here.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path}: there is no recording; make one with `retinoscope record`")
    store = EpisodeStore(path)
    version = store.attributes.get("schema_version")
    if version not in range(1, SCHEMA_VERSION + 1):
        raise UserError(
            f"{path}: has schema version {version}, this retinoscope reads versions 1 to {SCHEMA_VERSION}; use the "
            "retinoscope that made it, or record again"
        )
    return StoredRecording(store)
