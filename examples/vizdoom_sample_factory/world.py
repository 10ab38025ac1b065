"""Sample Factory's own `doom_basic` as a world: `retinoscope analyze RUN --world world.py:world`."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from typing import Any

import gymnasium
import numpy as np
from sample_factory.utils.utils import log
from sf_examples.vizdoom.doom.doom_utils import doom_env_by_name, make_doom_env_impl
from sf_examples.vizdoom.train_vizdoom import parse_vizdoom_cfg
from vizdoom import GameVariable

from retinoscope.worlds import Endings, Event, Variable, Words, gymnasium_world

ENVIRONMENT = "doom_basic"


class Doom(gymnasium.Wrapper):
    """A seed gives the same episode again, which Sample Factory has no need of; `info` says what a shot hit.

    The engine starts in a folder of its own, because it leaves its settings where it starts.
    """

    def __init__(self, environment: gymnasium.Env) -> None:
        super().__init__(environment)
        self._folder = tempfile.TemporaryDirectory(prefix="doom-")
        self._ammunition = 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        doom = self.env.unwrapped
        if doom.game is None:
            with contextlib.chdir(self._folder.name):
                self.env.reset()
        if seed is not None:
            doom.game.set_seed(seed % 2**32)
        observation, info = self.env.reset()
        self._ammunition = doom.game.get_game_variable(GameVariable.AMMO2)
        return observation, info

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        left = self.env.unwrapped.game.get_game_variable(GameVariable.AMMO2)
        has_shot, self._ammunition = left < self._ammunition, left
        has_hit = reward > 0  # that of a hit is 1.01, of a shot -0.05, of a tic -0.01
        return observation, reward, terminated, truncated, info | {"hit": has_hit, "missed": has_shot and not has_hit}

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


def make_environment() -> gymnasium.Env:
    """As Sample Factory makes it with its default settings: 128 x 72 pixels, four tics for each decision."""
    log.setLevel(logging.ERROR)
    cfg = parse_vizdoom_cfg([f"--env={ENVIRONMENT}", "--experiment=none"])
    return Doom(make_doom_env_impl(doom_env_by_name(ENVIRONMENT), cfg=cfg))


def told_by_engine(*names: str) -> Any:
    """What reads these variables from the engine."""

    def read(environment: gymnasium.Env, info: Any) -> Any:
        game = environment.unwrapped.game
        numbers = [game.get_game_variable(getattr(GameVariable, name)) for name in names]
        return numbers if len(numbers) > 1 else numbers[0]

    return read


world = gymnasium_world(
    make_environment,
    name=ENVIRONMENT,
    variables={
        Variable("position", "map units", labels=("x", "y"), axis="axis", kind="place"): told_by_engine(
            "POSITION_X", "POSITION_Y"
        ),
        Variable("angle", "degrees", kind="heading", low=0, high=360): told_by_engine("ANGLE"),
        Variable("ammunition", "shots", low=0, high=50): told_by_engine("AMMO2"),
    },
    events={Event("monster hit", 1.01): "hit", Event("shot missed", -0.05): "missed"},
    words=Words("aimed", "missed", "shot", "shots"),
    endings=Endings("the monster was hit, or the time was over", "300 decisions were over"),
    seconds_per_decision=4 / 35,
)
