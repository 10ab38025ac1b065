"""Training through Sample Factory, for real but briefly: interrupt, resume, load."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.sample_factory_run import list_checkpoints
from retinoscope.errors import UserError
from retinoscope.scenarios import load_scenario
from retinoscope.training import TrainingConfig, train
from retinoscope.training.worker import TrainingEnvironment
from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.rollouts.recordings import descendants, is_running
from tests.sharing import made_once

SMALL = TrainingConfig(
    frames=1e9,
    seed=3,
    network=NetworkConfig(global_channels=4, hidden_size=16, rnn_size=8, greyscale=True, activation="tanh"),
    batch_size=128,
    rollout=16,
    workers=1,
    environments_per_worker=4,
)
SCRIPT = """
import signal, sys
from retinoscope.training import TrainingConfig, train
if __name__ == "__main__":
    # Where the tests themselves run in the background, Ctrl-C is ignored by all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        train(sys.argv[3], sys.argv[1], TrainingConfig.model_validate_json(sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(130)
"""


@contextmanager
def training(
    folder: Path, config: TrainingConfig, scenario: str | Path = "apples"
) -> Iterator[subprocess.Popen[bytes]]:
    """A training in a session of its own, of which nothing is left behind this block, however it is left."""
    script = folder.parent / "script.py"
    script.write_text(SCRIPT)
    with (folder.parent / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(script), str(folder), config.model_dump_json(), str(scenario)],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_frames(folder: Path, process: subprocess.Popen[bytes], more_than: int = 0) -> None:
    curve = folder / "learning_curve.csv"
    for _ in range(1200):
        rows = csv.DictReader(curve.read_text().splitlines()) if curve.exists() else ()
        if any(float(row["frames"]) > more_than for row in rows):
            return
        assert process.poll() is None, (folder.parent / "output.txt").read_text()
        time.sleep(0.1)
    pytest.fail("training made no progress in two minutes")


@pytest.fixture(scope="module")
def interrupted_run(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A run that was interrupted by Ctrl-C after its first frames."""

    def make(place: Path) -> None:
        folder = place / "apples"
        with training(folder, SMALL) as process:
            wait_for_frames(folder, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130, (place / "output.txt").read_text()

    return made_once(pytestconfig, tmp_path_factory, "training", make) / "apples"


def test_an_interrupted_run_is_saved_and_loads(interrupted_run: Path) -> None:
    before = list_checkpoints(interrupted_run)
    assert before[0].frames == 0, "the untrained network is kept"
    assert before[-1].frames > 0, "Ctrl-C saves what was learned"
    agent = load_agent(interrupted_run)
    assert agent.scenario is not None and agent.scenario.name == "apples"
    assert agent.frames_trained == before[-1].frames
    assert agent.training["seed"] == 3
    assert [layer.shape for layer in agent.policy.layers if layer.name in ("fc", "rnn")] == [(16,), (8,)]


def test_it_resumes_where_it_was_and_ended_by_a_scheduler_saves_and_leaves_no_process_behind(
    interrupted_run: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(interrupted_run, tmp_path / interrupted_run.name))
    before = list_checkpoints(copy)[-1].frames
    with training(copy, SMALL) as process:
        wait_for_frames(copy, process, more_than=before)
        family = descendants(process.pid)
        for each in (*family, process.pid, process.pid):  # as SLURM does: to every process of a job, and once more
            os.kill(each, signal.SIGTERM)
        assert process.wait(timeout=60) == 130, (tmp_path / "output.txt").read_text()
        assert list_checkpoints(copy)[-1].frames > before
        assert left_of(family) == [], "players or engines still run"
    log = (copy / "sf_log.txt").read_text()
    assert f"self.env_steps={before}" in log, "the second run began at the first one's checkpoint"
    assert list(copy.glob(".summary/0/events.out.tfevents.*")), "TensorBoard logs are there"


def test_killed_outright_a_run_leaves_no_process_behind(interrupted_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(interrupted_run, tmp_path / interrupted_run.name))
    with training(copy, SMALL) as process:
        wait_for_frames(copy, process, more_than=list_checkpoints(copy)[-1].frames)
        family = descendants(process.pid)
        assert len(family) >= 3 + SMALL.environments_per_worker, "learner, inference and player, and the engines"
        process.kill()
        process.wait(timeout=60)
        assert left_of(family) == []


def left_of(processes: list[int]) -> list[int]:
    """Which of them still run some seconds from now."""
    for _ in range(100):
        processes = [each for each in processes if is_running(each)]
        if not processes:
            break
        time.sleep(0.1)
    return processes


def test_a_test_that_fails_meanwhile_leaves_no_training_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), training(tmp_path / "run", SMALL) as process:
        while not (family := descendants(process.pid)):
            time.sleep(0.1)
        raise ZeroDivisionError
    assert left_of([process.pid, *family]) == []


def test_a_run_directory_says_what_made_it(interrupted_run: Path) -> None:
    description = json.loads((interrupted_run / "training.json").read_text())
    assert description["config"]["network"]["activation"] == "tanh"
    assert len(description["arena_sha256"]) == 64
    rows = list(csv.DictReader((interrupted_run / "learning_curve.csv").read_text().splitlines()))
    assert set(rows[0]) == {"frames", "seconds", "episode_return", "episode_frames", "healing", "harmful"}


def test_a_run_directory_of_another_scenario_is_refused(interrupted_run: Path) -> None:
    with pytest.raises(UserError, match="another scenario; choose another directory"):
        train("digits", interrupted_run, SMALL)


def test_a_run_with_another_network_is_refused_before_training(interrupted_run: Path) -> None:
    network = SMALL.network.model_copy(update={"hidden_size": 17})
    before = (interrupted_run / "training.json").read_text()
    with pytest.raises(UserError, match="whose network has hidden_size 16, not 17; choose another directory"):
        train("apples", interrupted_run, SMALL.model_copy(update={"network": network}))
    assert (interrupted_run / "training.json").read_text() == before


def test_a_run_whose_last_checkpoint_is_damaged_is_not_begun_anew(interrupted_run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(interrupted_run, tmp_path / "copy"))
    last = max((copy / "checkpoint_p0").glob("checkpoint_*.pth"))
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(UserError, match=f"{last.name}: is truncated"):
        train("apples", copy, SMALL)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device the test asks for in vain")
def test_a_device_that_is_not_there_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'cuda'"):
        train("apples", tmp_path / "run", SMALL.model_copy(update={"device": "cuda"}))
    assert not (tmp_path / "run").exists()


def test_a_network_that_does_not_fit_the_view_is_refused_before_training(tmp_path: Path) -> None:
    config = TrainingConfig(network=NetworkConfig(kernel_size=31))
    with pytest.raises(UserError, match="60x80 is too small"):
        train("apples", tmp_path / "run", config)


def test_an_unwritable_run_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot be written"):
        train("apples", tmp_path / "file" / "run", SMALL)


@pytest.mark.parametrize(
    ("first", "frames", "weight"),
    [(1.0, 100, 1.0), (1.0, 150, 2.0), (1.0, 900, 3.0), (0.5, 0, 0.5), (0.5, 120, 1.0), (0.5, 200, 3.0)],
)
def test_harm_counts_for_more_once_the_agent_gathers(first: float, frames: int, weight: float) -> None:
    plain = GatheringEnvironment("apples", objects_in_view=False)
    weighted = TrainingEnvironment("apples", (first, 3.0), (100, 200))
    weighted.set_training_info({"approx_total_training_steps": frames})
    random, seen, steps = np.random.default_rng(0), np.zeros(2, np.int64), 0
    is_over = True
    while seen.min() == 0 and steps < 3000:
        if is_over:
            plain.reset(seed=steps)
            weighted.reset(seed=steps)
        if steps % 8 == 0:
            turn = random.integers(3)
        action = np.array([turn, 1])
        _, reward, terminated, truncated, info = plain.step(action)
        _, training_reward, *_ = weighted.step(action)
        seen += info["pickups"]
        harmful = info["pickups"][0]  # the first class, blue, harms by 20: two units of reward
        assert training_reward == pytest.approx(reward - (weight - 1) * 2.0 * harmful)
        is_over = terminated or truncated
        steps += 1
    plain.close()
    weighted.close()
    assert seen.min() > 0, "the walk met both kinds"


def test_the_curve_counts_healing_and_harmful_pick_ups_of_each_episode(tmp_path: Path) -> None:
    """Both environments play the same episodes; the plain one says what was picked up at every step."""
    brief = tmp_path / "brief.yaml"
    brief.write_text(load_scenario("apples").model_copy(update={"episode_tics": 320}).to_yaml())
    plain, counted = (
        GatheringEnvironment(brief, objects_in_view=False),
        TrainingEnvironment(str(brief), (1.0, 3.0), (1, 2)),
    )
    effects, random, total = np.array(plain.scenario.class_effects), np.random.default_rng(0), np.zeros(2)
    for episode in range(6):
        plain.reset(seed=episode)
        counted.reset(seed=episode)
        pickups, is_over = np.zeros(2, np.int64), False
        while not is_over:
            action = np.array([random.integers(3), 1])
            *_, terminated, truncated, info = plain.step(action)
            *_, summary = counted.step(action)
            pickups += info["pickups"]
            is_over = terminated or truncated
            assert ("episode_extra_stats" in summary) == is_over
        expected = [float(pickups[effects > 0].sum()), float(pickups[effects < 0].sum())]
        stated = summary["episode_extra_stats"]
        assert [stated["healing"], stated["harmful"]] == expected
        total += expected
    plain.close()
    counted.close()
    assert total.min() > 0 and total[0] != total[1], "the walks met both kinds, and unequally often"
