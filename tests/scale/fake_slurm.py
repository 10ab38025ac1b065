"""`sbatch`, `squeue` and `scancel` whose jobs are processes of this machine, for tests where there is no SLURM."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_PROGRAM = """#!{python} -IS
import os, pathlib, signal, subprocess, sys
here = pathlib.Path({here!r})

def is_running(job):
    try:
        return pathlib.Path("/proc", job, "stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False

name = pathlib.Path(sys.argv[0]).name
if name == "sbatch":
    if (here / "refused").exists():
        sys.exit((here / "refused").read_text())
    script = sys.stdin.read()
    with (here / "log").open("ab") as log:
        start = 'export SLURM_JOB_ID=$$; exec bash -c "$0"'
        job = subprocess.Popen(
            ["bash", "-c", start, script], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    (here / "jobs" / str(job.pid)).write_text(script)
    print(job.pid)
elif name == "squeue":
    print(*(each.name for each in (here / "jobs").iterdir() if is_running(each.name)), sep="\\n")
else:
    for job in filter(is_running, sys.argv[1:]):
        os.killpg(int(job), signal.SIGTERM)
"""


class FakeSlurm:
    """One whose programs lie in `folder/bin`.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.programs, self._refused, self._jobs = folder / "bin", folder / "refused", folder / "jobs"
        self.programs.mkdir()
        self._jobs.mkdir()
        for name in ("sbatch", "squeue", "scancel"):
            program = self.programs / name
            program.write_text(_PROGRAM.format(python=sys.executable, here=str(folder)))
            program.chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with its programs."""
        return os.pathsep.join((str(self.programs), os.environ["PATH"]))

    def refuse(self, why: str) -> None:
        """From now on, every job."""
        self._refused.write_text(why)

    @property
    def submitted(self) -> list[int]:
        """Numbers of all jobs there ever were; each is that of a process group."""
        return [int(each.name) for each in self._jobs.iterdir()]

    def left(self) -> list[int]:
        """Jobs of which a process still runs some seconds from now."""
        left = self.submitted
        deadline = time.monotonic() + 20
        while (left := [job for job in left if _has_processes(job)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left


def _has_processes(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(") ")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state != "Z":
            return True
    return False
