"""Sample Factory's own networks, built again from a run's configuration and weights, without importing it.

Petrenko et al. (2020), "Sample Factory: Egocentric 3D Control from Pixels at 100000 FPS with Asynchronous
Reinforcement Learning"; its version 2 computes what is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from retinoscope.errors import UserError

CONVOLUTIONS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "convnet_simple": ((32, 8, 4), (64, 4, 2), (128, 3, 2)),
    "convnet_impala": ((16, 8, 4), (32, 4, 2)),
    "convnet_atari": ((32, 8, 4), (64, 4, 2), (64, 3, 1)),
}
"""Channels, kernel and stride of each convolution; none is padded."""
RESIDUAL_CHANNELS = {"resnet_impala": (16, 32, 32)}
"""Channels of each part, which is a convolution, a pooling and two residual blocks (Espeholt et al. 2018)."""
_ACTIVATIONS = {"elu": nn.functional.elu, "relu": torch.relu, "tanh": torch.tanh}
_LAWS = {"orthogonal": nn.init.orthogonal_, "xavier_uniform": nn.init.xavier_uniform_}
_VARIANCE_FLOOR = 1e-5  # Sample Factory adds this to running variances
_LIMIT = 5.0  # and clips what it normalised by them here


class _Residual(nn.Module):
    """What a residual block adds to its input."""

    def __init__(self, channels: int, activation: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self._activation = _ACTIVATIONS[activation]

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        inner = self.conv1(self._activation(maps))
        return maps + self.conv2(self._activation(inner))


class _Part(nn.Module):
    """A convolution, pooling, two residual blocks."""

    def __init__(self, before: int, channels: int, activation: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, channels, 3, padding=1)
        self.residual1 = _Residual(channels, activation)
        self.residual2 = _Residual(channels, activation)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        pooled = nn.functional.max_pool2d(self.conv(maps), 3, stride=2, padding=1)
        return self.residual2(self.residual1(pooled))


class SampleFactoryNetwork(nn.Module):
    """From pixels to logits, value and memory, normalisation included.

    Args:
        configuration: Sample Factory's; every option that shapes the network has to be in it.
        observation_shape: (height, width, channel).
        outputs: numbers that the actor's linear layer gives.
        has_deviations: the logarithms of the standard deviations are parameters by themselves.
        is_normalised: pixels have running statistics.

    Raises:
        UserError: an option is missing, unknown or does not fit the observation.
    """

    input_mean: torch.Tensor
    input_variance: torch.Tensor
    value_mean: torch.Tensor
    value_variance: torch.Tensor

    def __init__(
        self,
        configuration: Mapping[str, Any],
        observation_shape: tuple[int, int, int],
        outputs: int,
        has_deviations: bool,
        is_normalised: bool,
        has_returns: bool,
    ) -> None:
        super().__init__()
        option = _Options(configuration)
        height, width, channels = observation_shape
        self._subtract = float(option("obs_subtract_mean", int | float))
        self._scale = float(option("obs_scale", int | float))
        self._is_normalised, self._has_returns = is_normalised, has_returns
        self._activation_name = option("nonlinearity", str)
        if self._activation_name not in _ACTIVATIONS:
            raise UserError(f"nonlinearity is {self._activation_name!r}; Sample Factory has {', '.join(_ACTIVATIONS)}")
        self._activation = _ACTIVATIONS[self._activation_name]
        if is_normalised:
            self.register_buffer("input_mean", torch.zeros(channels, height, width))
            self.register_buffer("input_variance", torch.ones(channels, height, width))
        if has_returns:
            self.register_buffer("value_mean", torch.zeros(1))
            self.register_buffer("value_variance", torch.ones(1))
        self.map_names = self._add_maps(option("encoder_conv_architecture", str), channels)
        try:
            with torch.no_grad():
                size = self._mapped(torch.zeros(1, channels, height, width)).numel()
        except RuntimeError:
            raise UserError(f"an observation of {height}x{width} is too small for its convolutions") from None
        self.dense_names, size = self._add_dense("fc", option.sizes("encoder_conv_mlp_layers"), size)
        self.rnn: nn.GRU | nn.LSTM | None = None
        if option("use_rnn", bool):
            self.rnn = _memory(option("rnn_type", str), size, option("rnn_size", int), option("rnn_num_layers", int))
            size = self.rnn.hidden_size
        self.decoder_names, size = self._add_dense("decoder", option.sizes("decoder_mlp_layers"), size)
        self.value = nn.Linear(size, 1)
        self.policy = nn.Linear(size, outputs)
        self.deviations = nn.Parameter(torch.zeros(outputs)) if has_deviations else None
        self._tanh_scale = float(option("continuous_tanh_scale", int | float)) if has_deviations else 0.0
        # With which weights training began.
        self._law = str(option.or_usual("policy_initialization", str, "orthogonal"))
        self._gain = float(option.or_usual("policy_init_gain", int | float, 1.0))
        self._deviation = float(option.or_usual("initial_stddev", int | float, 1.0))

    @property
    def state_size(self) -> int:
        """Numbers in the memory, of each layer [h] or [h, c]."""
        if self.rnn is None:
            return 0
        return self.rnn.hidden_size * self.rnn.num_layers * (2 if isinstance(self.rnn, nn.LSTM) else 1)

    def forward(self, pixels: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """(batch, height, width, channel) pixels -> logits, value in units of return, and the state if there is one."""
        activity = self._mapped(self._normalised(pixels)).flatten(1)
        for name in self.dense_names:
            activity = self._activation(getattr(self, name)(activity))
        if self.rnn is not None:
            assert state is not None
            activity, state = self._remembered(activity, state)
        for name in self.decoder_names:
            activity = self._activation(getattr(self, name)(activity))
        logits = self.policy(activity)
        if self.deviations is not None:
            if self._tanh_scale > 0:
                logits = torch.tanh(logits / self._tanh_scale) * self._tanh_scale
            logits = torch.cat([logits, self.deviations.expand(len(logits), -1)], dim=1)
        value = self.value(activity)
        if self._has_returns:
            value = value.clamp(-_LIMIT, _LIMIT) * torch.sqrt(self.value_variance + _VARIANCE_FLOOR) + self.value_mean
        return (logits, value) if self.rnn is None or state is None else (logits, value, state)

    def reset_parameters(self) -> None:
        """Draw all weights anew as Sample Factory does before training.

        Its memory, and whatever of the network it compiles, keep to torch's own law for weights: plain convolutions
        with the dense layers behind them, and the decoder.
        """
        compiled = {id(getattr(self, name)) for name in self.decoder_names}
        if not any(isinstance(getattr(self, name), _Part) for name in self.map_names):
            compiled |= {id(getattr(self, name)) for name in (*self.map_names, *self.dense_names)}
        for part in self.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.reset_parameters()
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
                if self._law in _LAWS and id(part) not in compiled:
                    _LAWS[self._law](part.weight, gain=self._gain)
        if self.rnn is not None:
            self.rnn.reset_parameters()
        if self.deviations is not None:
            nn.init.constant_(self.deviations, math.log(self._deviation))

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        found = pixels.to(self.value.weight.dtype).permute(0, 3, 1, 2)
        found = (found - self._subtract) * (1.0 / self._scale)
        if self._is_normalised:
            deviation = torch.sqrt(self.input_variance + _VARIANCE_FLOOR)
            found = ((found - self.input_mean) * (1 / deviation)).clamp(-_LIMIT, _LIMIT)
        return found.contiguous()

    def _mapped(self, maps: torch.Tensor) -> torch.Tensor:
        for name in self.map_names:
            part = getattr(self, name)
            maps = part(maps) if isinstance(part, _Part) else self._activation(part(maps))
        return self._activation(maps) if isinstance(part, _Part) else maps

    def _remembered(self, activity: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The memory's activity and its state, (batch, state): layer after layer, of an LSTM h before c."""
        assert self.rnn is not None
        layered = state.reshape(len(state), self.rnn.num_layers, -1).permute(1, 0, 2)
        if isinstance(self.rnn, nn.LSTM):
            hidden, cell = layered.chunk(2, dim=2)
            output, (hidden, cell) = self.rnn(activity[None], (hidden.contiguous(), cell.contiguous()))
            layered = torch.cat([hidden, cell], dim=2)
        else:
            output, layered = self.rnn(activity[None], layered.contiguous())
        return output[0], layered.permute(1, 0, 2).flatten(1)

    def _add_maps(self, architecture: str, channels: int) -> tuple[str, ...]:
        names = []
        if architecture in CONVOLUTIONS:
            for number, (out, kernel, stride) in enumerate(CONVOLUTIONS[architecture], start=1):
                names.append(f"conv{number}")
                self.add_module(names[-1], nn.Conv2d(channels, out, kernel, stride))
                channels = out
        elif architecture in RESIDUAL_CHANNELS:
            for number, out in enumerate(RESIDUAL_CHANNELS[architecture], start=1):
                names.append(f"part{number}")
                self.add_module(names[-1], _Part(channels, out, self._activation_name))
                channels = out
        else:
            known = ", ".join([*CONVOLUTIONS, *RESIDUAL_CHANNELS])
            raise UserError(f"encoder_conv_architecture is {architecture!r}; Sample Factory has {known}")
        return tuple(names)

    def _add_dense(self, name: str, sizes: list[int], size: int) -> tuple[tuple[str, ...], int]:
        names = []
        for number, units in enumerate(sizes, start=1):
            names.append(name if len(sizes) == 1 else f"{name}{number}")
            self.add_module(names[-1], nn.Linear(size, units))
            size = units
        return tuple(names), size


def _memory(kind: str, inputs: int, units: int, layers: int) -> nn.GRU | nn.LSTM:
    kinds: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}
    if kind not in kinds:
        raise UserError(f"rnn_type is {kind!r}; Sample Factory has gru, lstm")
    return kinds[kind](inputs, units, layers)


class _Options:
    """What a configuration says; nothing is assumed in the place of what it does not say."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self._configuration = configuration

    def __call__(self, name: str, kind: Any) -> Any:
        value = self._configuration.get(name)
        if value is None:
            raise UserError(f"the configuration does not say {name}; restore it from the run")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise UserError(f"{name} is {value!r}; restore it from the run")
        return value

    def or_usual(self, name: str, kind: Any, usual: Any) -> Any:
        """The same of what shapes no network, where Sample Factory's own choice stands for what is not said."""
        return usual if self._configuration.get(name) is None else self(name, kind)

    def sizes(self, name: str) -> list[int]:
        """Units of some dense layers."""
        found = self(name, list)
        if not all(isinstance(each, int) and not isinstance(each, bool) and each > 0 for each in found):
            raise UserError(f"{name} is {found!r}; restore it from the run")
        return list(found)


def names_in_checkpoint(network: SampleFactoryNetwork, prefix: str) -> Iterator[tuple[str, str]]:
    """Our name and Sample Factory's for every parameter and statistic of a network.

    Args:
        network: ours.
        prefix: what Sample Factory calls the encoder of pictures.
    """
    for ours in network.state_dict():
        module, _, last = ours.rpartition(".")
        yield ours, _name_in_checkpoint(network, prefix, ours, module, last)


def _name_in_checkpoint(network: SampleFactoryNetwork, prefix: str, ours: str, module: str, last: str) -> str:
    fixed = {
        "input_mean": "obs_normalizer.running_mean_std.running_mean_std.obs.running_mean",
        "input_variance": "obs_normalizer.running_mean_std.running_mean_std.obs.running_var",
        "value_mean": "returns_normalizer.running_mean",
        "value_variance": "returns_normalizer.running_var",
        "deviations": "action_parameterization.learned_stddev",
    }
    if ours in fixed:
        return fixed[ours]
    modules = {"value": "critic_linear", "policy": "action_parameterization.distribution_linear", "rnn": "core.core"}
    if module in modules:
        return f"{modules[module]}.{last}"
    dense, decoder = network.dense_names, network.decoder_names
    if module in decoder:
        return f"decoder.mlp.{2 * decoder.index(module)}.{last}"
    is_residual = "." in module or module.startswith("part")
    inner = prefix if is_residual or network.map_names[0].startswith("part") else f"{prefix}enc."
    if module in dense:
        return f"{inner}mlp_layers.{2 * dense.index(module)}.{last}"
    if not is_residual:
        return f"{inner}conv_head.{2 * network.map_names.index(module)}.{last}"
    # Of each part, Sample Factory lists the convolution, the pooling and two residual blocks, one after another.
    part, _, rest = module.partition(".")
    first = 4 * network.map_names.index(part)
    if rest == "conv":
        return f"{inner}conv_head.{first}.{last}"
    block, _, convolution = rest.partition(".")
    place = first + 1 + int(block.removeprefix("residual"))
    return f"{inner}conv_head.{place}.res_block_core.{2 * int(convolution.removeprefix('conv')) - 1}.{last}"
