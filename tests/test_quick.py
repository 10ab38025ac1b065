"""`make test-quick` leaves out what needs the engine, and a test that starts it without saying so fails there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

def test_in_this_process():
    from retinoscope.worlds.doom.environment import GatheringEnvironment
    GatheringEnvironment("apples").reset(seed=0)

def test_in_processes_of_ours(tmp_path):
    import retinoscope
    retinoscope.record(retinoscope.load_agent("apples"), frames=5, out=tmp_path / "a.zarr")

def test_training(tmp_path):
    from retinoscope.training import train
    train("apples", tmp_path / "run")

@pytest.mark.engine
def test_that_says_so():
    raise AssertionError

@pytest.fixture
def played(engine):
    raise AssertionError

@pytest.fixture
def seen_again(played):
    raise AssertionError

def test_of_what_was_played(seen_again):
    raise AssertionError

def test_that_plays_nothing():
    pass
"""


@pytest.mark.engine
def test_what_starts_the_engine_without_saying_so_fails_in_quick_mode(tmp_path: Path) -> None:
    (tmp_path / "test_these.py").write_text(TESTS)
    quick = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.quick", "-m", "not engine", "-rA"]
    done = subprocess.run(
        [*quick, "--rootdir", str(tmp_path), "-c", "/dev/null", str(tmp_path / "test_these.py")],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    outcomes = {
        line.split("::")[1].split()[0]: line.split()[0]
        for line in done.stdout.splitlines()
        if line.startswith(("PASSED", "FAILED"))
    }
    assert outcomes == {
        "test_in_this_process": "FAILED",
        "test_in_processes_of_ours": "FAILED",
        "test_training": "FAILED",
        "test_that_plays_nothing": "PASSED",
    }, done.stdout
    assert "2 deselected" in done.stdout
    assert done.stdout.count("mark the test: @pytest.mark.engine") >= 3
