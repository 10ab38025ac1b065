"""The arena as a Gymnasium environment: the one place, with `stimuli`, where the game engine runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from retinoscope.errors import UserError
from retinoscope.registration import register_environments
from retinoscope.scenarios import ArenaArchive, Scenario, foreign_part, get_arena
from retinoscope.scenarios.obstacles import OBSTACLE_ACTOR
from retinoscope.scenarios.specification import TICS_PER_SECOND
from retinoscope.worlds.doom.engine import has_display, screen_resolution, screen_size, start_engine, vizdoom
from retinoscope.worlds.doom.foreign import ForeignRules
from retinoscope.worlds.doom.pixels import area_mean, area_resized
from retinoscope.worlds.doom.rules import STATE_VARIABLES, BuiltRules, Rules
from retinoscope.worlds.doom.trial import trial_of

register_environments()

_ENGINE_ERRORS = (
    vizdoom.ViZDoomErrorException,
    vizdoom.ViZDoomUnexpectedExitException,
    vizdoom.FileDoesNotExistException,
)
"""What the engine does to say that it cannot play an archive."""


def require_playable(arena: ArenaArchive) -> None:
    """Raises `UserError` if the engine cannot play this arena made elsewhere; for others there is nothing to try."""
    foreign = foreign_part(arena.scenario)
    if foreign is not None:
        trial_of(arena, foreign)


class GatheringEnvironment(gymnasium.Env[np.ndarray, np.ndarray]):
    """An agent in a square room gathers stimuli that heal or harm.

    Observation: (height, width, 3) uint8 RGB. Action: MultiDiscrete, one index per head of `scenario.action_heads`;
    [3, 3] in arenas built here.

    `info` of `reset` and `step` holds the state of the world at the time of the returned observation: `health`,
    `position` (x, y, map units), `angle` (degrees), and `pickups`: (classes,) int64, how many of each class were picked
    up since the last step, counted by the engine itself. With `objects_in_view`, `objects` lists what is visible,
    nearest first, as dictionaries of `class_index`, `box` (left, top, width, height; observation pixels) and `distance`
    (map units). With `objects_in_world`, `world` lists every stimulus there is, seen or not, as dictionaries of
    `class_index` and `position` (x, y, map units), and `obstacles` holds the places of all obstacles, (obstacle, 2).

    The episode is terminated by death and truncated by the scenario's time limit; death in the last decision is death.
    Dying takes no picture: the last observation and its objects stay, the health is 0, and pick-ups up to the
    moment of death are counted. Each `reset` draws the engine's seed from the environment's generator, so that a seed
    and the actions determine every frame.

    In an arena made elsewhere (`ForeignScenario`) the reward is the engine's own; `pickups` are those inferred from
    health, (healing, harmful), and then those of each kind that the arena's trial met and of all others; an episode is
    terminated by death or by the scenario itself; `info` also holds `variables`, a dictionary of the game variables by
    their names, `died`, and `health_gathered`, the change of health beyond hunger if there was an inferred pick-up. The
    `class_index` of what is visible or in the world is that of its kind, the last for what the trial did not meet;
    beside it are the engine's `name` and `category`.

    Args:
        scenario: name, path, specification or built arena.
        objects_in_view: have the engine label visible objects; costs about a third of the frame rate.
        objects_in_world: have it list all stimuli.
        render_mode: None; "rgb_array": `render` returns the observation; "human": the engine shows its window, and
            every tic takes 1/35 s; needs a display.

    Raises:
        UserError: as `get_arena`; the engine cannot draw observations of the scenario's size; a window is asked for and
            there is no display; the engine cannot play an arena made elsewhere.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 35}
    if has_display():
        metadata["render_modes"].append("human")

    def __init__(
        self,
        scenario: str | Path | Scenario | ArenaArchive = "digits",
        objects_in_view: bool = True,
        render_mode: str | None = None,
        objects_in_world: bool = False,
    ) -> None:
        if render_mode == "human" and not has_display():
            raise UserError("render_mode: there is no display for a window; leave render_mode out")
        self.arena = scenario if isinstance(scenario, ArenaArchive) else get_arena(scenario)
        self.scenario = self.arena.scenario
        self.render_mode = render_mode
        self._objects_in_view, self._objects_in_world = objects_in_view, objects_in_world
        foreign = foreign_part(self.scenario)
        self._rules: Rules = BuiltRules(self.arena) if foreign is None else ForeignRules(self.arena, foreign)
        view = self.scenario.observation
        self.observation_space = gymnasium.spaces.Box(0, 255, (view.height, view.width, 3), np.uint8)
        self.action_space = gymnasium.spaces.MultiDiscrete(
            [len(names) for names in self.scenario.action_heads.values()]
        )
        self.metadata = {**self.metadata, "render_fps": 35 / self.scenario.frame_skip}
        self._resolution = screen_resolution(self.scenario)
        drawn_width, drawn_height = screen_size(self.scenario)
        self._pixels_per_drawn = np.tile([view.width / drawn_width, view.height / drawn_height], 2)
        self._is_resized = foreign is not None and foreign.screen is not None
        self._game: vizdoom.DoomGame | None = None
        self._stop_engine: Callable[[], object] = lambda: None
        self._observation = np.zeros((view.height, view.width, 3), np.uint8)
        self._objects: list[dict[str, Any]] = []
        self._world: list[dict[str, Any]] = []
        self._obstacles = np.zeros((0, 2))
        self._tics = 0
        self._is_over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if self._game is None:
            self._start_game()
        assert self._game is not None
        self._game.set_seed(int(self.np_random.integers(2**31)))
        self._game.new_episode()
        self._tics, self._is_over = 0, False
        self._rules.begin(self._game)
        info = self._look(self._game) | {"pickups": np.zeros(self._rules.event_count, np.int64)}
        return self._observation.copy(), info

    def step(self, action: np.ndarray) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        game = self._game
        if game is None or self._is_over:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        if not self.action_space.contains(np.asarray(action)):
            raise gymnasium.error.InvalidAction(f"{action!r} is not one of {self.action_space}")
        tics = min(self.scenario.frame_skip, self.scenario.episode_tics - self._tics)
        engine_reward = self._advance(game, self._rules.press(np.asarray(action)), tics)
        return self._outcome(game, engine_reward, tics)

    def render(self) -> np.ndarray:  # type: ignore[override]
        return self._observation.copy()

    def close(self) -> None:
        if self._game is not None:
            self._stop_engine()
            self._game = None

    def _advance(self, game: vizdoom.DoomGame, buttons: Sequence[float], tics: int) -> float:
        """Play these tics; the engine's reward for them."""
        if self.render_mode != "human":
            return game.make_action(buttons, tics)
        reward = 0.0
        for _ in range(tics):
            began = time.monotonic()
            reward += game.make_action(buttons, 1)
            time.sleep(max(0.0, 1 / TICS_PER_SECOND - (time.monotonic() - began)))
        return reward

    def _outcome(
        self, game: vizdoom.DoomGame, engine_reward: float, tics: int
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """What `step` returns after these tics."""
        self._tics += tics
        terminated = game.is_episode_finished()
        reward, pickups = self._rules.follow(game, engine_reward, terminated)
        truncated = not terminated and self._tics >= self.scenario.episode_tics
        self._is_over = terminated or truncated
        info = self._look(game) | {"pickups": pickups}
        return self._observation.copy(), reward, terminated, truncated, info

    def _look(self, game: vizdoom.DoomGame) -> dict[str, Any]:
        """Take the observation and the variables of this moment; after death the last view stays."""
        state = game.get_state()
        if state is not None:
            self._observation = self._resize(state.screen_buffer)
            self._objects = self._visible_objects(state)
            if self._objects_in_world:
                self._world, self._obstacles = self._all_stimuli(state), _obstacles(state)
        health, x, y, angle = (game.get_game_variable(getattr(vizdoom.GameVariable, name)) for name in STATE_VARIABLES)
        info: dict[str, Any] = {
            "health": max(float(health), 0.0),
            "position": np.array([x, y]),
            "angle": float(angle),
        } | self._rules.describe(game)
        if self._objects_in_view:
            info["objects"] = [dict(each) for each in self._objects]
        if self._objects_in_world:
            info["world"] = [dict(each) for each in self._world]
            info["obstacles"] = self._obstacles.copy()
        return info

    def _visible_objects(self, state: vizdoom.GameState) -> list[dict[str, Any]]:
        if state.labels is None or state.game_variables is None:  # not asked for
            return []
        names, seen = [], []
        for label in state.labels:
            named = self._rules.name_object(label)
            if named is not None:
                names.append(named)
                seen.append(
                    (label.x, label.y, label.width, label.height, label.object_position_x, label.object_position_y)
                )
        if not names:
            return []
        numbers, (x, y) = np.array(seen, float), state.game_variables[1:3]
        boxes = numbers[:, :4] * self._pixels_per_drawn
        distances = np.hypot(numbers[:, 4] - x, numbers[:, 5] - y)
        order = np.argsort(distances, kind="stable")
        return [
            {**names[each], "box": boxes[each], "distance": distance}
            for each, distance in zip(order.tolist(), distances[order].tolist(), strict=True)
        ]

    def _all_stimuli(self, state: vizdoom.GameState) -> list[dict[str, Any]]:
        named = ((self._rules.name_object(each), each) for each in state.objects or [])
        return [
            {**name, "position": np.array([each.position_x, each.position_y])}
            for name, each in named
            if name is not None
        ]

    def _resize(self, screen: np.ndarray) -> np.ndarray:
        if self._is_resized:
            return area_resized(screen, *self._observation.shape[:2])
        return area_mean(screen, self.scenario.observation.supersampling)

    def _start_game(self) -> None:
        game = self._configured_game()
        try:
            self._stop_engine = start_engine(game, self)
        except _ENGINE_ERRORS as error:
            if foreign_part(self.scenario) is None:
                raise
            reason = " ".join(str(error).split())
            raise UserError(f"{self.arena.path}: the game engine cannot play it ({reason}); check the .wad") from None
        self._game = game

    def _configured_game(self) -> vizdoom.DoomGame:
        game = vizdoom.DoomGame()
        self._rules.configure(game)
        game.set_screen_resolution(self._resolution)
        game.set_screen_format(vizdoom.ScreenFormat.RGB24)
        game.set_labels_buffer_enabled(self._objects_in_view)
        game.set_objects_info_enabled(self._objects_in_world or foreign_part(self.scenario) is not None)
        game.set_mode(vizdoom.Mode.PLAYER)
        game.set_window_visible(self.render_mode == "human")
        game.set_sound_enabled(False)
        game.set_episode_timeout(0)
        game.add_game_args("+cl_run 0 +vid_forcesurface 0")
        return game


def _obstacles(state: vizdoom.GameState) -> np.ndarray:
    """Places of all obstacles, (obstacle, 2)."""
    places = [(each.position_x, each.position_y) for each in state.objects or [] if each.name == OBSTACLE_ACTOR]
    return np.array(places, float).reshape(-1, 2)
