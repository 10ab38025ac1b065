"""Jobs of SLURM as workers: replaced when they end too early, all gone at the end, and refusals in one line."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.rollouts import record
from retinoscope.scale.cluster import connected
from tests.quick import python_path
from tests.rollouts.recordings import assert_same_content
from tests.scale.fake_slurm import FakeSlurm
from tests.worlds.grid_agents import agent_in, grid_world

ROOT = Path(__file__).parents[2]
FILE = "jobs: 2\ncores: 1\nprocesses: 1\nmemory: 1GB\nqueue: normal\n"
SETTINGS = {"frames": 240, "seed": 3, "environments": 4, "batch": 1}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="where SLURM is")


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    (tmp_path / "slurm").mkdir()
    fake = FakeSlurm(tmp_path / "slurm")
    (tmp_path / "cluster.yaml").write_text(FILE)
    monkeypatch.setenv("PATH", fake.path)
    monkeypatch.setenv("PYTHONPATH", python_path(ROOT / "src", ROOT))
    monkeypatch.setattr("retinoscope.scale.slurm._SECONDS_BETWEEN_LOOKS", 0.5)
    return fake


def test_parts_recorded_by_jobs_are_the_recording_of_one_process(slurm, tmp_path):
    agent = agent_in(grid_world())
    interrupt = signal.getsignal(signal.SIGINT)
    found = record(agent, out=tmp_path / "parts", cluster=f"slurm:{tmp_path}/cluster.yaml", **SETTINGS)
    assert len(list(tmp_path.glob("parts/part-*-of-2.zarr"))) == 2, "as many as the jobs have cores"
    assert_same_content(found, record(agent, out=tmp_path / "whole.zarr", workers=1, **SETTINGS))
    assert len(slurm.submitted) == 2 and slurm.left() == []
    assert signal.getsignal(signal.SIGINT) is interrupt, "dask_jobqueue takes it, and ends with exit code 0"


def ended_at_first(first: Path) -> int:
    """Its job comes to its end, the first time."""
    if not first.exists():
        first.touch()
        os.killpg(os.getpgid(os.getppid()), signal.SIGTERM)
        time.sleep(60)
    return 3


def test_a_job_that_ends_too_early_is_replaced(slurm, tmp_path):
    with connected(f"slurm:{tmp_path}/cluster.yaml") as tasks:
        assert tasks.workers == 2
        assert tasks.submit(ended_at_first, tmp_path / "first").result(60) == 3
        deadline = time.monotonic() + 30
        while len(slurm.submitted) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
    assert len(slurm.submitted) == 3 and slurm.left() == []


def always_ended() -> None:
    os.killpg(os.getpgid(os.getppid()), signal.SIGTERM)
    time.sleep(60)


def test_a_task_under_which_job_after_job_ends_fails(slurm, tmp_path):
    (tmp_path / "cluster.yaml").write_text(FILE.replace("2", "1", 1) + "scheduler_options: {allowed_failures: 1}\n")
    said = "worker after worker ended amid one task; give them more time or memory"
    with connected(f"slurm:{tmp_path}/cluster.yaml") as tasks, pytest.raises(UserError, match=said):
        tasks.submit(always_ended).result(120)
    assert slurm.left() == []


WAITING = """
import sys, time
from pathlib import Path
from retinoscope.scale.cluster import connected
with connected(sys.argv[1]) as tasks:
    tasks.submit(lambda: Path(sys.argv[2]).touch() or time.sleep(90)).result()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_job_outlives_a_command_that_is_asked_to_end(slurm, tmp_path, number):
    begun = tmp_path / "begun"
    script = WAITING.replace("sys.argv[2]", repr(str(begun)))
    command = subprocess.Popen(
        [sys.executable, "-c", script, f"slurm:{tmp_path}/cluster.yaml"],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        while not begun.exists():
            assert command.poll() is None
            time.sleep(0.1)
        command.send_signal(number)
        _, said = command.communicate(timeout=60)
    finally:
        command.kill()
    assert command.returncode == -signal.SIGINT and b"KeyboardInterrupt" in said
    assert len(slurm.submitted) == 2 and slurm.left() == []


@pytest.mark.filterwarnings("ignore:unclosed cluster:ResourceWarning")  # of dask-jobqueue, when it refuses a value
def test_what_slurm_does_not_take_is_one_line_and_leaves_nothing(slurm, tmp_path, capsys, monkeypatch):
    def complaint() -> str:
        out = tmp_path / "out"
        asked = ["record", "random", "--frames", "20", "--parts", "2", "--environments", "2", "--out", str(out)]
        assert main([*asked, "--cluster", f"slurm:{tmp_path}/cluster.yaml"]) == 2
        assert not out.exists() and slurm.left() == []
        said = capsys.readouterr().err
        assert said.count("\n") == 1, said
        return said

    (tmp_path / "cluster.yaml").write_text(FILE + f"python: {tmp_path}/none\n")
    assert re.search(r"2 SLURM jobs ended before a worker of theirs answered; read why in slurm-\d+\.out", complaint())
    slurm.refuse("sbatch: error: invalid partition specified: long\nsbatch: error: Batch job submission failed")
    assert "no such job (invalid partition specified: long; Batch job submission failed); change" in complaint()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sbatch cannot be run here (No such file or directory)" in complaint()
    for added, about in {
        "interface: eth99\n": "'eth99' is not a valid network interface",
        "memory: lots\n": "'lots' as a byte unit",
        "jobs: true\n": "how many jobs to ask for",
        "quueue: long\n": "did you mean 'queue'",
    }.items():
        (tmp_path / "cluster.yaml").write_text(FILE + added)
        assert about in complaint()
    gc.collect()


def test_a_thread_that_comes_first_is_told_why_it_cannot(slurm, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "dask_jobqueue"]:
        monkeypatch.delitem(sys.modules, name)
    found: list[BaseException] = []

    def ask() -> None:
        try:
            with connected(f"slurm:{tmp_path}/cluster.yaml"):
                pass
        except UserError as error:
            found.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert "import dask_jobqueue before it starts" in str(found[0])
