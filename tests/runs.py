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
    engine: None,
    agent: Agent,
    arena: ArenaArchive,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> AnalysisRun:
    """Not to be changed; copy its directory to do so."""
    from retinoscope.workflows.analysis_run import AnalysisRun, analyze
    from retinoscope.workflows.run_directory import RunDirectory
    from tests.sharing import made_once

    def make(folder: Path) -> None:
        analyze(agent, out=folder / "out", frames=FRAMES, world=arena)

    run = RunDirectory(made_once(pytestconfig, tmp_path_factory, "run", make) / "out")
    return AnalysisRun(run.path, run.report, run.manifest())


def find_chromium() -> str | None:
    """Where the browser is; None without one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


IN_THE_BROWSER = ("test_browser.py", "test_links.py")
BY_NODE = ("test_bundle.py",)


def _left_out() -> dict[str, str]:
    """Files of tests that cannot run here, and what to install; where CI decides about a change, all have to run."""
    if os.environ.get("CI"):
        return {}
    missing = {} if find_chromium() else dict.fromkeys(IN_THE_BROWSER, "chromium")
    return missing | ({} if shutil.which("npm") else dict.fromkeys(BY_NODE, "node and npm"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need a browser or node where there is none."""
    left_out = _left_out()
    without = [item for item in items if item.path.name in left_out]
    if without:
        items[:] = [item for item in items if item not in without]
        config.hook.pytest_deselected(items=without)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    for name, what in _left_out().items():
        terminalreporter.write_line(f"{name} was left out: install {what} to run it")
