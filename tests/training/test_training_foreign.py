"""Arenas made elsewhere, all the way: train, load, record, analyse, evaluate, with nothing written for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

import retinoscope
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.weights import save_agent
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.rollouts import Recording
from retinoscope.rollouts.evaluation import play_episodes, summarise
from retinoscope.scenarios import get_arena
from retinoscope.training import TrainingConfig, train
from retinoscope.training.worker import TrainingEnvironment
from retinoscope.worlds.choosing import find_world
from tests.foreign import FIVE, copy_of

BRIEF = TrainingConfig(
    frames=1500,
    network=NetworkConfig(global_channels=4, hidden_size=16, rnn_size=8, greyscale=True),
    batch_size=64,
    rollout=8,
    workers=1,
    environments_per_worker=2,
)


@pytest.fixture(scope="module")
def cfg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of("health_gathering_supreme", tmp_path_factory.mktemp("mine"))


@pytest.fixture(scope="module")
def run(cfg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(cfg, tmp_path_factory.mktemp("runs") / "gathering", BRIEF)


@pytest.fixture(scope="module")
def recording(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Two lives, in the arena that the agent finds by itself."""
    out = tmp_path_factory.mktemp("recordings") / "gathering.zarr"
    return retinoscope.record(retinoscope.load_agent(run), frames=240, out=out, environments=1, workers=1)


def test_an_agent_trained_elsewhere_knows_its_arena_and_its_heads(run: Path, cfg: Path, tmp_path: Path) -> None:
    agent = retinoscope.load_agent(run)
    assert agent.frames_trained is not None and agent.frames_trained >= 1500
    assert [(head.name, head.outputs) for head in agent.policy.action_heads] == [
        ("turn", ("none", "left", "right")),
        ("move", ("none", "forward")),
    ]
    saved = retinoscope.load_agent(save_agent(agent, tmp_path / "agent.safetensors"))
    assert agent.scenario is not None and saved.scenario == agent.scenario
    assert saved.policy.action_heads == agent.policy.action_heads
    assert get_arena(saved.scenario).sha256 == get_arena(cfg).sha256


def test_a_recording_says_where_it_was_made_and_keeps_the_variables(recording: Recording, cfg: Path) -> None:
    assert yaml.safe_load(recording.world.source)["made_elsewhere"] == str(cfg)
    assert recording.attributes["world_sha256"] == recording.world.sha256 == get_arena(cfg).sha256
    kinds = ("CustomMedikit", "Poison")
    assert [each.name for each in recording.world.events] == ["healing", "harmful", *kinds, "other pick-up"]
    assert recording.world.object_classes == (*kinds, "other")
    rows = recording.rows()
    assert [each.name for each in recording.world.variables[3:]] == ["HEALTH", "KILLCOUNT", "ITEMCOUNT"]
    np.testing.assert_array_equal(rows["HEALTH"], rows["health"])
    assert rows["health"][0] == 92, "hunger strikes before the first observation"
    assert np.any(rows["object_count"])
    # Within an episode, health changes by hunger alone where no pick-up was inferred.
    change, goes_on = np.diff(rows["health"]), np.diff(rows["episode"]) == 0
    nothing = (rows["events"].values[:, :2].sum(axis=1) == 0)[:-1]
    assert set(change[goes_on & nothing].tolist()) == {0.0, -8.0}


def test_the_reward_is_the_engine_s(recording: Recording) -> None:
    """1 for each of the tics of a decision; 100 less for dying."""
    rows = recording.rows()
    living = rows["reward"].values[~rows["terminated"].values.astype(bool)]
    assert set(living.tolist()) == {4.0}
    assert rows["terminated"].values.any(), "it starves within 96 decisions if it finds nothing"
    assert all(-100 <= reward <= -96 for reward in rows["reward"].values[rows["terminated"].values.astype(bool)])


def test_the_simulation_calls_pickups_inferred(recording: Recording) -> None:
    result = retinoscope.analyses.simulation(recording, frames=100)
    assert json.loads(result.data.attrs["events_inferred"]) == [True, True, False, False, False]
    assert "Inferred, and not told by the world: healing, harmful." in result.data.attrs["caption"]


def test_an_arena_that_is_gone_has_to_be_named(run: Path, cfg: Path, tmp_path: Path) -> None:
    agent = retinoscope.load_agent(run)
    elsewhere = cfg.parent.rename(cfg.parent.with_name("elsewhere"))
    try:
        with pytest.raises(UserError, match=r"'health_gathering_supreme': is not where it was.*--arena"):
            retinoscope.record(agent, frames=8, out=tmp_path / "r.zarr")
        named = retinoscope.record(agent, elsewhere / cfg.name, frames=8, out=tmp_path / "r.zarr", workers=1)
        assert named.frames == 8
    finally:
        elsewhere.rename(cfg.parent)
    with pytest.raises(UserError, match=r"'basic': is played with the heads strafe .*, the agent has turn"):
        retinoscope.record(agent, "vizdoom:basic", frames=8, out=tmp_path / "other.zarr")


def test_analysing_it_makes_the_report(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    arguments = ["analyze", str(run), "--frames", "40", "--layers", "conv1", "--out", str(out)]
    assert main(arguments) == 0, capfd.readouterr()
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "made_elsewhere" in page and "health_gathering_supreme.cfg" in page
    assert (out / "figures" / "simulation.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", [each for each in FIVE if each != "health_gathering_supreme"])
def test_the_others_are_recorded_and_shown(name: str, tmp_path: Path) -> None:
    """By an agent that has not learnt anything."""
    agent = retinoscope.random_agent(f"vizdoom:{name}")
    recording = retinoscope.record(agent, frames=60, out=tmp_path / "r.zarr", environments=1, workers=1)
    result = retinoscope.analyses.simulation(recording, frames=60)
    assert result.data.sizes["output"] == sum(len(head.outputs) for head in agent.policy.action_heads)
    frame = next(iter(retinoscope.figures.simulation_frames(result)))
    assert frame.ndim == 3 and frame.std() > 10
    assert "KILLCOUNT" in recording.rows(0, 1)


def test_evaluation_counts_goals_as_survived_and_health_as_it_changed() -> None:
    """Random shots hit the monster of `basic` in most episodes, which ends them; nobody dies."""
    agent, world = retinoscope.random_agent("vizdoom:basic"), find_world("vizdoom:basic")
    rows = play_episodes(agent.policy, world, [0, 1, 2], seed=0, greedy=False)
    assert all(row["survived"] and row["gathered"] == 0 for row in rows)
    assert any(row["duration"] < 300 / 35 for row in rows)
    result = retinoscope.evaluate(retinoscope.random_agent("vizdoom:defend_the_center"), episodes=2, workers=1)
    assert (result.data["gathered"] < 0).all(), "whoever does not learn is bitten"
    assert summarise(result)["agent"]["harmful"].estimate > 0


def test_training_gets_the_engine_s_reward_and_no_weight_of_harm() -> None:
    environment = TrainingEnvironment("vizdoom:defend_the_center", (1.0, 10.0), (0, 1))
    environment.set_training_info({"approx_total_training_steps": 100})
    try:
        environment.reset(seed=0)
        rewards, over = [], False
        while not over:
            _, reward, terminated, truncated, _ = environment.step((0, 0))
            rewards.append(reward)
            over = terminated or truncated
        assert terminated and rewards == [0.0] * (len(rewards) - 1) + [-1.0]  # death_penalty = 1, and nothing else
    finally:
        environment.close()
