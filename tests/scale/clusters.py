"""A cluster of Dask on this machine, its scheduler and its workers in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from retinoscope.scale.cluster import connected
from tests.quick import python_path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cluster:
    """One that runs.

    Attributes:
        address: of its scheduler.
        scheduler: its process.
        nanny: the process that starts its workers, and starts them again when they end.
    """

    address: str
    scheduler: subprocess.Popen[bytes]
    nanny: subprocess.Popen[bytes]


@contextmanager
def running_cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A cluster for the `with` block."""
    place = str(folder / "scheduler.json")
    environment = os.environ | {"PYTHONPATH": python_path(ROOT / "src", ROOT)}

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", place]
        with (folder / f"{arguments[0]}.log").open("wb") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)

    running = [start("scheduler", "--port", "0", "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")]
    count = ("--nworkers", str(workers), "--nthreads", "1")
    running.append(start("worker", *count, "--no-dashboard", "--death-timeout", "60"))
    try:
        deadline = time.monotonic() + 120
        while not Path(place).is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        address = json.loads(Path(place).read_text())["address"]
        with connected(address) as tasks:
            while tasks.workers < workers and time.monotonic() < deadline:
                time.sleep(0.1)
            assert tasks.workers == workers
        yield Cluster(address, *running)
    finally:
        for process in reversed(running):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:  # a nanny without its scheduler
                process.kill()
                process.wait()
