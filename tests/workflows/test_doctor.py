"""`retinoscope doctor` says what is there and what is not, and never what it did not look at."""

from __future__ import annotations

import json
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import retinoscope
from retinoscope.cli import main
from retinoscope.workflows import doctor

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that requires little, of which some is there."""
    lines = [
        "numpy>=1.26",
        "nowhere-to-be-found>=1",
        'never-heard-of; extra == "nwb"',
        'xarray>=2; extra == "nwb"',
        'old-one<2; python_version < "3.0" and extra == "train"',
        'retinoscope[nwb]; extra == "dev"',
    ]
    monkeypatch.setattr(metadata, "requires", lambda _: lines)


def test_every_extra_has_its_line() -> None:
    assert set(PROJECT["optional-dependencies"]) == set(doctor.ADDS)


def test_the_version_is_that_of_the_package() -> None:
    assert retinoscope.__version__ == metadata.version("retinoscope")
    assert "version" in PROJECT["dynamic"]


def test_what_is_missing_is_named(declared: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETINOSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    found = doctor.doctor()
    assert found.versions["numpy"] == metadata.version("numpy")
    assert found.versions["nowhere-to-be-found"] is None and "xarray" not in found.versions
    missing = {each.name: each.missing for each in found.extras}
    assert missing["nwb"] == ("never-heard-of",) if "nwb" in missing else True
    assert missing["train"] == () and missing["dev"] == ()
    assert found.problems == ("nowhere-to-be-found is not installed; pip install retinoscope again",)
    assert found.display.startswith("no screen")
    assert found.cache == f"{tmp_path / 'cache'} (not there yet)" and not (tmp_path / "cache").exists()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "arena.pk3").write_bytes(bytes(2_000_000))
    assert doctor.doctor().cache.startswith(f"{tmp_path / 'cache'} (2 MB; ")


def test_it_prints_the_same_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for name, version in found["versions"].items():
        assert any(line.split() == [name, version] for line in said.splitlines())
    assert all(each["adds"] in said for each in found["extras"]) and found["devices"][0].startswith("cpu: ")


def test_what_keeps_it_from_working_is_said_and_counts(declared: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 2
    printed = capsys.readouterr()
    assert "nowhere-to-be-found  MISSING" in printed.out and "nowhere-to-be-found is not installed" in printed.err
