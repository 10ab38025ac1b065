"""One run of all that is always made, by an untrained agent whose name is not harmless; several tests look at it."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # every test loads this file, also those that do without the engine
    from retinoscope.agents.agent import Agent
    from retinoscope.scenarios import ArenaArchive
    from retinoscope.workflows.analysis_run import AnalysisRun

NAME = "<script>alert('agent')</script> & \"co\""
FRAMES = 70


@pytest.fixture(scope="session")
def agent() -> Agent:
    from tests.rollouts.recordings import small_agent

    training = {"frames": 3e7, "network": {"encoder": "lindsey", "<b>": "</td>"}, "notes": "</style><script>"}
    return dataclasses.replace(small_agent(), name=NAME, frames_trained=30_000_128, training=training)


@pytest.fixture(scope="session")
def arena(tmp_path_factory: pytest.TempPathFactory) -> ArenaArchive:
    from tests.rollouts.recordings import small_arena

    return small_arena(tmp_path_factory.mktemp("arena"))


@pytest.fixture(scope="session")
def finished_run(
    engine: None, agent: Agent, arena: ArenaArchive, tmp_path_factory: pytest.TempPathFactory
) -> AnalysisRun:
    """Not to be changed; copy its directory to do so."""
    from retinoscope.workflows.analysis_run import analyze

    out: Path = tmp_path_factory.mktemp("run") / "out"
    return analyze(agent, out=out, frames=FRAMES, world=arena)


def find_chromium() -> str | None:
    """Where the browser is; None without one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests in the browser out where there is none; but where CI decides about a change, they have to run."""
    if find_chromium() or os.environ.get("CI"):
        return
    without = [item for item in items if item.path.name == "test_browser.py"]
    if without:
        items[:] = [item for item in items if item not in without]
        config.hook.pytest_deselected(items=without)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if not (find_chromium() or os.environ.get("CI")):
        terminalreporter.write_line("tests/page/test_browser.py was left out: install chromium to run it")
