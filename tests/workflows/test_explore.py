"""A page is made of whatever can be explored, beside it or in one file; nothing of anyone else is touched."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.page.explorer import pages
from retinoscope.rollouts import ArrayRecording
from tests.page.explorer.reading import read_chunk, read_index

NAME = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def recording() -> ArrayRecording:
    draw = np.random.default_rng(0)
    arrays = {"fc": draw.normal(size=(30, 4)).astype(np.float32), "value": draw.normal(size=30)}
    arrays["observation"] = draw.integers(0, 256, (30, 8, 9, 3), np.uint8)
    return ArrayRecording(arrays, name=NAME, attributes={"agent": NAME})


def test_arrays_become_a_page(recording: ArrayRecording, tmp_path: Path) -> None:
    made = retinoscope.explore(recording, tmp_path / "out")
    assert made.page == tmp_path / "out" / "index.html" and made.single_file is None
    assert {each.name for each in made.page.parent.iterdir()} == {"index.html", "explorer"}
    assert NAME not in made.page.read_text()
    index = read_index(made.page.parent / "explorer" / "data")
    assert (index["title"], index["subtitle"]) == (NAME, "30 decisions in 1 episode.")
    assert len(index["identity"]) == 64


def test_the_identity_is_that_of_the_content(recording: ArrayRecording, tmp_path: Path) -> None:
    def identity(given: ArrayRecording, name: str) -> str:
        found = read_index(retinoscope.explore(given, tmp_path / name).page.parent / "explorer" / "data")["identity"]
        return str(found)

    rows = recording.rows()
    other = ArrayRecording({str(each): rows[each].values + 1 for each in ("fc", "value")}, name=NAME)
    assert identity(recording, "a") == identity(recording, "b") != identity(other, "c")


def test_one_file_holds_all_that_the_folder_holds(recording: ArrayRecording, tmp_path: Path) -> None:
    made = retinoscope.explore(recording, tmp_path / "out", single_file=True)
    assert made.single_file == tmp_path / "out" / "single-file.html"
    text = made.single_file.read_text()
    data = tmp_path / "out" / "explorer" / "data"
    found = re.search(r'<script type="application/json" id="retinoscope-index">(.*?)</script>', text)
    assert found and json.loads(found[1]) == read_index(data)
    inside = re.findall(r'<script type="text/plain" data-path="([^"]*)" data-chunk="(\d+)">([^<]*)</script>', text)
    beside = {(str(each.parent.relative_to(data)), int(each.stem)) for each in data.rglob("*/*.js")}
    assert {(path, int(number)) for path, number, _ in inside} == beside
    assert all(base64.b64decode(content) == read_chunk(data, path, int(number)) for path, number, content in inside)
    markup = re.sub(r">[^<]*</script>|<script>.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r'(src|href)="(?!data:)', markup), "nothing is loaded"


def test_what_does_not_fit_into_one_file_is_said(
    recording: ArrayRecording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = retinoscope.explore(recording, tmp_path / "out")
    folder = made.page.parent
    bundle = sum((folder / "explorer" / name).stat().st_size for name in ("explorer.js", "explorer.css"))
    whole = pages.single_file_page(folder)
    assert whole.left_out == ()
    monkeypatch.setattr(pages, "LARGEST", bundle + len((folder / "explorer/data/index.js").read_text()) + 11_200)
    cut = pages.single_file_page(folder)
    assert "frames" in cut.left_out and "leaves out" in cut.html
    index = json.loads(re.search(r'id="retinoscope-index">(.*?)</script>', cut.html)[1])  # type: ignore[index]
    assert index["recording"]["frames"] is None and "left out" in index["advice"]["frames"]
    assert len(cut.html) < pages.LARGEST


def test_a_notebook_keeps_all_of_it_in_a_frame(recording: ArrayRecording, tmp_path: Path) -> None:
    shown = retinoscope.explore(recording, tmp_path / "out")._repr_html_()
    assert shown.startswith('<iframe srcdoc="') and "<script" not in shown
    assert shown.count("<") == 2 and "&lt;script" in shown and shown.isascii()


def test_again_replaces_and_a_failure_leaves_what_was_there(
    recording: ArrayRecording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = retinoscope.explore(recording, tmp_path / "out", single_file=True).page
    page.write_text("before")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patched:
        patched.setattr("retinoscope.page.explorer.writing.panels_of", fail)
        with pytest.raises(RuntimeError):
            retinoscope.explore(recording, tmp_path / "out")
    assert page.read_text() == "before"
    assert {each.name for each in page.parent.iterdir()} == {"index.html", "explorer", "single-file.html"}
    retinoscope.explore(recording, tmp_path / "out")
    assert {each.name for each in page.parent.iterdir()} == {"index.html", "explorer"}
    assert page.read_text() != "before"


def test_where_something_else_is_nothing_is_written(recording: ArrayRecording, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="holds something else than an explorer"):
        retinoscope.explore(recording, tmp_path)
    with pytest.raises(UserError, match="cannot be written"):
        retinoscope.explore(recording, tmp_path / "thesis.tex" / "out")
    with pytest.raises(UserError, match="nothing to explore"):
        retinoscope.explore(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_damaged_explorer_is_refused(recording: ArrayRecording, tmp_path: Path) -> None:
    made = retinoscope.explore(recording, tmp_path / "out")
    chunk = next((tmp_path / "out" / "explorer" / "data").rglob("*/0.js"))
    chunk.write_text("cut sh")
    with pytest.raises(UserError, match="is damaged; make the explorer again"):
        made._repr_html_()


def test_a_run_keeps_its_report_in_one_file(recording: ArrayRecording, tmp_path: Path) -> None:
    run = retinoscope.explore(recording, tmp_path / "run").page.parent
    (run / "manifest.json").write_text("{}")
    (run / "single-file.html").write_text("the report")
    made = retinoscope.explore(run, single_file=True)
    assert made.single_file == run / "explorer.html" and made.single_file.is_file()
    assert (run / "single-file.html").read_text() == "the report"


def test_examples_of_anyone_are_explored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = np.random.default_rng(1)
    activity = (draw.laplace(size=(40, 5, 3)) @ draw.normal(size=(3, 3))).astype(np.float32)
    frames = draw.integers(0, 256, (40, 5, 6, 7, 3), np.uint8)
    folder = tmp_path / "examples"
    retinoscope.examples(activity=activity, frames=frames, components="pca:2", gallery=False, out=folder)
    assert main(["explore", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"page": str(folder / "index.html"), "single_file": None}
    index = read_index(folder / "explorer" / "data")
    assert [(each["name"], each["units"]) for each in index["layers"]] == [("activity", 3), ("components", 2)]
    assert index["recording"]["episodes"][7] == {"start": 35, "stop": 40, "ending": ""}
    assert index["recording"]["frames"]["count"] == 200
    assert any(each["kind"] == "examples" for each in index["panels"])
