"""An analysis of another package: installed by pip, it stands wherever ours do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retinoscope.testing import CASES
from tests.quick import python_path
from tests.warm import Warm

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin"
NAME = "action_runs"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has installed the example."""
    # pip builds in the folder of the sources, which is not to be littered.
    sources = tmp_path_factory.mktemp("sources") / "plugin"
    sources.mkdir()
    for file in EXAMPLE.iterdir():
        if file.is_file():
            (sources / file.name).write_bytes(file.read_bytes())
    place = tmp_path_factory.mktemp("installed")
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(place)]
    subprocess.run([sys.executable, *command, str(sources)], check=True)
    return {**os.environ, "PYTHONPATH": python_path(place, ROOT)}


def run(environment: dict[str, str], *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=check)


def test_it_is_one_file_of_at_most_60_lines() -> None:
    (file,) = EXAMPLE.glob("*.py")
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 60


COMMANDS = """
import sys
from retinoscope.cli import main
for each in sys.argv[1:]:
    print("code", main(each.split()), flush=True)
"""


def test_it_is_listed_with_its_parameters_and_a_wrong_setting_is_refused_like_ours(installed: dict[str, str]) -> None:
    wrong = f"analyze --only {NAME} --out nowhere --set {NAME}.longest=1"
    done = run(installed, "-c", COMMANDS, "analyze --list", f"analyze --list {NAME}", wrong)
    listed, shown, refused, _ = re.split(r"code \d\n", done.stdout)
    assert NAME in listed and "For how long the agent keeps to the same action." in listed
    assert f"{NAME}.longest" in shown and "decisions" in shown and "at least 2" in shown
    assert refused == "" and re.findall(r"code (\d)\n", done.stdout) == ["0", "0", "2"]
    assert done.stderr.strip() == "retinoscope: action runs: longest is 1; give at least 2"


@pytest.mark.engine
def test_it_is_made_with_its_setting_and_stands_on_the_page(
    warm: Warm, installed: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("analyze", "--only", NAME, "--frames", "60", "--set", f"{NAME}.longest=7", "--out", str(out))
    done = warm.run("-m", "retinoscope", *arguments, variables=installed)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["computed"] == [NAME]
    assert {each["path"] for each in manifest["products"]} >= {
        f"results/{NAME}.nc",
        f"figures/{NAME}.png",
        f"figures/{NAME}.pdf",
    }
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Runs of actions" in page and "runs in" in page
    # Counted again, from the recording, by a loop.
    import retinoscope

    actions = retinoscope.open(out / "recording.zarr").rows(names=["action"])
    runs, lengths = 1, []
    for row in range(1, 60):
        same = bool((actions["action"].values[row] == actions["action"].values[row - 1]).all())
        if same and actions["episode"].values[row] == actions["episode"].values[row - 1]:
            runs += 1
        else:
            lengths.append(min(runs, 7))
            runs = 1
    lengths.append(min(runs, 7))
    counts = retinoscope.load_result(out / "results" / f"{NAME}.nc").data["runs"].values
    np.testing.assert_array_equal(counts, [lengths.count(each) for each in range(1, 8)])


def test_the_shared_suite_takes_it_in(installed: dict[str, str]) -> None:
    suite = str(ROOT / "tests" / "analyses" / "test_every_analysis.py")
    arguments = ("-q", "-p", "no:cacheprovider", "-k", f"planted and {NAME}", suite)
    done = run(installed, "-m", "pytest", *arguments, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(CASES)} passed" in done.stdout
