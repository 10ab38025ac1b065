"""A published agent that plays Breakout, and its world: `retinoscope analyze agent.py:agent`.

The weights are those of `breakout-v4/model.80.tar` of github.com/greydanus/baby-a3c (commit 7f9734b; MIT or
Apache-2.0), after 80 million frames; its author states a return of 190 ± 20. The emulator, ale-py, is under the
GPL-2.0: it is no part of Retinoscope and is installed for this example alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from ale_py import ALEInterface, LoggerMode
from ale_py.env import AtariEnv
from gymnasium.spaces import Box
from gymnasium.wrappers import TimeLimit
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import retinoscope
from retinoscope.worlds import Endings, Event, Variable, Words, gymnasium_world

WEIGHTS = Path(__file__).with_name("breakout_a3c.safetensors")
# Addresses in the emulator's memory, and what is to be added for the middle of the ball and of the paddle in the frame
# of 210 x 160 pixels; checked against the frames by tests/examples/test_breakout.py.
BALL_X, BALL_Y, PADDLE_X = (99, -48.5), (101, 10.5), (72, -39.5)


def picture(frame: np.ndarray) -> np.ndarray:
    """What an old image library made of the emulator's frames, (210, 160, 3) to (80, 80, 1), all uint8.

    Without being asked it stretched every frame so that its own darkest pixel became 0 and its brightest 255. The agent
    has never seen anything else.
    """
    grey = frame[35:195].mean(axis=2)
    darkest, brightest = grey.min(), grey.max()
    stretched = (grey - darkest) * (255 / max(brightest - darkest, 1)) + 0.5
    small = Image.fromarray(stretched.astype(np.uint8)).resize((80, 80), Image.Resampling.BILINEAR)
    return np.array(small)[..., None]


class Seen(gymnasium.Wrapper):
    """Breakout as the agent saw it in its training; `info` also says whether a life was lost."""

    def __init__(self, environment: gymnasium.Env) -> None:
        super().__init__(environment)
        self.observation_space = Box(0, 255, (80, 80, 1), np.uint8)
        self._lives = 0

    def reset(self, **arguments: Any) -> tuple[np.ndarray, dict[str, Any]]:
        frame, info = self.env.reset(**arguments)
        self._lives = info["lives"]
        return picture(frame), info

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        frame, reward, terminated, truncated, info = self.env.step(action)
        lost, self._lives = self._lives - info["lives"], info["lives"]
        return picture(frame), reward, terminated, truncated, info | {"life_lost": lost}


def make_environment() -> gymnasium.Env:
    """`Breakout-v4`, whose frames are skipped by chance, 2 to 4 of them; episodes ended after 10,000 decisions."""
    ALEInterface.setLoggerMode(LoggerMode.Error)  # else every emulator prints its version
    game = AtariEnv("breakout", frameskip=(2, 5), repeat_action_probability=0.0, max_num_frames_per_episode=108_000)
    return Seen(TimeLimit(game, 10_000))


def from_memory(address: int, offset: float) -> Any:
    """What reads a variable from the emulator's memory."""
    return lambda environment, info: float(environment.unwrapped.ale.getRAM()[address]) + offset


world = gymnasium_world(
    make_environment,
    name="Breakout",
    variables={
        Variable("ball_x", "px", "ball, from the left", low=0, high=160): from_memory(*BALL_X),
        Variable("ball_y", "px", "ball, from the top", low=0, high=210): from_memory(*BALL_Y),
        Variable("paddle_x", "px", "paddle, from the left", low=0, high=160): from_memory(*PADDLE_X),
        Variable("lives", "lives", low=0, high=5): "lives",
    },
    events={
        Event("brick broken", 1.0): lambda environment, info, reward: reward > 0,
        Event("life lost", -1.0): "life_lost",
    },
    words=Words("scoring", "losing"),
    endings=Endings("the last life was lost", "10,000 decisions were over"),
)


class Network(nn.Module):
    """As it was published: four convolutions, a GRU cell, a critic and an actor."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.conv4 = nn.Conv2d(32, 32, 3, stride=2, padding=1)
        self.gru = nn.GRUCell(32 * 5 * 5, 256)
        self.critic_linear, self.actor_linear = nn.Linear(256, 1), nn.Linear(256, 4)

    def forward(self, pictures: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(batch, 1, 80, 80) from 0 to 1 and (batch, 256) to the logits, the value and the state that leaves."""
        x = pictures
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = nn.functional.elu(convolution(x))
        state = self.gru(x.flatten(1), state)
        return self.actor_linear(state), self.critic_linear(state), state


def as_published(pictures: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """The network's own way through (decision, 80, 80, 1) pictures, one after another, with which it is compared."""
    network, state, logits = loaded(), torch.zeros(1, 256), []
    with torch.no_grad():
        for picture, begins in zip(pictures, is_first, strict=True):
            seen = torch.from_numpy(picture.reshape(1, 1, 80, 80).astype(np.float32) / 255)
            decided, _, state = network(seen, torch.zeros(1, 256) if begins else state)
            logits.append(decided[0].numpy())
    return np.stack(logits)


def loaded() -> Network:
    """The network with its weights."""
    network = Network()
    network.load_state_dict(load_file(WEIGHTS))
    return network


def agent() -> retinoscope.Agent:
    """The agent, in its world."""
    return retinoscope.from_module(
        loaded(),
        world=world,
        initial_state=256,
        preprocess=lambda pixels: pixels.permute(0, 3, 1, 2) / 255,
        name="breakout",
        frames_trained=80_000_000,
        predict=as_published,
    )
