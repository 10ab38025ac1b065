"""The networks of `networks.py` as a `Policy`: encoder, recurrent core, actor and critic, normalisation included."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from retinoscope.agents.networks import Encoder, NetworkConfig, scale_convolutions
from retinoscope.agents.own_encoder import make_encoder
from retinoscope.agents.policy import ActionHead, Layer, Policy, PolicyStep, ReceptiveField
from retinoscope.errors import UserError


class ActorCriticNetwork(nn.Module):
    """Everything with parameters or statistics: what a checkpoint holds.

    Buffers: `pixel_mean` and `pixel_scale`, () or (height, width, channel), bring pixels to the network's input, which
    is clipped at plus and minus `input_limit`; the critic's output is clipped at `output_limit` and brought to units of
    return by `value_mean` and `value_scale`. All but the first two are (), limits may be infinite.
    """

    pixel_mean: torch.Tensor
    pixel_scale: torch.Tensor
    input_limit: torch.Tensor
    value_mean: torch.Tensor
    value_scale: torch.Tensor
    output_limit: torch.Tensor

    def __init__(self, config: NetworkConfig, observation_shape: tuple[int, int, int], outputs: int) -> None:
        super().__init__()
        self.encoder = make_encoder(config, observation_shape)
        self.initial_scale = config.initial_scale
        self.rnn = nn.GRU(self.encoder.out_features, config.rnn_size) if config.rnn == "gru" else None
        features = config.rnn_size if self.rnn is not None else self.encoder.out_features
        self.value = nn.Linear(features, 1)
        self.policy = nn.Linear(features, outputs)
        for name in ("pixel_mean", "value_mean"):
            self.register_buffer(name, torch.tensor(0.0))
        for name in ("pixel_scale", "value_scale"):
            self.register_buffer(name, torch.tensor(1.0))
        for name in ("input_limit", "output_limit"):
            self.register_buffer(name, torch.tensor(float("inf")))

    def input_of_encoder(self, observations: torch.Tensor) -> torch.Tensor:
        """(batch, height, width, channel) pixels -> (batch, channel, height, width) input of the encoder.

        Where the statistics are per pixel and the observation is not of their size (a patch), their means over
        positions are taken.
        """
        mean, scale = self.pixel_mean, self.pixel_scale
        if mean.ndim and mean.shape[:2] != observations.shape[1:3]:
            mean, scale = mean.mean((0, 1)), scale.mean((0, 1))
        pixels = (observations.to(mean.dtype) - mean) / scale
        if torch.isfinite(self.input_limit):
            pixels = pixels.clamp(-self.input_limit, self.input_limit)
        return self.encoder.select_colours(pixels.permute(0, 3, 1, 2))

    def forward(self, observations: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """(batch, height, width, channel) pixels and (batch, state) -> logits, value and, with a memory, its state."""
        features = self.encoder(self.input_of_encoder(observations))
        if state is None:
            state = features.new_zeros(len(features), 0)
        logits, value, leaving = self.decide(features, state)
        return (logits, value) if self.rnn is None else (logits, value, leaving)

    def decide(self, features: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(batch, feature) and (batch, state) -> logits, value, and the state that leaves: (batch, 0) if no memory."""
        if self.rnn is not None:
            features = state = self.rnn(features[None], state[None].contiguous())[1][0]
        return self.policy(features), self.value_of(features), state

    def value_of(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, feature) -> (batch,) in units of return."""
        limited = self.value(features)[:, 0].clamp(-self.output_limit, self.output_limit)
        return limited * self.value_scale + self.value_mean


@dataclass(frozen=True)
class NetworkDescription:
    """What is needed besides the weights to build the network again."""

    config: NetworkConfig
    observation_shape: tuple[int, int, int]
    action_heads: tuple[ActionHead, ...]


class ActorCriticPolicy(Policy):
    """A `Policy` around `ActorCriticNetwork`. The network is in evaluation mode and its parameters are frozen."""

    def __init__(self, network: ActorCriticNetwork, description: NetworkDescription) -> None:
        self.network = network.eval().requires_grad_(False)
        self.description = description
        self.observation_shape = description.observation_shape
        self.action_heads = description.action_heads
        self.state_size = network.rnn.hidden_size if network.rnn is not None else 0
        self.device = network.pixel_mean.device
        self._captures: list[tuple[frozenset[str], dict[str, torch.Tensor]]] = []
        self.layers = self._find_layers()

    @classmethod
    def untrained(cls, description: NetworkDescription, seed: int = 0) -> ActorCriticPolicy:
        """A network with random weights, the same for the same seed."""
        outputs = sum(len(head.outputs) for head in description.action_heads)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = ActorCriticNetwork(description.config, description.observation_shape, outputs)
        scale_convolutions(network.encoder, description.config.initial_scale)
        return cls(network, description)

    @property
    def _encoder(self) -> Encoder:
        return cast(Encoder, self.network.encoder)  # networks with another are traced

    def step(self, observations: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        stages = self._encoder.layers.named_children()
        return self._step_through(stages, self.network.input_of_encoder(observations), state)

    @property
    def _first_layer(self) -> tuple[str, nn.Sequential]:
        """The first stage with weights, its layer and its activation function, and its name."""
        stages = self._encoder.layers.named_children()
        return next((name, stage) for name, stage in stages if isinstance(stage, nn.Sequential))

    def first_preactivation(self, observations: torch.Tensor) -> torch.Tensor | None:
        if torch.isfinite(self.network.input_limit):
            return None  # clipped pixels are no affine function of the pixels
        activity = self.network.input_of_encoder(observations)
        for stage in self._encoder.layers.children():
            if isinstance(stage, nn.Sequential):
                activity = stage[0](activity)
                break
            activity = stage(activity)
        return activity

    def first_activation(self, preactivation: torch.Tensor) -> torch.Tensor:
        activity: torch.Tensor = self._first_layer[1][1](preactivation)
        return activity

    def step_from_first(self, activity: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        return self._step_above(self._first_layer[0], activity, state)

    def step_from(self, layer: str, activity: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        if layer not in dict(self._encoder.layers.named_children()) or activity.ndim != 2:
            return super().step_from(layer, activity, state)
        return self._step_above(layer, activity, state)

    def _step_above(self, layer: str, activity: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        self._note(layer, activity)
        stages = list(self._encoder.layers.named_children())
        above = [name for name, _ in stages].index(layer) + 1
        return self._step_through(iter(stages[above:]), activity, state)

    def _step_through(
        self, stages: Iterator[tuple[str, nn.Module]], activity: torch.Tensor, state: torch.Tensor
    ) -> PolicyStep:
        """The rest of a step: the stages of the encoder that are left, the recurrent core, actor and critic."""
        for name, stage in stages:
            activity = stage(activity)
            self._note(name, activity)
        logits, value, state = self.network.decide(activity, state)
        if self.network.rnn is not None:
            self._note("rnn", state)
        self._note("value", value[:, None])
        self._note("policy", logits)
        return PolicyStep(logits, value, state)

    @contextmanager
    def capture(self, *names: str) -> Iterator[dict[str, torch.Tensor]]:
        wanted = frozenset(self.layer(name).name for name in names)
        entry: tuple[frozenset[str], dict[str, torch.Tensor]] = (wanted, {})
        self._captures.append(entry)
        try:
            yield entry[1]
        finally:
            self._captures.remove(entry)

    def encode(self, observations: torch.Tensor, until: str) -> torch.Tensor:
        stages = dict(self._encoder.layers.named_children())
        if until not in stages or until == "flatten":
            names = ", ".join(name for name in stages if name != "flatten")
            raise UserError(f"layer {until!r}: is not in the encoder; choose from {names}")
        activity = self.network.input_of_encoder(observations)
        for name, stage in stages.items():
            activity = stage(activity)
            if name == until:
                break
        return activity

    def receptive_field(self, layer: str) -> ReceptiveField:
        if self.layer(layer).kind != "convolution":
            raise UserError(
                f"layer {layer!r}: is not a convolution and sees the whole observation; choose a convolution"
            )
        size, stride, start = [1, 1], [1, 1], [0, 0]
        for name, stage in self._encoder.layers.named_children():
            for convolution in (module for module in stage.modules() if isinstance(module, nn.Conv2d)):
                for axis, kernel in enumerate(convolution.kernel_size):
                    size[axis] += (kernel - 1) * stride[axis]
                    start[axis] -= int(convolution.padding[axis]) * stride[axis]
                    stride[axis] *= convolution.stride[axis]
            if name == layer:
                break
        bounds = (0, 0, *self.observation_shape[:2])
        return ReceptiveField(size[0], size[1], stride[0], stride[1], start[0], start[1], bounds)

    def _answers_to_fields(self, stimuli: torch.Tensor, layer: str) -> torch.Tensor:
        if any(self.description.config.paddings):
            return self.answers_in_whole_pictures(stimuli, layer)
        return self.encode(stimuli, until=layer).flatten(1)  # nothing is padded, so that a patch has one unit

    def weights_of(self, layer: str) -> Mapping[str, nn.Parameter]:
        return {name: parameter for name, parameter in self.network.named_parameters() if layer in name.split(".")}

    def state_columns(self, layer: str) -> slice | None:
        return slice(0, self.state_size) if self.layer(layer).role == "memory" else None

    @property
    def grey_level(self) -> float:
        return float(self.network.pixel_mean.mean())

    def to(self, device: torch.device | str) -> ActorCriticPolicy:
        if torch.device(device) == self.device:
            return self
        # A copy: moving a module in place would move it under the feet of whoever holds this policy.
        return ActorCriticPolicy(copy.deepcopy(self.network).to(device), self.description)

    def _note(self, name: str, activity: torch.Tensor) -> None:
        for wanted, found in self._captures:
            if name in wanted:
                found[name] = activity

    def _find_layers(self) -> tuple[Layer, ...]:
        activity = torch.zeros(1, *self.observation_shape, device=self.device)
        found: list[Layer] = []
        with torch.no_grad():
            activity = self.network.input_of_encoder(activity)
            for name, stage in self._encoder.layers.named_children():
                activity = stage(activity)
                if name != "flatten":
                    kind = "convolution" if activity.ndim == 4 else "dense"
                    role = "encoder output" if name == "fc" else "encoder stage"
                    found.append(Layer(name, kind, tuple(activity.shape[1:]), role))  # type: ignore[arg-type]
        if self.state_size:
            found.append(Layer("rnn", "recurrent", (self.state_size,), "memory"))
        outputs = sum(len(head.outputs) for head in self.action_heads)
        return (*found, Layer("value", "value", (1,), "value"), Layer("policy", "policy", (outputs,), "policy"))
