"""A recording whose frames were not all kept, with all of them: its actions are played again in its world."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import xarray

from retinoscope.errors import UserError
from retinoscope.rollouts.kept_frames import FRAMES, KEEP
from retinoscope.rollouts.opening import open_recording
from retinoscope.rollouts.recording import Episode, Recording, labels_of
from retinoscope.rollouts.schema import SCHEMA_VERSION
from retinoscope.rollouts.table import moment_columns
from retinoscope.worlds.choosing import WorldLike, find_world
from retinoscope.worlds.seeds import world_seed
from retinoscope.worlds.world import World


def with_frames(recording: Recording | str | Path, world: WorldLike) -> Recording:
    """A recording with the frames of all its rows, those that were not kept being rendered again when they are read.

    It is, to the last bit, the recording that keeps them. Rows are best read in their order: what is before a row in
    its episode has to be played to come there. One environment is held open.

    Args:
        recording: or where it is; one that has all its frames is returned as it is.
        world: where it was made.

    Raises:
        UserError: it was made in another world, or in one that does not repeat itself. While it is read: the world does
            not show again what was recorded.
    """
    source = open_recording(recording) if isinstance(recording, str | Path) else recording
    if FRAMES in source.columns:
        return source
    if KEEP not in source.attributes:
        raise UserError(f"{source.path}: holds no frames, and no actions in a world of ours; record with retinoscope")
    found = find_world(world)
    require_repeating(found)
    there, here = source.attributes["world_sha256"], found.declaration.sha256
    if there != here:
        raise UserError(
            f"{source.path}: was made in another world than {found.declaration.name!r} (world_sha256 {there[:12]}..., "
            f"not {here[:12]}...); give the world of the recording"
        )
    return RenderedRecording(source, found)


def require_repeating(world: World) -> None:
    """Frames that are not kept can be rendered again only where the same actions lead through the same world.

    Raises:
        UserError: the world does not repeat itself.
    """
    if not world.declaration.repeats_itself:
        raise UserError(
            f"world {world.declaration.name!r}: does not repeat itself, so that frames that are not kept are lost; "
            "keep all, or some"
        )


class RenderedRecording(Recording):
    """See `with_frames`."""

    def __init__(self, recording: Recording, world: World) -> None:
        self._recording, self._played_in = recording, world
        self.path, self.frames, self.world = recording.path, recording.frames, recording.world
        self.columns = (FRAMES, *recording.columns)
        self.attributes = {name: value for name, value in recording.attributes.items() if name != KEEP}
        self.attributes["schema_version"] = SCHEMA_VERSION
        self._playing = _Playing(recording, world)

    def __reduce__(self) -> tuple[Any, ...]:
        """To other processes goes what it is made of."""
        return RenderedRecording, (self._recording, self._played_in)

    @property
    def episodes(self) -> tuple[Episode, ...]:  # type: ignore[override]  # found when first asked for
        """All episodes in the order of their rows."""
        return self._recording.episodes

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        """As `Recording.rows`."""
        stop = self.frames if stop is None else stop
        wanted = self.columns if names is None else tuple(names)
        found = self._recording.rows(start, stop, [name for name in wanted if name != FRAMES])
        if FRAMES not in wanted:
            return found
        column = moment_columns(self.world)[0]
        about = {"long_name": column.long_name, "units": column.units}
        labels = labels_of(self.world, self.attributes["action_heads"])
        coordinates = {name: labels[name] for name in column.dimensions if name in labels}
        frames = ("time", *column.dimensions), self._playing.frames(start, stop), about
        return xarray.Dataset({FRAMES: frames, **found.data_vars}, {**found.coords, **coordinates})

    def objects(self, start: int = 0, stop: int | None = None) -> list[list[dict[str, Any]]]:
        """As `Recording.objects`."""
        return self._recording.objects(start, stop)


class _Playing:
    """An environment in which the actions of a recording are played again, and where it is."""

    def __init__(self, recording: Recording, world: World) -> None:
        self._recording, self._world = recording, world
        self._column = moment_columns(recording.world)[0]
        self._variables = [each.name for each in world.declaration.variables if each.name in recording.columns]
        self._environment: gymnasium.Env[Any, Any] | None = None
        self._row = self._stop = -1  # that it shows, and where its episode ends
        self._seen: Any = None
        self._info: dict[str, Any] = {}

    def frames(self, start: int, stop: int) -> np.ndarray:
        """(row, height, width, channel) of the rows from `start` up to but not including `stop`."""
        found = np.empty((stop - start, *self._column.shape), self._column.dtype)
        for episode, number in self._episodes(start, stop):
            first, last = max(start, episode.start), min(stop, episode.stop)
            if not (self._stop == episode.stop and self._row <= first):
                self._begin(episode, number)
            rows = self._recording.rows(self._row, last, ("action", *self._variables))
            actions = rows["action"].values
            for index, row in enumerate(range(self._row, last)):
                self._require_same(rows, index, row)
                if row >= first:
                    found[row - start] = self._seen
                if row + 1 < episode.stop:
                    self._step(actions[index])
        return found

    def _episodes(self, start: int, stop: int) -> Iterator[tuple[Episode, int]]:
        """Those that these rows are of, each with its number in its environment."""
        for _, played in itertools.groupby(self._recording.episodes, lambda each: each.environment):
            for number, episode in enumerate(played):
                if episode.start < stop and episode.stop > start:
                    yield episode, number

    def _begin(self, episode: Episode, number: int) -> None:
        if self._environment is None:
            self._environment = self._world.environment()
            weakref.finalize(self, self._environment.close)
        seed = world_seed(self._recording.attributes["seed"], episode.environment, number)
        self._seen, self._info = self._environment.reset(seed=seed)
        self._row, self._stop = episode.start, episode.stop

    def _step(self, action: np.ndarray) -> None:
        assert self._environment is not None
        self._seen, _, _, _, self._info = self._environment.step(self._world.action(action))
        self._row += 1

    def _require_same(self, rows: xarray.Dataset, index: int, row: int) -> None:
        """What the world says of itself is what was recorded; then so is what it shows."""
        if not self._variables:
            return
        assert self._environment is not None
        values = self._world.variables(self._environment, self._info)
        for name in self._variables:
            recorded = rows[name].values[index]
            if not np.array_equal(np.asarray(values[name], np.float32), recorded, equal_nan=True):
                raise UserError(
                    f"{self._recording.path}: the world does not show row {row} again, its {name} is another (another "
                    "version?); record anew, and keep the frames"
                )
