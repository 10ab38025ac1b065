"""One writer at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retinoscope.errors import UserError


class Occupied(UserError):
    """Another process is at work there."""


@contextmanager
def only_writer(directory: Path, doing: str = "recording") -> Iterator[None]:
    """Hold the directory's lock, which the operating system releases however this process ends.

    Args:
        directory: what is written to.
        doing: what is done there, for whoever comes second.

    Raises:
        Occupied: another process holds it.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Occupied(
                f"{directory}: another process is {doing} there; wait for it or choose another path"
            ) from None
        yield
    finally:
        os.close(descriptor)
