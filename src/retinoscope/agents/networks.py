"""The networks: encoders from pixels to features, and the actor-critic around them.

`lindsey` follows Lindsey, Ocko, Ganguli & Deny (2019), "A unified theory of early visual representations from retina
to cortex through anatomically constrained deep CNNs": two "retinal" convolutions with a bottleneck of few channels at
the output, then the convolutions of a "ventral stream", none of them padded, then a dense layer.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import pydantic
import torch
from torch import nn

from retinoscope.errors import UserError

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
}


class NetworkConfig(pydantic.BaseModel):
    """Shape of the network; the defaults are those of the shipped agents."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    encoder: Literal["lindsey", "simple", "linear"] = "lindsey"
    global_channels: int = pydantic.Field(16, ge=1, description="channels of every convolution but the bottleneck")
    retinal_bottleneck: int = pydantic.Field(8, ge=1, description="channels of the retina's output, conv2")
    vvs_depth: int = pydantic.Field(1, ge=0, description="convolutions after the bottleneck")
    kernel_size: int = pydantic.Field(5, ge=1, description="side of every kernel, pixels of its input")
    retinal_stride: int = pydantic.Field(2, ge=1, description="stride of the two retinal convolutions")
    strided_convolutions: int = pydantic.Field(
        2, ge=1, le=2, description="how many of these two have that stride: 2 for both, 1 for the first alone"
    )
    activation: Literal["elu", "relu", "tanh", "linear"] = "elu"
    greyscale: bool = pydantic.Field(False, description="average the colour channels before the first convolution")
    hidden_size: int = pydantic.Field(128, ge=1, description="units of the dense layer")
    rnn: Literal["gru", "none"] = "gru"
    rnn_size: int = pydantic.Field(64, ge=1, description="units of the recurrent layer")


class Encoder(nn.Module):
    """Convolutions and a dense layer: (batch, channel, height, width) -> (batch, `out_features`).

    Its submodules `conv1`, `conv2`, ..., `fc` yield the activity *after* the activation function.
    """

    def __init__(self, config: NetworkConfig, observation_shape: tuple[int, int, int]) -> None:
        """Build for observations of shape (height, width, channel).

        Raises:
            UserError: the observation is too small for this many unpadded convolutions.
        """
        super().__init__()
        height, width, channels = observation_shape
        self.greyscale = config.greyscale
        in_channels = 1 if config.greyscale else channels
        self.layers = nn.Sequential(OrderedDict(_convolutions(config, in_channels)))
        try:
            with torch.no_grad():
                flat = self.layers(torch.zeros(1, in_channels, height, width)).numel()
        except RuntimeError:
            raise UserError(
                f"network: an observation of {height}x{width} is too small for {len(self.layers)} convolutions of "
                f"kernel {config.kernel_size}; use a smaller kernel, stride or depth"
            ) from None
        # A linear read-out of pixels stays linear whatever the activation of the other encoders.
        activation = nn.Identity if config.encoder == "linear" else ACTIVATIONS[config.activation]
        dense = nn.Sequential(OrderedDict(linear=nn.Linear(flat, config.hidden_size), activation=activation()))
        self.layers.add_module("flatten", nn.Flatten())
        self.layers.add_module("fc", dense)
        self.out_features = config.hidden_size

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        activity: torch.Tensor = self.layers(self.select_colours(pixels))
        return activity

    def select_colours(self, pixels: torch.Tensor) -> torch.Tensor:
        """The channels that the first layer sees: all, or their mean."""
        return pixels.mean(dim=1, keepdim=True) if self.greyscale else pixels


def _convolutions(config: NetworkConfig, in_channels: int) -> list[tuple[str, nn.Module]]:
    kernel, activation = config.kernel_size, ACTIVATIONS[config.activation]
    if config.encoder == "linear":
        return []
    if config.encoder == "simple":
        # The small encoder of many pixel agents (Mnih et al. 2015): large strided kernels, no bottleneck.
        channels = config.global_channels
        shapes = [(channels, 8, 4), (2 * channels, 4, 2), (2 * channels, 3, 1)]
    else:
        shapes = [
            (config.global_channels, kernel, config.retinal_stride),
            (config.retinal_bottleneck, kernel, config.retinal_stride if config.strided_convolutions == 2 else 1),
            *[(config.global_channels, kernel, 1)] * config.vvs_depth,
        ]
    stages: list[tuple[str, nn.Module]] = []
    for number, (out_channels, size, stride) in enumerate(shapes, start=1):
        convolution = nn.Conv2d(in_channels, out_channels, size, stride)
        stages.append((f"conv{number}", nn.Sequential(OrderedDict(convolution=convolution, activation=activation()))))
        in_channels = out_channels
    return stages
