"""The networks: encoders from pixels to features, and the actor-critic around them.

`lindsey` follows Lindsey, Ocko, Ganguli & Deny (2019), "A unified theory of early visual representations from retina
to cortex through anatomically constrained deep CNNs": two "retinal" convolutions with a bottleneck of few channels at
the output, then the convolutions of a "ventral stream", then a dense layer. None of them is padded unless asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any, Literal

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


MEANT_BEFORE: dict[str, Any] = {"strided_convolutions": 2, "initial_scale": 1.0}
"""Of options that came later: what networks are whose description, of an earlier version, does not have them."""


def _numbers(given: Any) -> Any:
    """From "5,3,3", as command lines and Sample Factory's configuration hold it."""
    return [part for part in given.split(",") if part] if isinstance(given, str) else given


PerConvolution = Annotated[tuple[int, ...], pydantic.BeforeValidator(_numbers)]
"""One number for each convolution; none where the other options say it."""


class NetworkConfig(pydantic.BaseModel):
    """Shape of the network, and the size of its initial weights; the defaults are those of the shipped agents."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    encoder: Literal["lindsey", "simple", "linear"] = pydantic.Field(
        "lindsey", description="lindsey: convolutions with a bottleneck; simple: without; linear: no convolutions"
    )
    global_channels: int = pydantic.Field(16, ge=1, description="channels of every convolution except the bottleneck")
    retinal_bottleneck: int = pydantic.Field(8, ge=1, description="channels of the retina's output, conv2")
    vvs_depth: int = pydantic.Field(1, ge=0, description="convolutions after the bottleneck")
    kernel_size: int = pydantic.Field(5, ge=1, description="side of every kernel, pixels of its input")
    retinal_stride: int = pydantic.Field(2, ge=1, description="stride of the two retinal convolutions")
    strided_convolutions: int = pydantic.Field(
        2, ge=1, le=2, description="how many of these two have that stride: 2 for both, 1 for the first alone"
    )
    channels: PerConvolution = pydantic.Field((), description="channels of each convolution, such as 16,8,16")
    kernel_sizes: PerConvolution = pydantic.Field((), description="kernel side of each convolution, such as 7,5,3")
    strides: PerConvolution = pydantic.Field((), description="stride of each convolution, such as 2,2,1")
    paddings: PerConvolution = pydantic.Field(
        (), description="zero padding of each convolution, such as 3,0,0; no padding if left out"
    )
    own: str = pydantic.Field(
        "", description="an encoder of the user's own: FILE.py:Name#SHA256; empty for one of ours"
    )
    initial_scale: float = pydantic.Field(
        1.0,
        gt=0,
        description="factor on the initial weights of the convolutions; the smaller, the less they shape fields",
    )
    activation: Literal["elu", "relu", "tanh", "linear"] = pydantic.Field("elu", description="activation function")
    greyscale: bool = pydantic.Field(False, description="average the colour channels before the first convolution")
    hidden_size: int = pydantic.Field(128, ge=1, description="units of the dense layer")
    rnn: Literal["gru", "none"] = pydantic.Field("gru", description="kind of recurrent layer")
    rnn_size: int = pydantic.Field(64, ge=1, description="units of the recurrent layer")

    @property
    def convolutions(self) -> list[tuple[int, int, int, int]]:
        """Channels, kernel, stride and padding of each."""
        if self.encoder == "linear":
            usual = []
        elif self.encoder == "simple":
            # The small encoder of many pixel agents (Mnih et al. 2015): large strided kernels, no bottleneck.
            channels = self.global_channels
            usual = [(channels, 8, 4, 0), (2 * channels, 4, 2, 0), (2 * channels, 3, 1, 0)]
        else:
            kernel, second = self.kernel_size, self.retinal_stride if self.strided_convolutions == 2 else 1
            usual = [
                (self.global_channels, kernel, self.retinal_stride, 0),
                (self.retinal_bottleneck, kernel, second, 0),
                *[(self.global_channels, kernel, 1, 0)] * self.vvs_depth,
            ]
        given = (self.channels, self.kernel_sizes, self.strides, self.paddings)
        by_option = (
            [list(each or said) for each, said in zip(given, zip(*usual, strict=True), strict=True)] if usual else []
        )
        return [(each[0], each[1], each[2], each[3]) for each in zip(*by_option, strict=True)]

    @pydantic.model_validator(mode="after")
    def _one_number_for_each_convolution(self) -> NetworkConfig:
        count = {"linear": 0, "simple": 3, "lindsey": 2 + self.vvs_depth}[self.encoder]
        for name, least in (("channels", 1), ("kernel_sizes", 1), ("strides", 1), ("paddings", 0)):
            given = getattr(self, name)
            if given and len(given) != count:
                raise ValueError(f"{name}: {len(given)} numbers for {count} convolutions; give one for each")
            if given and min(given) < least:
                raise ValueError(f"{name}: {min(given)} is too small; the least is {least}")
        return self


def described_network(description: Mapping[str, Any]) -> NetworkConfig:
    """The configuration that a file describes, of this version or of an earlier one.

    Raises:
        pydantic.ValidationError: it describes none.
    """
    return NetworkConfig(**(MEANT_BEFORE | dict(description)))


class Encoder(nn.Module):
    """Convolutions and a dense layer: (batch, channel, height, width) -> (batch, `out_features`).

    Its submodules `conv1`, `conv2`, ..., `fc` yield the activity *after* the activation function.
    """

    def __init__(self, config: NetworkConfig, observation_shape: tuple[int, int, int]) -> None:
        """Build for observations of shape (height, width, channel).

        Raises:
            UserError: the observation is too small for these convolutions.
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
            kernels = ", ".join(str(size) for _, size, _, _ in config.convolutions)
            raise UserError(
                f"network: an observation of {height}x{width} is too small for {len(self.layers)} convolutions of "
                f"kernel {kernels}; use smaller kernels, strides or depth, or padding"
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


def scale_convolutions(network: nn.Module, factor: float) -> None:
    """Multiply the kernels of every convolution, in place: the lever `initial_scale`."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(factor)


def _convolutions(config: NetworkConfig, in_channels: int) -> list[tuple[str, nn.Module]]:
    activation = ACTIVATIONS[config.activation]
    stages: list[tuple[str, nn.Module]] = []
    for number, (out_channels, size, stride, padding) in enumerate(config.convolutions, start=1):
        convolution = nn.Conv2d(in_channels, out_channels, size, stride, padding)
        stages.append((f"conv{number}", nn.Sequential(OrderedDict(convolution=convolution, activation=activation()))))
        in_channels = out_channels
    return stages
