"""Pools of processes end with whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from retinoscope.errors import UserError
from retinoscope.scale.spawning import forget_what_opencv_left, nothing_to_import_again, process_pool

SCRIPT = """
import os, time
from retinoscope.scale.spawning import nothing_to_import_again, process_pool
with process_pool(2) as pool:
    with nothing_to_import_again():
        found = {pool.submit(os.getpid).result() for _ in range(20)}
        busy = pool.submit(time.sleep, 600)
    print(*found, flush=True)
    busy.result()
"""


WITH_GYMNASIUM = """
import multiprocessing, sys
import gymnasium
from retinoscope.errors import UserError
from retinoscope.scale.spawning import nothing_to_import_again
process = multiprocessing.get_context("spawn").Process(target=UserError, args=("says nothing",))
with nothing_to_import_again():
    process.start()
process.join()
sys.exit(process.exitcode)
"""


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_workers_busy_or_idle_end_with_a_killed_parent(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(each) for each in parent.stdout.readline().split()]
        assert workers and all(map(is_running, workers))
        parent.send_signal(how)
        parent.wait(timeout=20)
    for _ in range(200):
        if not any(map(is_running, workers)):
            return
        time.sleep(0.1)
    pytest.fail(f"still running: {[each for each in workers if is_running(each)]}")


def test_what_has_not_begun_is_dropped_when_the_block_is_left() -> None:
    later: list[Future[None]] = []
    with pytest.raises(KeyError), process_pool(1) as pool, nothing_to_import_again():
        pool.submit(os.getpid).result()
        later = [pool.submit(time.sleep, 0.2) for _ in range(500)]
        raise KeyError
    assert any(each.cancelled() for each in later)


def test_the_libraries_are_loaded_once_and_variables_are_those_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for value in ("first", "second"):
        monkeypatch.setenv("RETINOSCOPE_TRIED", value)
        with process_pool(1) as pool, nothing_to_import_again():
            assert pool.submit(os.getenv, "RETINOSCOPE_TRIED").result() == value
            found.append(pool.submit(os.getppid).result())
            loaded = pool.submit(eval, "'torch' in __import__('sys').modules").result()
    if sys.platform == "linux":
        assert loaded and found[0] == found[1] != os.getpid()


def test_no_workers_are_refused() -> None:
    with pytest.raises(UserError, match="workers: 0 is too few"), process_pool(0):
        pass


def test_an_opencv_that_cannot_be_imported_does_no_harm(tmp_path: Path) -> None:
    """As where `libGL.so.1` is missing: what its loader has put in front of the path stays there."""
    (tmp_path / "cv2" / "typing").mkdir(parents=True)
    (tmp_path / "cv2" / "__init__.py").write_text(
        "import pathlib, sys\nsys.path.insert(1, str(pathlib.Path(__file__).parent))\nraise ImportError('libGL.so.1')\n"
    )
    (tmp_path / "cv2" / "typing" / "__init__.py").write_text("raise ImportError('not the typing of Python')\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", WITH_GYMNASIUM], env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_of_ones_own_that_is_called_like_opencv_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "cv2"
    mine.mkdir()
    monkeypatch.setattr(sys, "path", [str(mine), *sys.path])
    forget_what_opencv_left()
    assert sys.path[0] == str(mine)
