"""A recording goes to Minari and back without a bit lost, in an environment of its own: Minari needs numpy 2."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.installing import ROOT, new_environment
from tests.quick import python_path


@pytest.mark.package
def test_a_recording_goes_there_and_back_bit_for_bit(tmp_path: Path) -> None:
    python = new_environment(tmp_path / "environment", "minari[hdf5]>=0.5.4")
    # What else is needed is that of the tests, behind the numpy of the new environment.
    (site,) = (tmp_path / "environment" / "lib").glob("python*/site-packages")
    (site / "tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    (tmp_path / "out").mkdir()
    command = [str(python), "-W", "error", str(ROOT / "tests" / "exports" / "in_minari.py"), str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": python_path(ROOT / "src", ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "bit for bit", done.stderr
