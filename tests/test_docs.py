"""The documentation is true: every command and snippet in it is run, each page from top to bottom in an empty folder.

Blocks marked `bash` and `python` are run. Blocks marked `console` show what belongs to the reader's machine (cloning,
installing, days of training) and are not.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.quick import python_path
from tests.warm import Warm

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITHOUT_ENGINE = ("README.md", "agents.md", "own-networks.md", "plugins.md", "reference.md", "worlds.md")
"""Pages whose commands play nothing."""
PLAYED = [
    page if page.name in WITHOUT_ENGINE else pytest.param(page, marks=pytest.mark.engine, id=page.name)
    for page in PAGES
    if page.name != "gallery.md"  # its many commands are tested another way, see tests/test_gallery.py
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PLAYED, ids=lambda page: page.name)
def test_commands_and_snippets_work(page: Path, warm: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, programs = tmp_path / "here", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    # So that it is this source that is run, whatever is installed.
    warm.program(programs / "retinoscope", "-m", "retinoscope")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", python_path(ROOT / "src"))
    monkeypatch.chdir(folder)
    names: dict[str, object] = {"__name__": "__main__"}
    for language, code in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "bash":
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{code}\n{done.stderr}"
        elif language == "python":
            exec(compile(code, page.name, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_say_what_they_are(page: Path) -> None:
    languages = {language for language, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert languages <= {"bash", "python", "console", "json", "text", "toml", "yaml"}


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("[AC]*.md")], ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_is_in_the_reference() -> None:
    from tests.command_line.commands import all_commands

    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for name in all_commands():
        assert f"`retinoscope {name}" in reference, name


def test_every_public_name_is_in_the_reference() -> None:
    import retinoscope

    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for name in retinoscope.__all__:
        assert f"`retinoscope.{name}" in reference, name
