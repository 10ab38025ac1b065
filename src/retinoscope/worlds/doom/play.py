"""A person plays: the engine's window takes the keys, and what happens is counted as it is for agents."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive, Scenario, foreign_part, get_arena
from retinoscope.scenarios.specification import TICS_PER_SECOND, Observation
from retinoscope.worlds.doom.engine import has_display, vizdoom
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.seeds import world_seed

WINDOW = Observation(height=480, width=640, supersampling=1)


@dataclass(frozen=True)
class PlayedEpisode:
    """What came of one episode.

    Attributes:
        seconds: how long it lasted, in time of the game.
        died: whether it ended by death.
        health_gathered: nominal effects of what was picked up; in an arena made elsewhere, changes of health beyond
            hunger.
        pickups: how many of each class; in an arena made elsewhere, of the inferred ones.
    """

    seconds: float
    died: bool
    health_gathered: float
    pickups: dict[str, int]


def play(
    arena: ArenaArchive | Scenario | str | Path = "digits", *, episodes: int = 1, seed: int = 0
) -> tuple[PlayedEpisode, ...]:
    """Play an arena yourself, in a window at the speed of the game. The arrow keys turn and walk, Ctrl attacks.

    Args:
        arena: built arena, specification, name or path.
        episodes: how many to play; closing the window ends the last one, which is then not counted.
        seed: of the arena; episode *k* is the world that an agent recorded with this seed meets in it.

    Returns:
        What came of each finished episode.

    Raises:
        UserError: there is no display; the arena is wrong (as `get_arena`); fewer than one episode, a negative seed.
    """
    if episodes < 1:
        raise UserError(f"episodes: {episodes} is too few; give at least 1")
    if seed < 0:
        raise UserError(f"seed: {seed} is negative; give 0 or more")
    if not isinstance(arena, ArenaArchive):
        arena = get_arena(arena)
    if not has_display():
        raise UserError(
            "scenario play: there is no display for a window; play where there is one, or let an agent play into a "
            "movie with `retinoscope watch --out movie.mp4`"
        )
    environment = PlayedEnvironment(arena)
    played: list[PlayedEpisode] = []
    try:
        for episode in range(episodes):
            played.append(environment.play_episode(world_seed(seed, 0, episode)))
    except (vizdoom.ViZDoomUnexpectedExitException, vizdoom.ViZDoomIsNotRunningException):
        pass  # the window was closed
    finally:
        environment.close()
    return tuple(played)


class PlayedEnvironment(GatheringEnvironment):
    """The engine in its mode for spectators of a person: keys decide, not actions.

    Args:
        arena: to play in.
        window: whether it is shown; without one, nobody presses a key.
        tics_per_second: speed.
    """

    def __init__(self, arena: ArenaArchive, window: bool = True, tics_per_second: float = TICS_PER_SECOND) -> None:
        in_window = {"observation": WINDOW} | ({} if foreign_part(arena.scenario) is None else {"screen": None})
        shown = dataclasses.replace(arena, scenario=arena.scenario.model_copy(update=in_window))
        super().__init__(shown, objects_in_view=False, render_mode="human" if window else None)
        self._seconds_per_tic = 1 / tics_per_second

    def play_episode(self, seed: int) -> PlayedEpisode:
        """One episode, from its first tic to its end."""
        _, info = self.reset(seed=seed)
        game = self._game
        assert game is not None
        effects = np.array(self.scenario.class_effects)
        pickups = np.zeros(len(effects), np.int64)
        start = tic = game.get_episode_time()
        gathered, terminated, is_over = 0.0, False, False
        while not is_over:
            began, before = time.monotonic(), tic
            game.advance_action(1)
            tic = game.get_episode_time()  # in this mode the engine goes on by itself if it is kept waiting
            _, _, terminated, truncated, info = self._outcome(game, game.get_last_reward(), tic - before)
            is_over = terminated or truncated
            picked = info["pickups"][: len(effects)]  # pick-ups by kind come after those that are inferred
            pickups += picked
            gathered += info.get("health_gathered", float(picked @ effects))
            time.sleep(max(0.0, self._seconds_per_tic - (time.monotonic() - began)))
        counts = dict(zip(self.scenario.class_names, pickups.tolist(), strict=True))
        return PlayedEpisode((tic - start) / TICS_PER_SECOND, bool(info.get("died", terminated)), gathered, counts)

    def _configured_game(self) -> vizdoom.DoomGame:
        game = super()._configured_game()
        game.set_mode(vizdoom.Mode.SPECTATOR)
        game.set_ticrate(round(1 / self._seconds_per_tic))
        game.set_render_hud(True)  # an agent is told its health by nobody; a person likes to see it
        return game
