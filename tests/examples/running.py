"""Examples as their users have them: files that are imported, and commands that are run."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from tests.warm import Warm

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
OURS = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def imported(name: str, file: str = "agent.py") -> ModuleType:
    """A file of an example, as a module of its own."""
    key = f"example_{name}_{Path(file).stem}"
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, EXAMPLES / name / file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module
        spec.loader.exec_module(module)
    return sys.modules[key]


def run(warm: Warm, *arguments: str | Path) -> str:
    """What a Python program of the source at hand prints; it must succeed."""
    done = warm.run(*map(str, arguments), variables=OURS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def analyzed(warm: Warm, out: Path, agent: str | Path, *options: str) -> set[str]:
    """Run `retinoscope analyze`, with fewer noise images than a figure needs; the analyses whose numbers it left."""
    few = ("--set", "receptive_fields.max_stimuli=64") if any("receptive_fields" in each for each in options) else ()
    command = ("-m", "retinoscope", "analyze", str(agent), "--out", str(out), *options, *few)
    done = warm.run(*command, variables=OURS)
    assert done.returncode == 0, done.stderr
    return {path.stem for path in (out / "results").glob("*.nc")}
