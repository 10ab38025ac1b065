"""Memory that a learner frees is used again, and not handed back."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Ten times 200 MB, as 51,200 pages of 4 KiB; prints how many pages the system had to give.
SCRIPT = """
import resource, torch
from retinoscope.training.freed_memory import keep_freed_memory
def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
{keep}
for _ in range(3):
    torch.ones(50_000_000)
before = pages()
for _ in range(10):
    torch.ones(50_000_000)
print(pages() - before)
"""


def pages_given(keep: str) -> int:
    found = subprocess.run([sys.executable, "-c", SCRIPT.format(keep=keep)], capture_output=True, text=True, check=True)
    return int(found.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told")
def test_freed_memory_is_kept_only_when_asked() -> None:
    assert pages_given("keep_freed_memory()") < 100
    assert pages_given("") > 900  # even where the system gives huge pages of 2 MiB
