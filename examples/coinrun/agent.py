"""An agent that runs for the coin, and its world: `retinoscope analyze agent.py:agent`.

IMPALA's encoder and a GRU of 64, which `train.py` trained on eight levels of Procgen's CoinRun.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from procgen import ProcgenGym3Env
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import max_pool2d, relu

import retinoscope
from retinoscope.worlds import Endings, Event, Variable, World, gymnasium_world

WEIGHTS = Path(__file__).with_name("coinrun.safetensors")
LEVELS = 8
ACTIONS = (
    *("left and down", "left", "left and up", "down", "nothing", "up", "right and down", "right", "right and up"),
    *("D", "A", "W", "S", "Q", "E"),  # buttons without effect in this game
)


def games(number: int, seed: int, levels: int = LEVELS) -> ProcgenGym3Env:
    """So many games at once, each with an episode of its own."""
    return ProcgenGym3Env(
        num=number,
        env_name="coinrun",
        num_levels=levels,
        start_level=0,
        distribution_mode="easy",
        rand_seed=seed,
        num_threads=0,
    )


class CoinRun(gymnasium.Env):
    """CoinRun for Gymnasium: a seed gives the same episode again, and `info` says what the game knows."""

    observation_space = Box(0, 255, (64, 64, 3), np.uint8)
    action_space = Discrete(len(ACTIONS))

    def __init__(self, levels: int = LEVELS) -> None:
        self._levels = levels
        self._game: ProcgenGym3Env | None = None

    def get_action_meanings(self) -> tuple[str, ...]:
        """Names of the actions."""
        return ACTIONS

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        if self._game is None or seed is not None:
            self.close()
            self._game = games(1, int(self.np_random.integers(2**31)), self._levels)
        _, seen, _ = self._game.observe()
        self._picture, self._info = seen["rgb"][0].copy(), state_of(self._game)
        return self._picture, self._info

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self._game.act(np.array([action], np.int32))
        reward, seen, is_first = self._game.observe()
        if is_first[0]:  # what is seen now belongs to the next episode
            is_truncated = self._info["time"] + 1 >= self._info["time_limit"]
            return self._picture, float(reward[0]), not is_truncated, is_truncated, self._info
        self._picture, self._info = seen["rgb"][0].copy(), state_of(self._game)
        return self._picture, float(reward[0]), False, False, self._info

    def close(self) -> None:
        if self._game is not None:
            self._game.close()
            self._game = None


def state_of(game: ProcgenGym3Env) -> dict[str, Any]:
    """What the first of the games knows, from the text in which it saves itself.

    Numbers of four bytes, one after another; a text is preceded by its length. The runner is the first of the things
    in it.
    """
    saved = game.get_state()[0]
    at = 4 + 4 + len("coinrun") + 17 * 4  # version, name, options
    for _ in range(2):  # the two generators of random numbers
        at += 8 + struct.unpack_from("<i", saved, at + 4)[0]
    time_limit, level = struct.unpack_from("<2i", saved, at + 4 * 4)
    time = struct.unpack_from("<i", saved, at + 13 * 4)[0]
    x, y, speed_x, speed_y = struct.unpack_from("<4f", saved, at + 17 * 4)
    return {"position": (x, y), "speed": (speed_x, speed_y), "level": level, "time": time, "time_limit": time_limit}


def world(levels: int = LEVELS) -> World:
    """The world of so many levels; of 0, all that there are."""
    return gymnasium_world(
        lambda: CoinRun(levels),
        name="CoinRun",
        variables={
            Variable("position", "squares", labels=("x", "y"), axis="axis", kind="place"): "position",
            Variable("speed", "squares per decision", labels=("x", "y"), axis="axis"): "speed",
            Variable("level"): "level",
        },
        events={Event("coin reached", 10.0): lambda environment, info, reward: reward > 0},
        endings=Endings("the coin was reached, or the runner died", "1,000 decisions were over"),
    )


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv1(relu(self.conv0(relu(x))))


class Stage(nn.Module):
    """A convolution, pooling and two residual blocks."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, channels, 3, padding=1)
        self.block0, self.block1 = Block(channels), Block(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block1(self.block0(max_pool2d(self.conv(x), 3, stride=2, padding=1)))


class Network(nn.Module):
    """IMPALA's encoder (Espeholt et al. 2018) with 16, 32 and 32 channels, a GRU of 64, an actor and a critic."""

    def __init__(self) -> None:
        super().__init__()
        self.stage0, self.stage1, self.stage2 = Stage(3, 16), Stage(16, 32), Stage(32, 32)
        self.fc = nn.Linear(32 * 8 * 8, 256)
        self.gru = nn.GRUCell(256, 64)
        self.actor, self.critic = nn.Linear(64, len(ACTIONS)), nn.Linear(64, 1)

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        """(batch, 3, 64, 64), 0 to 1, to (batch, 256)."""
        maps = self.stage2(self.stage1(self.stage0(pictures)))
        return relu(self.fc(relu(maps).flatten(1)))

    def forward(self, pictures: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pictures and (batch, 64) to the logits, the value and the state that leaves."""
        state = self.gru(self.encode(pictures), state)
        return self.actor(state), self.critic(state), state


def as_trained(pictures: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """The network's own way through (decision, 64, 64, 3) pictures, one after another, with which it is compared."""
    network, state, logits = loaded(), torch.zeros(1, 64), []
    with torch.no_grad():
        for picture, begins in zip(pictures, is_first, strict=True):
            seen = torch.from_numpy(np.moveaxis(picture, -1, 0)[None].astype(np.float32) / 255)
            decided, _, state = network(seen, torch.zeros(1, 64) if begins else state)
            logits.append(decided[0].numpy())
    return np.stack(logits)


def loaded() -> Network:
    """The network with its weights."""
    network = Network()
    network.load_state_dict({name: weight.float() for name, weight in load_file(WEIGHTS).items()})
    return network


def agent() -> retinoscope.Agent:
    """The agent, in its world."""
    return retinoscope.from_module(
        loaded(),
        world=world(),
        initial_state=64,
        preprocess=lambda pixels: pixels.permute(0, 3, 1, 2) / 255,
        name="coinrun",
        predict=as_trained,
    )
