"""What differs between arenas built here and arenas made elsewhere, for `environment`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from retinoscope.scenarios import ArenaArchive
from retinoscope.worlds.doom.engine import vizdoom

STATE_VARIABLES = ("HEALTH", "POSITION_X", "POSITION_Y", "ANGLE")
"""Game variables of every arena, the first in every state of the engine."""


class Rules(Protocol):
    """How an arena is set up and played, and what came of a decision.

    Attributes:
        event_count: classes of pick-ups; known once the arena is set up.
    """

    event_count: int

    def configure(self, game: vizdoom.DoomGame) -> None:
        """Set what is to be played and how it is drawn, before the engine starts."""

    def press(self, action: np.ndarray) -> Sequence[float]:
        """The engine's buttons for an action, (head,)."""

    def begin(self, game: vizdoom.DoomGame) -> None:
        """Note the state at the start of an episode."""

    def follow(self, game: vizdoom.DoomGame, engine_reward: float, is_over: bool) -> tuple[float, np.ndarray]:
        """What came of the tics since the last call or `begin`: the reward, and the pick-ups (class,) int64."""

    def describe(self, game: vizdoom.DoomGame) -> dict[str, Any]:
        """What `info` holds besides what it holds in every arena."""

    def name_object(self, thing: Any) -> dict[str, Any] | None:
        """What `info` calls a visible or present object; None for one that is not noted."""


class BuiltRules:
    """An arena built here: two heads, pick-ups counted by the engine, reward for what was picked up."""

    def __init__(self, arena: ArenaArchive) -> None:
        self._arena = arena
        self._effects = np.array(arena.scenario.class_effects)
        self.event_count = len(self._effects)
        self._class_of_actor = {name: index for index, name in enumerate(arena.actor_names)}
        self._counters = np.zeros(len(self._effects), np.int64)
        self._counted_by = [getattr(vizdoom.GameVariable, f"USER{each + 1}") for each in range(len(self._effects))]

    def configure(self, game: vizdoom.DoomGame) -> None:
        game.set_doom_scenario_path(str(self._arena.path.resolve()))
        game.set_doom_map("MAP01")
        buttons = ("TURN_LEFT", "TURN_RIGHT", "MOVE_FORWARD", "MOVE_BACKWARD")
        game.set_available_buttons([getattr(vizdoom.Button, name) for name in buttons])
        game.set_available_game_variables([getattr(vizdoom.GameVariable, name) for name in STATE_VARIABLES])
        for setting in ("hud", "weapon", "crosshair", "decals", "particles", "messages", "corpses"):
            getattr(game, f"set_render_{setting}")(False)
        game.set_render_screen_flashes(self._arena.scenario.observation.screen_flashes)

    def press(self, action: np.ndarray) -> Sequence[float]:
        turn, move = (int(each) for each in action)
        return [turn == 1, turn == 2, move == 1, move == 2]

    def begin(self, game: vizdoom.DoomGame) -> None:
        self._counters = self._read_counters(game)

    def follow(self, game: vizdoom.DoomGame, engine_reward: float, is_over: bool) -> tuple[float, np.ndarray]:
        counters = self._read_counters(game)
        pickups, self._counters = counters - self._counters, counters
        terms = self._arena.scenario.reward
        reward = terms.pickup_scale * float(pickups @ self._effects)
        return reward + (terms.death if is_over else terms.step), pickups

    def describe(self, game: vizdoom.DoomGame) -> dict[str, Any]:
        return {}

    def name_object(self, thing: Any) -> dict[str, Any] | None:
        name = thing.object_name if hasattr(thing, "object_name") else thing.name
        return {"class_index": self._class_of_actor[name]} if name in self._class_of_actor else None

    def _read_counters(self, game: vizdoom.DoomGame) -> np.ndarray:
        return np.array([game.get_game_variable(each) for each in self._counted_by], np.int64)
