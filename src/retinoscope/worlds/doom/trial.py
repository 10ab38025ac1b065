"""Arenas made elsewhere are tried out once, in a process of their own, which also finds the arena's hunger.

Some archives bring the engine down, and it takes the process that holds it with it.
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
_LONGEST_TRIAL = 120  # seconds
_RULE = 1  # number of the rule below; part of the name under which what it found is kept


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


def find_hunger(tics: Sequence[int], changes: Sequence[float]) -> Hunger:
    """Hunger from the changes of a still agent's health and the tics in which they came, death not among them."""
    intervals = np.diff(tics)
    if len(changes) < LEAST_STRIKES or changes[0] >= 0 or len(set(changes)) > 1 or len(set(intervals.tolist())) > 1:
        return NO_HUNGER
    return Hunger(-changes[0], int(intervals[0]), tics[0])


def hunger_of(arena: ArenaArchive, scenario: ForeignScenario) -> Hunger:
    """The arena's hunger, from an earlier trial of the same files with the same engine, or from one made now.

    Raises:
        UserError: the engine cannot play the arena.
    """
    engine = importlib.metadata.version("vizdoom")
    kept = cache_folder() / "trials" / f"{arena.sha256[:32]}-vizdoom-{engine}-{_RULE}.json"
    try:
        return Hunger(**json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        hunger = _try_out(arena, scenario)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept) as temporary:
            temporary.write_text(json.dumps(hunger._asdict()), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{kept}: cannot be written ({error.strerror}); choose another RETINOSCOPE_CACHE") from None
    return hunger


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


def _try_out(arena: ArenaArchive, scenario: ForeignScenario) -> Hunger:
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
        return Hunger(**json.loads(lines[-1]))
    if done.returncode < 0:
        raise UserError(f"{cannot} (it crashes, {signal.Signals(-done.returncode).name}); check the map in the .wad")
    said = done.stderr.strip().splitlines()
    raise UserError(f"{cannot} ({said[-1] if said else 'it ends at once'}); check the map in the .wad")


def _suffer(game: vizdoom.DoomGame, buttons: int) -> Hunger:
    """Play without acting, always in the same world."""
    game.set_seed(0)
    game.new_episode()
    health, tics, changes = health_of(game), [], []
    for _ in range(HUNGER_TICS):
        if game.is_episode_finished():
            break
        game.make_action([0.0] * buttons, 1)
        before, health = health, health_of(game)
        if health != before and health > 0:
            tics.append(game.get_episode_time())
            changes.append(health - before)
    return find_hunger(tics, changes)


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
    stop = start_engine(game, sys.modules[__name__])
    found = _suffer(game, len(scenario.buttons))
    stop()
    print(json.dumps(found._asdict()))


if __name__ == "__main__":
    _main(sys.argv[1])
