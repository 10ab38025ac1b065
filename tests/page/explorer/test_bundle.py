"""The explorer's script and styles: what ships is what its sources give, small enough, and their own tests pass."""

from __future__ import annotations

import subprocess
from pathlib import Path

import retinoscope.page

REPOSITORY = Path(__file__).parents[3]
SOURCES = REPOSITORY / "explorer"
SHIPPED = Path(retinoscope.page.__file__).parent / "explorer" / "bundle"
LARGEST = 400_000  # bytes, script and styles together


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shipped_bundle_is_what_its_sources_give(tmp_path: Path) -> None:
    run("node", "build.mjs", str(tmp_path))
    built = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    shipped = {each.name: each.read_bytes() for each in SHIPPED.iterdir()}
    assert built.keys() == shipped.keys() == {"explorer.js", "explorer.css"}
    assert built == shipped, "the sources have changed: make explorer, and commit what it builds"
    assert sum(map(len, shipped.values())) <= LARGEST


def test_the_tests_of_the_explorer_pass() -> None:
    run("npx", "vitest", "run")
