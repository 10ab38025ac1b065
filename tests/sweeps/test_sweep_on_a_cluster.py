"""A sweep on a cluster, killed at five moments: its table comes to be that of one that nothing interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import retinoscope
from tests.rollouts.recordings import descendants
from tests.scale.clusters import Cluster, running_cluster

ROOT = Path(__file__).parents[2]
KILLED = ("worker", "run", "command", "scheduler", "command")
"""Who is killed, each as soon as a stage of a run has begun after the one before."""


def began(folder: Path) -> int:
    """Stages of runs that have begun, by what these left."""
    try:
        return len((folder / "stages.txt").read_text().splitlines())
    except OSError:
        return 0


def victim(who: str, cluster: Cluster, command: subprocess.Popen[bytes]) -> int:
    if who in ("command", "scheduler"):
        return {"command": command, "scheduler": cluster.scheduler}[who].pid
    workers = descendants(cluster.nanny.pid)
    listing = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    is_child = {int(line.split()[0]): "retinoscope.scale.child" in line for line in listing.splitlines()}
    runs = [each for each in workers if is_child.get(each)]
    if who == "run":
        return runs[-1]
    parents = {each for each in workers if set(descendants(each)) & set(runs) and not is_child.get(each)}
    return min(parents)


def test_killed_at_five_moments_it_comes_to_the_same_table(pretending, uninterrupted, tmp_path):
    pytest.importorskip("distributed")
    plan, out = uninterrupted.directory.parent / "plan.yaml", tmp_path / "out"
    killed: list[str] = []
    command: subprocess.Popen[bytes] | None = None
    cluster: Cluster | None = None
    with ExitStack() as clusters:
        for number, who in enumerate(KILLED):
            if cluster is None:
                folder = tmp_path / f"cluster-{number}"
                folder.mkdir()
                cluster = clusters.enter_context(running_cluster(folder))
            before = began(out)
            command = command or started(plan, out, cluster)
            deadline = time.monotonic() + 600
            while command.poll() is None and began(out) == before and time.monotonic() < deadline:
                time.sleep(0.02)
            if command.poll() is not None or began(out) == before:
                break
            os.kill(victim(who, cluster, command), signal.SIGKILL)
            killed.append(who)
            if who in ("command", "scheduler"):
                command.wait(300)
                command = None
            if who == "scheduler":
                clusters.close()
                cluster = None
        assert killed == list(KILLED) and cluster is not None
        found = retinoscope.sweep(plan, out, cluster=cluster.address)
    assert found.rows == uninterrupted.rows and not found.failed
    for name in ("table.csv", "table.json"):
        assert (out / name).read_bytes() == (uninterrupted.directory / name).read_bytes()


def started(plan: Path, out: Path, cluster: Cluster) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.sweeps.pretended", str(plan), str(out), "0.8", cluster.address]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
