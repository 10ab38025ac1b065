"""Commands run as their users run them, but for the seconds that loading the libraries takes each time.

A process that has loaded the libraries, and nothing of ours, forks itself for every command: the command finds its own
arguments, folder, variables, input and output, and loads what is ours afresh. What is about starting up itself (what is
imported, what ends with whom, scripts without a guard) is tried in processes that are started for it instead.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Warm:
    """Runs Python programs in forks of the process that listens there."""

    address: str

    def program(self, path: Path, *before: str) -> None:
        """Write a program there: `python BEFORE ARGUMENTS` of what it is called with."""
        command = shlex.join([sys.executable, "-SE", str(HERE / "warm_client.py"), self.address, *before])
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)

    def run(self, *arguments: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """What `python ARGUMENTS` prints, in this folder."""
        command = [sys.executable, "-SE", str(HERE / "warm_client.py"), self.address, *arguments]
        return subprocess.run(command, env=dict(variables), capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """One for all tests of this process; it ends with it, however that ends."""
    with tempfile.TemporaryDirectory(prefix="retinoscope-warm-") as folder:
        address = str(Path(folder) / "server")
        command = [sys.executable, str(HERE / "warm_server.py"), address]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, **pipes, text=True) as server:
            assert server.stdout is not None and server.stdout.readline() == "ready\n"
            yield Warm(address)
