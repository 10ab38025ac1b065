"""A cluster of Dask as an Executor of `concurrent.futures`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import yaml

from retinoscope.errors import UserError, said
from retinoscope.scale.own_process import in_own_process, versions_here
from retinoscope.scale.packing import packed, unpacked
from retinoscope.settings import nearest

_SECONDS_TO_ANSWER = 10
_ADDRESSES = ("tcp://", "tls://", "ucx://")
_JOBS = "jobs"
"""The one entry of a file about a SLURM cluster that is ours: how many jobs to ask for."""


class ClusterExecutor(Executor):
    """Tasks on the workers of a cluster, each in a process of its own there.

    What is submitted is pickled with cloudpickle, so that functions of scripts and notebooks can be.

    Args:
        client: a `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        # A task that is the same as another is another one all the same: it may write.
        self._tasks = client.get_executor(pure=False)

    @property
    def workers(self) -> int:
        """Tasks that the cluster works on at a time, as far as it is there yet."""
        return sum(self._client.nthreads().values())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `Executor.submit`."""
        task = packed((fn, args, kwargs))
        return _unpacked(self._tasks.submit(in_own_process, task, versions_here()))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As `Executor.shutdown`."""
        self._tasks.shutdown(wait and not cancel_futures)


@contextmanager
def connected(where: str) -> Iterator[ClusterExecutor]:
    """A cluster, for the `with` block.

    Whoever can reach its scheduler can run any code there, and it here: give the address of one that is trusted.

    Args:
        where: the address of a scheduler (`tcp://host:8786`), or `slurm:FILE.yaml`, a file with the arguments of
            `dask_jobqueue.SLURMCluster` and `jobs`, how many of them to ask for.

    Raises:
        UserError: it cannot be reached or started, the file is wrong, or `distributed` is not installed.
    """
    if not where.startswith((*_ADDRESSES, "slurm:")):
        raise UserError(
            f"cluster {where!r}: is no address; give tcp://HOST:PORT of a Dask scheduler, or slurm:FILE.yaml"
        )
    distributed = _installed("distributed")
    with _slurm(where) if where.startswith("slurm:") else nullcontext(where) as target:
        try:
            client = distributed.Client(target, timeout=_SECONDS_TO_ANSWER, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(
                f"cluster {where!r}: cannot be reached ({said(error)}); start a scheduler there, or leave --cluster out"
            ) from None
        with client:
            tasks = ClusterExecutor(client)
            try:
                yield tasks
            finally:
                tasks.shutdown(cancel_futures=True)


@contextmanager
def _slurm(where: str) -> Iterator[Any]:
    path = Path(where.removeprefix("slurm:"))
    settings = _settings_of(path)
    jobs = settings.pop(_JOBS)
    kind = _installed("dask_jobqueue").SLURMCluster
    known = _arguments_of(kind, kind.job_cls)
    for name in settings:
        if name not in known:
            raise UserError(f"{path}: there is no {name!r} for a SLURM cluster; {nearest(name, sorted(known))}")
    try:
        cluster = kind(**settings)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {said(error)}; give the arguments of dask_jobqueue.SLURMCluster") from None
    with cluster:
        cluster.scale(jobs=jobs)
        yield cluster


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
    if not isinstance(settings, dict) or not isinstance(settings.get(_JOBS), int) or settings[_JOBS] < 1:
        raise UserError(f"{path}: does not say how many jobs to ask for; add, say, `jobs: 8`")
    return {str(name): value for name, value in settings.items()}


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"cluster: needs {name}, which is not installed; pip install 'retinoscope[scale]'") from None


def _unpacked(sent: Future[bytes]) -> Future[Any]:
    """What a task returns, or raises, of the bytes in which it came."""
    future: Future[Any] = Future()
    future.add_done_callback(lambda ours: sent.cancel() if ours.cancelled() else None)

    def settle(done: Future[bytes]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        error = RuntimeError("it was dropped") if done.cancelled() else done.exception()
        if isinstance(error, ImportError):
            future.set_exception(UserError(f"cluster: its workers lack what is here ({said(error)}); install the same"))
        elif error is not None:
            future.set_exception(RuntimeError(f"a task failed on the cluster: {said(error)}"))
        else:
            is_well, value = unpacked(done.result())
            future.set_result(value) if is_well else future.set_exception(value)

    sent.add_done_callback(settle)
    return future
