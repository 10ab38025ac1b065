"""Arenas made elsewhere are tried out once, in a process of their own: their hunger, and the kinds of things in them.

Some archives bring the engine down, and it takes the process that holds it with it. The kinds are those of all things
there are while an agent stands still for `HUNGER_TICS`, and at the beginning of `BEGINNINGS` further episodes: the
engine's name of each, with its category.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.scenarios import ArenaArchive, ForeignScenario, foreign_part, get_arena
from retinoscope.scenarios.cache import cache_folder
from retinoscope.scenarios.foreign_reading import game_wad_of
from retinoscope.worlds.doom.engine import start_engine, vizdoom

HUNGER_TICS = 350
LEAST_STRIKES = 3
BEGINNINGS = 10
NO_OBJECTS = frozenset({"Self", "Gore", "Gibs", "SFX", "ScriptThing", "LightSource", "Token"})
"""Categories of what is no thing of its own: the agent, what hits and deaths leave behind, smoke, marks of scripts."""
NEVER_PICKED_UP = frozenset({"Player", "Monster", "Explosive"})
_LONGEST_TRIAL = 120  # seconds
_RULE = 2  # number of the rules below; part of the name under which what they found is kept


class Hunger(NamedTuple):
    """A loss of health that comes by itself.

    Attributes:
        amount: points lost at each strike; 0 for no hunger.
        interval: tics between strikes.
        first: tic of the episode, as the engine counts them, of one strike.
    """

    amount: float
    interval: int
    first: int

    def due(self, before: int, after: int) -> float:
        """Points that hunger takes after tic `before`, up to and with tic `after`."""
        return self.amount * ((after - self.first) // self.interval - (before - self.first) // self.interval)


NO_HUNGER = Hunger(0.0, 1, 0)


class Trial(NamedTuple):
    """What was found in an arena.

    Attributes:
        hunger: of a still agent.
        kinds: (name, category) of all things met, sorted.
    """

    hunger: Hunger
    kinds: tuple[tuple[str, str], ...]

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of what can be seen."""
        return tuple(name for name, _ in self.kinds)

    @property
    def pickups(self) -> tuple[str, ...]:
        """Names of what may be picked up."""
        return tuple(name for name, category in self.kinds if category not in NEVER_PICKED_UP)

    def to_json(self) -> str:
        """For files, and for the process that asked."""
        return json.dumps({"hunger": self.hunger._asdict(), "kinds": self.kinds})

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """What `to_json` gave."""
        content = json.loads(text)
        return cls(
            Hunger(**content["hunger"]), tuple((str(name), str(category)) for name, category in content["kinds"])
        )


def find_hunger(tics: Sequence[int], changes: Sequence[float]) -> Hunger:
    """Hunger from the changes of a still agent's health and the tics in which they came, death not among them."""
    intervals = np.diff(tics)
    if len(changes) < LEAST_STRIKES or changes[0] >= 0 or len(set(changes)) > 1 or len(set(intervals.tolist())) > 1:
        return NO_HUNGER
    return Hunger(-changes[0], int(intervals[0]), tics[0])


def trial_of(arena: ArenaArchive, scenario: ForeignScenario) -> Trial:
    """What was found in an earlier trial of the same files with the same engine, or is found in one made now.

    Raises:
        UserError: the engine cannot play the arena.
    """
    engine = importlib.metadata.version("vizdoom")
    kept = cache_folder() / "trials" / f"{scenario.files_sha256[:32]}-vizdoom-{engine}-{_RULE}.json"
    try:
        return Trial.from_json(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError):
        found = _try_out(arena, scenario)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as temporary:
            temporary.write_text(found.to_json(), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{kept}: cannot be written ({error.strerror}); choose another RETINOSCOPE_CACHE") from None
    return found


def configure_foreign(game: vizdoom.DoomGame, arena: ArenaArchive, scenario: ForeignScenario) -> None:
    """Set the engine as the `.cfg` says."""
    game.set_doom_scenario_path(str(arena.path.resolve()))
    game_wad = game_wad_of(scenario)
    if game_wad is not None:
        game.set_doom_game_path(str(game_wad))
    game.set_doom_map(scenario.map)
    game.set_doom_skill(scenario.skill)
    game.set_episode_start_time(scenario.start_tics)
    for name, value in (scenario.rewards | scenario.rendering).items():
        getattr(game, f"set_{name}")(value)
    game.set_available_buttons([getattr(vizdoom.Button, name) for name in scenario.buttons])
    if scenario.server_settings:
        game.add_game_args(" ".join(scenario.server_settings))


def health_of(game: vizdoom.DoomGame) -> float:
    """The health of this moment, 0 after death."""
    return max(float(game.get_game_variable(vizdoom.GameVariable.HEALTH)), 0.0)


def _try_out(arena: ArenaArchive, scenario: ForeignScenario) -> Trial:
    command = [sys.executable, "-m", "retinoscope.worlds.doom.trial", scenario.made_elsewhere]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    cannot = f"{arena.path}: the game engine cannot play it"
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_LONGEST_TRIAL, check=False
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{cannot} (no picture in {_LONGEST_TRIAL} s); check the map in the .wad") from None
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        return Trial.from_json(lines[-1])
    if done.returncode < 0:
        raise UserError(f"{cannot} (it crashes, {signal.Signals(-done.returncode).name}); check the map in the .wad")
    said = done.stderr.strip().splitlines()
    raise UserError(f"{cannot} ({said[-1] if said else 'it ends at once'}); check the map in the .wad")


def _stand_still(game: vizdoom.DoomGame, buttons: int) -> Trial:
    """Play without acting, always in the same world; then only begin, in others."""
    kinds: set[tuple[str, str]] = set()

    def look() -> None:
        state = game.get_state()
        kinds.update((each.name, each.category) for each in (state.objects or [] if state else []))

    game.set_seed(0)
    game.new_episode()
    health, tics, changes = health_of(game), [], []
    for _ in range(HUNGER_TICS):
        if game.is_episode_finished():
            break
        look()
        game.make_action([0.0] * buttons, 1)
        before, health = health, health_of(game)
        if health != before and health > 0:
            tics.append(game.get_episode_time())
            changes.append(health - before)
    for seed in range(1, BEGINNINGS + 1):
        game.set_seed(seed)
        game.new_episode()
        look()
    met = sorted(each for each in kinds if each[1] not in NO_OBJECTS)
    return Trial(find_hunger(tics, changes), tuple(met))


def _main(name: str) -> None:
    arena = get_arena(name)
    scenario = foreign_part(arena.scenario)
    assert scenario is not None
    game = vizdoom.DoomGame()
    configure_foreign(game, arena, scenario)
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
    game.set_window_visible(False)
    game.set_sound_enabled(False)
    game.set_episode_timeout(0)
    game.set_objects_info_enabled(True)
    stop = start_engine(game, sys.modules[__name__])
    found = _stand_still(game, len(scenario.buttons))
    stop()
    print(found.to_json())


if __name__ == "__main__":
    _main(sys.argv[1])
