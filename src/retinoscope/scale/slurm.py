"""Jobs of SLURM as the workers of a cluster of Dask: asked for, watched, and cancelled at the end."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from retinoscope.errors import UserError, said
from retinoscope.settings import nearest

_SECONDS_BETWEEN_LOOKS = 10.0
_JOBS = "jobs"
"""The one entry of a file about a SLURM cluster that is ours: how many jobs to ask for."""
_NAME_IN_SCRIPT = (
    "--name dummy-name"  # of dask_jobqueue's `job_script`, which leaves the worker's name to whoever uses it
)


class Jobs:
    """So many jobs for as long as they are needed.

    One that ends too early, because its time is over or its machine failed, is replaced. All that is asked of SLURM is
    asked by a thread, which Ctrl-C does not reach: no job is submitted whose number nobody notes.

    Args:
        script: of one job.
        count: how many.
        answered: names of the workers that did so far, each that of its job, or that and `-0`, `-1` ...
        path: the file that asks for them, for messages.
    """

    def __init__(self, script: str, count: int, answered: list[str], path: Path) -> None:
        self._script, self._count, self._names, self._path = script, count, answered, path
        self._there: list[str] = []
        self._answered: set[str] = set()
        self._silent: list[str] = []  # jobs that ended before a worker answered, since one last did
        self._submitted, self._over = threading.Event(), threading.Event()
        self._refusal: UserError | None = None
        self._give_up: Callable[[UserError], None] = lambda _error: None
        self._thread = threading.Thread(target=self._keep)

    def begin(self, give_up: Callable[[UserError], None]) -> None:
        """Submit them.

        Args:
            give_up: is told, later and by another thread, that there are no jobs left and why.

        Raises:
            UserError: SLURM refuses them, or is not there.
        """
        self._give_up = give_up
        self._thread.start()
        self._submitted.wait()
        if self._refusal is not None:
            raise self._refusal

    def end(self) -> None:
        """Cancel those that are there."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        try:
            self._submit_all()
            self._submitted.set()
            while self._refusal is None and not self._over.wait(_SECONDS_BETWEEN_LOOKS):
                self._look()
        finally:
            if self._there:
                _ask("scancel", *self._there)
            self._submitted.set()

    def _submit_all(self) -> None:
        try:
            while len(self._there) < self._count and not self._over.is_set():
                self._there.append(self._submit())
        except UserError as error:
            self._refusal = error

    def _submit(self) -> str:
        try:
            answer = _ask("sbatch", "--parsable", given=self._script)
        except OSError as error:
            raise UserError(
                f"{self._path}: sbatch cannot be run here ({error.strerror}); give the command on a machine from which "
                "jobs are submitted"
            ) from None
        number = re.search(r"^\d+", answer.stdout, re.MULTILINE)
        if answer.returncode or number is None:
            why = "; ".join(line.removeprefix("sbatch: error: ") for line in answer.stderr.strip().splitlines())
            raise UserError(f"{self._path}: SLURM takes no such job ({why or 'sbatch says not why'}); change the file")
        return number[0]

    def _look(self) -> None:
        """Replace what ended, unless none of them ever answers."""
        answered = {name.partition("-")[0] for name in tuple(self._names)}
        if answered - self._answered:
            self._silent.clear()
        self._answered |= answered
        queue = _ask("squeue", "--noheader", "--format=%i", f"--user={os.getuid()}")
        if queue.returncode:
            return  # SLURM is busy, or away for a while
        there = set(queue.stdout.split())
        self._silent += [job for job in self._there if job not in there | self._answered]
        self._there = [job for job in self._there if job in there]
        if len(self._silent) < self._count:
            self._submit_all()
        if not self._there:
            self._refusal = self._refusal or UserError(
                f"{self._path}: {len(self._silent)} SLURM jobs ended before a worker of theirs answered; read why in "
                f"slurm-{self._silent[-1]}.out, or what log_directory says, and change the file"
            )
            self._give_up(self._refusal)
        else:
            self._refusal = None


@contextmanager
def slurm_cluster(path: Path) -> Iterator[tuple[Any, Jobs, int]]:
    """A scheduler of Dask in this process, and the jobs that are to be its workers, not yet submitted.

    Args:
        path: a file with the arguments of `dask_jobqueue.SLURMCluster` and `jobs`, how many of them to ask for.

    Yields:
        The `SLURMCluster`, the jobs, and how many tasks they will do at a time.

    Raises:
        UserError: the file is wrong, or dask-jobqueue is not installed.
    """
    settings = _settings_of(path)
    count = settings.pop(_JOBS)
    kind = _jobqueue().SLURMCluster
    known = _arguments_of(kind, kind.job_cls)
    for name in settings:
        if name not in known:
            raise UserError(f"{path}: there is no {name!r} for a SLURM cluster; {nearest(name, sorted(known))}")
    try:
        # Any port for the dashboard: two commands may be given on one machine.
        options = {"dashboard_address": ":0"} | settings.pop("scheduler_options", {})
        cluster = kind(**settings, scheduler_options=options)
    except Exception as error:
        what = said(error).removesuffix(", for example:")
        raise UserError(f"{path}: {what}; give the arguments of dask_jobqueue.SLURMCluster") from None
    with cluster:
        script = cluster.job_script().replace(_NAME_IN_SCRIPT, '--name "$SLURM_JOB_ID"')
        jobs = Jobs(script, count, _those_who_answer(cluster.scheduler), path)
        try:
            yield cluster, jobs, count * int(settings.get("cores", 1))
        finally:
            jobs.end()


def _those_who_answer(scheduler: Any) -> list[str]:
    """Names of workers; it grows as these come, however soon they leave."""
    names: list[str] = []

    class Noting(installed("distributed").SchedulerPlugin):  # type: ignore[misc]
        def add_worker(self, scheduler: Any, worker: str) -> None:
            names.append(str(scheduler.workers[worker].name))

    scheduler.add_plugin(Noting())
    return names


def _ask(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, start_new_session=True, check=False)


def installed(name: str) -> Any:
    """A package of the extra `scale`.

    Raises:
        UserError: it is not there.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"cluster: needs {name}, which is not installed; pip install 'retinoscope[scale]'") from None


def _jobqueue() -> Any:
    """The package, and Ctrl-C what it was: it would end this program as if all were done, with exit code 0."""
    before = signal.getsignal(signal.SIGINT)
    try:
        package = installed("dask_jobqueue")
    except ValueError:
        raise UserError("cluster: SLURM cannot be asked by a thread; import dask_jobqueue before it starts") from None
    if threading.current_thread() is threading.main_thread() and before is not None:
        signal.signal(signal.SIGINT, before)
    return package


def _arguments_of(*kinds: type) -> set[str]:
    """Names of what their constructors take, those above them included."""
    found: set[str] = set()
    for one in (each for kind in kinds for each in kind.__mro__ if "__init__" in vars(each) and each is not object):
        parameters = inspect.signature(one.__init__).parameters.values()  # type: ignore[misc]
        found |= {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    return found - {"self"}


def _settings_of(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({said(error)})") from None
    count = settings.get(_JOBS) if isinstance(settings, dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise UserError(f"{path}: does not say how many jobs to ask for; add, say, `jobs: 8`")
    return {str(name): value for name, value in settings.items()}
