"""What takes long is made once for all processes that run tests side by side."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(
    config: pytest.Config, factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """A folder of this process, as `make` fills it; the first process that asks fills it, the others get copies.

    Args:
        config: of this process.
        factory: likewise.
        name: of the folder, the same for all.
        make: fills the folder it is given, which must not matter to what is in it.
    """
    mine = factory.mktemp(name)
    worker = getattr(config, "workerinput", None)  # of pytest-xdist
    if worker is None:
        make(mine)
        return mine
    shared = factory.getbasetemp().parent / f"made-once-{worker['testrunuid']}"
    shared.mkdir(exist_ok=True)
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / name).exists():
            begun = shared / f"{name}.begun"
            shutil.rmtree(begun, ignore_errors=True)
            begun.mkdir()
            make(begun)
            begun.rename(shared / name)
    shutil.copytree(shared / name, mine, dirs_exist_ok=True)
    return mine
