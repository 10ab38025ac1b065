"""A small world of Gymnasium that plays without a game engine: random pictures, of which the first pixel matters."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from retinoscope.worlds.declaration import Endings, Event
from retinoscope.worlds.from_gymnasium import GymnasiumWorld, gymnasium_world

VIEW = (6, 5, 1)


class Flicker(gymnasium.Env[np.ndarray, int]):
    """Random pictures; what is rewarded is the action that the first pixel names, and a bright one ends it."""

    observation_space = gymnasium.spaces.Box(0, 255, VIEW, np.uint8)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._next(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        wanted = int(self.seen.flat[0]) % 3
        self.steps += 1
        return self._next(), 1.0 if action == wanted else 0.0, bool(self.seen.flat[0] > 250), self.steps == 40, {}

    def _next(self) -> np.ndarray:
        self.seen = self.np_random.integers(0, 256, VIEW, dtype=np.uint8)
        return self.seen


def flicker() -> GymnasiumWorld:
    return gymnasium_world(
        Flicker,
        name="flicker",
        events={Event("hit", 1.0): lambda environment, info, reward: reward > 0},
        endings=Endings("a flash ended it"),
    )
