"""The episode store: a recording on disk. Only this and `store_format` know Zarr.

A recording is a Zarr v3 group. Each column is an array (environment, step, ...): one row of it is the life of one
environment, episode after episode without a gap. All environments are always recorded to the same step, and they are
written in blocks of `block_steps` steps. The objects in view, of which rows have different numbers, lie in three flat
lists (`object_class_index`, `object_box`, `object_distance`); `object_start` and `object_count` say which are a row's.
Where not all frames are kept, `observation` has those that are, side by side (`kept_frames`).

A block is written first; then the group's own file, which holds the number of steps that are valid, is written beside
and renamed. So a reader sees whole blocks only, and whatever ends the writer, at most the block in flight is lost.
Every chunk carries a checksum; so does the group's file.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from retinoscope.errors import UserError
from retinoscope.rollouts.kept_frames import FRAMES, KEEP, KeptFrames, kept_in_words
from retinoscope.rollouts.store_format import OBJECT_ARRAYS, DurableStore, column_of, create_array, create_object_array
from retinoscope.rollouts.table import OBJECT, Column

_FORMAT = "retinoscope recording"


@dataclass
class Block:
    """Rows of all environments on their way to the disk.

    Attributes:
        number: the block holds the steps from `number * block_steps`.
        columns: (environment, block_steps, ...) arrays.
        objects: for each environment and step, the objects in view, `OBJECT`.
    """

    number: int
    columns: dict[str, np.ndarray]
    objects: list[list[np.ndarray]]


class EpisodeStore:
    """A recording on disk; see the module's text for the layout.

    Attributes:
        attributes: what was written about the recording, JSON-able.
        columns: by name.
        environments, block_steps: shape of a block.
        steps: how many are valid, in every environment.
        complete: the recording has all it was asked for and has passed its self-test.
        kept: which frames it has.
        sha256: of what is written about the recording, these two included.
    """

    def __init__(self, path: Path, writable: bool = False) -> None:
        """Open a recording.

        Raises:
            UserError: there is none, or it is damaged, or of another schema version.
        """
        self.path = path
        self._store = DurableStore(path, read_only=not writable)
        try:
            self._group = zarr.open_group(self._store, mode="r+" if writable else "r", zarr_format=3)
            attributes = dict(self._group.attrs)
        except (OSError, ValueError, KeyError):
            raise UserError(
                f"{path}: is not a recording; give the path of one that `retinoscope record` made"
            ) from None
        self._read_index(attributes)
        self._arrays = {name: self._array(name) for name in self._names}
        self.columns = {name: column_of(self._arrays[name]) for name in self._names if name not in OBJECT_ARRAYS}
        self._check_chunks()

    @staticmethod
    def create(
        path: Path, columns: tuple[Column, ...], attributes: dict[str, Any], environments: int, block_steps: int
    ) -> EpisodeStore:
        """A new, empty recording; it appears whole or not at all.

        Raises:
            UserError: the path exists already or cannot be written.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(f"{path}: exists already and is not a recording; choose another path")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror}); choose another path") from None
        try:
            group = zarr.open_group(DurableStore(temporary), mode="w", zarr_format=3)
            kept = KeptFrames(attributes.get(KEEP, 1), block_steps)
            for column in columns:
                create_array(group, column, environments, kept.slots if column.name == FRAMES else block_steps)
            for name, column in OBJECT_ARRAYS.items():
                create_object_array(group, name, column)
            layout = {"environments": environments, "block_steps": block_steps}
            names = [column.name for column in columns] + list(OBJECT_ARRAYS)
            group.attrs.update(_with_index(attributes | layout, names, steps=0, complete=False))
            temporary.chmod(0o755)  # mkdtemp makes it private
            os.replace(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return EpisodeStore(path, writable=True)

    @property
    def rows(self) -> int:
        """How many are valid, all environments together."""
        return self.steps * self.environments

    def new_block(self, number: int) -> Block:
        """An empty block; if some of its steps are stored already, with those filled in."""
        shape = (self.environments, self.block_steps)
        columns = {name: np.zeros((*shape, *each.shape), each.dtype) for name, each in self.columns.items()}
        none = np.empty(0, OBJECT)
        block = Block(number, columns, [[none] * self.block_steps for _ in range(self.environments)])
        first, stored = number * self.block_steps, self.steps - number * self.block_steps
        for environment in range(self.environments if stored > 0 else 0):
            for name, values in columns.items():
                if name == FRAMES and self.kept.every != 1:
                    self._read_kept(values[environment], environment, first)
                else:
                    values[environment, :stored] = self.read(name, environment, first, self.steps)
            block.objects[environment][:stored] = self.read_objects(environment, first, self.steps)
        return block

    def make_room(self, steps: int) -> None:
        """Give every column as many steps as there are to be, in whole blocks; those that are valid stay so.

        Raises:
            OSError: the disk is full or fails.
        """
        blocks = math.ceil(max(steps, self.steps) / self.block_steps)
        for name in self.columns:
            array, stop = self._arrays[name], blocks * self._room_of(name)
            if array.shape[1] != stop:
                array.resize((self.environments, stop, *array.shape[2:]))

    def append(self, block: Block, steps: int) -> None:
        """Write a block for which there is room, then declare the first `steps` steps valid.

        A block of which a part is valid already is written anew, and is not valid until that is done: its objects move
        to other places of the lists, and a file of old places beside one of new ones would be read wrongly.

        Raises:
            OSError: the disk is full or fails; the blocks before this one stay valid.
        """
        first = block.number * self.block_steps
        if first < self.steps:
            self._commit(first, complete=False)
        offset = 0 if block.number == 0 else self._objects_before(first)
        flat = [found for objects in block.objects for found in objects]
        counts = np.array([len(found) for found in flat])
        starts = offset + np.cumsum(counts) - counts
        block.columns["object_start"] = starts.reshape(self.environments, self.block_steps)
        for name, values in block.columns.items():
            room = self._room_of(name)
            written = self.kept.packed(values, block.number, steps) if name == FRAMES else values
            self._arrays[name][:, block.number * room : (block.number + 1) * room] = written
        objects = np.frombuffer(b"".join(each.tobytes() for each in flat), OBJECT)  # numpy joins records one by one
        for name in OBJECT_ARRAYS:
            array, end = self._arrays[name], offset + len(objects)
            if end < array.shape[0]:  # what a killed writer left would stay in the file, behind the end
                array[end:] = 0
            array.resize((end, *array.shape[1:]))
            array[offset:] = objects[name.removeprefix("object_")]
        self._commit(steps, complete=False)

    def mark_complete(self) -> None:
        """Declare that the recording has all it was asked for and has passed its self-test."""
        self._commit(self.steps, complete=True)

    def read(self, name: str, environment: int, start: int, stop: int) -> np.ndarray:
        """A column's values, (stop - start, ...), of one environment.

        Raises:
            UserError: the file that holds them is damaged, or a frame is not kept.
        """
        if name == FRAMES and self.kept.every != 1:
            slots = [self.kept.slot(step, self.steps) for step in range(start, stop)]
            if None in slots:
                raise UserError(
                    f"{self.path}: holds {kept_in_words(self.kept.every)}, and not that of decision "
                    f"{start + slots.index(None)} of an environment; give its world to `retinoscope.with_frames`"
                )
            found = [self._read(name, (environment, slice(slot, slot + 1))) for slot in slots]  # type: ignore[operator]
            return np.concatenate([np.empty((0, *self.columns[name].shape), self.columns[name].dtype), *found])
        return self._read(name, (environment, slice(start, stop)))

    def read_objects(self, environment: int, start: int, stop: int) -> list[np.ndarray]:
        """For each step the objects in view, `OBJECT`, nearest first."""
        starts = self.read("object_start", environment, start, stop)
        counts = self.read("object_count", environment, start, stop).astype(np.int64)
        next_block = start - start % self.block_steps + self.block_steps
        bounds = [start, *range(next_block, stop, self.block_steps), stop]
        found: list[np.ndarray] = []
        for first, last in itertools.pairwise(bounds):  # within a block they lie side by side
            found += self._objects_of(starts[first - start : last - start], counts[first - start : last - start])
        return found

    def _read_kept(self, frames: np.ndarray, environment: int, first: int) -> None:
        """Fill in, (block_steps, ...), those frames of a block that are there."""
        for step in range(first, self.steps):
            if self.kept.slot(step, self.steps) is not None:
                frames[step - first] = self.read(FRAMES, environment, step, step + 1)[0]

    def _room_of(self, name: str) -> int:
        """Values that a block has of each environment."""
        return self.kept.slots if name == FRAMES else self.block_steps

    def _objects_of(self, starts: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
        span = slice(int(starts[0]), int(starts[-1] + counts[-1]))
        objects = np.empty(span.stop - span.start, OBJECT)
        for name in OBJECT_ARRAYS:
            objects[name.removeprefix("object_")] = self._read(name, span) if len(objects) else 0
        return np.split(objects, np.cumsum(counts)[:-1])

    def _objects_before(self, step: int) -> int:
        last = (self.environments - 1, slice(step - 1, step))
        return int(self._read("object_start", last)[0]) + int(self._read("object_count", last)[0])

    def _read(self, name: str, selection: Any) -> np.ndarray:
        try:
            return np.asarray(self._arrays[name][selection])
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{self.path}: is damaged, {name} cannot be read ({reason}); record again") from None

    def _read_index(self, attributes: dict[str, Any]) -> None:
        index = attributes.pop("index", None)
        if attributes.get("format") != _FORMAT or not isinstance(index, dict):
            raise UserError(f"{self.path}: is not a recording; give the path of one that `retinoscope record` made")
        if index.get("sha256") != _digest(attributes, index):
            raise UserError(f"{self.path}: is damaged (zarr.json does not match its checksum); record again")
        self.attributes = {name: value for name, value in attributes.items() if name != "format"}
        self.environments, self.block_steps = int(attributes["environments"]), int(attributes["block_steps"])
        self.steps, self.complete, self._names = int(index["steps"]), bool(index["complete"]), list(index["arrays"])
        self.sha256 = str(index["sha256"])
        self.kept = KeptFrames(int(attributes.get(KEEP, 1)), self.block_steps)

    def _array(self, name: str) -> zarr.Array[Any]:
        try:
            # The setting is not kept on disk; without it, a chunk of zeros would look like a missing one.
            with zarr.config.set({"array.write_empty_chunks": True}):
                array = self._group[name]
        except (KeyError, ValueError, OSError):
            array = None
        if not isinstance(array, zarr.Array):
            raise UserError(f"{self.path}: is damaged, the array {name} is missing; record again")
        return array

    def _check_chunks(self) -> None:
        """A missing file would read as zeros."""
        blocks = math.ceil(self.steps / self.block_steps)
        for name, column in self.columns.items():
            inner = ["0"] * len(column.shape)
            for block in range(blocks):
                if not self.path.joinpath(name, "c", "0", str(block), *inner).is_file():
                    raise UserError(f"{self.path}: is damaged, block {block} of {name} is missing; record again")

    def _commit(self, steps: int, complete: bool) -> None:
        written = _with_index(self.attributes, self._names, steps, complete)
        self._group.attrs.update(written)
        self.steps, self.complete, self.sha256 = steps, complete, written["index"]["sha256"]


def _with_index(attributes: dict[str, Any], names: list[str], steps: int, complete: bool) -> dict[str, Any]:
    content = attributes | {"format": _FORMAT}
    index: dict[str, Any] = {"arrays": names, "steps": steps, "complete": complete}
    return content | {"index": index | {"sha256": _digest(content, index)}}


def _digest(attributes: dict[str, Any], index: dict[str, Any]) -> str:
    covered = attributes | {"index": {name: value for name, value in index.items() if name != "sha256"}}
    return hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()
