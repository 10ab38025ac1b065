"""One call: everything that the manifest lists is there, and a run that fails or repeats itself loses nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from PIL import Image
from retinoscope.workflows import AnalysisRun, analyze, rebuild_report

from retinoscope.agents.agent import Agent
from retinoscope.analyses import registry
from retinoscope.analyses.behaviour.simulation import simulation
from retinoscope.errors import UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import open_recording
from retinoscope.scenarios import ArenaArchive
from retinoscope.workflows.reuse import result_key
from tests.runs import FRAMES


def content_of(directory: Path) -> dict[str, bytes]:
    files = [file for file in directory.rglob("*") if file.is_file() and ".unfinished" not in file.parts]
    return {str(file.relative_to(directory)): file.read_bytes() for file in files}


@pytest.fixture
def run(finished_run: AnalysisRun, tmp_path: Path) -> Path:
    """A copy of the finished run, to change."""
    return Path(shutil.copytree(finished_run.directory, tmp_path / "copy"))


def test_everything_listed_is_there_and_everything_there_is_listed(finished_run: AnalysisRun) -> None:
    directory = finished_run.directory
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    listed = {each["path"] for each in manifest["products"]}
    files = {str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file()}
    files = {file for file in files if not file.startswith("recording.zarr/")}
    assert listed == files - {"manifest.json"} | {"recording.zarr"}
    assert (directory / "recording.zarr").is_dir()
    for product in manifest["products"]:
        assert {"analysis", "kind", "path", "seconds", "parameters"} <= {*product}
        assert product["seconds"] >= 0
    assert finished_run.report == directory / "report.html"


def test_the_products_are_those_promised(finished_run: AnalysisRun) -> None:
    by_kind: dict[str, set[str]] = {}
    for product in finished_run.manifest["products"]:
        by_kind.setdefault(product["kind"], set()).add(product["path"])
    layers = ("conv1", "conv2", "conv3")
    names = ["simulation", *(f"receptive_fields_{layer}" for layer in layers)]
    assert by_kind["figure"] == {f"figures/{name}.{suffix}" for name in names for suffix in ("png", "pdf")}
    assert by_kind["movie"] == {"movies/simulation.mp4", "movies/simulation.gif"}
    assert by_kind["result"] == {"results/simulation.nc", "results/receptive_fields.nc"}


def test_results_are_those_of_the_analyses_called_by_hand(finished_run: AnalysisRun) -> None:
    recording = open_recording(finished_run.directory / "recording.zarr")
    assert recording.frames == FRAMES and recording.attributes["complete"]
    saved = load_result(finished_run.directory / "results" / "simulation.nc")
    xarray.testing.assert_identical(saved.data, simulation(recording, frames=FRAMES).data)


def test_the_manifest_says_what_agent_and_arena(finished_run: AnalysisRun, agent: Agent, arena: ArenaArchive) -> None:
    manifest = finished_run.manifest
    assert manifest["identity"] == {
        "checkpoint_sha256": agent.checkpoint_sha256,
        "arena_sha256": arena.sha256,
        "seed": 0,
        "frames": FRAMES,
    }
    assert manifest["agent"]["name"] == agent.name
    conv3 = next(each for each in manifest["agent"]["layers"] if each["name"] == "conv3")
    assert conv3["receptive_field"] == {"height": 29, "width": 29, "stride": 4}
    assert conv3["units"] == np.prod(conv3["shape"])
    assert manifest["arena"]["scenario"] == arena.scenario.model_dump(mode="json")
    assert manifest["versions"]["numpy"] == np.__version__


def test_figures_are_large_enough_to_print(finished_run: AnalysisRun) -> None:
    for file in (finished_run.directory / "figures").glob("*.png"):
        with Image.open(file) as image:
            assert image.width >= 1100


def test_the_same_run_again_uses_its_recording(
    run: Path, agent: Agent, arena: ArenaArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "ANALYSES", registry.ANALYSES[:1])
    before = {file: file.stat().st_mtime_ns for file in (run / "recording.zarr").rglob("*") if file.is_file()}
    analyze(agent, out=run, frames=FRAMES, arena=arena)
    assert {file: file.stat().st_mtime_ns for file in (run / "recording.zarr").rglob("*") if file.is_file()} == before
    assert [file.name for file in (run / "results").iterdir()] == ["simulation.nc"], "what is no longer made is removed"


@pytest.mark.parametrize("change", [{"seed": 1}, {"frames": FRAMES + 1}, {"checkpoint": "f" * 64}])
def test_another_run_is_refused_and_nothing_touched(
    change: dict[str, int], run: Path, agent: Agent, arena: ArenaArchive
) -> None:
    before = content_of(run)
    other = dataclasses.replace(agent, checkpoint_sha256=str(change.pop("checkpoint", agent.checkpoint_sha256)))
    with pytest.raises(UserError, match="already holds results of another run; choose another directory"):
        analyze(other, out=run, arena=arena, **{"frames": FRAMES, **change})
    assert content_of(run) == before


def test_a_step_that_fails_leaves_the_old_run(
    run: Path, agent: Agent, arena: ArenaArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(inputs: registry.Inputs, options: registry.Options) -> None:
        raise RuntimeError("of all things")

    first, last = registry.select_analyses()
    monkeypatch.setattr(registry, "ANALYSES", (first, dataclasses.replace(last, run=fail)))
    before = content_of(run)
    with pytest.raises(RuntimeError, match="of all things"):
        analyze(agent, out=run, frames=FRAMES, arena=arena, layers="conv1")
    assert content_of(run) == before


def test_a_result_is_used_again_only_if_code_options_and_run_are_the_same(
    run: Path, agent: Agent, arena: ArenaArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def counted(analysis: registry.Analysis) -> registry.Analysis:
        def run(inputs: registry.Inputs, options: registry.Options) -> Result:
            calls.append(analysis.name)
            return analysis.run(inputs, options)

        return dataclasses.replace(analysis, run=run)

    monkeypatch.setattr(registry, "ANALYSES", tuple(map(counted, registry.select_analyses())))
    before = content_of(run)
    analyze(agent, out=run, frames=FRAMES, arena=arena)
    assert calls == []
    for name in ("results/simulation.nc", "results/receptive_fields.nc"):
        assert content_of(run)[name] == before[name]
    analyze(agent, out=run, frames=FRAMES, arena=arena, layers="conv1")
    assert calls == ["simulation", "receptive_fields"]
    (run / "results" / "simulation.nc").write_bytes(b"damaged")
    analyze(agent, out=run, frames=FRAMES, arena=arena, layers="conv1")
    assert calls == ["simulation", "receptive_fields", "simulation"]


def test_a_first_run_that_fails_keeps_only_the_recording_and_goes_on_with_it(
    tmp_path: Path, agent: Agent, arena: ArenaArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(inputs: registry.Inputs, options: registry.Options) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        failing = tuple(dataclasses.replace(each, run=fail) for each in registry.ANALYSES)
        patch.setattr(registry, "ANALYSES", failing)
        with pytest.raises(KeyboardInterrupt):
            analyze(agent, out=out, frames=20, arena=arena)
    assert [each.name for each in out.iterdir()] == [".unfinished"]
    made = next((out / ".unfinished" / "recording.zarr").rglob("zarr.json")).stat().st_ino
    analyze(agent, out=out, frames=20, arena=arena)
    assert next((out / "recording.zarr").rglob("zarr.json")).stat().st_ino == made
    assert not (out / ".unfinished").exists()


def test_a_rebuilt_report_says_the_same_and_computes_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ANALYSES", ())
    before, manifest = content_of(run), json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for file in (run / "report.html", *(run / "figures").iterdir(), *(run / "movies").iterdir()):
        file.unlink()
    again = rebuild_report(run)
    after = content_of(run)
    assert {*after} == {*before}
    same = ("results/", "recording.zarr/", "figures/", "movies/")
    # Names are compared, not contents: a failing comparison of megabytes would take pytest minutes to explain.
    changed = [name for name in before if name.startswith(same) and after[name] != before[name]]
    assert [name for name in changed if not name.endswith(".mp4")] == []
    # H.264's encoder does not give the same bytes twice for the same frames, but nearly as many.
    for name in changed:
        assert len(after[name]) == pytest.approx(len(before[name]), rel=0.02)
    assert [each["path"] for each in again.manifest["products"]] == [each["path"] for each in manifest["products"]]


def test_a_directory_without_a_run_cannot_be_rebuilt(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        rebuild_report(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"frames": 0}, "frames"),
        ({"seed": -1}, "seed"),
        ({"method": "magic"}, "'magic'"),
        ({"responses": ("telepathy",)}, "'telepathy'"),
        ({"dataset": "mnist"}, "'mnist'"),
        ({"agent": "nobody"}, "'nobody'"),
        ({"arena": "nowhere"}, "'nowhere'"),
        ({"arena": None}, "arena"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(
    wrong: dict[str, object], named: str, agent: Agent, arena: ArenaArchive, tmp_path: Path
) -> None:
    arguments = {"agent": agent, "frames": FRAMES, "arena": arena, **wrong}
    with pytest.raises(UserError, match=named):
        analyze(out=tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(agent: Agent, arena: ArenaArchive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"file: cannot be written .*; choose another directory"):
        analyze(agent, out=tmp_path / "file", frames=FRAMES, arena=arena)
    assert (tmp_path / "file").read_text() == "mine"


def test_options_that_do_not_concern_a_result_do_not_have_it_computed_anew() -> None:
    by_name = {each.name: each for each in registry.ANALYSES}

    def key(name: str, **chosen: Any) -> str:
        return result_key(by_name[name], registry.Options(**chosen), {"seed": 0})

    assert key("embedding") == key("embedding", movie_frames=7, raster_order="euclidean", progress=True)
    assert key("activation_movies") != key("activation_movies", movie_frames=7)
    assert key("raster") != key("raster", raster_order="euclidean")
    assert key("raster") != key("raster", seed=1)
    assert len({key(name) for name in by_name}) == len(by_name)
