"""The whole command on small agents: what is written, what is kept, and what is refused without a trace."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.rollouts import open_recording
from retinoscope.scenarios import ArenaArchive
from retinoscope.workflows.compare import Comparison, compare
from retinoscope.workflows.compared_agents import members_of
from retinoscope.workflows.run_directory import RunDirectory
from tests.gallery import check_gallery
from tests.page.explorer.reading import read_column, read_index
from tests.rollouts.recordings import small_agent

QUICK = {"shuffles": 2, "shape_shuffles": 1, "groups": 2}
SETTINGS: dict[str, dict[str, Any]] = {
    "representations": QUICK,
    "matched_fields": {"stimuli": 16, "surrogates": 2},
    "matched_components": {"components": 2, "shuffles": 3},
    "over_training": {"shuffles": 20, "permutations": 2},
    "same_stimuli": {"stimuli": 20, "shuffles": 5},
    "shown_images": {"images": 20, "fit_images": 40, "presentation": "paste height=20 position=30x40"},
}
FRAMES = 90


def agents() -> tuple[Agent, Agent, Agent]:
    return small_agent(0), dataclasses.replace(small_agent(1), frames_trained=1000), small_agent(2)


@pytest.fixture(scope="module")
def made(engine: None, arena: ArenaArchive, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    out = tmp_path_factory.mktemp("compared") / "out"
    return compare(*agents(), out=out, frames=FRAMES, stimuli="both", world=arena, settings=SETTINGS, workers=1)


def test_the_gallery_shows_all_of_it(made: Comparison) -> None:
    for path in (made.directory / "results").glob("*.nc"):
        check_gallery(load_result(path))


def test_everything_is_made(made: Comparison) -> None:
    names = ["representations", "matched_fields", "matched_components", "over_training", "same_stimuli"]
    assert [each["name"] for each in made.manifest["analyses"]] == names
    assert made.manifest["omitted"] == {}
    for each in made.manifest["products"]:
        assert (made.directory / each["path"]).exists(), each["path"]
    page = made.report.read_text(encoding="utf-8")
    for each in made.manifest["products"]:
        if each["kind"] == "figure" and each["path"].endswith(".png"):
            assert f'src="{each["path"]}"' in page
    assert "small-0 · small-1 · small-2" in page and "default-src &#39;none&#39;" in page
    assert not (made.directory / ".unfinished").exists()


def test_the_explorer_shows_two_agents_at_one_moment(made: Comparison) -> None:
    index = read_index(made.directory / "explorer" / "data")
    shown = {each["name"]: each for each in index["panels"] if each["kind"] == "agents"}
    assert set(shown) == {"same_stimuli_frames", "same_stimuli_images"}
    agents = shown["same_stimuli_frames"]["agents"]
    assert [each["name"] for each in agents[:3]] == ["small-0", "small-1", "small-2"]
    data = load_result(made.directory / "results" / "same_stimuli.nc").data
    expected = data["probability"].values[data["kind"].values == "frames", 1]
    found = read_column(made.directory / "explorer" / "data", agents[1]["outputs"])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    tables = [each["analysis"] for each in index["panels"] if each["kind"] == "table"]
    assert set(tables) == {each["name"] for each in made.manifest["analyses"]}
    assert index["recording"]["rows"] == FRAMES
    page = made.report.read_text(encoding="utf-8")
    assert 'href="explore.html"' in page and (made.directory / "explore.html").is_file()


def test_all_are_shown_what_all_play(made: Comparison) -> None:
    recordings = [
        open_recording(made.directory / each["path"])
        for each in made.manifest["products"]
        if each["kind"] == "recording"
    ]
    assert sorted(each.attributes["agent"] for each in recordings) == ["small-0", "small-1", "small-2"]
    assert (
        made.manifest["stimuli"][0]
        == f"{sum(each.frames for each in recordings)} frames played by small-0, small-1, small-2"
    )
    data = load_result(made.directory / "results" / "representations.nc").data
    assert data["stimuli"].values.tolist() == ["frames", "images"]
    assert np.isfinite(data["cka"].sel(representation="small-0 · fc", other="small-1 · fc")).all()


def test_numbers_of_each_agent_are_those_of_what_it_played(made: Comparison) -> None:
    data = load_result(made.directory / "results" / "over_training.nc").data
    by_agent = {}
    for each in made.manifest["products"]:
        if each["kind"] == "recording":
            recording = open_recording(made.directory / each["path"])
            ended = sum(episode.terminated for episode in recording.episodes)
            by_agent[recording.attributes["agent"]] = ended / (
                recording.frames * recording.world.clock.per_decision / 60
            )
    for name, expected in by_agent.items():
        assert float(data["terminated"].sel(network=name)) == pytest.approx(expected)
    assert {"decoding_fc", "decoding_rnn", "action"} <= set(map(str, data))
    assert ((data["decoding_fc"] >= 0) & (data["decoding_fc"] <= 1)).all()


def test_the_same_again_computes_nothing(made: Comparison, arena: ArenaArchive) -> None:
    again = compare(
        *agents(), out=made.directory, frames=FRAMES, stimuli="both", world=arena, settings=SETTINGS, workers=1
    )
    assert again.manifest["computed"] == [] and len(again.manifest["kept"]) == 5
    assert again.manifest["members"] == made.manifest["members"]


def test_it_is_drawn_again_from_its_results(made: Comparison) -> None:
    figure = made.directory / "figures" / "representations.png"
    before = figure.read_bytes()
    figure.unlink()
    run = retinoscope.rebuild_report(made.directory)
    assert figure.read_bytes() == before
    assert "Retinoscope comparison" in run.report.read_text(encoding="utf-8")
    assert json.loads((made.directory / "manifest.json").read_text())["members"] == made.manifest["members"]


def test_results_of_others_are_not_replaced(made: Comparison, arena: ArenaArchive) -> None:
    with pytest.raises(UserError, match="already holds results of another run"):
        compare(*agents()[:2], out=made.directory, frames=FRAMES, world=arena)
    assert RunDirectory(made.directory).manifest()["members"] == made.manifest["members"]


def test_a_recording_of_ones_own_is_shown(made: Comparison, tmp_path: Path) -> None:
    path = next(each["path"] for each in made.manifest["products"] if each["kind"] == "recording")
    first, second = (dataclasses.replace(each, world=None, scenario=None) for each in agents()[:2])
    found = compare(
        first, second, out=tmp_path / "out", recording=made.directory / path, only=["representations"],
        settings={"representations": QUICK},
    )  # fmt: skip
    assert found.manifest["stimuli"] == [f"{open_recording(made.directory / path).frames} frames played by small-0"]
    assert not (tmp_path / "out" / "recordings").exists()


def test_checkpoints_are_named_by_how_long_they_were_trained() -> None:
    members = members_of(["digits@untrained", "digits@early", "digits", "apples"])
    assert [each.name for each in members] == ["digits untrained", "digits early", "digits final", "apples"]
    assert [each.run for each in members] == ["digits", "digits", "digits", "apples"]
    by_option = members_of(["digits", "apples@early"], "first,final")
    assert [each.name for each in by_option] == ["digits untrained", "digits final", "apples"]
    assert by_option[-1].agent.frames_trained == members_of(["apples@early", "digits"])[0].agent.frames_trained
    everyone = members_of(["digits"], "all")
    assert [each.name for each in everyone] == ["digits untrained", "digits early", "digits final"]


def test_agents_in_memory_of_one_name_are_told_apart() -> None:
    one, other = small_agent(0), dataclasses.replace(small_agent(1), name="small-0")
    assert [each.name for each in members_of([one, other])] == ["small-0 (1)", "small-0 (2)"]


def test_what_cannot_be_compared_leaves_nothing_behind(tmp_path: Path) -> None:
    first, second = agents()[:2]
    for refused in (
        {"stimuli": "sounds"},
        {"seed": -1},
        {"frames": 0},
        {"only": ["raster"]},
        {"settings": {"representations": {"groups": 1}}},
        {"settings": {"shown_images": {"images": 5}}},
        {"settings": {"representations": {"layers": ("nothing",)}}},
        {"settings": {"matched_fields": {"layers": ("nothing",)}}},
        {},  # the world of these agents is not known
    ):
        with pytest.raises(UserError) as caught:
            compare(first, second, out=tmp_path / "out", **refused)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()
