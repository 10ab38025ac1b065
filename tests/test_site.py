"""The documentation builds as a site without a warning, and leaves no page and no public name out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import retinoscope

ROOT = Path(__file__).parents[1]
ROOMS = ("analyses", "figures", "attribution", "worlds", "__version__")
"""Public names that are modules, which pages of their own tell about."""


def test_it_builds_without_a_warning_and_its_links_lead_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", str(ROOT / "mkdocs.yml"), "-d", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    named = re.findall(r": (\S+)\.md$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert all((tmp_path / f"{name}.html").exists() for name in named)
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= set(named), "a page that cannot be reached"
    assert "http" not in re.sub(
        r'href="[^"]*"', "", (tmp_path / "index.html").read_text(encoding="utf-8").split("<body")[0]
    )
    assert (tmp_path / "source" / "examples" / "breakout" / "agent.py").exists(), "what pages link to is in the site"


def test_every_public_name_is_in_the_reference_of_python() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    listed = re.findall(r"^::: (\S+)$", page, re.MULTILINE)
    public = [getattr(retinoscope, name) for name in retinoscope.__all__ if name not in ROOMS]
    assert listed == [f"{each.__module__}.{each.__qualname__}" for each in public]


def test_no_target_of_the_makefile_is_taken_for_a_folder() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony and "docs" in targets
    assert set(targets) == set(phony[1].split())
