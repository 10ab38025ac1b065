"""A cluster of Dask as an Executor of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from retinoscope.errors import UserError, said
from retinoscope.scale.own_process import in_own_process, versions_here
from retinoscope.scale.packing import packed, unpacked
from retinoscope.scale.slurm import installed, slurm_cluster
from retinoscope.scale.spawning import termination_as_interrupt

_SECONDS_TO_ANSWER = 10
_ADDRESSES = ("tcp://", "tls://", "ucx://")
_SLURM = "slurm:"


class ClusterExecutor(Executor):
    """Tasks on the workers of a cluster, each in a process of its own there.

    What is submitted is pickled with cloudpickle, so that functions of scripts and notebooks can be.

    Args:
        client: a `distributed.Client`.
        expected: tasks at a time that the cluster will work on, as far as that is known.
    """

    def __init__(self, client: Any, expected: int = 0) -> None:
        self._client, self._expected = client, expected
        # A task that is the same as another is another one all the same: it may write.
        self._tasks = client.get_executor(pure=False)
        self._waiting: set[Future[bytes]] = set()
        self._error: UserError | None = None

    @property
    def workers(self) -> int:
        """Tasks that the cluster works on at a time, or will, as far as that is known."""
        return max(self._expected, sum(self._client.nthreads().values()))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `Executor.submit`."""
        if self._error is not None:
            raise self._error
        task = packed((fn, args, kwargs))
        sent: Future[bytes] = self._tasks.submit(in_own_process, task, versions_here())
        self._waiting.add(sent)
        sent.add_done_callback(self._waiting.discard)
        return self._unpacked(sent)

    def give_up(self, error: UserError) -> None:
        """Have all that is waited for, and whatever is submitted from now on, fail with an error."""
        self._error = error
        for sent in tuple(self._waiting):
            sent.cancel()

    def _unpacked(self, sent: Future[bytes]) -> Future[Any]:
        """What a task returns, or raises, of the bytes in which it came."""
        future: Future[Any] = Future()
        future.add_done_callback(lambda ours: sent.cancel() if ours.cancelled() else None)

        def settle(done: Future[bytes]) -> None:
            if not future.set_running_or_notify_cancel():
                return
            error = RuntimeError("it was dropped") if done.cancelled() else done.exception()
            if done.cancelled() and self._error is not None:
                future.set_exception(self._error)
            elif isinstance(error, ImportError):
                future.set_exception(
                    UserError(f"cluster: its workers lack what is here ({said(error)}); install the same")
                )
            elif type(error).__name__ == "KilledWorker":
                future.set_exception(
                    UserError(
                        "cluster: worker after worker ended amid one task; give them more time or memory, and the same "
                        "command again"
                    )
                )
            elif error is not None:
                future.set_exception(RuntimeError(f"a task failed on the cluster: {said(error)}"))
            else:
                is_well, value = unpacked(done.result())
                future.set_result(value) if is_well else future.set_exception(value)

        sent.add_done_callback(settle)
        return future

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
    if not where.startswith((*_ADDRESSES, _SLURM)):
        raise UserError(
            f"cluster {where!r}: is no address; give tcp://HOST:PORT of a Dask scheduler, or slurm:FILE.yaml"
        )
    distributed = installed("distributed")
    with ExitStack() as held:
        held.enter_context(termination_as_interrupt())
        target, jobs, expected = where, None, 0
        if where.startswith(_SLURM):
            target, jobs, expected = held.enter_context(slurm_cluster(Path(where.removeprefix(_SLURM))))
        try:
            client = held.enter_context(distributed.Client(target, timeout=_SECONDS_TO_ANSWER, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(
                f"cluster {where!r}: cannot be reached ({said(error)}); start a scheduler there, or leave --cluster out"
            ) from None
        tasks = ClusterExecutor(client, expected)
        if jobs is not None:
            jobs.begin(tasks.give_up)
        try:
            yield tasks
        finally:
            tasks.shutdown(cancel_futures=True)
