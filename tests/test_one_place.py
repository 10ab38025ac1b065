"""Adding an analysis touches one place in `src/`: the file that CONTRIBUTING.md shows, put there and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from retinoscope.testing import CASES
from tests.page.explorer.reading import read_index
from tests.quick import python_path
from tests.warm import Warm

ROOT = Path(__file__).parents[1]
NAME = "value_by_age"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the file from CONTRIBUTING.md in it."""
    source = tmp_path_factory.mktemp("house") / "src"
    shutil.copytree(ROOT / "src" / "retinoscope", source / "retinoscope")
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (source / "retinoscope" / "analyses" / "behaviour" / f"{NAME}.py").write_text(shown, encoding="utf-8")
    return source


def run(warm: Warm, house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return warm.run("-m", *arguments, variables={**os.environ, "PYTHONPATH": python_path(house, ROOT)})


LISTS = f"""
import contextlib, io
import retinoscope
from retinoscope.analyses.listing import reference_of_analyses
from retinoscope.cli import main

def printed(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        assert main(list(arguments)) == 0
    return text.getvalue()

assert "{NAME}" in printed("analyze", "--list")
assert "{NAME}.width" in printed("analyze", "--list", "{NAME}")
assert "`{NAME}.width`" in reference_of_analyses()
assert retinoscope.analyses.{NAME}.__doc__ and retinoscope.analyses.ValueByAgeParameters(width=3)
"""


def test_it_is_in_every_list(house: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": python_path(house)}
    subprocess.run([sys.executable, "-c", LISTS], env=environment, check=True)


@pytest.mark.engine
def test_it_is_run_set_drawn_and_shown(warm: Warm, house: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("analyze", "--only", NAME, "--frames", "40", "--set", f"{NAME}.width=10", "--out", str(out))
    done = run(warm, house, "retinoscope", *arguments)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["options"]["settings"][NAME]["width"] == 10
    assert f"figures/{NAME}.png" in {each["path"] for each in manifest["products"]}
    assert "bins of 10 decisions" in (out / "index.html").read_text(encoding="utf-8")
    shown = ("tests.page.explorer.explored", str(out / "results" / f"{NAME}.nc"), str(tmp_path / "explored"))
    done = run(warm, house, *shown)
    assert done.returncode == 0, done.stderr
    (panel,) = read_index(tmp_path / "explored" / "explorer" / "data")["panels"]
    assert (panel["kind"], panel["analysis"]) == ("table", NAME)
    assert sum(row[-1] for row in panel["rows"]) == 40


def test_the_shared_suite_takes_it_in(house: Path) -> None:
    suite = str(ROOT / "tests" / "analyses" / "test_every_analysis.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"planted and {NAME}", suite]
    environment = {**os.environ, "PYTHONPATH": python_path(house, ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(CASES)} passed" in done.stdout


def test_it_obeys_the_rules_it_shows(house: Path) -> None:
    shown = house / "retinoscope" / "analyses" / "behaviour" / f"{NAME}.py"
    settings = ["--config", str(ROOT / "pyproject.toml")]
    for command in (["check", *settings], ["format", "--check", *settings]):
        subprocess.run([sys.executable, "-m", "ruff", *command, str(shown)], check=True, capture_output=True)
