"""The agent of MiniGrid, trained by Stable-Baselines3: it is read without the library, and does what it learned."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

import retinoscope
from tests.examples.running import EXAMPLES, analyzed, imported, run
from tests.warm import Warm

FOLDER = EXAMPLES / "minigrid"
AGENT = f"{FOLDER / 'agent.py'}:agent"
ACTIONS = ("left", "right", "forward", "pickup", "drop", "toggle", "done")


def test_variables_and_events_are_those_of_a_game_played_by_hand() -> None:
    """In the world that seed 0 gives, known from looking at it: by which way to the key, the door and the goal."""
    world = imported("minigrid").world
    environment = world.environment()
    _, info = environment.reset(seed=0)
    inner = environment.unwrapped
    for action in shortest_way(inner):
        before = dict(world.variables(environment, info))
        _, reward, terminated, truncated, info = environment.step(world.action(np.array([ACTIONS.index(action)])))
        after = dict(world.variables(environment, info))
        names = [each.name for each in world.declaration.events]
        counts = dict(zip(names, world.events(environment, info, reward), strict=True))
        assert counts == {
            "key taken": int(action == "pickup"),
            "door opened": int(action == "toggle"),
            "goal reached": int(terminated),
        }
        moved = after["position"] - before["position"]
        heading = np.deg2rad(before["angle"])
        steps = (np.cos(heading), -np.sin(heading)) if action == "forward" else (0, 0)  # rows are counted downwards
        np.testing.assert_allclose(moved, steps, atol=1e-6)
        turned = {"left": 90, "right": -90}.get(action, 0)
        assert (after["angle"] - before["angle"] - turned) % 360 == 0
    assert terminated and not truncated and after["holds_key"] == after["door_is_open"] == 1
    environment.close()


def shortest_way(inner: object) -> list[str]:
    """By breadth-first search over copies of the game, which shares no code with what reads its state."""
    import copy
    from collections import deque

    def key(game: object) -> tuple[object, ...]:
        return (*game.agent_pos, game.agent_dir, game.carrying is not None, game.grid.encode().tobytes())

    game = copy.deepcopy(inner)
    ways, seen = deque([(game, [])]), {key(game)}
    while ways:
        game, way = ways.popleft()
        for action in ("left", "right", "forward", "pickup", "toggle"):
            following = copy.deepcopy(game)
            _, reward, *_ = following.step(ACTIONS.index(action))
            if reward > 0:
                return [*way, action]
            if key(following) not in seen:
                seen.add(key(following))
                ways.append((following, [*way, action]))
    raise AssertionError("there is no way to the goal")


def test_the_saved_model_is_what_the_library_computes() -> None:
    model = PPO.load(FOLDER / "doorkey.zip", device="cpu")
    live, saved = imported("minigrid").agent(), retinoscope.load_agent(FOLDER / "doorkey.zip")
    assert live.policy.action_heads[0].outputs == ACTIONS
    pictures = torch.randint(0, 256, (4, 56, 56, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    theirs = model.policy.get_distribution(pictures.permute(0, 3, 1, 2)).distribution.logits
    for agent in (live, saved):
        step = agent.policy.step(pictures, agent.policy.initial_state(4))
        torch.testing.assert_close(step.logits.log_softmax(1), theirs, rtol=0, atol=1e-5)
    assert saved.frames_trained == model.num_timesteps


def test_the_learning_curve_is_that_of_the_model() -> None:
    with (FOLDER / "doorkey.csv").open(encoding="utf-8") as file:
        curve = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert curve[0]["return"] < 0.2 and curve[-1]["return"] > 0.9
    assert curve[-1]["frames"] == imported("minigrid").agent().frames_trained


@pytest.mark.engine
def test_it_reaches_the_goal_where_chance_does_not(warm: Warm, tmp_path: Path) -> None:
    result = retinoscope.evaluate(retinoscope.load_agent(AGENT), episodes=20, workers=1)
    reached = result.data["events"].sel(event="goal reached").mean("episode")
    assert reached.sel(policy="agent") > 0.9 and reached.sel(policy="random") < 0.5
    made = analyzed(warm, tmp_path / "out", AGENT, "--frames", "600", "--only", "event_triggered,receptive_fields")
    assert {"event_triggered", "receptive_fields"} <= made


@pytest.mark.engine
def test_it_is_trained_by_the_script(warm: Warm, tmp_path: Path) -> None:
    run(warm, FOLDER / "train.py", tmp_path / "again.zip", "1024")
    agent = retinoscope.load_agent(tmp_path / "again.zip")
    assert agent.frames_trained == 1024 and agent.policy.observation_shape == (56, 56, 3)
    assert (tmp_path / "again.csv").read_text(encoding="utf-8").startswith("frames,return,length\n")
    assert (tmp_path / "again.zip").stat().st_size < 1e6
