"""Notes that were taken in the explorer, read back: which moments, which unit, and what was thought of them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retinoscope.errors import UserError

VERSION = 1
COLUMNS = ("note", "text", "created", "unit", "selection", "row", "episode", "step")
"""Of a CSV file, which has one line for each moment of a note; a note without moments has one without row."""


@dataclass(frozen=True)
class Note:
    """A sentence, and what it speaks of.

    Attributes:
        text: the sentence.
        created: when, ISO 8601; as the browser wrote it.
        identity: of the data that it speaks of; empty where the file does not say.
        selection: recipe of the moments that were selected; empty for none.
        address: the end of the page's address that shows it again, from `#` on; empty where the file does not say.
        moment: row at which the page stood; None for none, or where the file does not say.
        unit: `layer/index` of the unit that was looked at; None for none.
        rows: of the recording, the moments.
        moments: (episode, step) of each of them.
    """

    text: str
    created: str
    identity: str
    selection: str
    address: str
    moment: int | None
    unit: str | None
    rows: tuple[int, ...]
    moments: tuple[tuple[int, int], ...]


def load_notes(path: str | Path) -> list[Note]:
    """Read notes that the explorer exported, as JSON or CSV.

    Args:
        path: of the file.

    Returns:
        The notes, in the order of the file.

    Raises:
        UserError: there is no such file, or it is not what the explorer exports.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(path, "is not text") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a file that the explorer exported") from None
    return _from_json(path, text) if text.lstrip().startswith("{") else _from_csv(path, text)


def _from_json(path: Path, text: str) -> list[Note]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _refused(path, f"is no whole JSON ({error})") from None
    version = content.get("retinoscope_notes")
    if version != VERSION:
        what = "are no notes" if version is None else f"are notes of version {version}, and version {VERSION} is read"
        raise _refused(path, what)
    entries = content.get("notes")
    if not isinstance(entries, list):
        raise _refused(path, "holds no list of notes")
    return [_note(path, number, each, str(content.get("identity", ""))) for number, each in enumerate(entries, 1)]


def _note(path: Path, number: int, entry: Any, identity: str) -> Note:
    try:
        rows, episodes, steps = (tuple(_whole(each) for each in entry[name]) for name in ("rows", "episodes", "steps"))
        moment = entry.get("moment")
        return Note(
            text=_text(entry["text"]),
            created=_text(entry["created"]),
            identity=identity,
            selection=_text(entry.get("selection") or ""),
            address=_text(entry.get("address") or ""),
            moment=None if moment is None else _whole(moment),
            unit=_text(entry.get("unit") or "") or None,
            rows=rows,
            moments=_paired(rows, episodes, steps),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _refused(path, f"has a note {number} that cannot be read ({_why(error)})") from None


def _from_csv(path: Path, text: str) -> list[Note]:
    reader = csv.DictReader(text.splitlines(keepends=True))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise _refused(path, f"has not the columns {','.join(COLUMNS)}")
    lines: dict[str, list[Mapping[str, str]]] = {}
    try:
        for line in reader:
            if None in line or None in line.values():
                raise ValueError("too few or too many fields")
            lines.setdefault(line["note"], []).append(line)
        return [_of_lines(each) for each in lines.values()]
    except (csv.Error, ValueError) as error:
        raise _refused(path, f"has a line {reader.line_num} that cannot be read ({error})") from None


def _of_lines(lines: Sequence[Mapping[str, str]]) -> Note:
    first, of_moments = lines[0], [each for each in lines if each["row"]]
    rows, episodes, steps = (tuple(int(each[name]) for each in of_moments) for name in ("row", "episode", "step"))
    return Note(
        text=re.sub(r"^'(?=[=+\-@\t\r])", "", first["text"]),  # which keeps spreadsheets from running it
        created=first["created"],
        identity="",
        selection=first["selection"],
        address="",
        moment=None,
        unit=first["unit"] or None,
        rows=rows,
        moments=_paired(rows, episodes, steps),
    )


def _paired(rows: tuple[int, ...], episodes: tuple[int, ...], steps: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    if not len(rows) == len(episodes) == len(steps):
        raise ValueError(f"{len(rows)} rows, {len(episodes)} episodes, {len(steps)} steps")
    return tuple(zip(episodes, steps, strict=True))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _why(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def _refused(path: Path, what: str) -> UserError:
    return UserError(f"{path}: {what}; give a .json or .csv file that the explorer exported")
