"""Reading an episode store as a recording."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.errors import UserError
from retinoscope.rollouts.kept_frames import FRAMES
from retinoscope.rollouts.parts import PART, Part
from retinoscope.rollouts.recording import Episode, Recording, labels_of
from retinoscope.rollouts.schema import WITHOUT_FRAMES
from retinoscope.rollouts.store import EpisodeStore
from retinoscope.rollouts.table import Column
from retinoscope.worlds.declaration import Declaration
from retinoscope.worlds.earlier import recorded_attributes, recorded_columns

_NOT_FOR_READERS = ("episode", "step", "object_start")  # coordinates, or of use to the store alone


class StoredRecording(Recording):
    """A read-only view of an episode store.

    Rows are numbered environment by environment: first the whole life of environment 0, episode after episode, then
    that of environment 1, and so on. Each environment was recorded for the same number of decisions, whatever
    happened in it, so that the rows are a fair sample of the time the agent spends (an ending after so many
    *episodes* would favour short ones); the last episode of each environment is therefore usually unfinished.

    Attributes:
        attributes: also schema_version, environments, greedy and complete; `batch` where the network decided for
            another number of environments at a time than half of them.
        part: which part of a recording this is, whose `environments` are those of all parts; None for a whole one.
        steps: decisions in each environment.
        sha256: of what is written about it.
    """

    def __init__(self, store: EpisodeStore) -> None:
        self._store = store
        self.path = store.path
        self.frames, self.steps = store.rows, store.steps
        self.sha256 = store.sha256
        self._columns = dict(store.columns)
        written = dict(store.attributes)
        if written["schema_version"] == 1:
            self._columns = recorded_columns(self._columns)
            written = recorded_attributes(written)
        self.world = Declaration.from_json(written.pop("world"))
        del written["block_steps"]  # how it lies on the disk
        self.part = Part.from_json(written.pop(PART)) if PART in written else None
        if self.part is not None:
            written["environments"] = self.part.of_environments
        self._first_environment = 0 if self.part is None else self.part.first_environment
        self.attributes = {**written, "complete": store.complete}

    def __reduce__(self) -> tuple[Any, ...]:
        """To other processes goes where it lies."""
        return open_stored, (self._store.path.resolve(),)

    @functools.cached_property
    def episodes(self) -> tuple[Episode, ...]:  # type: ignore[override]  # an attribute, found when first asked for
        """All episodes in the order of their rows."""
        found: list[Episode] = []
        for environment in range(self._store.environments):
            found += self._episodes_of(environment, len(found))
        return tuple(found)

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the variables of `rows`; without the frames, where not all are kept."""
        left_out = _NOT_FOR_READERS if self._store.kept.every == 1 else (*_NOT_FOR_READERS, FRAMES)
        return tuple(name for name in self._columns if name not in left_out)

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        """Load the rows from `start` up to but not including `stop` (the end, if None), and no others.

        Args:
            start: first row.
            stop: row behind the last.
            names: variables wanted; None for all those in `columns`.

        Returns:
            Variables over `time`, with coordinates `episode` (index in `episodes`) and `step` (decisions since the
            episode's start). At the time of the observation: `observation` (time, height, width, channel) in
            `world.picture.dtype`, every variable that the world declares, float32, `object_count`; what the policy
            computed from it: `state_entering` (time, state), the layers (time, unit), `logits` (time, output),
            `value`, all float32; `action` (time, head) int8, or (time, number) float32 where actions are continuous;
            what followed before the next row: `reward`, `terminated`, `truncated`, `events` (time, event) uint8.

        Raises:
            UserError: there are no such rows or variables, a frame is wanted that is not kept, or the recording is
                damaged.
        """
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        columns = {name: column for name, column in self._columns.items() if name not in _NOT_FOR_READERS}
        wanted = self.columns if names is None else tuple(names)
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

    @property
    def rows_with_frames(self) -> np.ndarray:
        """As `Recording.rows_with_frames`."""
        every = self._store.kept.every
        kept = np.arange(0, self.steps if every else 0, every or 1)
        return (np.arange(self._store.environments)[:, None] * self.steps + kept).ravel()

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
        offset, start, number = environment * self._store.steps, 0, self._first_environment + environment
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
                found.append(Episode(index + len(found), offset + start, offset + stop, *how, number))
                start = stop
        if start < self._store.steps:  # the end is not that of an episode
            stop = offset + self._store.steps
            found.append(Episode(index + len(found), offset + start, stop, False, False, number))
        return found


def _attributes_of(column: Column) -> dict[str, str]:
    described = {"long_name": column.long_name, "units": column.units}
    return {name: text for name, text in described.items() if text}


def open_stored(path: Path) -> StoredRecording:
    """Open one that `record` made, finished or not.

    Raises:
        UserError: there is none at this path, or it is damaged, or of a schema version that is not known here.
    """
    store = EpisodeStore(path)
    version = store.attributes.get("schema_version")
    if version not in range(1, WITHOUT_FRAMES + 1):
        raise UserError(
            f"{path}: has schema version {version}, this retinoscope reads versions 1 to {WITHOUT_FRAMES}; use the "
            "retinoscope that made it, or record again"
        )
    return StoredRecording(store)
