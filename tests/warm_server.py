"""Run as a program: loads the libraries once, and forks itself for every command it is asked to run. See `warm.py`."""

from __future__ import annotations

import gc
import importlib
import json
import multiprocessing.process
import os
import runpy
import select
import socket
import sys
from dataclasses import dataclass
from typing import Any

LIBRARIES = (
    "torch",
    "scipy.stats",
    "scipy.optimize",
    "scipy.ndimage",
    "sklearn.decomposition",
    "sklearn.linear_model",
    "sklearn.manifold",
    "xarray",
    "zarr",
    "h5netcdf",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_pdf",
    "gymnasium",
    "vizdoom",
    "av",
    "PIL.Image",
    "pydantic",
    "typer",
    "yaml",
    "jinja2",
)


@dataclass(frozen=True)
class Asked:
    """What a client wants to be run.

    Attributes:
        arguments: of Python: `-m` and a module, or a script; and what that is called with.
        folder: in which.
        variables: of the environment.
        files: its standard input, output and errors.
        client: who is told the exit code.
    """

    arguments: list[str]
    folder: str
    variables: dict[str, str]
    files: list[int]
    client: socket.socket


def serve(address: str) -> Asked | None:
    """Answer until the standard input closes; returns in each fork what it is to run, and at the end None."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            reap()
            if listener not in ready:
                return None
            asked = receive(listener.accept()[0])
            if os.fork() == 0:
                break
            for each in (asked.client.detach(), *asked.files):
                os.close(each)
    worker = os.fork()
    if worker == 0:
        return asked
    _, status = os.waitpid(worker, 0)
    asked.client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def receive(client: socket.socket) -> Asked:
    message, files, _, _ = socket.recv_fds(client, 1, 3)
    assert message == b"." and len(files) == 3
    with client.makefile() as text:
        said: dict[str, Any] = json.loads(text.readline())
    return Asked(**said, files=files, client=client)


def reap(options: int = os.WNOHANG) -> None:
    """Take note of forks that have ended, so that their processor time counts as time of this process's children."""
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        pass


def run(asked: Asked, of_the_server: set[str]) -> None:
    """As `python ARGUMENTS` does."""
    asked.client.close()
    for number, file in enumerate(asked.files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked.folder)
    multiprocessing.process.ORIGINAL_DIR = asked.folder
    os.environ.clear()
    os.environ.update(asked.variables)
    for name in [each for each in sys.modules if each.partition(".")[0] == "retinoscope"]:
        del sys.modules[name]  # gymnasium loads what registers our environments
    named = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [*named, *(each for each in sys.path[1:] if each not in of_the_server)]
    first, *others = asked.arguments
    if first == "-m":
        sys.path.insert(0, asked.folder)
        sys.argv = others
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(first)))
        sys.argv = asked.arguments
        runpy.run_path(first, run_name="__main__")


def main(address: str) -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    of_the_server = {each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each}
    gc.freeze()  # so that a fork that collects does not copy all of it
    asked = serve(address)
    if asked is None:
        reap(0)
    else:
        run(asked, of_the_server)


if __name__ == "__main__":
    main(sys.argv[1])
