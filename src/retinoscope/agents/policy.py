"""The one thing all analyses see of an agent.

Where an agent comes from (Sample Factory, safetensors, plain PyTorch) and how it normalises its input stay behind
this interface, so that nobody can analyse an agent on pixels it would never have seen.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import nn

from retinoscope.agents.actions import ActionHead
from retinoscope.errors import UserError

__all__ = [
    "ActionHead",
    "Layer",
    "LayerKind",
    "Policy",
    "PolicyStep",
    "ReceptiveField",
    "Role",
    "inference",
    "one_thread",
]

LayerKind = Literal["convolution", "dense", "recurrent", "pooling", "sum", "activation", "value", "policy"]

Role = Literal["encoder stage", "encoder output", "memory", "readout", "value", "policy", "other"]
"""What a layer is for. A stage is a part of the encoder before its output; a readout lies between the memory, or the
encoder's output where there is no memory, and the outputs."""


@dataclass(frozen=True)
class Layer:
    """A named layer.

    Attributes:
        name: `conv1`, `conv2`, ..., `fc`, `rnn`, `value`, `policy` in our own networks; elsewhere the module's path.
        kind: what sort of layer it is.
        shape: of its activity for one observation: (channel, height, width) for maps, else (unit,).
        role: what it is for.
    """

    name: str
    kind: LayerKind
    shape: tuple[int, ...]
    role: Role = "other"

    @property
    def is_map(self) -> bool:
        """Its units lie in rows and columns, as those of convolutions do."""
        return len(self.shape) == 3


class ReceptiveField(NamedTuple):
    """Where the units of a map look.

    The unit in row r and column c sees the `height` rows of pixels from `top + r * row_stride` on and the `width`
    columns from `left + c * column_stride` on. Some of them may lie outside of the picture, or of what a crop has left
    of it, where padding is: such a unit at the border sees less than others, or sees pixels mirrored.

    Attributes:
        height, width: pixels that a unit sees, from the first to the last, which may exceed the picture.
        row_stride, column_stride: pixels between neighbouring units; 0 where they are not evenly spaced or not known,
            and then the field is that of the unit in the middle.
        top, left: first pixel of the first unit; negative through padding.
        bounds: (top, left, bottom, right) of the pixels within which fields are whole, the last two not included.
        note: one line on what could not be followed, or why the units are not evenly spaced; empty as a rule.
    """

    height: int
    width: int
    row_stride: int
    column_stride: int
    top: int
    left: int
    bounds: tuple[int, int, int, int]
    note: str = ""

    def starts(self, row: int, column: int) -> tuple[int, int]:
        """First row and column of pixels that the unit in this row and column sees."""
        return self.top + row * self.row_stride, self.left + column * self.column_stride

    def is_whole(self, row: int, column: int) -> bool:
        """Whether this unit sees all of its field, as units at the border do not."""
        top, left = self.starts(row, column)
        low, first, high, last = self.bounds
        return low <= top <= high - self.height and first <= left <= last - self.width

    def middle(self, rows: int, columns: int) -> tuple[int, int]:
        """Row and column of the unit nearest to the middle of so many whose field is whole, if that of any is."""

        def nearest(first: int, size: int, stride: int, count: int, low: int, high: int) -> int:
            whole = [each for each in range(count) if low <= first + each * stride <= high - size]
            return min(whole or range(count), key=lambda each: abs(each - count // 2))

        top, left, bottom, right = self.bounds
        return (
            nearest(self.top, self.height, self.row_stride, rows, top, bottom),
            nearest(self.left, self.width, self.column_stride, columns, left, right),
        )


class PolicyStep(NamedTuple):
    """What the policy computes at one decision.

    Attributes:
        logits: (batch, output) float32, all heads side by side in the order of `Policy.action_heads`.
        value: (batch,) float32, in units of return.
        state: (batch, state) float32, the recurrent state that leaves; (batch, 0) without a recurrent core.
    """

    logits: torch.Tensor
    value: torch.Tensor
    state: torch.Tensor


class Policy(abc.ABC):
    """An agent that acts from pixels.

    Observations are pixels as the environment gives them: (batch, height, width, channel), uint8 or float, 0 to 255.
    With float observations that require a gradient, everything is differentiable with respect to them.
    """

    observation_shape: tuple[int, int, int]
    action_heads: tuple[ActionHead, ...]
    layers: tuple[Layer, ...]
    state_size: int
    device: torch.device
    notes: tuple[str, ...] = ()
    """What a person has to know of this agent, one line each: where no gradient reaches the pixels, for example."""

    @abc.abstractmethod
    def step(self, observations: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        """One decision for each observation; (batch, height, width, channel) and (batch, state)."""

    @abc.abstractmethod
    def capture(self, *names: str) -> AbstractContextManager[dict[str, torch.Tensor]]:
        """Within the `with` block, every `step` puts the activity of the named layers into the yielded dictionary.

        Activity is taken after the activation function, (batch, *layer.shape), and keeps its gradient. `rnn` is the
        state that leaves, `value` and `policy` are what `step` returns (logits).

        Raises:
            UserError: there is no such layer.
        """

    @abc.abstractmethod
    def encode(self, observations: torch.Tensor, until: str) -> torch.Tensor:
        """Activity of the encoder layer `until` (`conv1` ... `fc`) alone, (batch, *shape), computing nothing above it.

        Convolutional layers accept observations of other sizes as far as the network itself does.

        Raises:
            UserError: there is no such layer in the encoder.
        """

    @abc.abstractmethod
    def receptive_field(self, layer: str) -> ReceptiveField:
        """Size and spacing of what the units of a map see, through kernels, strides and padding.

        Raises:
            UserError: there is no such layer, or it is no map.
        """

    def middle_unit(self, layer: str) -> tuple[int, int]:
        """Row and column of the unit of a map that stands for all: in the middle, its field whole if any is."""
        _, rows, columns = self.layer(layer).shape
        return self.receptive_field(layer).middle(rows, columns)

    def stimulus_shape(self, layer: str) -> tuple[int, int, int]:
        """(height, width, channel) of what a unit is shown: of a map its field; whole pictures if it exceeds them.

        Raises:
            UserError: there is no such layer.
        """
        if not self.layer(layer).is_map:
            return self.observation_shape
        field = self.receptive_field(layer)
        if not field.is_whole(*self.middle_unit(layer)):
            return self.observation_shape
        return field.height, field.width, self.observation_shape[2]

    def unit_answers(self, stimuli: torch.Tensor, layer: str) -> torch.Tensor:
        """What the units of a layer answer to stimuli (count, *stimulus_shape), pixel units: (count, unit).

        Of a map, one unit for each channel: the middle one. Units behind the memory answer one step from the state at
        the start of an episode. Keeps its gradient.

        Raises:
            UserError: there is no such layer.
        """
        each = self.layer(layer)
        if each.is_map and tuple(stimuli.shape[1:]) == self.observation_shape:
            row, column = self.middle_unit(layer)
            return self.encode(stimuli, until=layer)[:, :, row, column]
        if each.is_map:
            return self._answers_to_fields(stimuli, layer)
        if each.role in ("encoder stage", "encoder output"):
            return self.encode(stimuli, until=layer)
        with self.capture(layer) as activity:
            self.step(stimuli, self.initial_state(len(stimuli)))
        return activity[layer]

    def answers_in_whole_pictures(self, stimuli: torch.Tensor, layer: str) -> torch.Tensor:
        """What the middle unit of each channel of a map answers to stimuli in its field, (count, channel).

        They are pasted into whole pictures; what is around a field makes no difference to its unit.
        """
        row, column = self.middle_unit(layer)
        top, left = self.receptive_field(layer).starts(row, column)
        height, width, _ = self.observation_shape
        around = (0, 0, left, width - left - stimuli.shape[2], top, height - top - stimuli.shape[1])
        pictures = nn.functional.pad(stimuli, around, value=self.grey_level)
        return self.encode(pictures, until=layer)[:, :, row, column]

    def _answers_to_fields(self, stimuli: torch.Tensor, layer: str) -> torch.Tensor:
        return self.answers_in_whole_pictures(stimuli, layer)

    def weights_of(self, layer: str) -> Mapping[str, nn.Parameter]:
        """The parameters that belong to a layer, by name; none where that is not known.

        Value and policy may share what belongs to no layer below them.
        """
        return {}

    def state_columns(self, layer: str) -> slice | None:
        """Where in the recurrent state the activity of a layer leaves a decision; None if it is no part of it."""
        return None

    def first_preactivation(self, observations: torch.Tensor) -> torch.Tensor | None:
        """What enters the activation function of the first layer, (batch, ...); None unless this is known of it.

        The pixels act through it alone; it is an affine function of them, the same for every observation; and the
        activation function is applied to each of its elements. Averages over many versions of an observation need then
        pass the first layer, the largest, only once.
        """
        return None

    def first_activation(self, preactivation: torch.Tensor) -> torch.Tensor:
        """The first layer's activation function, of any elements of what `first_preactivation` gives, in any shape."""
        raise NotImplementedError

    def step_from_first(self, activity: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        """`step` from the activity of the first layer on, for policies that give `first_preactivation`."""
        raise NotImplementedError

    def step_from(self, layer: str, activity: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        """One decision for each row from the activity of a dense layer of the encoder on, whatever was seen.

        Nothing below the layer is computed for more than one picture. What a network of anyone's reads beside that
        layer is then that of a grey picture: compare with `step` before anything is made of it.

        Args:
            layer: its name.
            activity: (batch, unit).
            state: (batch, state).

        Raises:
            UserError: this agent cannot decide from that layer on.
        """
        raise UserError(f"layer {layer!r}: this agent cannot decide from it on; give whole observations")

    @property
    @abc.abstractmethod
    def grey_level(self) -> float:
        """The pixel value that normalisation brings to zero: the agent's own mid-grey."""

    @abc.abstractmethod
    def to(self, device: torch.device | str) -> Policy:
        """The same policy on another device."""

    def initial_state(self, batch: int) -> torch.Tensor:
        """The recurrent state at the start of an episode, (batch, state): zeros."""
        return torch.zeros(batch, self.state_size, device=self.device)

    def layer(self, name: str) -> Layer:
        """The layer of this name.

        Raises:
            UserError: there is none; the message lists those there are.
        """
        for each in self.layers:
            if each.name == name:
                return each
        raise UserError(f"layer {name!r}: unknown; this agent has {', '.join(layer.name for layer in self.layers)}")

    def layers_of(self, *roles: Role) -> tuple[Layer, ...]:
        """The layers with one of these roles, in the order in which they are computed."""
        return tuple(each for each in self.layers if each.role in roles)

    def output_names(self) -> tuple[str, ...]:
        """Names of the logits in order, `turn none`, `turn left`, ..."""
        return tuple(f"{head.name} {output}" for head in self.action_heads for output in head.outputs)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Of the outputs, by the rule of each head: softmax for a choice; (batch, output).

        Raises:
            NotMeasurable: the actions are continuous.
        """
        return torch.cat([head.probabilities(part) for head, part in self._by_head(logits)], dim=-1)

    def sample_actions(self, logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw an action for each row: (batch, head) int64, one index per head; float32 if any are continuous."""
        return torch.cat([head.draw(part, generator) for head, part in self._by_head(logits)], dim=-1)

    def greedy_actions(self, logits: torch.Tensor) -> torch.Tensor:
        """The likeliest action for each row, of the form that `sample_actions` gives."""
        return torch.cat([head.likeliest(part) for head, part in self._by_head(logits)], dim=-1)

    def _by_head(self, logits: torch.Tensor) -> Iterator[tuple[ActionHead, torch.Tensor]]:
        sizes = [len(head.outputs) for head in self.action_heads]
        return zip(self.action_heads, logits.split(sizes, dim=-1), strict=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread: with two, small batches took 10 to 50 times longer on a busy 2-core machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def inference() -> Iterator[None]:
    """No gradients, and one thread."""
    with one_thread(), torch.inference_mode():
        yield
