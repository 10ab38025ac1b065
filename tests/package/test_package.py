"""The package as a stranger gets it: built from a clone, installed where nothing is, and run without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.installing import ROOT, new_environment

pytestmark = pytest.mark.package

LARGEST_WHEEL = 12_000_000
DATA = (
    "py.typed",
    "analyses/references.bib",
    "figures/retinoscope.mplstyle",
    "page/page.css",
    "page/templates/page.html",
    "page/explorer/bundle/explorer.js",
    "scenarios/library/digits.yaml",
)
WITHOUT_A_NETWORK = (
    "import socket\n\n\ndef refuse(*_):\n    raise OSError('asked for a network')\n\n\nsocket.socket.connect = refuse\n"
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of what is committed, with its tags."""
    place = tmp_path_factory.mktemp("clone") / "retinoscope"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(place)], check=True)
    return place


@pytest.fixture(scope="module")
def built(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is made of the sdist and of nothing else."""
    folder = tmp_path_factory.mktemp("dist")
    python = new_environment(tmp_path_factory.mktemp("builder") / "environment", "build")
    subprocess.run([str(python), "-m", "build", "--outdir", str(folder), str(clone)], check=True, capture_output=True)
    return folder


def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def test_wheel_and_sdist_hold_what_they_should_and_are_small(built: Path, clone: Path) -> None:
    assert wheel(built).stat().st_size <= LARGEST_WHEEL
    with zipfile.ZipFile(wheel(built)) as archive:
        names = set(archive.namelist())
    assert {f"retinoscope/{each}" for each in DATA} <= names
    ours = {f"retinoscope/{each.relative_to(clone / 'src/retinoscope')}" for each in (clone / "src").rglob("*.py")}
    assert ours <= names
    assert not [each for each in names if each.startswith(("tests", "docs", "examples"))]
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as source:
        inside = {each.partition("/")[2] for each in source.getnames()}
    assert {"pyproject.toml", "constraints.txt", "LICENSE", "CHANGELOG.md", "tests/conftest.py"} <= inside


def test_the_version_is_that_of_the_tag(clone: Path, built: Path, tmp_path: Path) -> None:
    tags = subprocess.run(["git", "tag"], cwd=clone, capture_output=True, text=True, check=True).stdout.split()
    version = wheel(built).name.split("-")[1]
    at = subprocess.run(
        ["git", "describe", "--tags"], cwd=clone, capture_output=True, text=True, check=True
    ).stdout.strip()
    if at in tags:
        assert version == at.removeprefix("v")
    else:
        last, commits, _ = at.removeprefix("v").rsplit("-", 2)
        major, minor, _ = map(int, last.split("."))
        assert version == f"{major}.{minor + 1}.0.dev{commits}"
    # An archive without git has the fallback.
    bare = tmp_path / "bare"
    shutil.copytree(clone, bare, ignore=shutil.ignore_patterns(".git"))
    fallback = re.search(r'fallback_version = "(.+)"', (bare / "pyproject.toml").read_text(encoding="utf-8"))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path / "out"),
        str(bare),
    ]
    subprocess.run(pip, check=True, capture_output=True)
    assert fallback is not None and wheel(tmp_path / "out").name.split("-")[1] == fallback.group(1)


def test_it_installs_where_nothing_is_and_the_demo_runs_without_a_network(
    built: Path, clone: Path, tmp_path: Path
) -> None:
    requirements = ("-c", str(clone / "constraints.txt"), f"{wheel(built)}[doom]")
    python = new_environment(tmp_path / "environment", *requirements)
    (tmp_path / "offline").mkdir()
    (tmp_path / "offline" / "sitecustomize.py").write_text(WITHOUT_A_NETWORK, encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = {**kept, "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "offline"), "MPLBACKEND": "Agg"}

    def run(*arguments: str) -> str:
        command = [str(python.parent / "retinoscope"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    version = wheel(built).name.split("-")[1]
    assert run("--version").strip() == f"retinoscope {version}"
    said = run("doctor")
    assert f"retinoscope    {version}" in said and re.search(r"^doom +yes", said, re.MULTILINE)
    assert re.search(r"^nwb +without pynwb, hdmf", said, re.MULTILINE)
    only = [
        f"--only={name}"
        for name in ("simulation", "receptive_fields", "learned", "embedding", "raster", "event_triggered")
    ]
    run("analyze", "--out", "demo", *only)
    made = {each.name for each in (tmp_path / "demo").iterdir()}
    assert {"index.html", "explorer", "figures", "methods.md", "references.bib", "recording.zarr"} <= made
    assert f"retinoscope `{version}`" in (tmp_path / "demo" / "methods.md").read_text(encoding="utf-8")
