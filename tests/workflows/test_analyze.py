"""One call: everything that the manifest lists is there, and a run that fails or repeats itself loses nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from PIL import Image

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.simulation import simulation
from retinoscope.analyses.declaration import Analysis
from retinoscope.analyses.registry import analysis
from retinoscope.errors import UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import open_recording
from retinoscope.scenarios import ArenaArchive
from retinoscope.workflows import AnalysisRun, analyze, rebuild_report, running
from retinoscope.workflows.reuse import result_key
from retinoscope.workflows.run_directory import RunDirectory
from retinoscope.worlds.declaration import Declaration
from retinoscope.worlds.doom.world import declaration_of
from tests.runs import FRAMES


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, BaseException], None]:
    """Have one analysis fail."""
    really = running._call

    def fail(name: str, error: BaseException) -> None:
        def call(one: Analysis, *arguments: Any) -> Result:
            if one.name == name:
                raise error
            return really(one, *arguments)

        monkeypatch.setattr(running, "_call", call)

    return fail


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
    folders = ("recording.zarr", "explorer")  # each one product
    files = {file for file in files if not file.startswith(tuple(f"{folder}/" for folder in folders))}
    assert listed == files - {"manifest.json"} | {*folders}
    assert all((directory / folder).is_dir() for folder in folders)
    for product in manifest["products"]:
        assert {"analysis", "kind", "path", "seconds", "parameters"} <= {*product}
        assert product["seconds"] >= 0
    assert finished_run.report == directory / "index.html"


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


def test_the_manifest_says_what_agent_and_world(finished_run: AnalysisRun, agent: Agent, arena: ArenaArchive) -> None:
    manifest = finished_run.manifest
    assert manifest["identity"] == {
        "checkpoint_sha256": agent.checkpoint_sha256,
        "world_sha256": arena.sha256,
        "seed": 0,
        "frames": FRAMES,
    }
    assert manifest["agent"]["name"] == agent.name
    conv3 = next(each for each in manifest["agent"]["layers"] if each["name"] == "conv3")
    field = conv3["receptive_field"]
    assert (field["height"], field["width"], field["row_stride"], field["column_stride"]) == (29, 29, 4, 4)
    assert conv3["units"] == np.prod(conv3["shape"])
    assert manifest["world"]["name"] == "apples" and manifest["world"]["sha256"] == arena.sha256
    declared = Declaration.from_json(manifest["world"]["declaration"])
    assert declared == declaration_of(arena.scenario, arena.sha256)
    assert manifest["versions"]["numpy"] == np.__version__


def test_figures_are_large_enough_to_print(finished_run: AnalysisRun) -> None:
    for file in (finished_run.directory / "figures").glob("*.png"):
        with Image.open(file) as image:
            assert image.width >= 1100


def test_the_same_run_again_uses_its_recording(run: Path, agent: Agent, arena: ArenaArchive) -> None:
    before = {file: file.stat().st_mtime_ns for file in (run / "recording.zarr").rglob("*") if file.is_file()}
    analyze(agent, out=run, frames=FRAMES, world=arena, only="simulation")
    assert {file: file.stat().st_mtime_ns for file in (run / "recording.zarr").rglob("*") if file.is_file()} == before
    assert [file.name for file in (run / "results").iterdir()] == ["simulation.nc"], "what is no longer made is removed"


@pytest.mark.parametrize("change", [{"seed": 1}, {"frames": FRAMES + 1}, {"checkpoint": "f" * 64}])
def test_another_run_is_refused_and_nothing_touched(
    change: dict[str, int], run: Path, agent: Agent, arena: ArenaArchive
) -> None:
    before = content_of(run)
    other = dataclasses.replace(agent, checkpoint_sha256=str(change.pop("checkpoint", agent.checkpoint_sha256)))
    with pytest.raises(UserError, match="already holds results of another run; choose another directory"):
        analyze(other, out=run, world=arena, **{"frames": FRAMES, **change})
    assert content_of(run) == before


def test_a_step_that_fails_leaves_the_old_run(
    run: Path, agent: Agent, arena: ArenaArchive, failing: Callable[[str, BaseException], None]
) -> None:
    failing("receptive_fields", RuntimeError("of all things"))
    before = content_of(run)
    with pytest.raises(RuntimeError, match="of all things"):
        analyze(agent, out=run, frames=FRAMES, world=arena, layers="conv1")
    assert content_of(run) == before


def test_a_result_is_used_again_only_if_its_parameters_and_bases_are_the_same(
    run: Path, agent: Agent, arena: ArenaArchive
) -> None:
    def computed(**changes: Any) -> set[str]:
        return set(analyze(agent, out=run, frames=FRAMES, world=arena, **changes).manifest["computed"])

    before = content_of(run)
    assert computed() == set()
    for name in ("results/simulation.nc", "results/receptive_fields.nc"):
        assert content_of(run)[name] == before[name]
    assert computed(layers="conv1") == {"receptive_fields"}
    (run / "results" / "simulation.nc").write_bytes(b"damaged")
    assert computed(layers="conv1") == {"simulation"}


@pytest.mark.engine
def test_one_parameter_changed_recomputes_what_depends_on_it_and_says_so(
    tmp_path: Path, agent: Agent, arena: ArenaArchive, capfd: pytest.CaptureFixture[str]
) -> None:
    def run_with(**of_analyses: dict[str, Any]) -> dict[str, Any]:
        return analyze(
            agent,
            out=tmp_path / "out",
            frames=150,
            world=arena,
            only="raster,simulation",
            settings=of_analyses,
            progress=True,
        ).manifest

    everything = {*run_with()["computed"]}
    assert {"raster", "burn_in", "simulation"} <= everything
    of_the_raster = run_with(raster={"splits": 2})
    assert of_the_raster["computed"] == ["raster"] and {*of_the_raster["kept"]} == everything - {"raster"}
    capfd.readouterr()
    of_the_base = run_with(raster={"splits": 2}, burn_in={"windows": 40})
    assert {*of_the_base["computed"]} == {"burn_in", "raster"}
    lines = capfd.readouterr().err.splitlines()
    assert "retinoscope: kept simulation" in lines
    assert "retinoscope: started burn_in" in lines
    said = [line for line in lines if line.startswith("retinoscope: computed: ")]
    assert (
        len(said) == 1 and "burn_in" in said[0].partition("kept:")[0] and "simulation" in said[0].partition("kept:")[2]
    )


@pytest.mark.engine
def test_a_first_run_that_fails_keeps_only_the_recording_and_goes_on_with_it(
    tmp_path: Path, agent: Agent, arena: ArenaArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(running, "_call", fail)
        with pytest.raises(KeyboardInterrupt):
            analyze(agent, out=out, frames=20, world=arena)
    assert [each.name for each in out.iterdir()] == [".unfinished"]
    made = next((out / ".unfinished" / "recording.zarr").rglob("zarr.json")).stat().st_ino
    analyze(agent, out=out, frames=20, world=arena)
    assert next((out / "recording.zarr").rglob("zarr.json")).stat().st_ino == made
    assert not (out / ".unfinished").exists()


def test_a_rebuilt_report_says_the_same_and_computes_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_call", lambda *_: pytest.fail("computed anew"))
    before, manifest = content_of(run), json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for file in (run / "index.html", *(run / "figures").iterdir(), *(run / "movies").iterdir()):
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


@pytest.mark.parametrize("how", ["rebuilt", "gone on with"])
def test_a_page_of_the_version_before_makes_room(how: str, run: Path, agent: Agent, arena: ArenaArchive) -> None:
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    old = [each for each in manifest["products"] if each["analysis"] != "report"]
    old.append({"analysis": "report", "kind": "report", "path": "report.html", "seconds": 0.1, "parameters": {}})
    for name in ("index.html", "page.css", "page.js"):
        (run / name).unlink()
    (run / "report.html").write_text("of before", encoding="utf-8")
    (run / "manifest.json").write_text(json.dumps(manifest | {"products": old}), encoding="utf-8")
    assert RunDirectory(run).report == run / "report.html"
    again = (
        rebuild_report(run, single_file=True)
        if how == "rebuilt"
        else analyze(agent, out=run, frames=FRAMES, world=arena, single_file=True)
    )
    assert again.report == run / "index.html" and again.report.is_file()
    assert {each.name for each in run.glob("*.html")} == {"index.html", "single-file.html"}
    if how == "rebuilt":
        rebuild_report(run)
        assert (run / "single-file.html").is_file(), "what is there is made again"


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
        ({"only": "rster"}, "did you mean 'raster'"),
        ({"only": "raster", "responses": "behaviour"}, "leave responses out"),
        ({"dataset": "mnist"}, "no part of this run; add --responses images"),
        ({"settings": {"raster": {"order": "magic"}}, "only": "raster"}, "choose from cosine, euclidean or rastermap"),
        ({"settings": {"raster": {"ordr": "cosine"}}, "only": "raster"}, "did you mean 'order'"),
        ({"settings": {"raster": {"splits": 2}}}, "no part of this run; add --responses behaviour or --only raster"),
        (
            {"raster_order": "cosine", "settings": {"raster": {"order": "cosine"}}, "only": "raster"},
            "give one of the two",
        ),
        ({"rastr_order": "cosine"}, "did you mean 'raster_order'"),
        ({"agent": "nobody"}, "'nobody'"),
        ({"world": "nowhere"}, "'nowhere'"),
        ({"world": None}, "is not known; name an arena, or file.py:name .* with --world"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(
    wrong: dict[str, object], named: str, agent: Agent, arena: ArenaArchive, tmp_path: Path
) -> None:
    arguments = {"agent": agent, "frames": FRAMES, "world": arena, **wrong}
    with pytest.raises(UserError, match=named):
        analyze(out=tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(agent: Agent, arena: ArenaArchive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"file: cannot be written .*; choose another directory"):
        analyze(agent, out=tmp_path / "file", frames=FRAMES, world=arena)
    assert (tmp_path / "file").read_text() == "mine"


def test_the_key_of_a_result_knows_its_parameters_its_bases_and_the_run() -> None:
    raster = analysis("raster")

    def key(bases: dict[str, str] | None = None, seed: int = 0, **chosen: Any) -> str:
        return result_key(raster, raster.parameters(**chosen), bases or {"burn_in": "1"}, {"seed": seed})

    assert key() == key()
    others = {key(order="euclidean"), key(bases={"burn_in": "2"}), key(seed=1), key(splits=2)}
    assert len(others | {key()}) == 5
    burn_in = analysis("burn_in")
    assert result_key(burn_in, burn_in.parameters(), {"burn_in": "1"}, {"seed": 0}) != key()


@pytest.mark.parametrize("name", ["set.npz", "pets/cat/a.png"])
def test_what_lies_at_a_path_counts_and_not_the_path_alone(name: str, tmp_path: Path) -> None:
    shown, path = analysis("shown_images"), tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = str(path if path.suffix == ".npz" else tmp_path / "pets")

    def key() -> str:
        return result_key(shown, shown.parameters(dataset=dataset), {}, {"seed": 0})

    keys = [key()]
    for content in (b"one", b"two"):
        path.write_bytes(content)
        keys.append(key())
        assert key() == keys[-1]
    path.rename(path.with_name("b.png"))
    assert len({*keys, key()}) == (3 if path.suffix == ".npz" else 4)
