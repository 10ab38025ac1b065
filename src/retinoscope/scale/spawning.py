"""Starting processes of ours from whatever script or notebook the user runs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from retinoscope.errors import UserError


@contextmanager
def process_pool(workers: int | None) -> Iterator[ProcessPoolExecutor]:
    """Processes for independent tasks; hand these over within `nothing_to_import_again`.

    They end with the process that started them, however that ends. When the block is left, tasks that have not begun
    are dropped. On Linux the libraries are loaded once, by a process that the workers of this and of later pools are
    forked from: it computes nothing, so that no threads are copied in an unknown state, and ends with this one.

    Args:
        workers: how many; None for one per core.

    Raises:
        UserError: there are fewer than one.
    """
    require_some(workers)
    pool = ProcessPoolExecutor(
        workers or os.cpu_count() or 1,
        mp_context=_context(),
        initializer=_begin,
        initargs=(dict(os.environ),),
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def require_some(workers: int | None) -> None:
    """Raise UserError if there are fewer than one."""
    if workers is not None and workers < 1:
        raise UserError(f"workers: {workers} is too few; give at least 1")


def _context() -> multiprocessing.context.BaseContext:
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["retinoscope.rollouts.evaluation"])
    return context


def _begin(variables: dict[str, str]) -> None:
    """In a worker: the variables of the environment are those of now, not of when the libraries were loaded."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what it is forked from may ignore it
    os.environ.clear()
    os.environ.update(variables)
    end_with_parent()


def end_with_parent() -> None:
    """Have this process end when the one that started it does, however that ends; a process of the user's stays.

    A worker of a killed process would otherwise wait for its next task for ever, and hold its memory.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """SIGTERM, by which schedulers end jobs, ends what is done in the `with` block as Ctrl-C does.

    By itself it would end this process and leave those it started running. A second one, while what was done is being
    saved, changes nothing: who has no more patience sends SIGKILL.
    """
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handlers
        yield
        return

    def interrupt(number: int, _frame: types.FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def termination_ignored() -> Iterator[None]:
    """What is started in the `with` block ignores SIGTERM, and so does what that starts.

    SLURM sends it to every process of a job's step; those that others tell when to end have to wait for that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def nothing_to_import_again() -> Iterator[None]:
    """Have a spawned process not run the user's script again, as it otherwise would to find what the script defines.

    Ours needs nothing of it, and a script without the `if __name__ == "__main__"` guard could not record at all.
    """
    forget_what_opencv_left()
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def forget_what_opencv_left() -> None:
    """Take OpenCV's folder from where modules are looked for, so that processes started from here find Python's own.

    Gymnasium tries to import OpenCV. Where that fails, as it does without `libGL.so.1` on machines without a screen,
    the folder stays in front, and every process that is started takes OpenCV's `typing` for Python's, and dies of it.
    """
    sys.path[:] = [folder for folder in sys.path if not _is_opencv(Path(folder))]


def _is_opencv(folder: Path) -> bool:
    return folder.name == "cv2" and (folder / "typing" / "__init__.py").exists()
