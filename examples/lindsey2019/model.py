"""The network of Lindsey, Ocko, Ganguli & Deny 2019 (ICLR): a retina, its optic nerve, and the visual system behind it.

The bottleneck is the number of channels that leave the retina. Initialised as Keras does: uniform after Glorot, with
zero biases.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from retinoscope import Agent, from_module

SIDE = 32  # of an image, px
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
LAYERS = {"retina": "conv2", "V1": "conv3"}


class Convolution(nn.Conv2d):
    """9 x 9, stride 1, as large a map behind it as before it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 9, padding=4)

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)


class Dense(nn.Linear):
    """Initialised like the convolutions."""

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)


class Network(nn.Module):
    """Pixels from 0 to 1, (batch, 1, 32, 32), to ten logits."""

    def __init__(self, bottleneck: int, hidden: int = 1024) -> None:
        super().__init__()
        self.conv1, self.conv2 = Convolution(1, 32), Convolution(32, bottleneck)
        self.conv3, self.conv4 = Convolution(bottleneck, 32), Convolution(32, 32)
        self.dense1, self.dense2 = Dense(32 * SIDE * SIDE, hidden), Dense(hidden, len(CLASSES))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = nn.functional.relu(convolution(x))
        return self.dense2(nn.functional.relu(self.dense1(x.flatten(1))))


def drawn(seed: int, bottleneck: int, hidden: int = 1024) -> Network:
    """A network before training; the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(bottleneck, hidden)


def loaded(path: Path) -> Network:
    """A network from a file of weights, which tell its bottleneck; what else the file holds is left out.

    If the file holds the convolutions alone, as after an epoch, so does the network: one unit, as drawn, stands for the
    dense layer, which no field of retina or V1 depends on.
    """
    weights = {name: each for name, each in load_file(path).items() if not name.startswith("squares.")}
    whole = "dense1.bias" in weights
    network = Network(len(weights["conv2.bias"]), len(weights["dense1.bias"]) if whole else 1)
    network.load_state_dict(weights, strict=whole)
    return network


def agent_of(network: Network, name: str) -> Agent:
    """The network as Retinoscope sees it: pixels from 0 to 255, and no action that means anything."""
    return from_module(
        network,
        observation_shape=(SIDE, SIDE, 1),
        actions=CLASSES,
        preprocess=lambda pixels: pixels.permute(0, 3, 1, 2) / 255,
        name=name,
    )
