"""A run's directory changes from old to new, whenever it is interrupted; it never loses what is not its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retinoscope.errors import UserError
from retinoscope.workflows.run_directory import RunDirectory

ONE, OTHER = {"seed": 1}, {"seed": 2}


def make(path: Path, identity: dict[str, int], content: str, names: tuple[str, ...], overwrite: bool = False) -> None:
    """A run whose files all say `content`."""
    directory = RunDirectory(path)
    with directory.claimed(identity, overwrite):
        recording = directory.recording(identity)
        recording.mkdir(exist_ok=True)
        (recording / "rows").write_text(content)
        for name in names:
            (directory.unfinished / name).write_text(content)
        products = [{"path": name} for name in (*names, "recording.zarr")]
        directory.publish({"identity": identity, "content": content, "products": products})


def state(path: Path) -> dict[str, str]:
    return {
        str(file.relative_to(path)): file.read_text()
        for file in sorted(path.rglob("*"))
        if file.is_file() and ".unfinished" not in file.parts
    }


FILES = ("figures/a.png", "results/a.nc", "index.html")


def test_products_come_into_place_and_nothing_else_is_left(tmp_path: Path) -> None:
    make(tmp_path / "run", ONE, "old", FILES)
    assert {*state(tmp_path / "run")} == {*FILES, "recording.zarr/rows", "manifest.json"}
    assert not (tmp_path / "run" / ".unfinished").exists()


def test_another_run_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    make(tmp_path, ONE, "old", FILES)
    before = state(tmp_path)
    with pytest.raises(UserError, match="already holds results of another run; choose another directory"):
        make(tmp_path, OTHER, "new", FILES)
    assert state(tmp_path) == before


def test_two_processes_do_not_work_in_one_directory(tmp_path: Path) -> None:
    make(tmp_path, ONE, "old", FILES)
    with RunDirectory(tmp_path).claimed(ONE):
        for identity in (ONE, OTHER, None):
            with (
                pytest.raises(UserError, match="another process is working there; wait for it or choose another path"),
                RunDirectory(tmp_path).claimed(identity, overwrite=True),
            ):
                pass
        working = sorted(tmp_path.rglob("*"))
        command = [sys.executable, "-m", "retinoscope", "report", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert done.stderr.splitlines() == [
            f"retinoscope: {tmp_path}: another process is working there; wait for it or choose another path"
        ]
        assert sorted(tmp_path.rglob("*")) == working, "whoever comes second touches nothing"
    make(tmp_path, OTHER, "new", FILES, overwrite=True)
    with RunDirectory(tmp_path).claimed(None):
        assert RunDirectory(tmp_path).manifest()["identity"] == OTHER, "what the directory holds is claimed as it is"


def test_where_no_run_is_none_can_be_claimed(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="holds no run"), RunDirectory(path).claimed(None):
            pass
    assert list(tmp_path.iterdir()) == []


def test_files_that_no_run_made_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UserError, match=r"already holds index\.html"):
        make(tmp_path, ONE, "new", FILES)
    assert state(tmp_path) == {"index.html": "mine"}


def test_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    make(tmp_path, ONE, "old", FILES)
    (tmp_path / "figures" / "mine.png").write_text("mine")
    make(tmp_path, OTHER, "new", FILES, overwrite=True)
    assert state(tmp_path)["notes.txt"] == state(tmp_path)["figures/mine.png"] == "mine"


def test_overwriting_removes_what_is_no_longer_made(tmp_path: Path) -> None:
    make(tmp_path, ONE, "old", ("figures/a.png", "figures/b.png"))
    make(tmp_path, OTHER, "new", ("figures/a.png",), overwrite=True)
    assert {*state(tmp_path)} == {"figures/a.png", "recording.zarr/rows", "manifest.json"}
    assert state(tmp_path)["recording.zarr/rows"] == "new"


def test_a_manifest_cannot_have_files_outside_removed(tmp_path: Path) -> None:
    run, precious = tmp_path / "run", tmp_path / "precious"
    precious.write_text("mine")
    make(run, ONE, "old", FILES)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["products"] += [{"path": "../precious"}, {"path": str(precious)}]
    (run / "manifest.json").write_text(json.dumps(manifest))
    make(run, ONE, "new", FILES)
    assert precious.read_text() == "mine"


def test_the_same_run_uses_its_recording_again(tmp_path: Path) -> None:
    make(tmp_path, ONE, "old", FILES)
    directory = RunDirectory(tmp_path)
    with directory.claimed(ONE):
        assert directory.recording(ONE) == tmp_path / "recording.zarr"
        assert directory.recording(OTHER) == directory.unfinished / "recording.zarr"


def test_a_failed_run_leaves_only_its_recording_to_go_on_with(tmp_path: Path) -> None:
    make(tmp_path, ONE, "old", FILES)
    before, directory = state(tmp_path), RunDirectory(tmp_path)
    with pytest.raises(KeyboardInterrupt), directory.claimed(OTHER, overwrite=True):
        directory.recording(OTHER).mkdir()
        (directory.unfinished / "figures" / "a.png").write_text("half")
        raise KeyboardInterrupt
    assert state(tmp_path) == before
    assert {each.name for each in directory.unfinished.iterdir()} == {"identity.json", "recording.zarr"}
    with directory.claimed(OTHER, overwrite=True):
        assert directory.recording(OTHER).is_dir(), "the same run goes on with it"
    with directory.claimed(ONE):
        assert not (directory.unfinished / "recording.zarr").exists(), "another run does not"


def test_a_run_that_fails_before_recording_leaves_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunDirectory(tmp_path / "run").claimed(ONE):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """As if the process ended here: nothing is cleared up."""


def kill_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int) -> None:
    """Let the call of this number not happen, and the process end there."""
    original, calls = getattr(module, name), 0

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= call:
            raise Killed
        return original(*arguments, **named)

    monkeypatch.setattr(module, name, dying)


@pytest.mark.parametrize("call", range(1, 8))
def test_killed_at_any_renaming_it_is_all_old_or_all_new_once_looked_at(
    call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, ONE, "old", FILES)
    old = state(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "_clear", lambda self, keep_work: None)  # a killed process clears nothing
        kill_at(patch, os, "replace", call)
        try:
            make(tmp_path, OTHER, "new", ("figures/a.png", "index.html"), overwrite=True)
        except Killed:
            pass
        else:
            assert call == 7, "so many renamings there are"
    was_complete = (tmp_path / ".unfinished" / "manifest.json").exists() or call == 7
    RunDirectory(tmp_path).finish_publishing()
    now = state(tmp_path)
    if was_complete:
        assert {*now} == {"figures/a.png", "index.html", "recording.zarr/rows", "manifest.json"}
        assert json.loads(now.pop("manifest.json"))["content"] == "new"
        assert {*now.values()} == {"new"}
    else:
        assert now == old


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with (
            pytest.raises(UserError, match="cannot be written .*; choose another directory"),
            RunDirectory(path).claimed(ONE),
        ):
            pass
    assert state(tmp_path) == {"file": "mine"}


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no space left on the disk"), RunDirectory(tmp_path).claimed(ONE):
        raise OSError(28, "No space left on device", str(tmp_path / "recording.zarr"))


def test_what_others_may_not_read_is_not_blamed_on_the_directory(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), RunDirectory(tmp_path).claimed(ONE):
        raise PermissionError(13, "Permission denied", "/elsewhere")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_a_directory_without_a_run_has_no_manifest(content: str | None, tmp_path: Path) -> None:
    if content:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(UserError, match="holds no run"):
        RunDirectory(tmp_path).manifest()
