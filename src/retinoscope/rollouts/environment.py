"""The arena as a Gymnasium environment: the one place, with `stimuli`, where the game engine runs."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from PIL import Image

from retinoscope.errors import UserError
from retinoscope.registration import register_environments
from retinoscope.scenarios import ACTION_HEADS, ArenaArchive, Scenario, get_arena
from retinoscope.scenarios.specification import TICS_PER_SECOND

try:
    import vizdoom
except ImportError:
    raise UserError("vizdoom is not installed; install it with: pip install 'retinoscope[doom]'") from None

_BUTTONS = ("TURN_LEFT", "TURN_RIGHT", "MOVE_FORWARD", "MOVE_BACKWARD")
_VARIABLES = ("HEALTH", "POSITION_X", "POSITION_Y", "ANGLE")
_ENGINE_START = threading.Lock()

register_environments()


def _has_display() -> bool:
    """Whether a window can be shown; asked for one without a display, the engine takes this process down with it."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class GatheringEnvironment(gymnasium.Env[np.ndarray, np.ndarray]):
    """An agent in a square room gathers stimuli that heal or hurt.

    Observation: (height, width, 3) uint8 RGB. Action: MultiDiscrete([3, 3]), see `ACTION_HEADS`.

    `info` of `reset` and `step` holds the state of the world at the time of the returned observation: `health`,
    `position` (x, y, map units), `angle` (degrees), and `pickups`: (classes,) int64, how many of each class were picked
    up since the last step, counted by the engine itself. With `objects_in_view`, `objects` lists what is visible,
    nearest first, as dictionaries of `class_index`, `box` (left, top, width, height; observation pixels) and `distance`
    (map units). With `objects_in_world`, `world` lists every stimulus there is, seen or not, as dictionaries of
    `class_index` and `position` (x, y, map units).

    The episode is terminated by death and truncated by the scenario's time limit; death in the last decision is death.
    Dying takes no picture: the last observation and its objects stay, the health is 0, and pick-ups up to the
    moment of death are counted. Each `reset` draws the engine's seed from the environment's generator, so that a seed
    and the actions determine every frame.

    Args:
        scenario: name, path, specification or built arena.
        objects_in_view: have the engine label visible objects; costs about a third of the frame rate.
        objects_in_world: have it list all stimuli.
        render_mode: None; "rgb_array": `render` returns the observation; "human": the engine shows its window, and
            every tic takes 1/35 s; needs a display.

    Raises:
        UserError: as `get_arena`; the engine cannot draw observations of the scenario's size; a window is asked for and
            there is no display.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 35}
    if _has_display():
        metadata["render_modes"].append("human")

    def __init__(
        self,
        scenario: str | Path | Scenario | ArenaArchive = "digits",
        objects_in_view: bool = True,
        render_mode: str | None = None,
        objects_in_world: bool = False,
    ) -> None:
        if render_mode == "human" and not _has_display():
            raise UserError("render_mode: there is no display for a window; leave render_mode out")
        self.arena = scenario if isinstance(scenario, ArenaArchive) else get_arena(scenario)
        self.scenario = self.arena.scenario
        self.render_mode = render_mode
        self._objects_in_view, self._objects_in_world = objects_in_view, objects_in_world
        self._class_of_actor = {name: index for index, name in enumerate(self.arena.actor_names)}
        self._effects = np.array(self.scenario.class_effects)
        view = self.scenario.observation
        self.observation_space = gymnasium.spaces.Box(0, 255, (view.height, view.width, 3), np.uint8)
        self.action_space = gymnasium.spaces.MultiDiscrete([len(names) for names in ACTION_HEADS.values()])
        self.metadata = {**self.metadata, "render_fps": 35 / self.scenario.frame_skip}
        self._resolution = _screen_resolution(self.scenario)
        self._game: vizdoom.DoomGame | None = None
        self._observation = np.zeros((view.height, view.width, 3), np.uint8)
        self._objects: list[dict[str, Any]] = []
        self._world: list[dict[str, Any]] = []
        self._counters = np.zeros(len(self._effects), np.int64)
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
        self._counters = self._read_counters(self._game)
        info = self._look(self._game) | {"pickups": np.zeros_like(self._counters)}
        return self._observation.copy(), info

    def step(self, action: np.ndarray) -> tuple[np.ndarray, SupportsFloat, bool, bool, dict[str, Any]]:
        game = self._game
        if game is None or self._is_over:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        if not self.action_space.contains(np.asarray(action)):
            raise gymnasium.error.InvalidAction(f"{action!r} is not one of {self.action_space}")
        turn, move = (int(each) for each in action)
        tics = min(self.scenario.frame_skip, self.scenario.episode_tics - self._tics)
        self._advance(game, [turn == 1, turn == 2, move == 1, move == 2], tics)
        self._tics += tics
        counters = self._read_counters(game)
        pickups, self._counters = counters - self._counters, counters
        terminated = game.is_episode_finished()
        truncated = not terminated and self._tics >= self.scenario.episode_tics
        self._is_over = terminated or truncated
        info = self._look(game) | {"pickups": pickups}
        return self._observation.copy(), self._reward(pickups, terminated), terminated, truncated, info

    def render(self) -> np.ndarray:  # type: ignore[override]
        return self._observation.copy()

    def close(self) -> None:
        if self._game is not None:
            self._stop_engine()
            self._game = None

    def _advance(self, game: vizdoom.DoomGame, buttons: list[bool], tics: int) -> None:
        if self.render_mode != "human":
            game.make_action(buttons, tics)
            return
        for _ in range(tics):
            began = time.monotonic()
            game.make_action(buttons, 1)
            time.sleep(max(0.0, 1 / TICS_PER_SECOND - (time.monotonic() - began)))

    def _reward(self, pickups: np.ndarray, terminated: bool) -> float:
        terms = self.scenario.reward
        reward = terms.pickup_scale * float(pickups @ self._effects)
        return reward + (terms.death if terminated else terms.step)

    def _look(self, game: vizdoom.DoomGame) -> dict[str, Any]:
        """Take the observation and the variables of this moment; after death the last view stays."""
        state = game.get_state()
        if state is not None:
            self._observation = self._resize(state.screen_buffer)
            self._objects = self._visible_objects(state)
            self._world = self._all_stimuli(state)
        health, x, y, angle = (game.get_game_variable(getattr(vizdoom.GameVariable, name)) for name in _VARIABLES)
        info: dict[str, Any] = {
            "health": max(float(health), 0.0),
            "position": np.array([x, y]),
            "angle": float(angle),
        }
        if self._objects_in_view:
            info["objects"] = [dict(each) for each in self._objects]
        if self._objects_in_world:
            info["world"] = [dict(each) for each in self._world]
        return info

    def _visible_objects(self, state: vizdoom.GameState) -> list[dict[str, Any]]:
        if state.labels is None or state.game_variables is None:  # not asked for
            return []
        scale = self.scenario.observation.supersampling
        x, y = state.game_variables[1:3]
        found = []
        for label in state.labels:
            if label.object_name in self._class_of_actor:
                box = np.array([label.x, label.y, label.width, label.height]) / scale
                distance = float(np.hypot(label.object_position_x - x, label.object_position_y - y))
                class_index = self._class_of_actor[label.object_name]
                found.append({"class_index": class_index, "box": box, "distance": distance})
        return sorted(found, key=lambda each: each["distance"])

    def _all_stimuli(self, state: vizdoom.GameState) -> list[dict[str, Any]]:
        return [
            {
                "class_index": self._class_of_actor[each.name],
                "position": np.array([each.position_x, each.position_y]),
            }
            for each in state.objects or []
            if each.name in self._class_of_actor
        ]

    def _resize(self, screen: np.ndarray) -> np.ndarray:
        """Area mean of blocks of `supersampling` x `supersampling` pixels, rounded to nearest."""
        factor = self.scenario.observation.supersampling
        return np.asarray(Image.fromarray(screen).reduce(factor))

    def _read_counters(self, game: vizdoom.DoomGame) -> np.ndarray:
        names = (f"USER{number}" for number in range(1, len(self._effects) + 1))
        return np.array([game.get_game_variable(getattr(vizdoom.GameVariable, name)) for name in names], np.int64)

    def _start_game(self) -> None:
        game = self._configured_game()
        folder = tempfile.mkdtemp(prefix="retinoscope-engine-")
        self._stop_engine = weakref.finalize(self, _stop_engine, game, folder)
        _tie_engine_to_this_process(game, Path(folder))
        with _working_folder(folder):
            game.init()
        self._game = game

    def _configured_game(self) -> vizdoom.DoomGame:
        game = vizdoom.DoomGame()
        game.set_doom_scenario_path(str(self.arena.path.resolve()))
        game.set_doom_map("MAP01")
        game.set_screen_resolution(self._resolution)
        game.set_screen_format(vizdoom.ScreenFormat.RGB24)
        game.set_available_buttons([getattr(vizdoom.Button, name) for name in _BUTTONS])
        game.set_available_game_variables([getattr(vizdoom.GameVariable, name) for name in _VARIABLES])
        game.set_labels_buffer_enabled(self._objects_in_view)
        game.set_objects_info_enabled(self._objects_in_world)
        game.set_mode(vizdoom.Mode.PLAYER)
        for setting in ("hud", "weapon", "crosshair", "decals", "particles", "messages", "corpses"):
            getattr(game, f"set_render_{setting}")(False)
        game.set_render_screen_flashes(self.scenario.observation.screen_flashes)
        game.set_window_visible(self.render_mode == "human")
        game.set_sound_enabled(False)
        game.set_episode_timeout(0)
        game.add_game_args("+cl_run 0 +vid_forcesurface 0")
        return game


def _screen_resolution(scenario: Scenario) -> vizdoom.ScreenResolution:
    view = scenario.observation
    width, height = view.width * view.supersampling, view.height * view.supersampling
    resolution = getattr(vizdoom.ScreenResolution, f"RES_{width}X{height}", None)
    if resolution is None:
        raise UserError(
            f"{scenario.name}: observation: the engine has no resolution {width}x{height}; choose width x height so"
            " that times supersampling they make, for example, 160x120, 320x240, 640x480 or 320x200"
        )
    return resolution


def _tie_engine_to_this_process(game: vizdoom.DoomGame, folder: Path) -> None:
    """Have Linux end the engine when this process is killed; alone, it would wait for its next command for ever."""
    setpriv, launcher = shutil.which("setpriv"), folder / "engine"
    if not sys.platform.startswith("linux") or setpriv is None:
        return
    engine = shlex.quote(str(Path(vizdoom.__file__).with_name("vizdoom")))
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(setpriv)} --pdeathsig KILL -- {engine} "$@"\n')
    launcher.chmod(0o700)
    if os.access(launcher, os.X_OK):  # no program may be started from some temporary folders
        game.set_vizdoom_path(str(launcher))


def _stop_engine(game: vizdoom.DoomGame, folder: str) -> None:
    """End the engine, then remove its folder; also done when an environment is forgotten or the program ends."""
    game.close()
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _working_folder(folder: str) -> Iterator[None]:
    """Be in `folder` meanwhile: the engine reads and writes its settings where it is started.

    In a folder of its own it leaves nothing in the user's, and no settings found there can change what is drawn.
    """
    with _ENGINE_START:
        before = os.getcwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
