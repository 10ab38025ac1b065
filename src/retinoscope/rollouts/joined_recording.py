"""Several parts of a recording read as the one recording they are: an index over them, which copies nothing."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.rollouts.parts import parts_in
from retinoscope.rollouts.recording import Episode, Recording
from retinoscope.rollouts.stored_recording import StoredRecording, open_stored

INDEX = "joined.json"
"""Name of the file that says which parts there are."""

_FORMAT = "retinoscope joined recording"


class JoinedRecording(Recording):
    """The parts of a recording one after the other: rows, episodes and attributes are those of the whole.

    Args:
        path: of the folder with the index.
        parts: in their order, all of one recording.
    """

    def __init__(self, path: Path, parts: Sequence[StoredRecording]) -> None:
        self.path = self._place = path
        self._parts = tuple(parts)
        self._starts = [0, *itertools.accumulate(part.frames for part in parts)]
        self.frames = self._starts[-1]
        self.world, self.columns = parts[0].world, parts[0].columns
        self.attributes = dict(parts[0].attributes)

    def __reduce__(self) -> tuple[Any, ...]:
        """To other processes goes where it lies."""
        return open_joined, (self._place.resolve(),)

    @functools.cached_property
    def episodes(self) -> tuple[Episode, ...]:  # type: ignore[override]  # an attribute, found when first asked for
        """All episodes in the order of their rows."""
        found: list[Episode] = []
        for part, offset in zip(self._parts, self._starts, strict=False):
            first = len(found)
            found += [
                replace(each, index=first + each.index, start=offset + each.start, stop=offset + each.stop)
                for each in part.episodes
            ]
        return tuple(found)

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        """As `Recording.rows`."""
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        wanted = None if names is None else tuple(names)
        pieces = [self._rows_of(*span, wanted) for span in self._spans(start, stop)]
        return pieces[0] if len(pieces) == 1 else _one_after_the_other(pieces)

    def objects(self, start: int = 0, stop: int | None = None) -> list[list[dict[str, Any]]]:
        """As `Recording.objects`."""
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        spans = self._spans(start, stop)
        return [row for number, first, last in spans for row in self._parts[number].objects(first, last)]

    @property
    def rows_with_frames(self) -> np.ndarray:
        """As `Recording.rows_with_frames`."""
        parts = zip(self._parts, self._starts, strict=False)
        return np.concatenate([part.rows_with_frames + offset for part, offset in parts])

    def _spans(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """Rows as (number of the part, first row in it, row behind the last); at least one, if only of no rows."""
        bounds = enumerate(itertools.pairwise(self._starts))
        found = [(number, max(start, a) - a, min(stop, b) - a) for number, (a, b) in bounds if start < b and stop > a]
        return found or [(0, 0, 0)]

    def _rows_of(self, number: int, start: int, stop: int, names: tuple[str, ...] | None) -> xarray.Dataset:
        rows = self._parts[number].rows(start, stop, names)
        return rows.assign_coords(episode=rows["episode"] + self._first_episodes[number]).assign_coords(
            episode=lambda shifted: shifted["episode"].assign_attrs(rows["episode"].attrs)
        )

    @functools.cached_property
    def _first_episodes(self) -> list[int]:
        """Index of the first episode of each part."""
        return [0, *itertools.accumulate(len(part.episodes) for part in self._parts)]


def _one_after_the_other(pieces: list[xarray.Dataset]) -> xarray.Dataset:
    """Datasets over `time`, joined; xarray's own way compares all that has no time first."""
    first = pieces[0]
    joined = {
        str(name): (each.dims, np.concatenate([piece[name].to_numpy() for piece in pieces]), each.attrs)
        for name, each in first.variables.items()
        if "time" in each.dims
    }
    rest = {name: each for name, each in first.coords.items() if "time" not in each.dims}
    coordinates = {name: each for name, each in joined.items() if name in first.coords}
    variables = {name: each for name, each in joined.items() if name not in first.coords}
    return xarray.Dataset(variables, coords=coordinates | rest)


def join(parts: str | Path | Iterable[str | Path], out: str | Path | None = None) -> JoinedRecording:
    """Make one recording of its parts (`record` with `part`), by an index over them; nothing is copied or changed.

    It is, to the last bit, the one that `record` makes in one piece with the same agent, world, seed, frames,
    `environments` and `batch`, on a machine of the same kind and where the world repeats itself.

    Args:
        parts: the folder they were recorded to, or the parts themselves, wherever they lie.
        out: folder for the index, which names the parts by their place as seen from it; None for the folder given.

    Raises:
        UserError: a part is missing, unfinished, there twice or of another recording, or the index cannot be written.
    """
    given = [Path(parts)] if isinstance(parts, str | Path) else [Path(each) for each in parts]
    if len(given) == 1 and (inside := parts_in(given[0])):
        out, given = (out or given[0]), inside
    if out is None:
        raise UserError(
            f"{', '.join(map(str, given)) or 'join'}: no folder with parts of a recording; give the one that "
            "`retinoscope record --part 1/4` wrote to, or its parts and --out"
        )
    folder = Path(out)
    if (folder / "zarr.json").is_file():
        raise UserError(f"{folder}: holds a recording; choose another place for the index")
    opened = sorted((_opened(each) for each in given), key=_number)
    _require_whole(folder, opened)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / INDEX) as temporary:
            temporary.write_text(_index(folder, opened))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another place") from None
    return open_joined(folder)


def open_joined(path: Path) -> JoinedRecording:
    """Open what `join` made.

    Raises:
        UserError: the index is damaged, or a part is gone, damaged or not what it was.
    """
    try:
        index = json.loads((path / INDEX).read_text())
        is_sound = index["format"] == _FORMAT and index["sha256"] == _digest(index["parts"])
        parts = [(path / each["path"], str(each["sha256"])) for each in index["parts"]] if is_sound else []
    except (OSError, ValueError, KeyError, TypeError):
        parts = []
    if not parts:
        raise UserError(f"{path}: {INDEX} is damaged; join the parts again")
    opened = []
    for place, sha256 in parts:
        if not place.is_dir():
            raise UserError(f"{path}: its part {place} is not there; bring it back, or join again")
        opened.append(open_stored(place))
        if opened[-1].sha256 != sha256:
            raise UserError(f"{path}: its part {place} has changed since it was joined; join again")
    return JoinedRecording(path, opened)


def _opened(path: Path) -> StoredRecording:
    recording = open_stored(path)
    if recording.part is None:
        raise UserError(f"{path}: is a recording of its own, no part of one; leave it out")
    return recording


def _number(recording: StoredRecording) -> int:
    return recording.part.number if recording.part else 0


def _require_whole(folder: Path, parts: list[StoredRecording]) -> None:
    """All parts of one recording, each once and finished."""
    first = parts[0]
    for part in parts[1:]:
        here, there = _identity(part), _identity(first)
        for name, value in there.items():
            if here[name] != value:
                raise UserError(
                    f"{part.path}: is of another recording than {first.path}, its {name} is {_short(here[name])}, not "
                    f"{_short(value)}; join parts of one recording"
                )
    numbers, of = [_number(part) for part in parts], _parts_of(first)
    for one, other in itertools.pairwise(parts):
        if _number(one) == _number(other):
            raise UserError(f"{one.path} and {other.path}: are both {one.part}; leave one out")
    if missing := sorted(set(range(1, of + 1)) - set(numbers)):
        names = ", ".join(f"{number}/{of}" for number in missing[:8]) + (", ..." if len(missing) > 8 else "")
        raise UserError(f"{folder}: {len(missing)} of {of} parts are missing; record --part {names}")
    steps = max(part.steps for part in parts)
    for part in parts:
        if not part.attributes["complete"] or part.steps < steps:
            raise UserError(
                f"{part.path}: {part.part} is not finished ({part.steps:,} decisions in each environment, another has "
                f"{steps:,}); call the command that recorded it again"
            )


def _identity(recording: StoredRecording) -> dict[str, Any]:
    """All that the parts of one recording share."""
    without = {name: value for name, value in recording.attributes.items() if name != "complete"}
    return {"number of parts": _parts_of(recording), **without, "world": recording.world, "columns": recording.columns}


def _parts_of(recording: StoredRecording) -> int:
    return recording.part.of if recording.part else 1


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:24]}..." if len(text) > 27 else text


def _index(folder: Path, parts: list[StoredRecording]) -> str:
    named = [{"path": os.path.relpath(each.path, folder), "sha256": each.sha256} for each in parts]
    return json.dumps({"format": _FORMAT, "sha256": _digest(named), "parts": named}, indent=1) + "\n"


def _digest(parts: list[dict[str, str]]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
