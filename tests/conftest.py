"""What every test starts from: one thread, no window, and a cache of built arenas that is thrown away at the end."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

# Before torch and matplotlib are imported; processes that tests start inherit them.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(
        config, "workerinput"
    ):  # the workers of pytest-xdist share the folder of the process that starts them
        os.environ["RETINOSCOPE_CACHE"] = tempfile.mkdtemp(prefix="retinoscope-test-cache-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("RETINOSCOPE_CACHE"), ignore_errors=True)
