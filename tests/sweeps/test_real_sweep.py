"""A sweep of real, short trainings, killed at two moments."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import retinoscope
from retinoscope.sweeps.plan import read_plan
from retinoscope.sweeps.states import State
from retinoscope.sweeps.sweep import PLAN as PLAN_FILE
from tests.quick import python_path
from tests.rollouts.recordings import descendants, is_running

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[2]
SMALL = {"global_channels": 4, "hidden_size": 16, "rnn_size": 8}
PLAN = {
    "scenario": "apples",
    "training": {
        "frames": 2000,
        "batch_size": 128,
        "rollout": 16,
        "workers": 1,
        "environments_per_worker": 4,
        "network": SMALL,
    },
    "list": [
        {"seed": 0, "network.retinal_bottleneck": 1},
        {"seed": 1, "network.retinal_bottleneck": 2},
        {"seed": 0, "network.kernel_size": 61},
    ],
    "evaluate": {"episodes": 2},
}


def test_killed_while_training_and_evaluating_it_goes_on_and_its_table_is_that_of_its_agents(tmp_path):
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(yaml.safe_dump(PLAN, sort_keys=False))
    command = [sys.executable, "-m", "retinoscope", "sweep", str(plan), "--out", str(out), "--workers", "2", "--json"]
    environment = os.environ | {"PYTHONPATH": python_path(ROOT / "src", ROOT)}
    for doing in ("train", "evaluate"):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not is_at(out, doing):
            time.sleep(0.05)
        time.sleep(1)
        family = descendants(process.pid)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 60
        while any(map(is_running, family)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(map(is_running, family)), "what it started ends with it"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    found = json.loads(done.stdout)
    assert [each["state"] for each in found["rows"]] == ["done"] * 2 + ["failed"]
    assert all(each["frames_trained"] >= 2000 for each in found["rows"][:2])
    assert "too small for 3 convolutions of kernel 61" in found["failed"]["seed-0_kernel_size-61"]

    # Trainings never repeat themselves; all that is made of the trained agents does.
    again = tmp_path / "again"
    shutil.copytree(out / "runs", again / "runs")
    shutil.copy(plan, again / PLAN_FILE)
    for member in read_plan(plan).members[:2]:
        state = State(again, member)
        state.begin("train")
        state.finish("train")
    retinoscope.sweep(plan, again, workers=2)
    assert (again / "table.csv").read_bytes() == (out / "table.csv").read_bytes()


def is_at(folder: Path, stage: str) -> bool:
    return any(json.loads(each.read_text())["doing"] == stage for each in (folder / "states").glob("[!.]*.json"))
