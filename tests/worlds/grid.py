"""A world in which everything is known: a square walks on a grid of colours and opens doors."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

SIDE, CELL = 5, 4


class Grid(gymnasium.Env[np.ndarray, Any]):
    """A walker on 5 x 5 cells of 4 x 4 pixels; the green cell is the goal, the red one costs a point.

    Actions: 0 stay, 1 right, 2 down. The episode is terminated at the goal and truncated after `limit` steps.

    Args:
        layout: how the observation is given: `last`, `first`, `grey`, `flat` or `float`.
        actions: how actions are taken: `discrete`, `shifted`, `multi`, `binary` or `box`.
        repeats: the seed decides where the goal is; else chance does, every time anew.
        limit: steps.
    """

    def __init__(self, layout: str = "last", actions: str = "discrete", repeats: bool = True, limit: int = 12) -> None:
        self.layout, self.kind, self.repeats, self.limit = layout, actions, repeats, limit
        pixels = SIDE * CELL
        shape = {"first": (3, pixels, pixels), "grey": (pixels, pixels), "flat": (3 * pixels * pixels,)}
        dtype = np.float32 if layout == "float" else np.uint8
        high = 1.0 if layout == "float" else 255
        self.observation_space = spaces.Box(0, high, shape.get(layout, (pixels, pixels, 3)), dtype)
        self.action_space = {
            "discrete": spaces.Discrete(3),
            "shifted": spaces.Discrete(3, start=7),
            "multi": spaces.MultiDiscrete([2, 2]),
            "binary": spaces.MultiBinary(2),
            "box": spaces.Box(-1, 1, (2,), np.float32),
        }[actions]
        self.taken: list[Any] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        chance = self.np_random if self.repeats else np.random.default_rng()
        self.square, self.steps = np.zeros(2, int), 0
        self.goal, self.trap = chance.integers(1, SIDE, 2), chance.integers(1, SIDE, 2)
        return self._seen(), self._info(False)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.taken.append(action)
        right, down = self._moves(action)
        self.square = np.minimum(self.square + np.array([down, right]), SIDE - 1)
        self.steps += 1
        at_goal, at_trap = (bool(np.array_equal(self.square, each)) for each in (self.goal, self.trap))
        reward = float(at_goal) - float(at_trap)
        return self._seen(), reward, at_goal, self.steps >= self.limit, self._info(at_trap)

    def _moves(self, action: Any) -> tuple[int, int]:
        if self.kind in ("discrete", "shifted"):
            index = int(action) - (7 if self.kind == "shifted" else 0)
            return int(index == 1), int(index == 2)
        right, down = (float(each) > 0 for each in action)
        return int(right), int(down)

    def _info(self, at_trap: bool) -> dict[str, Any]:
        return {"square": self.square.copy(), "distance": int(np.abs(self.goal - self.square).sum()), "trap": at_trap}

    def _seen(self) -> np.ndarray:
        cells = np.zeros((SIDE, SIDE, 3), np.uint8)
        cells[tuple(self.trap)] = (200, 0, 0)
        cells[tuple(self.goal)] = (0, 200, 0)
        cells[tuple(self.square)] = (0, 0, 255)
        picture = cells.repeat(CELL, 0).repeat(CELL, 1)
        if self.layout == "first":
            return picture.transpose(2, 0, 1)
        if self.layout == "grey":
            return picture.max(axis=2)
        if self.layout == "flat":
            return picture.ravel()
        return picture / np.float32(255) if self.layout == "float" else picture


def arrived(environment: Any, info: Any, reward: float) -> bool:
    """The goal was reached."""
    return bool(info["distance"] == 0)


def fell(environment: Any, info: Any, reward: float) -> bool:
    """The red cell was entered, or stayed on."""
    return bool(info["trap"])
