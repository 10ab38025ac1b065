"""The grid as a world, and agents that live in it."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn

import retinoscope
from retinoscope.worlds import Endings, Event, Variable, Words, gymnasium_world
from tests.worlds.grid import CELL, SIDE, Grid, arrived, fell

PIXELS = SIDE * CELL
SQUARE = Variable("square", "cells", labels=("row", "column"), kind="place")


def grid_world(**settings: Any) -> Any:
    return gymnasium_world(
        functools.partial(Grid, **settings),
        name="grid",
        variables={SQUARE: "square", "distance": "distance"},
        events={Event("goal", 1.0): arrived, Event("trap", -2.0): fell},
        words=Words("good", "bad", "cell", "cells"),
        endings=Endings("the goal was reached"),
    )


class Memory(nn.Module):
    """A convolution, a dense layer, a GRU cell, and as many outputs as there are actions."""

    def __init__(self, channels: int = 3, outputs: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(channels, 4, 4, 4)
        self.dense = nn.Linear(4 * SIDE * SIDE, 8)
        self.memory = nn.GRUCell(8, 6)
        self.actor, self.critic = nn.Linear(6, outputs), nn.Linear(6, 1)

    def forward(self, pixels: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        maps = self.convolution(pixels.permute(0, 3, 1, 2).float() / 255).relu()
        state = self.memory(self.dense(maps.flatten(1)).tanh(), state)
        return self.actor(state), self.critic(state), state


def agent_in(world: Any, **settings: Any) -> retinoscope.Agent:
    outputs = settings.pop("outputs", 3)
    channels = world.declaration.picture.channels
    return retinoscope.from_module(Memory(channels, outputs), world=world, initial_state=6, **settings)
