"""Commands and page in worlds that are no arenas: what is there comes from the declaration, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.rollouts.evaluation import summarise
from retinoscope.workflows import AnalysisRun, analyze, rebuild_report
from retinoscope.workflows.watch import watch
from retinoscope.worlds.declaration import Declaration
from tests.page.test_html import Page
from tests.test_house_rules import OF_ONE_GAME
from tests.worlds.grid import Grid
from tests.worlds.grid_agents import agent_in, grid_world

ONLY = "simulation,raster,burn_in,event_triggered,decoding,episode_attribution,training_progress"
FRAMES = 60
CODE = """
    from tests.worlds.grid_agents import agent_in, grid_world


    def world():
        return grid_world()


    def agent():
        return agent_in(grid_world())


    def stray():
        import dataclasses

        return dataclasses.replace(agent(), world=None)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> AnalysisRun:
    agent = agent_in(grid_world(), name="walker")
    noted = dataclasses.replace(agent, policy=agent.policy)
    noted.policy.notes = ("No gradient reaches <the> pixels.",)
    return analyze(noted, out=tmp_path_factory.mktemp("run") / "out", frames=FRAMES, only=ONLY)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's file with a world and agents, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(textwrap.dedent(CODE), encoding="utf-8")
    return tmp_path


def text_of(run: AnalysisRun) -> str:
    return " ".join(Page(run.report.read_text(encoding="utf-8")).text.split())


def test_the_page_says_what_the_world_declares_and_nothing_of_arenas(run: AnalysisRun) -> None:
    text = text_of(run)
    assert "walker in grid" in text and "20 × 20 pixels" in text
    assert "no time of its own" in text and "terminated means that the goal was reached" in text
    assert "goal ▲ good" in text and "trap ▽ bad" in text and "Cell What it does to the agent" in text
    assert "square square: row, column cells" in text and "distance distance none" in text
    assert "No gradient reaches <the> pixels." in text
    assert OF_ONE_GAME.findall(text) == []


def test_the_manifest_holds_the_declaration(run: AnalysisRun) -> None:
    world = run.manifest["world"]
    declared = Declaration.from_json(world["declaration"])
    assert declared == grid_world().declaration
    assert (world["name"], world["sha256"]) == ("grid", declared.sha256)
    assert run.manifest["identity"]["world_sha256"] == declared.sha256


def test_what_cannot_be_made_says_why_in_its_place(run: AnalysisRun) -> None:
    omitted = run.manifest["omitted"]
    assert omitted["decoding"] == "world 'grid': has no place where images could be shown"
    assert "is no checkpoint of a run" in omitted["training_progress"]
    assert {"simulation", "raster"} & set(omitted) == set()
    page = run.report.read_text(encoding="utf-8")
    for name, reason in omitted.items():
        assert "\n" not in reason
        section = page[page.index(f'<section id="{name}">') :].partition("</section>")[0]
        assert reason.replace("'", "&#39;") in section


def test_it_is_gone_on_with_and_drawn_again(run: AnalysisRun) -> None:
    agent = agent_in(grid_world(), name="walker")
    again = analyze(agent, out=run.directory, frames=FRAMES, only=ONLY)
    assert again.manifest["computed"] == ["training_progress"], "the only one that is never used again"
    before = run.report.read_text(encoding="utf-8")
    assert len(rebuild_report(run.directory).report.read_text(encoding="utf-8")) == pytest.approx(len(before), rel=0.2)


def test_a_world_that_never_repeats_itself_is_said_to(tmp_path: Path) -> None:
    agent = agent_in(grid_world(repeats=False))
    made = analyze(agent, out=tmp_path / "out", frames=20, only="simulation")
    assert "this recording cannot be made a second time" in text_of(made)


def test_an_agent_without_a_world_is_told_what_to_give(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "mine.py:stray", "--out", "out"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the world it was trained in is not known" in line and "--world" in line
    assert not (code / "out").exists()


@pytest.mark.parametrize("flag", ["--world", "--arena"])
def test_worlds_of_the_user_s_own_are_named_in_the_shell(
    flag: str, code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", "mine.py:stray", flag, "mine.py:world", "--frames", "30", "--out", "grid.zarr"]) == 0
    recording = retinoscope.open("grid.zarr")
    assert recording.world == grid_world().declaration and recording.frames == 30
    assert main(["examples", "grid.zarr", flag, "mine.py:world"]) == 2
    assert "was recorded in a world already; leave --world out" in capsys.readouterr().err


def test_a_world_that_is_none_is_said_in_one_line(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, said in (("mine.py:wrld", "has no 'wrld'"), ("mine.py:agent", "is a Agent"), ("nowhere", "'nowhere'")):
        assert main(["record", "mine.py:stray", "--world", name, "--frames", "9", "--out", "x.zarr"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
    assert not (code / "x.zarr").exists()


def test_evaluation_speaks_the_words_of_the_world(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", "mine.py:agent", "--episodes", "6", "--seed", "3", "--workers", "1"]
    assert main(arguments) == 0
    table = capsys.readouterr().out
    assert OF_ONE_GAME.findall(table) == []
    named = [line.split("  ")[0] for line in table.splitlines()]
    assert {"duration", "episode_return", "good", "bad", "good_per_bad", "events goal", "events trap"} <= set(named)
    assert "survived" not in named, "the goal is no death"
    assert main([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    expected = summarise(retinoscope.evaluate(agent_in(grid_world()), episodes=6, seed=3, workers=1))
    assert printed["policies"]["agent"]["good"]["estimate"] == expected["agent"]["good"].estimate


@pytest.mark.parametrize(("actions", "greedy"), [("discrete", False), ("multi", True), ("box", False)])
def test_any_world_is_watched_in_a_movie(actions: str, greedy: bool, tmp_path: Path) -> None:
    world = grid_world(actions=actions)
    agent = agent_in(world, outputs=3 if actions == "discrete" else 4)
    path = watch(agent, frames=12, out=tmp_path / "play.mp4", greedy=greedy)
    with av.open(str(path)) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == 12


class Windowed(Grid):
    """Notes where it is shown."""

    shown: list[tuple[str | None, Grid]] = []

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.shown.append((render_mode, self))


def windowed(render_mode: str | None = None) -> Grid:
    return Windowed(render_mode, actions="shifted")


@pytest.mark.parametrize("greedy", [False, True])
def test_a_window_shows_what_the_recording_would_hold(
    greedy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    world = retinoscope.gymnasium_world(windowed, name="windowed")
    agent = agent_in(world)
    Windowed.shown.clear()
    assert watch(agent, frames=20, seed=4, greedy=greedy) is None
    ((mode, environment),) = Windowed.shown
    assert mode == "human"
    path = tmp_path / "recording.zarr"
    recording = retinoscope.record(agent, frames=20, out=path, seed=4, environments=1, greedy=greedy)
    stored = recording.rows(names=["action"])["action"].values[:, 0]
    np.testing.assert_array_equal(np.array(environment.taken) - 7, stored)


def test_without_a_window_or_a_display_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = agent_in(grid_world())
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UserError, match=re.escape("watch: there is no display for a window; write a movie with --out")):
        watch(agent, frames=3)
    monkeypatch.setenv("DISPLAY", ":0")
    with pytest.raises(UserError, match="world 'grid': has no window; give make a parameter render_mode, or write"):
        watch(agent, frames=3)


@pytest.mark.parametrize("actions", ["discrete", "box"])
def test_the_random_agent_lives_in_any_world(actions: str, tmp_path: Path) -> None:
    world = retinoscope.gymnasium_world(lambda: Grid(actions=actions), name="grid")
    agent = retinoscope.random_agent(world)
    assert isinstance(agent, Agent) and agent.world is not None
    recording = retinoscope.record(agent, frames=200, out=tmp_path / "random.zarr", environments=1)
    drawn = recording.rows(names=["action"])["action"].values
    if actions == "discrete":
        assert np.bincount(drawn[:, 0], minlength=3).min() > 40, "all are equally likely"
    else:
        assert drawn.shape == (200, 2) and drawn.min() >= -1 and drawn.max() <= 1
