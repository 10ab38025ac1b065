"""What every test starts from: one thread, no window, and a cache of built arenas that is thrown away at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive

# Before torch and matplotlib are imported; processes that tests start inherit them.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"


pytest_plugins = ["tests.runs", "tests.quick", "tests.warm", "tests.order", "tests.installing"]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(
        config, "workerinput"
    ):  # the workers of pytest-xdist share the folder of the process that starts them
        os.environ["RETINOSCOPE_CACHE"] = tempfile.mkdtemp(prefix="retinoscope-test-cache-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("RETINOSCOPE_CACHE"), ignore_errors=True)


@pytest.fixture(scope="session")
def small_recording_arena(tmp_path_factory: pytest.TempPathFactory) -> ArenaArchive:
    """Where the small recording is made."""
    from tests.rollouts.recordings import small_arena

    return small_arena(tmp_path_factory.mktemp("arena"))


@pytest.fixture(scope="session")
def small_recording(
    engine: None,
    small_recording_arena: ArenaArchive,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Recording:
    """Three environments of 100 decisions of `small_agent()`, in stored blocks of 16 steps."""
    from retinoscope.rollouts import open_recording, record
    from tests.rollouts.recordings import SEED, small_agent
    from tests.sharing import made_once

    def make(folder: Path) -> None:
        settings = {"frames": 298, "seed": SEED, "environments": 3, "block_frames": 96}
        record(small_agent(), small_recording_arena, out=folder / "small.zarr", **settings)

    return open_recording(made_once(pytestconfig, tmp_path_factory, "recordings", make) / "small.zarr")
