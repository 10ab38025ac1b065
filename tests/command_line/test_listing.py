"""`analyze --list` says what there is, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tools.write_reference import REFERENCE, with_tables

from retinoscope.analyses.registry import all_analyses
from retinoscope.cli import main
from retinoscope.settings import describe


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_all_analyses_are_listed_with_what_they_need_and_build_on(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(["analyze", "--list"], capsys).splitlines()
    assert lines[0].split() == ["group", "name", "needs", "builds", "on", "what", "it", "shows"]
    assert len(lines) == 1 + len(all_analyses())
    for each in all_analyses().values():
        (line,) = (line for line in lines if re.match(rf"\w+( \(.+?\))?  +{each.name}  ", line))
        assert line.startswith(each.group) and line.endswith(each.summary)
        assert all(need.name in line for need in each.needs) and all(name in line for name in each.builds_on)


def test_the_parameters_of_one_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(["analyze", "--list", "raster"], capsys)
    assert "Activity of all units" in text.splitlines()[0]
    (line,) = (line for line in text.splitlines() if line.startswith("raster.order"))
    assert "cosine, euclidean or rastermap" in line and "how units are sorted" in line
    (line,) = (line for line in text.splitlines() if line.startswith("raster.window_seconds"))
    assert line.split()[1:3] == ["none", "s"]


def test_programs_get_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    every = json.loads(printed(["analyze", "--list", "--json"], capsys))["analyses"]
    assert [each["name"] for each in every] == list(all_analyses())
    one = json.loads(printed(["analyze", "--list", "raster", "--json"], capsys))
    assert one == next(each for each in every if each["name"] == "raster")
    names = [each.name for each in describe(all_analyses()["raster"].parameters)]
    assert [each["name"] for each in one["parameters"]] == names


def test_an_unknown_one_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--list", "rastr"]) == 2
    assert "did you mean 'raster'" in capsys.readouterr().err


def test_listing_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["analyze", "--list"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_tables_of_the_reference_are_those_of_the_declarations() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    assert text == with_tables(text), "run `python tools/write_reference.py`"
