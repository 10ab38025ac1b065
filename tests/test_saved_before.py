"""What the version before saved still opens: Results are read and drawn, recordings are read and analysed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.analyses.drawing import FigureDrawing
from retinoscope.analyses.registry import analysis
from retinoscope.errors import UserError
from retinoscope.page.products import OMITTED, drawings_of
from retinoscope.result import load_result
from retinoscope.scenarios import load_scenario
from retinoscope.workflows import rebuild_report
from retinoscope.workflows.run_directory import RunDirectory
from retinoscope.worlds.declaration import Declaration
from retinoscope.worlds.doom.world import declaration_of

SAVED = Path(__file__).parent / "data" / "version_0_1"
RESULTS = sorted(SAVED.glob("*.nc"))


def test_there_are_such_results() -> None:
    assert len(RESULTS) == 14


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_result_of_then_is_read_and_drawn(path: Path) -> None:
    result = load_result(path)
    assert result.analysis == path.stem, "it keeps the name it was saved under"
    assert analysis(result.analysis).name in (path.stem, "episode_attribution")
    drawings = drawings_of(result)
    assert drawings
    if OMITTED in result.data.attrs:
        assert drawings[0].text.strip() == result.data.attrs[OMITTED]
    for each in drawings:
        assert each.title and each.caption
        if isinstance(each, FigureDrawing):
            assert any(axes.has_data() for axes in each.draw().axes), each.name


def test_a_result_of_then_is_saved_as_one_of_now(tmp_path: Path) -> None:
    before = load_result(SAVED / "raster.nc")
    again = load_result(before.save(tmp_path / "raster.nc"))
    assert again.data.identical(before.data) and again.parameters == before.parameters


def test_a_result_of_a_later_version_is_refused(tmp_path: Path) -> None:
    import h5py

    from retinoscope.result import SCHEMA_VERSION

    path = load_result(SAVED / "raster.nc").save(tmp_path / "raster.nc")
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION + 1
    with pytest.raises(UserError, match=f"is a result of schema {SCHEMA_VERSION + 1}.*install a newer one"):
        load_result(path)


def test_a_recording_of_then_is_read_and_analysed() -> None:
    recording = retinoscope.open(SAVED / "recording.zarr")
    assert recording.frames == 24 and recording.attributes["complete"]
    rows = recording.rows()
    assert recording.layers_of("encoder output") == ("fc",) and recording.layers_of("memory") == ("rnn",)
    assert recording.state_columns("rnn") == slice(0, recording.attributes["layers"]["rnn"])
    assert rows["observation"].shape == (24, 60, 80, 3) and np.isfinite(rows["fc"].values).all()
    result = retinoscope.analyses.simulation(recording)
    np.testing.assert_array_equal(result.data["observation"].values, rows["observation"].values)


def test_a_run_of_then_is_drawn_again_and_gone_on_with(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "results").mkdir(parents=True)
    shutil.copyfile(SAVED / "manifest.json", run / "manifest.json")
    for name in ("raster", "burn_in"):
        shutil.copyfile(SAVED / f"{name}.nc", run / "results" / f"{name}.nc")
    (run / "report.html").write_text("the page of then", encoding="utf-8")
    assert RunDirectory(run).report == run / "report.html"
    before = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    again = rebuild_report(run)
    assert not (run / "report.html").exists(), "the page of then makes room for today's"
    page = again.report.read_text(encoding="utf-8")
    assert "digits in digits" in page and "▲ healing, +30 points of health" in page
    assert "terminated means that the agent died" in page
    identity = before["identity"] | {"world_sha256": before["identity"]["arena_sha256"]}
    del identity["arena_sha256"]
    assert again.manifest["identity"] == identity
    sha256 = before["arena"]["sha256"]
    declared = Declaration.from_json(again.manifest["world"]["declaration"])
    assert declared == declaration_of(load_scenario("digits"), sha256)
    shutil.copyfile(SAVED / "manifest.json", run / "manifest.json")
    with RunDirectory(run).claimed(identity):
        pass  # a run of the same identity may go on there
    with pytest.raises(UserError, match="holds results of another run"), RunDirectory(run).claimed({"seed": 1}):
        pass


def test_training_progress_of_then_is_drawn_as_todays() -> None:
    data = load_result(SAVED / "training_progress.nc").data
    labels = {str(name): data[name].attrs["label"] for name in data if "label" in data[name].attrs}
    assert labels == {
        "positive": "healing",
        "negative": "harmful",
        "terminated": "deaths",
        "participation_fc": "fc",
        "participation_rnn": "rnn",
        "sparseness": "sparseness of fc",
        "rising_before": "share rising before",
        "pc1_auc": "PC1 of fc",
    }


def test_where_a_result_of_then_came_from_is_said_in_todays_words() -> None:
    found = load_result(SAVED / "training_progress.nc").provenance
    assert found["world"] == "digits" and found["world_source"].startswith("name: digits\n")
    assert len(found["world_sha256"]) == 64 and {"arena_sha256", "scenario"} & set(found) == set()
