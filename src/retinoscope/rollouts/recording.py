"""What a recording is to whoever reads it: episodes and arrays, labelled, without loading all of it."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.policy import Role
from retinoscope.errors import UserError
from retinoscope.rollouts.kept_frames import FRAMES, KEEP, kept_in_words
from retinoscope.worlds.declaration import Declaration


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
    """What an agent saw, computed and did, whatever holds it: an episode store, several joined, or arrays.

    Attributes:
        path: of the store; of arrays, the name by which messages speak of them.
        frames: number of rows (decisions).
        world: what there is where it was made.
        attributes: agent, checkpoint_sha256, frames_trained, world_sha256, seed, action_heads (head -> names of its
            outputs), action_kinds, layers (name -> units of those that are stored), roles (of these), state_columns
            (memory -> first and last column of the state, the last not included), versions.
        episodes: all episodes in the order of their rows.
        columns: names of the variables of `rows`; `observation` only if that of every row is there.
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

    @property
    def rows_with_frames(self) -> np.ndarray:
        """Rows whose `observation` can be read, in increasing order, int64."""
        return np.arange(self.frames if FRAMES in self.columns else 0)

    @property
    def why_no_frames(self) -> str | None:
        """Why its frames cannot be analysed, one clause; None if they can."""
        if FRAMES in self.columns:
            return None
        if KEEP not in self.attributes:
            return "the recording holds no frames"
        kept = kept_in_words(self.attributes[KEEP])
        return f"the recording holds {kept}; `retinoscope.with_frames(recording, world)` renders all of them again"

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

    def to_xarray(self) -> xarray.Dataset:
        """All columns over `time` as one dataset; what is not asked for is never read.

        Returns:
            The dataset of all `rows`, whose variables are read from the recording when their values are wanted.
        """
        from retinoscope.rollouts.lazy_dataset import lazy_dataset  # reads recordings, and is read by few

        return lazy_dataset(self)

    def to_pynapple(self, names: Iterable[str] | None = None) -> dict[str, Any]:
        """The columns as time series of pynapple, by name, and `episodes`; see `rollouts.as_pynapple`.

        Args:
            names: of columns; None for all but the frames and the state that enters.

        Raises:
            UserError: pynapple is not installed, or there is no such column.
        """
        from retinoscope.rollouts.as_pynapple import as_pynapple  # loads what few ask for

        return as_pynapple(self, names)

    def __repr__(self) -> str:
        return f"<Recording {self.path}: {self.frames:,} rows of {self.attributes['agent']}>"

    def _check_span(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.frames:
            raise UserError(f"rows {start} to {stop}: {self.path} has rows 0 to {self.frames}; choose among these")


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
