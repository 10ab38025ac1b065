"""What `-m "not engine"` leaves out, and that nothing else starts the game engine or a training."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
PLACES = ("rollouts/*", "training/*", "worlds/test_doom_*")
"""All tests in these need the engine, but for the files below."""
WITHOUT = (
    "rollouts/test_array_recording.py",
    "rollouts/test_intervention_anywhere.py",
    "rollouts/test_join.py",
    "rollouts/test_store.py",
    "training/test_config.py",
    "worlds/test_doom_pixels.py",
)


@pytest.fixture(scope="session")
def engine() -> None:
    """Asked for by every fixture that plays or trains: whatever uses one, also by way of others, is left out."""


def pytest_configure(config: pytest.Config) -> None:
    if is_quick(config):
        os.environ["PYTHONPATH"] = python_path(ROOT / "without_engine")
        from tests.without_engine import sitecustomize

        sitecustomize.install()


def python_path(*first: Path) -> str:
    """The folders, and then those of this process: so that what refuses the engine goes to the processes it starts."""
    return os.pathsep.join([*map(str, first), *filter(None, [os.environ.get("PYTHONPATH")])])


def is_quick(config: pytest.Config) -> bool:
    return "not engine" in (config.option.markexpr or "")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if needs_engine(item):
            item.add_marker("engine")


def needs_engine(item: pytest.Item) -> bool:
    if "engine" in getattr(item, "fixturenames", ()):
        return True
    if not item.path.is_relative_to(ROOT):
        return False
    place = item.path.relative_to(ROOT).as_posix()
    return place not in WITHOUT and any(fnmatch.fnmatch(place, each) for each in PLACES)
