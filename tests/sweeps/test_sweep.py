"""Sweeps of runs that pretend to train: plans, states, failures, kills; and a real one, killed too."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

import retinoscope
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.sweeps import sweep as sweeping
from retinoscope.sweeps.plan import read_plan
from tests.quick import python_path
from tests.rollouts.recordings import descendants, is_running
from tests.sweeps import pretended
from tests.sweeps.pretended import PLAN

ROOT = Path(__file__).parents[2]


def written(folder, **changes):
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN | changes, sort_keys=False))
    return path


def test_a_grid_is_every_combination_and_a_list_what_it_says():
    plan = read_plan(PLAN)
    assert [each.name for each in plan.members] == [
        f"retinal_bottleneck-{channels}_seed-{seed}" for channels in (1, 4) for seed in (0, 1)
    ]
    assert plan.members[3].training == {"frames": 1000, "seed": 1, "network": {"retinal_bottleneck": 4}}
    listed = read_plan(
        {"list": [{"seed": 0, "rnn": "none"}, {"scenario": "apples"}], "grid": {"learning_rate": [1e-3]}}
    )
    assert [each.name for each in listed.members] == [
        "seed-0_rnn-none_learning_rate-0.001",
        "scenario-apples_learning_rate-0.001",
    ]
    assert listed.members[0].training == {"seed": 0, "network": {"rnn": "none"}, "learning_rate": 1e-3}
    assert (listed.members[0].scenario, listed.members[1].scenario) == ("digits", "apples")
    assert listed.members[0].stages == ("train",)


def test_options_go_to_where_they_belong():
    varied = {
        "scenario.frame_skip": [2],
        "evaluate.episodes": [7],
        "analyze.raster.order": ["euclidean"],
        "analyze.frames": [9],
    }
    one = read_plan(
        {"grid": varied, "analyze": {"only": ["raster"], "settings": {"embedding": {"perplexity": 5}}}}
    ).members[0]
    assert one.changes == {"frame_skip": 2}
    assert one.evaluate == {"episodes": 7}
    settings = {"raster": {"order": "euclidean"}, "embedding": {"perplexity": 5}}
    assert one.analyze == {"only": ["raster"], "frames": 9, "settings": settings}
    assert one.stages == ("train", "evaluate", "analyze")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"grid": {"network.retinal_botleneck": [1]}},
            "no option 'network.retinal_botleneck'; did you mean 'network.retinal_bottleneck'",
        ),
        ({"grid": {"sede": [1]}}, "no option 'sede'; did you mean 'seed'"),
        ({"training": {"learnin_rate": 1}}, "did you mean 'learning_rate'"),
        ({"grid": {"scenario.frameskip": [1]}}, "did you mean 'scenario.frame_skip'"),
        ({"grid": {"analyze.raster.ordr": [1]}}, "no option 'analyze.raster.ordr'; did you mean 'order'"),
        ({"grid": {"analyze.rastr.order": [1]}}, "rastr"),
        ({"evaluate": {"episode": 3}}, "no option 'evaluate.episode'; did you mean 'evaluate.episodes'"),
        ({"compare": {"stimulli": "frames"}}, "compare: there is no option 'stimulli'; did you mean 'stimuli'"),
        ({"gird": {}}, "there is no 'gird'; did you mean 'grid'"),
        ({"grid": {"seed": 3}}, "grid: seed has 3; give a list"),
        ({"grid": {"seed": [1, 1]}}, "two runs are .*seed-1; leave one out"),
        ({"list": []}, "list: is none"),
        ({"scenario": "nowhere"}, "scenario 'nowhere': unknown"),
    ],
)
def test_a_wrong_plan_is_one_line_and_names_the_nearest(change, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint) as found:
        retinoscope.sweep(PLAN | change, tmp_path / "out")
    assert "\n" not in str(found.value)
    assert not (tmp_path / "out").exists()


def test_a_plan_that_cannot_be_read_is_one_line(tmp_path):
    for text, complaint in (("grid: [", "cannot be read as YAML"), ("3", "holds no plan")):
        (tmp_path / "plan.yaml").write_text(text)
        with pytest.raises(UserError, match=complaint) as found:
            read_plan(tmp_path / "plan.yaml")
        assert "\n" not in str(found.value)
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(tmp_path / "none.yaml")


def test_a_run_that_fails_fails_alone_and_is_tried_again(pretending, tmp_path, capsys):
    impossible = [
        {"seed": 0},
        {"seed": 1, "learning_rate": 0.5},
        {"seed": 2, "learning_rate": 0.25},
        {"seed": 3, "rnn_size": 0},
    ]
    plan = written(tmp_path, list=impossible, grid={})
    assert main(["sweep", str(plan), "--out", str(tmp_path / "out"), "--json"]) == 2
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert [each["state"] for each in found["rows"]] == ["done", "failed", "failed", "failed"]
    reasons = list(found["failed"].values())
    assert reasons[0] == "train: MemoryError: too much"
    assert "its process ended by itself (status 7)" in reasons[1]
    assert reasons[2].startswith("train: network.rnn_size: Input should be greater than or equal to 1")
    assert all(f"{name} failed: " in printed.err for name in found["failed"])
    assert found["rows"][0]["episode_return"] is not None
    assert main(["sweep", str(plan), "--out", str(tmp_path / "out")]) == 2
    began = (tmp_path / "out" / "began.txt").read_text().split()
    assert (began.count("seed-0"), began.count("seed-1_learning_rate-0.5")) == (1, 2)


def test_killed_at_three_moments_a_sweep_comes_to_the_same_table(pretending, uninterrupted, tmp_path):
    """The command while it trains, one of its runs, and the command again; on a cluster there are five moments."""
    plan, whole = written(tmp_path), uninterrupted
    assert [each["state"] for each in whole.rows] == ["done"] * 4

    command = [sys.executable, "-m", "tests.sweeps.pretended", str(plan), str(tmp_path / "out"), "0.7"]
    environment = os.environ | {"PYTHONPATH": python_path(ROOT / "src", ROOT)}
    for kill, who in enumerate(("command", "run", "command")):
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        began = time.monotonic()
        folder = tmp_path / "out" / "states"
        while process.poll() is None and time.monotonic() - began < 100:
            if any(json.loads(each.read_text())["doing"] for each in folder.glob("[!.]*.json")):
                break
            time.sleep(0.02)
        time.sleep(0.3 * kill)
        family = descendants(process.pid)
        if who == "command" or not family:
            status = retinoscope.sweep_status(plan, tmp_path / "out")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert status.directory == tmp_path / "out"
            deadline = time.monotonic() + 30
            while any(map(is_running, family)) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not any(map(is_running, family)), "what it started ends with it"
        else:
            os.kill(family[0], signal.SIGKILL)
            process.wait(200)
    states = [each["state"] for each in retinoscope.sweep_status(plan, tmp_path / "out").rows]
    assert not any(each.startswith(("training", "evaluating")) for each in states), states
    assert retinoscope.sweep(plan, tmp_path / "out", workers=2).rows == whole.rows
    for name in ("table.csv", "table.json"):
        assert (tmp_path / "out" / name).read_bytes() == (whole.directory / name).read_bytes()


def test_a_run_that_another_process_is_at_is_waited_for(tmp_path):
    (member,) = read_plan({"training": {"frames": 1000}, "list": [{"seed": 0}]}).members
    place = tmp_path / "states" / f".{member.name}"
    place.mkdir(parents=True)
    with ThreadPoolExecutor(1) as thread:
        with sweeping.only_writer(place):
            done = thread.submit(pretended.run, tmp_path, member)
            time.sleep(0.2)
            assert not (tmp_path / "began.txt").exists() and not done.done()
        done.result(20)
    assert (tmp_path / "began.txt").read_text() == f"{member.name}\n"


def test_status_says_how_far_each_run_is_while_it_runs_and_behind_it(tmp_path):
    plan = read_plan(PLAN)
    out = tmp_path / "out"
    with pytest.raises(UserError, match="holds no sweep; begin one"):
        retinoscope.sweep_status(PLAN, out)
    sweeping._prepare(out, plan, PLAN)
    sweeping.State(out, plan.members[0]).begin("train")
    (out / "runs" / plan.members[0].name).mkdir(parents=True)
    (out / "runs" / plan.members[0].name / "learning_curve.csv").write_text("frames,seconds\n400,2\n")
    with sweeping.only_writer(out):
        states = [each["state"] for each in retinoscope.sweep_status(PLAN, out).rows]
        with pytest.raises(UserError, match="another process is sweeping there"):
            retinoscope.sweep(PLAN, out)
    assert states == ["training 40%", "waiting", "waiting", "waiting"]
    assert retinoscope.sweep_status(PLAN, out).rows[0]["state"] == "interrupted while training 40%"


def test_a_dry_run_says_what_would_run_and_starts_nothing(tmp_path, capsys):
    plan = written(tmp_path, training={"frames": 3e6}, grid={"seed": [0, 1], "rnn_size": [8, 0]})
    assert main(["sweep", str(plan), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("train, evaluate") == 2
    assert printed.count("impossible: network.rnn_size") == 2
    assert "4 runs, about 20 min one after the other, and what takes to evaluate, not measured yet" in printed
    assert not (tmp_path / "plan").exists()


def test_a_directory_of_something_else_or_of_another_plan_is_refused(pretending, tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds no sweep; choose another directory"):
        retinoscope.sweep(PLAN, tmp_path / "else")
    small = PLAN | {"grid": {"seed": [0]}}
    retinoscope.sweep(small, tmp_path / "out")
    with pytest.raises(UserError, match="holds a run seed-0 of another plan"):
        retinoscope.sweep(small | {"training": {"frames": 2000}}, tmp_path / "out")
    more = retinoscope.sweep(small | {"grid": {"seed": [0, 1]}}, tmp_path / "out")
    assert [each["state"] for each in more.rows] == ["done", "done"]
    assert (tmp_path / "out" / "began.txt").read_text().split() == ["seed-0", "seed-1"]
    with (tmp_path / "out" / "table.csv").open() as file:
        assert [each["run"] for each in csv.DictReader(file)] == ["seed-0", "seed-1"]


def test_a_sweep_that_is_interrupted_ends_its_runs_and_says_so(tmp_path):
    plan = written(tmp_path)
    command = [sys.executable, "-m", "tests.sweeps.pretended", str(plan), str(tmp_path / "out"), "1000"]
    environment = os.environ | {"PYTHONPATH": python_path(ROOT / "src", ROOT)}
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any((tmp_path / "out" / "states").glob("[!.]*.json")):
        time.sleep(0.05)
    family = descendants(process.pid)
    process.terminate()
    assert process.wait(60) != 0
    deadline = time.monotonic() + 30
    while any(map(is_running, family)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, family))
    states = [each["state"] for each in retinoscope.sweep_status(plan, tmp_path / "out").rows]
    assert "interrupted while training" in states and "waiting" in states


def test_the_agents_of_runs_that_are_done_are_compared(tmp_path, monkeypatch):
    plan = read_plan(PLAN | {"compare": {"stimuli": "frames"}})
    called = []
    monkeypatch.setattr(
        "retinoscope.workflows.compare.compare", lambda *agents, **named: called.append((agents, named))
    )
    for member in plan.members[:3]:
        sweeping._compare(tmp_path, plan)
        state = sweeping.State(tmp_path, member)
        for stage in member.stages:
            state.begin(stage)
            state.finish(stage)
    assert not any(len(agents) < 2 for agents, _ in called)
    sweeping._compare(tmp_path, plan)
    agents, named = called[-1]
    assert agents == tuple(tmp_path / "runs" / member.name for member in plan.members[:3])
    assert named == {"out": tmp_path / "comparison", "overwrite": True, "stimuli": "frames"}
