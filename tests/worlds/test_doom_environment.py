"""The arena as Gymnasium expects it: spaces, registration, ends of episodes, and the same frames from the same seed."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import retinoscope
from retinoscope.errors import UserError
from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena

ROOT = Path(__file__).parents[2]
STILL = np.array([0, 0])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RETINOSCOPE_CACHE", str(tmp_path))


def python_path():
    return os.pathsep.join([str(Path(retinoscope.__file__).parents[1]), str(ROOT)])


def run_python(program, *arguments, **variables):
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": python_path(), **variables},
    )
    return done.stdout.strip()


@pytest.mark.parametrize("scenario", ["digits", "apples"])
def test_gymnasium_makes_and_approves_it(scenario, cache):
    environment = gymnasium.make("retinoscope/Gathering-v0", scenario=scenario)
    assert environment.observation_space.shape == (60, 80, 3)
    assert environment.action_space.nvec.tolist() == [3, 3]
    check_env(environment.unwrapped)
    environment.close()


def test_importing_retinoscope_registers_the_arena_and_loads_no_engine():
    program = "import sys, gymnasium, retinoscope; assert 'vizdoom' not in sys.modules; print(gymnasium.spec(%r).id)"
    assert run_python(program % "retinoscope/Gathering-v0") == "retinoscope/Gathering-v0"


def test_importing_gymnasium_after_retinoscope_finds_the_arena_by_its_entry_point():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (value,) = project["entry-points"]["gymnasium.envs"].values()
    module, function = value.split(":")
    getattr(importlib.import_module(module), function)()
    assert "retinoscope/Gathering-v0" in gymnasium.registry


def fingerprint(environment, seed, steps=60):
    random, digest = np.random.default_rng(9), hashlib.sha256()
    observation, info = environment.reset(seed=seed)
    for _ in range(steps):
        digest.update(observation.tobytes())
        digest.update(repr((info["health"], info["position"].tolist(), info["pickups"].tolist())).encode())
        observation, _, terminated, truncated, info = environment.step(random.integers(3, size=2))
        if terminated or truncated:
            break
    return digest.hexdigest()


def test_the_same_seed_and_actions_give_the_same_frames_in_another_process_after_other_episodes(tmp_path):
    arena = build_arena(tmp_path, "digits")
    environment = GatheringEnvironment(arena)
    first, other, again = (fingerprint(environment, seed) for seed in (4, 5, 4))
    environment.close()
    program = (
        "import sys; from pathlib import Path; from tests.arenas import build_arena;"
        "from tests.worlds.test_doom_environment import GatheringEnvironment, fingerprint;"
        "environment = GatheringEnvironment(build_arena(Path(sys.argv[1]), 'digits'));"
        "print(fingerprint(environment, 4)); environment.close()"
    )
    elsewhere = run_python(program, str(tmp_path / "other"), PYTHONHASHSEED="77")
    assert first == again == elsewhere
    assert first != other


def test_episodes_without_a_seed_differ_and_continue_the_seeded_sequence(tmp_path):
    environment = GatheringEnvironment(build_arena(tmp_path, "apples"))
    frames = [environment.reset(seed=seed)[0].tobytes() for seed in (3, None, None, 3, None, None)]
    environment.close()
    assert frames[:3] == frames[3:]
    assert len(set(frames)) == 3


def test_an_episode_is_truncated_at_its_limit_and_needs_a_reset_then(tmp_path):
    """Hunger of one a tic, which counts the tics: one before the first observation, then ten."""
    health = {"hunger": 1, "hunger_tics": 1}
    arena = build_arena(tmp_path, "apples", stimuli__count_per_class=0, health=health, episode_tics=10)
    environment = GatheringEnvironment(arena)
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(STILL)
    environment.reset(seed=0)
    steps = [environment.step(STILL) for _ in range(3)]
    assert [step[2:4] for step in steps] == [(False, False), (False, False), (False, True)]
    assert [step[4]["health"] for step in steps] == [99 - 4, 99 - 8, 99 - 10]
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(STILL)
    environment.reset()
    assert environment.step(STILL)[2:4] == (False, False)
    environment.close()


@pytest.mark.parametrize(("episode_tics", "died"), [(31, False), (32, True), (33, True)])
def test_a_death_in_the_last_decision_is_a_death(episode_tics, died, tmp_path):
    """With 10 health and hunger of 9, the second bite, 32 tics after the start, kills."""
    arena = build_arena(
        tmp_path,
        "apples",
        stimuli__count_per_class=0,
        health={"start": 10, "maximum": 10, "hunger": 9},
        episode_tics=episode_tics,
    )
    environment = GatheringEnvironment(arena)
    observation, info = environment.reset(seed=0)
    assert info["health"] == 1
    terminated = truncated = False
    reward = 0.0
    while not (terminated or truncated):
        before = observation
        observation, reward, terminated, truncated, info = environment.step(STILL)
    environment.close()
    assert (terminated, truncated) == (died, not died)
    assert info["health"] == (0 if died else 1)
    assert reward == (-1.0 if died else 0.01)
    if died:
        np.testing.assert_array_equal(observation, before)


def test_the_pickup_that_kills_is_counted_and_the_last_view_stays(tmp_path):
    arena = build_arena(
        tmp_path,
        "apples",
        stimuli__classes=[{"name": "blue", "health": -150}],
        stimuli__count_per_class=200,
        health__hunger=0,
    )
    environment = GatheringEnvironment(arena)
    observation, info = environment.reset(seed=0)
    terminated = False
    while not terminated:
        assert info["health"] == 100 and not info["pickups"].any()
        before, objects = observation, info["objects"]
        observation, reward, terminated, truncated, info = environment.step(np.array([0, 1]))
    environment.close()
    assert info["pickups"].tolist() == [1]
    assert info["health"] == 0 and not truncated
    assert reward == pytest.approx(-15 - 1)
    np.testing.assert_array_equal(observation, before)
    assert [each["distance"] for each in info["objects"]] == [each["distance"] for each in objects]


def test_actions_do_what_their_names_say(tmp_path):
    arena = build_arena(tmp_path, "apples", stimuli__count_per_class=0, health__hunger=0)
    environment, moved = GatheringEnvironment(arena), {}
    for action in np.ndindex(3, 3):
        _, before = environment.reset(seed=0)
        for _ in range(6):
            after = environment.step(np.array(action))[-1]
        turn = (after["angle"] - before["angle"] + 180) % 360 - 180
        moved[action] = (np.sign(turn), np.sign(after["position"][0]))
    environment.close()
    assert moved == {(t, m): ((0, 1, -1)[t], (0, 1, -1)[m]) for t, m in moved}


@pytest.mark.parametrize("action", [np.array([3, 0]), np.array([0, -1]), np.array([0])])
def test_an_impossible_action_is_refused(action, tmp_path):
    environment = GatheringEnvironment(build_arena(tmp_path, "apples"))
    environment.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction):
        environment.step(action)
    environment.close()


def test_the_engine_leaves_nothing_in_the_working_folder(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    environment = GatheringEnvironment(build_arena(Path("../arena"), "apples"))
    environment.reset(seed=0)
    assert Path.cwd() == work
    environment.close()
    assert list(work.iterdir()) == []


def test_an_environment_that_is_never_closed_ends_quietly(tmp_path):
    program = (
        "import sys; from pathlib import Path; from tests.arenas import build_arena;"
        "from retinoscope.worlds.doom.environment import GatheringEnvironment;"
        "environment = GatheringEnvironment(build_arena(Path(sys.argv[1]), 'apples')); environment.reset(seed=0)"
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert run_python(program, str(tmp_path), TMPDIR=str(temporary)) == ""
    assert list(temporary.iterdir()) == []


def test_an_observation_size_the_engine_cannot_draw_is_one_clear_line(tmp_path):
    arena = build_arena(tmp_path, "apples", observation={"height": 84, "width": 84})
    with pytest.raises(UserError, match="apples: observation: the engine has no resolution 168x168; choose") as caught:
        GatheringEnvironment(arena)
    assert "\n" not in str(caught.value)


def test_a_window_without_a_display_is_one_clear_line(tmp_path):
    program = """
import sys
from pathlib import Path
from retinoscope.errors import UserError
from retinoscope.worlds.doom.environment import GatheringEnvironment
assert GatheringEnvironment.metadata["render_modes"] == ["rgb_array"]
try:
    GatheringEnvironment("apples", render_mode="human")
except UserError as error:
    print(error)
"""
    line = run_python(program, RETINOSCOPE_CACHE=str(tmp_path), DISPLAY="", WAYLAND_DISPLAY="")
    assert line == "render_mode: there is no display for a window; leave render_mode out"


def test_the_engine_ends_when_its_process_is_killed(tmp_path):
    program = (
        "import sys; from pathlib import Path; from tests.arenas import build_arena;"
        "from retinoscope.worlds.doom.environment import GatheringEnvironment;"
        "environment = GatheringEnvironment(build_arena(Path(sys.argv[1]), 'apples')); environment.reset(seed=0);"
        "print('playing', flush=True); sys.stdin.read()"
    )

    def engines():
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(tmp_path).encode() in (process / "cmdline").read_bytes().partition(b"+viz_")[0]:
                    found.append(int(process.name))
        return found

    player = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": python_path(), "TMPDIR": str(tmp_path)},
    )
    with player:
        assert player.stdout.readline() == b"playing\n"
        alive = set(engines()) - {player.pid}
        assert len(alive) == 1
        player.kill()
    deadline = time.monotonic() + 30
    while alive & set(engines()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive & set(engines())
