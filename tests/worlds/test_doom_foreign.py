"""Arenas made elsewhere, played: against the engine's own counts, and against the same arena built here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import vizdoom

from retinoscope.errors import UserError
from retinoscope.scenarios import foreign_part, get_arena
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.doom.foreign import infer_pickups
from retinoscope.worlds.doom.play import PlayedEnvironment, play
from retinoscope.worlds.doom.trial import NO_HUNGER, NO_OBJECTS, Hunger, find_hunger, trial_of
from tests.foreign import copy_of, counted_arena, vizdoom_folder

DECISIONS = 150


def hunger(name: str | Path) -> Hunger:
    arena = get_arena(name)
    foreign = foreign_part(arena.scenario)
    assert foreign is not None
    return trial_of(arena, foreign).hunger


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    return counted_arena(tmp_path_factory.mktemp("counted"))


def actions(steps: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Forward, with turns."""
    random = np.random.default_rng(seed)
    for _ in range(steps):
        yield np.array([random.choice([0, 1, 2], p=[0.6, 0.2, 0.2]), 1])


def to_the_nearest(info: dict[str, Any]) -> np.ndarray:
    """Walk to the nearest thing in view, or turn."""
    turn = 1
    if info["objects"]:
        left, _, width, _ = info["objects"][0]["box"]
        aside = left + width / 2 - 40
        turn = 0 if abs(aside) < 4 else 1 if aside < 0 else 2
    return np.array([turn, 1])


def test_inferred_pickups_are_those_that_the_engine_counts(counted: tuple[Path, object]) -> None:
    """Every decision with one pick-up or none is inferred rightly, whether or not hunger strikes in it."""
    environment = GatheringEnvironment(get_arena(counted[0]))
    effects = np.array(counted[1].scenario.class_effects)  # type: ignore[attr-defined]
    seen = {"healing": 0, "harmful": 0, "with hunger": 0}
    try:
        for seed in range(3):
            _, info = environment.reset(seed=seed)
            before = np.array([info["variables"]["USER1"], info["variables"]["USER2"]])
            for _ in range(DECISIONS):
                health = info["health"]
                _, _, terminated, truncated, info = environment.step(to_the_nearest(info))
                counts = np.array([info["variables"]["USER1"], info["variables"]["USER2"]])
                picked, before = counts - before, counts
                if picked.sum() <= 1:
                    expected = [int(picked[effects > 0].sum()), int(picked[effects < 0].sum())]
                    assert info["pickups"][:2].tolist() == expected
                    seen["healing"] += expected[0]
                    seen["harmful"] += expected[1]
                    seen["with hunger"] += bool(picked.sum() and info["health"] - health != picked @ effects)
                    if picked.sum():
                        assert info["health_gathered"] == picked @ effects
                if terminated or truncated:
                    break
    finally:
        environment.close()
    assert min(seen.values()) >= 3, seen


def test_the_same_arena_looks_and_goes_as_when_it_was_built_here(counted: tuple[Path, object]) -> None:
    here, elsewhere = GatheringEnvironment(counted[1]), GatheringEnvironment(get_arena(counted[0]))  # type: ignore[arg-type]
    try:
        assert here.action_space == elsewhere.action_space
        ours, info = here.reset(seed=3)
        theirs, info_elsewhere = elsewhere.reset(seed=3)
        for action in actions(60, 1):
            np.testing.assert_array_equal(ours, theirs)
            assert info["health"] == info_elsewhere["health"] and info["angle"] == info_elsewhere["angle"]
            np.testing.assert_array_equal(info["position"], info_elsewhere["position"])
            assert [each["distance"] for each in info["objects"]] == [
                each["distance"] for each in info_elsewhere["objects"]
            ]
            ours, _, _, _, info = here.step(action)
            theirs, reward, _, _, info_elsewhere = elsewhere.step(action)
            assert reward == pytest.approx(4 * 0.5)  # the engine's: the living reward of four tics
    finally:
        here.close()
        elsewhere.close()


def test_the_time_limit_is_that_of_the_cfg(counted: tuple[Path, object]) -> None:
    environment = GatheringEnvironment(get_arena(counted[0]), objects_in_view=False)
    try:
        environment.reset(seed=0)
        decision, terminated, truncated = 0, False, False
        while not (terminated or truncated):
            _, _, terminated, truncated, info = environment.step(np.array([0, 0]))
            decision += 1
        assert (decision, terminated, truncated, info["died"]) == (175, False, True, False)
    finally:
        environment.close()


def test_hunger_is_found_and_nothing_else_is_taken_for_it(counted: tuple[Path, object]) -> None:
    found = hunger(counted[0])
    assert (found.amount, found.interval) == (5, 20)
    assert hunger("vizdoom:health_gathering_supreme")[:2] == (8, 32)
    assert hunger("vizdoom:defend_the_center") == NO_HUNGER  # monsters bite at their own times


@pytest.mark.parametrize(
    ("tics", "changes", "expected"),
    [
        ([33, 65, 97], [-8, -8, -8], Hunger(8, 32, 33)),
        ([33, 65], [-8, -8], NO_HUNGER),  # twice is no habit
        ([33, 65, 98], [-8, -8, -8], NO_HUNGER),
        ([33, 65, 97], [-8, -8, -9], NO_HUNGER),
        ([33, 65, 97], [8, 8, 8], NO_HUNGER),
        ([], [], NO_HUNGER),
    ],
)
def test_only_equal_losses_at_equal_intervals_are_hunger(
    tics: list[int], changes: list[float], expected: Hunger
) -> None:
    assert find_hunger(tics, changes) == expected


def test_hunger_due_is_counted_strike_by_strike() -> None:
    hunger_of_eight = Hunger(8, 32, 33)
    strikes = {33 + 32 * number for number in range(-2, 20)}
    for before in range(0, 200):
        for after in range(before, before + 80, 7):
            assert hunger_of_eight.due(before, after) == 8 * sum(before < tic <= after for tic in strikes)
    assert NO_HUNGER.due(0, 1000) == 0


@pytest.mark.parametrize(
    ("before", "after", "due", "expected"),
    [
        (92, 84, 8, (0, 0)),  # hunger alone
        (92, 84, 0, (0, 1)),
        (92, 100, 0, (1, 0)),
        (92, 100, 8, (1, 0)),  # healed by 16 or more
        (92, 76, 8, (0, 1)),
        (5, 0, 8, (0, 0)),  # starved
        (5, 0, 0, (0, 1)),
        (92, 92, 8, (0, 0)),  # healed by as much as hunger took: not to be seen
        (92, 92, 0, (0, 0)),
    ],
)
def test_the_rule_of_pickups(before: float, after: float, due: float, expected: tuple[int, int]) -> None:
    assert tuple(infer_pickups(before, after, due)) == expected


def test_buttons_variables_reward_and_labels_are_those_of_vizdoom_itself(tmp_path: Path) -> None:
    """The same actions in vizdoom, with its own reader of the `.cfg`."""
    environment = GatheringEnvironment("vizdoom:deadly_corridor")
    game = vizdoom.DoomGame()
    game.load_config(str(vizdoom_folder() / "deadly_corridor.cfg"))
    game.set_doom_config_path(str(tmp_path / "engine.ini"))  # else it writes one where the tests are run
    game.set_window_visible(False)
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
    game.set_labels_buffer_enabled(True)
    game.init()
    # MOVE_LEFT MOVE_RIGHT ATTACK MOVE_FORWARD MOVE_BACKWARD TURN_LEFT TURN_RIGHT; turn, move, strafe, attack
    pairs = [([0, 1, 0, 0], "0001000"), ([2, 0, 1, 1], "1010001"), ([1, 2, 2, 0], "0100110"), ([0, 1, 0, 1], "0011000")]
    try:
        _, info = environment.reset(seed=4)
        game.set_seed(int(np.random.default_rng(4).integers(2**31)))  # as `reset` draws it
        game.new_episode()
        for action, buttons in pairs * 5:
            labels = {each.object_name for each in game.get_state().labels if each.object_category not in NO_OBJECTS}
            assert {each["name"] for each in info["objects"]} == labels
            _, reward, terminated, _, info = environment.step(np.array(action))
            assert reward == pytest.approx(game.make_action([int(each) for each in buttons], 4))
            assert terminated == game.is_episode_finished()
            assert info["variables"]["HEALTH"] == game.get_game_variable(vizdoom.GameVariable.HEALTH)
            assert info["angle"] == game.get_game_variable(vizdoom.GameVariable.ANGLE)
            if terminated:
                break
        assert info["variables"].keys() == {"HEALTH", "KILLCOUNT", "ITEMCOUNT"}
    finally:
        environment.close()
        game.close()


def test_a_scenario_that_ends_by_itself_is_terminated_without_death() -> None:
    """Firing at the monster ends `basic` once it is hit."""
    environment = gymnasium.make("retinoscope/Gathering-v0", scenario="vizdoom:basic", disable_env_checker=True)
    try:
        for seed in range(5):
            environment.reset(seed=seed)
            over = False
            while not over:
                _, _, terminated, truncated, info = environment.step(environment.action_space.sample())
                over = terminated or truncated
            if terminated:
                break
        assert terminated and not info["died"] and info["variables"]["KILLCOUNT"] == 1
    finally:
        environment.close()


def test_the_engine_s_crash_is_one_clear_line_and_not_ours(tmp_path: Path) -> None:
    """This map for several players brings down the engine, and the process that holds it."""
    with pytest.raises(UserError, match=r"multi_duel\.wad: the game engine cannot play it \(.*\); check the map"):
        GatheringEnvironment("vizdoom:multi_duel").reset()
    cfg = copy_of("basic", tmp_path)
    wad = bytearray(cfg.with_suffix(".wad").read_bytes())
    wad[12 : len(wad) // 2] = bytes(len(wad) // 2 - 12)
    cfg.with_suffix(".wad").write_bytes(wad)
    with pytest.raises(UserError, match=r"basic\.wad: ") as raised:
        GatheringEnvironment(cfg).reset()
    assert "\n" not in str(raised.value)


def test_a_person_s_episode_is_counted_as_an_agent_s(counted: tuple[Path, object]) -> None:
    """With nobody at the keys: the time limit of the `.cfg`, no pick-up, no death; and starving where one starves."""
    idle = PlayedEnvironment(get_arena(counted[0]), window=False, tics_per_second=140)
    try:
        episode = idle.play_episode(seed=1)
    finally:
        idle.close()
    # The engine's mode for people may run on by some tics on a busy machine.
    assert 20 <= episode.seconds < 21 and not episode.died and episode.health_gathered == 0
    assert episode.pickups == {"healing": 0, "harmful": 0}
    starving = PlayedEnvironment(get_arena("vizdoom:health_gathering_supreme"), window=False, tics_per_second=140)
    try:
        episode = starving.play_episode(seed=1)
    finally:
        starving.close()
    assert (episode.seconds, episode.died, episode.pickups["harmful"]) == (pytest.approx(384 / 35), True, 0)


def test_without_a_display_playing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UserError, match=r"there is no display for a window; .*watch --out movie\.mp4"):
        play("vizdoom:basic")
    with pytest.raises(UserError, match="episodes: 0 is too few"):
        play("vizdoom:basic", episodes=0)
    with pytest.raises(UserError, match="seed: -1 is negative"):
        play("vizdoom:basic", seed=-1)
