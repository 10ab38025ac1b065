"""What `-m "not engine"` leaves out, and that nothing else starts the game engine or a training."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
FOLDERS = ("rollouts", "training")
"""All tests in these need the engine, but for the files below."""
WITHOUT = (
    "rollouts/test_store.py",
    "rollouts/test_environment_pixels.py",
    "rollouts/test_array_recording.py",
    "rollouts/test_spawning.py",
    "training/test_config.py",
)
FIXTURES = frozenset({"small_recording", "finished_run"})
"""What they stand for was played."""


def pytest_configure(config: pytest.Config) -> None:
    if is_quick(config):
        folder = str(ROOT / "without_engine")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        from tests.without_engine import sitecustomize

        sitecustomize.install()


def is_quick(config: pytest.Config) -> bool:
    return "not engine" in (config.option.markexpr or "")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if needs_engine(item):
            item.add_marker("engine")


def needs_engine(item: pytest.Item) -> bool:
    if FIXTURES & set(getattr(item, "fixturenames", ())):
        return True
    if not item.path.is_relative_to(ROOT):
        return False
    place = item.path.relative_to(ROOT)
    return place.parts[0] in FOLDERS and place.as_posix() not in WITHOUT
