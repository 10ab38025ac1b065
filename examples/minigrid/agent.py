"""An agent that Stable-Baselines3 trained in MiniGrid, and its world: `retinoscope analyze agent.py:agent`.

It sees the 7 x 7 squares in front of it, finds a key, opens a door and walks to the goal. `train.py` trained it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import minigrid  # noqa: F401 - makes its environments known to Gymnasium
import numpy as np
from minigrid.wrappers import ImgObsWrapper, RGBImgPartialObsWrapper
from stable_baselines3 import PPO

import retinoscope
from retinoscope.worlds import Endings, Event, Variable, gymnasium_world

MODEL = Path(__file__).with_name("doorkey.zip")


def make_environment(render_mode: str | None = None) -> gymnasium.Env:
    """Pictures of 56 x 56 pixels, 8 for each square."""
    environment = gymnasium.make("MiniGrid-DoorKey-5x5-v0", render_mode=render_mode)
    return ImgObsWrapper(RGBImgPartialObsWrapper(environment, tile_size=8))


class WithSteps(gymnasium.Wrapper):
    """Says in `info` what the agent holds, what stands open, and what it did to reach its goal."""

    def reset(self, **arguments: Any) -> tuple[np.ndarray, dict[str, Any]]:
        observation, _ = self.env.reset(**arguments)
        self._before = self._state()
        return observation, dict(self._before)

    def step(self, action: Any) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, _ = self.env.step(action)
        before, now = self._before, self._state()
        self._before = now
        done = {f"{name}_done": now[name] > before[name] for name in now}
        return observation, reward, terminated, truncated, now | done

    def _state(self) -> dict[str, bool]:
        inner = self.env.unwrapped
        door = next(each for each in inner.grid.grid if each is not None and each.type == "door")
        return {"holds_key": inner.carrying is not None, "door_is_open": door.is_open}


world = gymnasium_world(
    lambda render_mode=None: WithSteps(make_environment(render_mode)),
    name="DoorKey",
    variables={
        Variable("position", "squares", labels=("x", "y"), axis="axis", kind="place"): (
            lambda environment, info: environment.unwrapped.agent_pos
        ),
        Variable("angle", "degrees", "heading, anticlockwise from the right", kind="heading", low=0, high=360): (
            lambda environment, info: -90 * environment.unwrapped.agent_dir % 360
        ),
        Variable("holds_key", long_name="holds the key", low=0, high=1): "holds_key",
        Variable("door_is_open", long_name="the door is open", low=0, high=1): "door_is_open",
    },
    events={
        "key taken": "holds_key_done",
        "door opened": "door_is_open_done",
        Event("goal reached", 1.0): lambda environment, info, reward: reward > 0,
    },
    endings=Endings("the goal was reached", "250 decisions were over"),
)


def agent() -> retinoscope.Agent:
    """The agent, in its world."""
    return retinoscope.from_sb3(PPO.load(MODEL, device="cpu"), world=world, name="doorkey")
