"""On a worker of a cluster: each task in a process beside the worker, which ends with it and whose end it survives.

A worker is stopped, restarted and moved by its scheduler, and may run no child of `multiprocessing`. A game engine or a
network that ends badly takes its own process along and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

from retinoscope.scale.packing import packed, unpacked
from retinoscope.versions import versions

_LENGTH = struct.Struct(">Q")
_TRIES = 2  # of a task whose process ends under it, as that of a recording may, which then goes on

_here = threading.local()
_new: set[subprocess.Popen[bytes]] = set()  # those of `in_new_process`


def versions_here() -> dict[str, str]:
    """Of what has to be the same where tasks are given and where they are done."""
    found = versions("retinoscope", "numpy", "torch")
    return found | {"python": found["python"].rpartition(".")[0]}


def in_own_process(task: bytes, wanted: dict[str, str]) -> bytes:
    """Have the process of this thread do a task.

    Args:
        task: (function, arguments, named arguments), pickled.
        wanted: `versions_here` of whoever gives the task.

    Returns:
        Pickled: whether it went well, and what it returned or raised.

    Raises:
        ImportError: the versions differ.
        RuntimeError: the process ended, twice.
    """
    if (here := versions_here()) != wanted:
        raise ImportError(f"{here} on the worker, {wanted} where the task comes from")
    for _ in range(_TRIES):
        child = getattr(_here, "child", None)
        if child is None or child.poll() is not None:
            child = _here.child = _started()
        answer = _asked(child, task)
        if answer is not None:
            return answer
        status = _ended(child)
    raise RuntimeError(f"the process of a task ended by itself (status {status}), twice; its worker's log says more")


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process that is started for it and ended behind it, and that ends when this one does.

    Raises:
        RuntimeError: the process ended by itself.
        Exception: what the function raises.
    """
    child = _started()
    _new.add(child)
    try:
        answer = _asked(child, packed((function, arguments, {})))
    finally:
        _new.discard(child)
        status = _ended(child)
    if answer is None:
        raise RuntimeError(f"its process ended by itself (status {status})")
    is_well, value = unpacked(answer)
    if not is_well:
        raise value
    return value


def interrupt_new_processes() -> None:
    """Have what goes on in `in_new_process` save what it can and end (SIGTERM)."""
    for child in tuple(_new):
        child.terminate()


def send(stream: IO[bytes], message: bytes) -> None:
    """Write one message."""
    stream.write(_LENGTH.pack(len(message)) + message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one message; None at the end of the stream, or in the midst of one."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    message = stream.read(length)
    return message if len(message) == length else None


def _asked(child: subprocess.Popen[bytes], task: bytes) -> bytes | None:
    """The answer of a process to a task; None if it ended under it."""
    assert child.stdin is not None and child.stdout is not None
    try:
        send(child.stdin, task)
        return receive(child.stdout)
    except BrokenPipeError:
        return None


def _ended(child: subprocess.Popen[bytes]) -> int:
    """End a process; its status."""
    child.kill()
    for stream in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            stream.close()  # type: ignore[union-attr]
    return child.wait()


def _started() -> subprocess.Popen[bytes]:
    one_thread = {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "retinoscope.scale.child"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**one_thread, **os.environ}, start_new_session=True
    )
