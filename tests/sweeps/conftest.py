"""What the tests of sweeps share: one that nothing interrupts, for each of its runs is a process."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import retinoscope
from retinoscope.sweeps import sweep as sweeping
from tests.quick import python_path
from tests.sweeps import pretended

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pretending(monkeypatch):
    """Runs only pretend to train."""
    monkeypatch.setattr(sweeping, "run_member", pretended.run)
    monkeypatch.setenv("PYTHONPATH", python_path(ROOT / "src", ROOT))


@pytest.fixture(scope="package")
def uninterrupted(tmp_path_factory):
    """A sweep of `pretended.PLAN`, whose file lies beside it."""
    folder = tmp_path_factory.mktemp("sweeps")
    (folder / "plan.yaml").write_text(yaml.safe_dump(pretended.PLAN, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeping, "run_member", pretended.run)
        patch.setenv("PYTHONPATH", python_path(ROOT / "src", ROOT))
        return retinoscope.sweep(folder / "plan.yaml", folder / "whole", workers=2)
