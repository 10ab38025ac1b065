"""Notes come back as they were taken; anything else is refused in a line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import retinoscope
from retinoscope.errors import UserError

TEXT = 'it "waits",\nthen turns – ö'


def entry(**changes: Any) -> dict[str, Any]:
    given = {"text": TEXT, "created": "2026-01-02T03:04:05.678Z", "address": "#m=7", "selection": "event:mail"}
    given |= {"moment": 7, "unit": "rnn/3", "rows": [7, 30], "episodes": [0, 2], "steps": [7, 1]}
    return given | changes


def saved(path: Path, notes: list[dict[str, Any]], **changes: Any) -> Path:
    path.write_text(json.dumps({"retinoscope_notes": 1, "identity": "abc", "title": "t", "notes": notes} | changes))
    return path


def test_json_is_read_back(tmp_path: Path) -> None:
    bare = entry(selection="", moment=None, unit="", rows=[], episodes=[], steps=[])
    first, second = retinoscope.load_notes(saved(tmp_path / "n.json", [entry(), bare]))
    assert (first.text, first.created, first.identity) == (TEXT, "2026-01-02T03:04:05.678Z", "abc")
    assert (first.selection, first.address, first.moment, first.unit) == ("event:mail", "#m=7", 7, "rnn/3")
    assert (first.rows, first.moments) == ((7, 30), ((0, 7), (2, 1)))
    assert (second.moment, second.unit, second.rows, second.moments) == (None, None, (), ())


def test_csv_says_the_same_of_moments(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["note", "text", "created", "unit", "selection", "row", "episode", "step"])
        writer.writerow([0, TEXT, "now", "rnn/3", "event:mail", 7, 0, 7])
        writer.writerow([0, TEXT, "now", "rnn/3", "event:mail", 30, 2, 1])
        writer.writerow([1, "nothing", "then", "", "", "", "", ""])
    first, second = retinoscope.load_notes(path)
    assert (first.text, first.unit, first.rows, first.moments) == (TEXT, "rnn/3", (7, 30), ((0, 7), (2, 1)))
    assert (second.text, second.unit, second.rows) == ("nothing", None, ())


HEADER = "note,text,created,unit,selection,row,episode,step\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "is not text"),
        (b"", "has not the columns note,text"),
        (b"{", "is no whole JSON"),
        (b'{"a": 1}', "are no notes"),
        (b'{"retinoscope_notes": 2}', "are notes of version 2, and version 1 is read"),
        (b'{"retinoscope_notes": 1}', "holds no list of notes"),
        (b'{"retinoscope_notes": 1, "notes": [4]}', "note 1 that cannot be read"),
        (json.dumps({"retinoscope_notes": 1, "notes": [{"rows": []}]}).encode(), "it lacks 'episodes'"),
        (json.dumps({"retinoscope_notes": 1, "notes": [entry(steps=[1])]}).encode(), "2 rows, 2 episodes, 1 steps"),
        (json.dumps({"retinoscope_notes": 1, "notes": [entry(rows=["7", 1])]}).encode(), "'7' is no whole number"),
        (f"{HEADER}0,a,b\n".encode(), "line 2 that cannot be read"),
        (f"{HEADER}0,a,b,,,x,0,1\n".encode(), "cannot be read (invalid literal"),
    ],
)
def test_what_is_no_notes_is_refused_in_a_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(UserError) as refused:
        retinoscope.load_notes(path)
    assert message in str(refused.value) and "\n" not in str(refused.value) and str(path) in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        retinoscope.load_notes(tmp_path / "none.json")
