"""The agent of CoinRun: what the world reads out of the saved game is true, and the agent is of the stated shape."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

import retinoscope
from tests.examples.running import EXAMPLES, analyzed, imported, run
from tests.warm import Warm

FOLDER = EXAMPLES / "coinrun"
AGENT = f"{FOLDER / 'agent.py'}:agent"


def test_what_the_game_saves_is_read_rightly() -> None:
    example = imported("coinrun")
    environment, right = example.CoinRun(), example.ACTIONS.index("right")
    picture, info = environment.reset(seed=1)
    assert info["time"] == 0 and info["time_limit"] == 1000 and 0 <= info["level"] < example.LEVELS
    assert info["position"][0] == 1.5 and info["speed"] == (0.0, 0.0)  # every level begins at its left end
    for time in range(1, 5):
        before, info_before = picture, info
        picture, reward, terminated, truncated, info = environment.step(right)
        assert info["time"] == time and not (reward or terminated or truncated)
        np.testing.assert_allclose(np.subtract(info["position"], info_before["position"]), info["speed"], atol=1e-5)
        assert info["speed"][0] > info_before["speed"][0] and not np.array_equal(before, picture)
    environment.close()


def test_a_seed_gives_the_episode_again_and_levels_differ() -> None:
    example, levels = imported("coinrun"), set()
    environments = example.CoinRun(), example.CoinRun()
    environments[1].reset(seed=99)
    for seed in range(12):
        random = np.random.default_rng(seed)
        shown = [environment.reset(seed=seed) for environment in environments]
        levels.add(shown[0][1]["level"])
        for action in random.integers(15, size=20):
            assert np.array_equal(shown[0][0], shown[1][0]) and shown[0][-1] == shown[1][-1]
            shown = [environment.step(action) for environment in environments]
            if shown[0][2] or shown[0][3]:
                break
    assert len(levels) > 4


def test_an_episode_ends_with_what_was_seen_in_it() -> None:
    """The game shows the next episode at once; what it shows then is not of this one."""
    environment = imported("coinrun").CoinRun()
    environment.reset(seed=3)
    random, ended = np.random.default_rng(0), 0
    last = environment.reset(seed=3)
    for action in random.integers(15, size=3000):
        following = environment.step(action)
        if following[2] or following[3]:
            assert np.array_equal(following[0], last[0]) and following[-1] == last[-1]
            assert (following[1] == 10) == (following[1] > 0)
            last, ended = environment.reset(), ended + 1
            assert last[1]["time"] == 0
        else:
            last = following
    assert ended > 3


def test_the_network_is_the_one_that_is_stated() -> None:
    agent = imported("coinrun").agent()
    policy = agent.policy
    stages = [layer for layer in policy.layers_of("encoder stage") if layer.is_map]
    assert {layer.shape[0] for layer in stages} == {16, 32} and stages[-1].shape == (32, 8, 8)
    assert policy.receptive_field(stages[-1].name).height >= 141  # IMPALA's see the whole picture
    (memory,) = policy.layers_of("memory")
    assert memory.shape == (64,) and policy.state_size == 64 and len(policy.action_heads[0].outputs) == 15
    pixels = torch.randint(0, 256, (2, 64, 64, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    network = imported("coinrun").loaded()
    nothing = torch.zeros(2, 64)
    step, theirs = policy.step(pixels, nothing), network(pixels.permute(0, 3, 1, 2) / 255, nothing)
    for ours, other in zip((step.logits, step.value[:, None], step.state), theirs, strict=True):
        torch.testing.assert_close(ours, other, rtol=0, atol=1e-5)


def test_the_learning_curve_rises() -> None:
    with (FOLDER / "coinrun.csv").open(encoding="utf-8") as file:
        returns = [float(row["return"]) for row in csv.DictReader(file)]
    assert np.mean(returns[:10]) < 3 and np.mean(returns[-20:]) > 4.5  # of 10


@pytest.mark.engine
def test_it_reaches_the_coin_more_often_than_chance(warm: Warm, tmp_path: Path) -> None:
    result = retinoscope.evaluate(retinoscope.load_agent(AGENT), episodes=12, workers=1)
    reached = result.data["events"].sel(event="coin reached").mean("episode")
    assert reached.sel(policy="agent") > reached.sel(policy="random") + 0.2
    made = analyzed(warm, tmp_path / "out", AGENT, "--frames", "400", "--only", "component_gallery,dataset_examples")
    assert {"component_gallery", "dataset_examples"} <= made


@pytest.mark.engine
def test_it_is_trained_by_the_script(warm: Warm, tmp_path: Path) -> None:
    run(warm, FOLDER / "train.py", tmp_path / "again.safetensors", "2048", "1")
    assert (tmp_path / "again.safetensors").stat().st_size < 1.5e6
    assert (tmp_path / "again.csv").read_text(encoding="utf-8").startswith("frames,return\n")
