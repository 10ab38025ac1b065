"""Sample Factory's default network in its own ViZDoom environment, from training to analyses of the run's directory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retinoscope
from tests.examples.running import EXAMPLES, analyzed, imported, run
from tests.warm import Warm

FOLDER = EXAMPLES / "vizdoom_sample_factory"
WORLD = f"{FOLDER / 'world.py'}:world"


@pytest.fixture(scope="module")
def trained(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of few frames with the default network."""
    runs = tmp_path_factory.mktemp("runs")
    run(warm, FOLDER / "train.py", runs, "4000")
    return runs / "doom_basic"


@pytest.mark.engine
def test_the_default_network_is_read_from_its_run(trained: Path, warm: Warm, tmp_path: Path) -> None:
    agent = retinoscope.load_agent(trained)
    policy = agent.policy
    assert policy.observation_shape == (72, 128, 3) and policy.state_size == 512
    assert [head.outputs for head in policy.action_heads] == [("none", "left", "right", "attack")]
    assert [layer.shape[0] for layer in policy.layers if layer.kind == "convolution"] == [32, 64, 128]
    options = ("--world", WORLD, "--frames", "600", "--only", "event_triggered,receptive_fields")
    assert {"event_triggered", "receptive_fields"} <= analyzed(warm, tmp_path / "out", trained, *options)


@pytest.mark.engine
def test_what_a_shot_did_is_told_by_reward_and_ammunition() -> None:
    world = imported("vizdoom_sample_factory", "world.py").world
    assert world.declaration.repeats_itself
    environment, random = world.environment(), np.random.default_rng(0)
    hits = misses = 0
    for episode in range(5):
        _, info = environment.reset(seed=episode)
        left, since_hit, is_over = world.variables(environment, info)["ammunition"], None, False
        while not is_over:
            _, reward, terminated, truncated, info = environment.step(
                random.choice([1, 2, 3, 3])
            )  # left, right, attack
            hit, missed = world.events(environment, info, reward)
            now = world.variables(environment, info)["ammunition"]
            is_over = terminated or truncated
            # Four tics cost 0.04; a shot that missed 0.05 more; the monster brings 1.01, and with it all is over.
            assert (hit, missed) == (reward > 0.5, -0.5 < reward < -0.045)
            assert (now < left) == (hit or missed)
            since_hit = 0 if hit else None if since_hit is None else since_hit + 1
            assert since_hit is None or since_hit <= 1
            left, hits, misses = now, hits + int(hit), misses + int(missed)
    environment.close()
    assert hits and misses
