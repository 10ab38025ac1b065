"""How arenas made elsewhere are played, for `environment`: the engine's reward, and pick-ups inferred from health.

The rule. Hunger is what a still agent suffers: the first time an arena is met, `HUNGER_TICS` tics are played without
acting (`trial`). If health falls there at least `LEAST_STRIKES` times, always by the same amount and at the
same interval, that is the hunger of the arena, due at that interval in all episodes. A decision in which health ends
higher than it began counts one `healing` pick-up; one in which it ends lower than the hunger due in these tics explains
counts one `harmful` pick-up.

What the rule confuses: any other loss (an enemy's shot, a harmful floor entered) counts as harmful, any other gain as
healing; several pick-ups within a decision count once; a gain and a loss within one decision show only in their sum, so
that a gain no larger than the hunger or harm of the same decision is missed; what has no effect, such as healing at the
maximum of health or armour, is missed. Where a still agent is also harmed by others, no hunger is found, and each of
its strikes counts as harmful.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive, ForeignScenario
from retinoscope.worlds.doom.engine import vizdoom
from retinoscope.worlds.doom.rules import STATE_VARIABLES
from retinoscope.worlds.doom.trial import NO_HUNGER, configure_foreign, health_of, hunger_of

HEALING, HARMFUL = 0, 1


def infer_pickups(health_before: float, health_after: float, hunger_due: float) -> np.ndarray:
    """One decision's pick-ups, (healing, harmful) int64: at most one of one class."""
    found = np.zeros(2, np.int64)
    found[HEALING] = health_after > health_before
    found[HARMFUL] = health_after < health_before - hunger_due and health_after < health_before
    return found


class ForeignRules:
    """An arena made elsewhere."""

    def __init__(self, arena: ArenaArchive, scenario: ForeignScenario) -> None:
        self._arena, self._scenario = arena, scenario
        self._presses = [list(outputs.values()) for outputs in scenario.presses.values()]
        self.hunger = NO_HUNGER
        self._health, self._tic, self._gathered = 0.0, 0, 0.0

    def configure(self, game: vizdoom.DoomGame) -> None:
        self.hunger = hunger_of(self._arena, self._scenario)
        configure_foreign(game, self._arena, self._scenario)
        wanted = dict.fromkeys((*STATE_VARIABLES, *self._scenario.variables))
        game.set_available_game_variables([getattr(vizdoom.GameVariable, name) for name in wanted])

    def press(self, action: np.ndarray) -> Sequence[float]:
        pressed: dict[str, float] = {}
        for outputs, chosen in zip(self._presses, action, strict=True):
            pressed |= outputs[int(chosen)]
        return [pressed.get(button, 0.0) for button in self._scenario.buttons]

    def begin(self, game: vizdoom.DoomGame) -> None:
        if game.is_episode_finished():
            raise UserError(
                f"arena {self._scenario.name!r}: an episode is over before its first decision; see its .wad"
            )
        self._health, self._tic, self._gathered = health_of(game), game.get_episode_time(), 0.0

    def follow(self, game: vizdoom.DoomGame, engine_reward: float, is_over: bool) -> tuple[float, np.ndarray]:
        health, tic = health_of(game), game.get_episode_time()
        due = self.hunger.due(self._tic, tic)
        pickups = infer_pickups(self._health, health, due)
        self._gathered = health - max(self._health - due, 0.0) if pickups.any() else 0.0
        self._health, self._tic = health, tic
        return engine_reward, pickups

    def describe(self, game: vizdoom.DoomGame) -> dict[str, Any]:
        names = self._scenario.variables
        return {
            "variables": {name: float(game.get_game_variable(getattr(vizdoom.GameVariable, name))) for name in names},
            "health_gathered": self._gathered,
            "died": bool(game.is_player_dead()),
        }

    def name_object(self, thing: Any) -> dict[str, Any] | None:
        if hasattr(thing, "object_name"):  # a label; the agent's own hands and weapon are no objects
            category = thing.object_category
            return None if category == "Self" else {"name": thing.object_name, "category": category}
        return {"name": thing.name}
