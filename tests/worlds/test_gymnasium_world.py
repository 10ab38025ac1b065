"""Any Gymnasium environment as a world: what is seen, done, noted and counted, and who it is."""

from __future__ import annotations

import json
import pickle
from importlib.metadata import packages_distributions
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

import retinoscope
from retinoscope.errors import UserError
from retinoscope.rollouts import open_recording, record, replay_error
from retinoscope.rollouts.evaluation import evaluate, summarise
from retinoscope.worlds import Declaration, gymnasium_world
from retinoscope.worlds.gymnasium_identity import distribution_of
from retinoscope.worlds.seeds import world_seed
from tests.worlds.grid import Grid
from tests.worlds.grid_agents import PIXELS, Memory, agent_in, grid_world


def test_what_is_declared_is_what_there_is() -> None:
    declared = grid_world().declaration
    assert declared.picture.shape == (PIXELS, PIXELS, 3)
    assert [(each.name, each.outputs) for each in declared.actions] == [("action", ("0", "1", "2"))]
    assert [each.name for each in declared.variables] == ["square", "distance"]
    assert declared.valences.tolist() == [1.0, -2.0]
    assert declared.repeats_itself and declared.seconds_per_decision is None
    assert declared.clock.units == "decisions"
    assert Declaration.from_json(json.loads(json.dumps(declared.to_json()))) == declared


@pytest.mark.parametrize("layout", ["last", "first", "grey", "float"])
def test_every_layout_becomes_the_same_picture(layout: str) -> None:
    shown = []
    for each in (layout, "last"):
        environment = grid_world(layout=each).environment()
        shown.append(environment.reset(seed=3)[0])
        environment.close()
    picture, expected = shown
    if layout == "grey":
        assert picture.shape == (PIXELS, PIXELS, 1)
        expected = expected.max(axis=2, keepdims=True)
    np.testing.assert_allclose(picture, expected, atol=1e-4)
    assert picture.dtype == (np.float32 if layout == "float" else np.uint8)


def test_floats_are_stretched_from_their_own_black_and_white() -> None:
    class Around(gymnasium.Env[np.ndarray, Any]):
        observation_space = gymnasium.spaces.Box(-1, 3, (16, 16, 1), np.float32)
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
            return np.linspace(-1, 3, 256, dtype=np.float32).reshape(16, 16, 1), {}

        def step(self, action: Any) -> Any:
            return *self.reset()[:1], 0.0, False, False, {}

    seen, _ = gymnasium_world(Around).environment().reset()
    np.testing.assert_allclose(seen.ravel(), np.arange(256), atol=1e-3)


@pytest.mark.parametrize("stacked", ["grey", "last", "first"])
def test_stacked_frames_are_channels_the_newest_last(stacked: str) -> None:
    def make() -> Any:
        return gymnasium.wrappers.FrameStack(Grid(layout=stacked), 3)

    world = gymnasium_world(make)
    assert world.declaration.picture.frames == 3
    colours = 1 if stacked == "grey" else 3
    environment, plain = world.environment(), grid_world(layout=stacked).environment()
    environment.reset(seed=1), plain.reset(seed=1)
    frames = [plain.step(1)[0], plain.step(2)[0], plain.step(1)[0]]
    for action in (1, 2, 1):
        seen = environment.step(action)[0]
    np.testing.assert_array_equal(seen, np.concatenate(frames, axis=2))
    assert world.declaration.picture.channel_names[-colours:] == (
        ("grey",) if colours == 1 else ("red", "green", "blue")
    )


@pytest.mark.parametrize(
    ("actions", "heads", "chosen", "taken"),
    [
        ("discrete", [3], [2], 2),
        ("shifted", [3], [2], 9),
        ("multi", [2, 2], [1, 0], [1, 0]),
        ("binary", [2, 2], [0, 1], [0, 1]),
        ("box", [2], [0.5, -3.0], [0.5, -1.0]),
    ],
)
def test_actions_arrive_as_the_environment_takes_them(actions: str, heads: list, chosen: list, taken: Any) -> None:
    world = grid_world(actions=actions)
    assert [len(each.outputs) for each in world.declaration.actions] == heads
    environment = world.environment()
    environment.reset(seed=0)
    environment.step(world.action(np.array(chosen, np.float32 if actions == "box" else np.int8)))
    np.testing.assert_array_equal(environment.unwrapped.taken[-1], taken)


def test_a_recording_is_what_a_slow_loop_sees(tmp_path: Any) -> None:
    world = grid_world()
    agent = agent_in(world)
    recording = record(agent, frames=240, out=tmp_path / "a.zarr", seed=4, environments=2, workers=1)
    rows = recording.rows()
    for number in range(2):
        environment, row, episode = Grid(), number * 120, 0
        while row < (number + 1) * 120:
            seen, info = environment.reset(seed=world_seed(4, number, episode))
            state, over, step = torch.zeros(1, 6), False, 0
            while not over and row < (number + 1) * 120:
                one = rows.isel(time=row)
                np.testing.assert_array_equal(one["observation"], seen)
                np.testing.assert_array_equal(one["square"], info["square"])
                assert float(one["distance"]) == info["distance"] and int(one["step"]) == step
                with torch.no_grad():
                    logits, _, state = agent.policy.step(torch.from_numpy(seen)[None], state)
                np.testing.assert_allclose(one["logits"], logits[0], atol=1e-5)
                np.testing.assert_allclose(one["memory"], state[0], atol=1e-5)
                seen, reward, terminated, truncated, info = environment.step(int(one["action"][0]))
                assert float(one["reward"]) == reward
                assert one["events"].values.tolist() == [info["distance"] == 0, info["trap"]]
                assert (bool(one["terminated"]), bool(one["truncated"])) == (terminated, truncated)
                over, row, step = terminated or truncated, row + 1, step + 1
            episode += 1
    assert rows["events"].values.sum(axis=0).min() > 0
    assert recording.world == world.declaration
    assert recording.layers_of("memory") == ("memory",) and recording.state_columns("memory") == slice(0, 6)
    assert replay_error(recording, agent).holds


def test_interrupted_or_not_and_however_many_processes_it_is_the_same(tmp_path: Any) -> None:
    agent = agent_in(grid_world())
    whole = record(agent, frames=90, out=tmp_path / "a.zarr", environments=3, workers=2, block_frames=30)
    for frames in (42, 90):  # 42: amid a block
        parts = record(agent, frames=frames, out=tmp_path / "b.zarr", environments=3, workers=1, block_frames=30)
    assert whole.rows().identical(parts.rows())
    assert whole.episodes == parts.episodes


@pytest.mark.parametrize("kind", ["q_values", "continuous", "two heads"])
def test_all_kinds_of_actions_are_recorded_and_gone_on_with(kind: str, tmp_path: Any) -> None:
    actions = {"q_values": "discrete", "continuous": "box", "two heads": "multi"}[kind]
    world = grid_world(actions=actions)
    more = {"q_values": True, "epsilon": 0.3} if kind == "q_values" else {}
    agent = agent_in(world, outputs=3 if kind == "q_values" else 4, **more)
    whole = record(agent, frames=60, out=tmp_path / "a.zarr", environments=2, workers=1)
    for frames in (10, 60):
        parts = record(agent, frames=frames, out=tmp_path / "b.zarr", environments=2, workers=1)
    assert whole.rows().identical(parts.rows())
    chosen = whole.rows()["action"].values
    if kind == "continuous":
        assert chosen.dtype == np.float32 and (np.abs(chosen) <= 1).all() and len(np.unique(chosen)) > 20
    elif kind == "q_values":
        best = whole.rows()["logits"].values.argmax(axis=1)
        assert 0.05 < (chosen[:, 0] != best).mean() < 0.45  # 0.3 of two thirds
    else:
        assert len(np.unique(chosen, axis=0)) == 4
    greedy = record(agent, frames=20, out=tmp_path / "c.zarr", greedy=True, workers=1).rows()
    if kind == "continuous":
        np.testing.assert_array_equal(greedy["action"], np.clip(greedy["logits"].values[:, :2], -1, 1))
    summary = summarise(evaluate(agent, episodes=4, workers=1))
    assert {"duration", "episode_return", "gathered", "good", "bad", "good_per_bad", "events goal"} <= set(
        summary["agent"]
    )
    assert "survived" not in summary["agent"]


def test_a_world_that_does_not_repeat_itself_says_so_and_goes_on_with_another_episode(tmp_path: Any) -> None:
    world = grid_world(repeats=False)
    assert not world.declaration.repeats_itself
    assert "does not show the same again" in world.declaration.notes[0]
    agent = agent_in(world)
    for number in range(20):  # play differs every time, and an episode may just end there by itself
        path = tmp_path / f"{number}.zarr"
        last = record(agent, frames=17, out=path, environments=1, workers=1).episodes[-1]
        if not last.terminated and not last.truncated:
            break
    recording = record(agent, frames=60, out=path, environments=1, workers=1)
    assert recording.frames == 60
    assert not open_recording(path).world.repeats_itself
    cut = next(each for each in recording.episodes if each.stop == 17)
    assert not cut.terminated and not cut.truncated
    assert [each.start for each in recording.episodes[1:]] == [each.stop for each in recording.episodes[:-1]]
    assert (recording.rows()["step"].values[[each.start for each in recording.episodes]] == 0).all()


def test_the_same_world_has_the_same_hash_and_another_has_another() -> None:
    def digest(**settings: Any) -> str:
        return str(grid_world(**settings).declaration.sha256)

    assert digest() == digest()
    others = [
        digest(limit=11),
        digest(layout="grey"),
        digest(actions="shifted"),
        gymnasium_world(Grid).declaration.sha256,
    ]
    assert len({digest(), *others}) == 5


def test_the_version_that_is_told_is_that_of_what_holds_the_package() -> None:
    known = packages_distributions()
    for package in (
        "gymnasium",
        "vizdoom",
        "ale_py",
        "minigrid",
        "procgen",
        "numpy",
        "PIL",
        "yaml",
        "typing_extensions",
    ):
        assert distribution_of(package) == known[package][0], package
    assert distribution_of("no_package_at_all") is None


def test_what_a_world_was_made_with_tells_it_apart_though_its_first_steps_do_not() -> None:
    class Kept(gymnasium.Wrapper[Any, Any, Any, Any]):
        def __init__(self, environment: Any, late: int, folder: str, other: object = None) -> None:
            super().__init__(environment)
            self._late, self.folder, self.other = late, folder, other

    def made(limit: int = 1000, late: int = 1, folder: str = "/a/b") -> tuple[str, dict[str, Any]]:
        declared = gymnasium_world(lambda: Kept(Grid(limit=limit), late, folder, object())).declaration
        return declared.sha256, json.loads(declared.source)

    digest, source = made()
    # What differs between machines and processes, a path or an object, is no part of it.
    assert [arguments for name, arguments in source["wrappers"] if name.endswith("Kept")] == [{"late": 1}]
    # It keeps `actions` under another name, which nobody can know.
    assert source["spec"] == {"layout": "last", "repeats": True, "limit": 1000}
    assert made(folder="/elsewhere")[0] == digest
    assert len({digest, made(limit=2000)[0], made(late=2)[0]}) == 3


def test_worlds_of_notebooks_travel_to_other_processes() -> None:
    factor = 1

    class Local(Grid):
        limit_of_mine = factor

    world = pickle.loads(pickle.dumps(gymnasium_world(lambda: Local(), variables={"one": lambda environment, info: 1})))
    environment = world.environment()
    _, info = environment.reset(seed=0)
    assert world.variables(environment, info)["one"] == 1


class Resizing(Grid):
    def step(self, action: Any) -> Any:
        seen, *rest = super().step(action)
        return seen[:-1] if self.steps > 3 else seen, *rest


class Failing(Grid):
    def step(self, action: Any) -> Any:
        raise ValueError("the game is broken")


@pytest.mark.parametrize(
    ("make", "settings", "says"),
    [
        (lambda: Grid(layout="flat"), {}, "shape .1200,., which is no picture"),
        (lambda: gymnasium.make("CartPole-v1"), {}, "is no picture"),
        (lambda: gymnasium.make("FrozenLake-v1"), {}, "is Discrete, which is no picture"),
        (lambda: 5, {}, "returns a int"),
        (lambda: 1 / 0, {}, "cannot be made: ZeroDivisionError"),
        (Resizing, {}, "has the shape .19, 20, 3., the first had .20, 20, 3."),
        (Failing, {}, "fails with ValueError: the game is broken"),
        (Grid, {"variables": {"ball": "ball"}}, "info has no 'ball'; it has square, distance, trap"),
        (Grid, {"variables": {"ball": lambda environment, info: "x"}}, "variable 'ball' is <U1"),
        (Grid, {"variables": {"ball": lambda environment, info: info["y"]}}, "cannot be read: KeyError"),
        (Grid, {"events": {"won": lambda environment, info, reward: -1}}, "event 'won' is -1"),
        (Grid, {"frames": 2}, "3 channels; say how many frames"),
    ],
)
def test_what_is_no_world_is_refused_in_one_line(make: Any, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        gymnasium_world(make, **settings)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Any) -> None:
    agent = agent_in(grid_world())
    for world, says in [
        (grid_world(layout="grey"), "shows observations of .20, 20, 1."),
        (grid_world(actions="multi"), "is played with the heads"),
        (grid_world(actions="box"), "is played with the heads"),
    ]:
        with pytest.raises(UserError, match=says):
            record(agent, world, frames=10, out=tmp_path / "a.zarr")
    clash = gymnasium_world(Grid, variables={"memory": "distance"})
    with pytest.raises(UserError, match="'memory': is the name of a variable"):
        record(agent, clash, frames=10, out=tmp_path / "a.zarr")
    with pytest.raises(UserError, match="what it sees is not said"):
        retinoscope.from_module(Memory(), initial_state=6)
    assert not (tmp_path / "a.zarr").exists()
