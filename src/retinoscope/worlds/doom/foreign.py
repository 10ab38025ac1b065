"""How arenas made elsewhere are played, for `environment`: the engine's reward, pick-ups inferred and pick-ups by kind.

Inferred from health. Hunger is what a still agent suffers: the first time an arena is met, `HUNGER_TICS` tics are
played without acting (`trial`). If health falls there at least `LEAST_STRIKES` times, always by the same amount and at
the same interval, that is the hunger of the arena, due at that interval in all episodes. A decision in which health
ends higher than it began counts one `healing` pick-up; one in which it ends lower than the hunger due in these tics
explains counts one `harmful` pick-up.

What the rule confuses: any other loss (an enemy's shot, a harmful floor entered) counts as harmful, any other gain as
healing; several pick-ups within a decision count once; a gain and a loss within one decision show only in their sum, so
that a gain no larger than the hunger or harm of the same decision is missed; what has no effect, such as healing at the
maximum of health or armour, is missed. Where a still agent is also harmed by others, no hunger is found, and each of
its strikes counts as harmful.

By kind. The engine names every thing and says where it is. A thing that is gone after a decision in which the agent
came within `REACH` of its place was picked up, unless it is of a kind that nobody picks up (monsters, missiles). Kinds
are those of the arena's trial (`trial`), and one more for all others. What the rule misses: what is picked up in the
decision that ends the episode. What it confuses: a thing that a script removes while the agent stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive, ForeignScenario
from retinoscope.worlds.doom.engine import vizdoom
from retinoscope.worlds.doom.rules import STATE_VARIABLES
from retinoscope.worlds.doom.trial import (
    NEVER_PICKED_UP,
    NO_HUNGER,
    NO_OBJECTS,
    Trial,
    configure_foreign,
    health_of,
    trial_of,
)

HEALING, HARMFUL = 0, 1
INFERRED = ("healing", "harmful")
OTHER = "other"
REACH = 64.0
"""Map units along either axis between an agent's path and the place of a thing that it may touch; radii are 16 and 20,
those of large things twice that."""


def infer_pickups(health_before: float, health_after: float, hunger_due: float) -> np.ndarray:
    """One decision's pick-ups, (healing, harmful) int64: at most one of one class."""
    found = np.zeros(2, np.int64)
    found[HEALING] = health_after > health_before
    found[HARMFUL] = health_after < health_before - hunger_due and health_after < health_before
    return found


def kinds_of_pickups(trial: Trial) -> tuple[str, ...]:
    """Names of the classes of pick-ups by kind; none where nothing can be picked up."""
    return (*trial.pickups, f"{OTHER} pick-up") if trial.pickups else ()


def kinds_of_objects(trial: Trial) -> tuple[str, ...]:
    """Names of the classes of objects in view."""
    return (*trial.objects, OTHER) if trial.objects else ()


Things = dict[int, tuple[str, float, float]]
"""By the engine's number: name and place of a thing that may be picked up."""


def gone_within_reach(before: Things, after: Things, path: tuple[np.ndarray, np.ndarray]) -> list[str]:
    """Names of the things that are gone and lay within `REACH` of the straight path between these places, (2,) each."""
    (start, end), found = path, []
    for number in before.keys() - after.keys():
        name, *place = before[number]
        along = end - start
        length = float(along @ along)
        share = min(max(float((np.array(place) - start) @ along) / length, 0.0), 1.0) if length else 0.0
        if np.abs(start + share * along - place).max() <= REACH:
            found.append(name)
    return found


class ForeignRules:
    """An arena made elsewhere."""

    def __init__(self, arena: ArenaArchive, scenario: ForeignScenario) -> None:
        self._arena, self._scenario = arena, scenario
        self._presses = [list(outputs.values()) for outputs in scenario.presses.values()]
        self.hunger, self.event_count = NO_HUNGER, len(INFERRED)
        self._kind_of_pickup: dict[str, int] = {}
        self._kind_of_object: dict[str, int] = {}
        self._health, self._tic, self._gathered = 0.0, 0, 0.0
        self._things: Things = {}
        self._place = np.zeros(2)

    def configure(self, game: vizdoom.DoomGame) -> None:
        trial = trial_of(self._arena, self._scenario)
        self.hunger = trial.hunger
        self._kind_of_pickup = {name: index for index, name in enumerate(trial.pickups, len(INFERRED))}
        self._kind_of_object = {name: index for index, name in enumerate(trial.objects)}
        self.event_count = len(INFERRED) + len(kinds_of_pickups(trial))
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
        self._things, self._place = self._things_there(game), _place(game)

    def follow(self, game: vizdoom.DoomGame, engine_reward: float, is_over: bool) -> tuple[float, np.ndarray]:
        health, tic = health_of(game), game.get_episode_time()
        due = self.hunger.due(self._tic, tic)
        inferred = infer_pickups(self._health, health, due)
        self._gathered = health - max(self._health - due, 0.0) if inferred.any() else 0.0
        self._health, self._tic = health, tic
        return engine_reward, np.concatenate([inferred, self._picked_up(game)])

    def describe(self, game: vizdoom.DoomGame) -> dict[str, Any]:
        names = self._scenario.variables
        return {
            "variables": {name: float(game.get_game_variable(getattr(vizdoom.GameVariable, name))) for name in names},
            "health_gathered": self._gathered,
            "died": bool(game.is_player_dead()),
        }

    def name_object(self, thing: Any) -> dict[str, Any] | None:
        if hasattr(thing, "object_name"):  # a label; the agent's own hands and weapon are no objects
            name, category = thing.object_name, thing.object_category
        else:
            name, category = thing.name, thing.category
        if category in NO_OBJECTS:
            return None
        index = self._kind_of_object.get(name, len(self._kind_of_object))
        return {"class_index": index, "name": name, "category": category}

    def _picked_up(self, game: vizdoom.DoomGame) -> np.ndarray:
        """Of each kind since the last call or `begin`, (kind,) int64."""
        counts = np.zeros(self.event_count - len(INFERRED), np.int64)
        if len(counts) and game.get_state() is not None:
            things, place = self._things_there(game), _place(game)
            for name in gone_within_reach(self._things, things, (self._place, place)):
                counts[self._kind_of_pickup.get(name, self.event_count - 1) - len(INFERRED)] += 1
            self._things, self._place = things, place
        return counts

    def _things_there(self, game: vizdoom.DoomGame) -> Things:
        state = game.get_state()
        never = NO_OBJECTS | NEVER_PICKED_UP
        return {
            each.id: (each.name, each.position_x, each.position_y)
            for each in (state.objects or [] if state is not None else [])
            if each.category not in never
        }


def _place(game: vizdoom.DoomGame) -> np.ndarray:
    return np.array([game.get_game_variable(getattr(vizdoom.GameVariable, f"POSITION_{axis}")) for axis in "XY"])
