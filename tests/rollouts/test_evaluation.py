"""Evaluation: what it counts is what happens, whatever the number of processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead, Policy
from retinoscope.agents.weights import save_agent
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.rollouts.chance import action_generator
from retinoscope.rollouts.evaluation import evaluate, summarise
from retinoscope.scenarios import ACTION_HEADS, Scenario, load_scenario
from retinoscope.workflows.watch import watch
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.seeds import world_seed


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The apples' arena with short episodes."""
    return load_scenario("apples").model_copy(update={"episode_tics": 322})


@pytest.fixture(scope="module")
def agent(scenario: Scenario) -> Agent:
    """An agent that mostly walks forward and otherwise does as its random network and its long memory say."""
    heads = tuple(ActionHead(name, outputs) for name, outputs in ACTION_HEADS.items())
    network = NetworkConfig(global_channels=3, retinal_bottleneck=2, hidden_size=16, rnn_size=8)
    policy = ActorCriticPolicy.untrained(NetworkDescription(network, (60, 80, 3), heads), seed=4)
    with torch.no_grad():
        policy.network.policy.weight *= 8
        policy.network.policy.bias[4] = 3.0
        policy.network.rnn.bias_ih_l0[8:16] += 4  # the gate that keeps what was: for some fifty decisions
    return Agent("walker", policy, scenario)


def play_slowly(
    policy: Policy | None, scenario: Scenario, seed: int, episode: int, greedy: bool = False
) -> dict[str, object]:
    """One environment, one decision at a time, nothing kept from an episode before: the oracle. None acts at random."""
    environment = GatheringEnvironment(scenario, objects_in_view=False)
    observation, _ = environment.reset(seed=world_seed(seed, 0, episode))
    random, state = action_generator(seed, 0, episode), policy.initial_state(1) if policy else torch.zeros(1, 0)
    total, pickups, decisions = 0.0, np.zeros(2, int), 0
    while True:
        scores = np.zeros(6)
        if policy:
            with torch.no_grad():
                logits, _, state = policy.step(torch.from_numpy(observation)[None], state)
            scores = logits[0].double().numpy()
        if not greedy:
            scores = scores + random.gumbel(size=6)
        action = np.array([scores[:3].argmax(), scores[3:].argmax()])
        observation, reward, terminated, truncated, info = environment.step(action)
        total, pickups, decisions = total + float(reward), pickups + info["pickups"], decisions + 1
        if terminated or truncated:
            environment.close()
            return {"episode_return": total, "pickups": pickups, "decisions": decisions, "survived": truncated}


def assert_is(row: xarray.Dataset, expected: dict[str, object]) -> None:
    assert float(row["episode_return"]) == pytest.approx(expected["episode_return"])
    np.testing.assert_array_equal(row["events"], expected["pickups"])
    assert bool(row["survived"]) == expected["survived"]
    # 322 tics are 80 decisions of 4 tics and one of 2.
    assert float(row["duration"]) == pytest.approx(min(expected["decisions"] * 4, 322) / 35)
    assert float(row["gathered"]) == expected["pickups"] @ [-20, 20]


@pytest.fixture(scope="module")
def seventeen(agent: Agent) -> Result:
    """More than one process plays in one go, and more than its environments play at a time."""
    return evaluate(agent, episodes=17, seed=7, workers=2)


@pytest.mark.parametrize("policy", ["agent", "random"])
# 0 and 16 are the first of their environments, 9 and 12 follow another episode there.
@pytest.mark.parametrize("episode", [0, 9, 12, 16])
def test_evaluation_equals_a_slow_loop(
    policy: str, episode: int, seventeen: Result, agent: Agent, scenario: Scenario
) -> None:
    row = seventeen.data.sel(policy=policy).isel(episode=episode)
    assert_is(row, play_slowly(agent.policy if policy == "agent" else None, scenario, 7, episode))


def test_evaluation_does_not_depend_on_the_number_of_processes(seventeen: Result, agent: Agent) -> None:
    assert seventeen.data.equals(evaluate(agent, episodes=17, seed=7, workers=1).data)


def test_the_summary_is_means_and_a_ratio_of_sums_with_intervals_around_them(seventeen: Result) -> None:
    summary = summarise(seventeen)
    for policy in ("agent", "random"):
        pickups = seventeen.data["events"].sel(policy=policy).values
        assert summary[policy]["healing"].estimate == pytest.approx(pickups[:, 1].mean())
        assert summary[policy]["events blue"].estimate == pytest.approx(pickups[:, 0].mean())
        for interval in summary[policy].values():
            assert interval.low <= interval.estimate * (1 + 1e-12) and interval.estimate <= interval.high * (1 + 1e-12)
    walker = summary["agent"]
    ratio = walker["healing_per_harmful"].estimate
    assert ratio == pytest.approx(walker["healing"].estimate / walker["harmful"].estimate)


def test_greedy_play_takes_the_likeliest_action_and_leaves_the_random_policy_random(
    agent: Agent, scenario: Scenario
) -> None:
    greedy, drawn = (evaluate(agent, episodes=3, seed=1, greedy=each, workers=1) for each in (True, False))
    assert (greedy.parameters["greedy"], drawn.parameters["greedy"]) == (True, False)
    assert_is(greedy.data.sel(policy="agent").isel(episode=2), play_slowly(agent.policy, scenario, 1, 2, greedy=True))
    assert greedy.data.sel(policy="random").equals(drawn.data.sel(policy="random"))
    assert not greedy.data.sel(policy="agent").equals(drawn.data.sel(policy="agent"))


def test_one_episode_is_too_few(agent: Agent) -> None:
    with pytest.raises(UserError, match="episodes: 1 is too few"):
        evaluate(agent, episodes=1)
    with pytest.raises(UserError, match="seed: -1 is negative"):
        evaluate(agent, episodes=2, seed=-1)
    with pytest.raises(UserError, match="workers: 0 is too few"):
        evaluate(agent, episodes=2, workers=0)


def test_a_script_without_a_main_guard_can_evaluate(agent: Agent, tmp_path: Path) -> None:
    saved = save_agent(agent, tmp_path / "walker.safetensors")
    script = tmp_path / "script.py"
    script.write_text(
        f"import retinoscope\n"
        f"print(retinoscope.evaluate(retinoscope.load_agent({str(saved)!r}), episodes=2).data.sizes['episode'])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr


def test_an_agent_that_does_not_fit_the_arena_is_refused(agent: Agent, scenario: Scenario) -> None:
    view = scenario.observation.model_copy(update={"width": 160, "height": 120})
    wide = scenario.model_copy(update={"observation": view})
    with pytest.raises(UserError, match="shows observations of .120, 160, 3., agent 'walker' sees"):
        evaluate(agent, wide, episodes=2)
    with pytest.raises(UserError, match="world it was trained in is not known"):
        evaluate(Agent("stray", agent.policy), episodes=2)


def test_watching_makes_a_movie_of_the_decisions_asked_for(agent: Agent, tmp_path: Path) -> None:
    import av

    path = watch(agent, frames=30, out=tmp_path / "play.mp4")
    with av.open(str(path)) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "play.avi"}, "a movie ends in .mp4 or .gif"),
        ({"out": "/no/such/folder/play.mp4"}, "does not exist or cannot be written"),
        ({"frames": 0, "out": "play.mp4"}, "frames: 0"),
        ({}, "no display"),
    ],
)
def test_watching_refuses_what_it_cannot_show(
    agent: Agent, options: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UserError, match=message):
        watch(agent, **options)
