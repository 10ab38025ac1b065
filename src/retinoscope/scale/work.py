"""Sharing out work, behind the interface of `concurrent.futures`: the same code here, in processes and on a cluster.

What is shared out never depends on how many share it: the pieces are layers, frames, parts or runs, and what they
return is put together in their order. So the result is that of one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from retinoscope.errors import UserError
from retinoscope.scale.spawning import nothing_to_import_again, process_pool, require_some

Piece = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function that can be pickled, and its arguments."""

_AT_WORK: ContextVar[Executor | None] = ContextVar("retinoscope_at_work", default=None)


@contextmanager
def computing_on(workers: int | None = None, cluster: str | None = None) -> Iterator[None]:
    """Have what is shared out inside the `with` block be done by workers.

    Args:
        workers: processes of this machine; None for no others than each analysis has by itself.
        cluster: a cluster instead, see `scale.cluster.connected`.

    Raises:
        UserError: both are given, there are no workers, or the cluster cannot be reached.
    """
    if workers is not None and cluster is not None:
        raise UserError("workers: a cluster has its own number; leave workers or cluster out")
    with _executor(workers, cluster) as executor:
        token = _AT_WORK.set(executor or _AT_WORK.get())
        try:
            yield
        finally:
            _AT_WORK.reset(token)


@contextmanager
def executor(workers: int | None = None) -> Iterator[Executor]:
    """Those at work as `computing_on` says, else processes of this machine for the `with` block.

    Args:
        workers: how many processes, where nothing else was said; None for one per core.

    Raises:
        UserError: there are fewer than one.
    """
    require_some(workers)
    at_work = _AT_WORK.get()
    with process_pool(workers) if at_work is None else nullcontext(at_work) as chosen:
        yield chosen


def workers_at_work() -> int | None:
    """How many share what is shared out, as `computing_on` says; None where it says nothing."""
    at_work = _AT_WORK.get()
    return None if at_work is None else int(getattr(at_work, "workers", 0) or getattr(at_work, "_max_workers", 0))


def each_of(work: Sequence[Piece], workers: int | None = 1, is_bound_here: bool = False) -> Iterator[Any]:
    """What each piece of work returns, in their order.

    Args:
        work: what is to be done.
        workers: processes where `computing_on` says nothing; None for one per core, 1 for this process alone.
        is_bound_here: it needs what only this process has (a GPU) and stays in it.

    Raises:
        UserError: there are fewer than one.
    """
    require_some(workers)
    count = min(workers or os.cpu_count() or 1, len(work))
    if is_bound_here or (count <= 1 and (_AT_WORK.get() is None or len(work) < 2)):
        for function, arguments in work:
            yield function(*arguments)
        return
    with executor(count) as chosen:
        with nothing_to_import_again():
            futures = [chosen.submit(function, *arguments) for function, arguments in work]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _executor(workers: int | None, cluster: str | None) -> AbstractContextManager[Executor | None]:
    if cluster is not None:
        from retinoscope.scale.cluster import connected

        return connected(cluster)
    return nullcontext() if workers is None else process_pool(workers)
