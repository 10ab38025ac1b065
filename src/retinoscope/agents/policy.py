"""The one thing all analyses see of an agent.

Where an agent comes from (Sample Factory, safetensors, plain PyTorch) and how it normalises its input stay behind
this interface, so that nobody can analyse an agent on pixels it would never have seen.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from retinoscope.errors import UserError

LayerKind = Literal["convolution", "dense", "recurrent", "value", "policy"]


@dataclass(frozen=True)
class Layer:
    """A named layer.

    Attributes:
        name: `conv1`, `conv2`, ..., `fc`, `rnn`, `value`, `policy`.
        kind: what sort of layer it is.
        shape: of its activity for one observation: (channel, height, width) for convolutions, else (unit,).
    """

    name: str
    kind: LayerKind
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ActionHead:
    """One head of the actor: a categorical choice among named outputs."""

    name: str
    outputs: tuple[str, ...]


class ReceptiveField(NamedTuple):
    """Where the units of a convolution look.

    Attributes:
        height, width: pixels of the observation that a unit sees.
        stride: pixels between neighbouring units. The unit in row r and column c sees the rows from `r * stride` to
            `r * stride + height` and the columns from `c * stride` to `c * stride + width`.
    """

    height: int
    width: int
    stride: int


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

        Convolutional layers accept observations of any size, so that a unit can be shown its receptive field alone.

        Raises:
            UserError: there is no such layer in the encoder.
        """

    @abc.abstractmethod
    def receptive_field(self, layer: str) -> ReceptiveField:
        """Size and spacing of what the units of a convolution see, as its kernels and strides make them.

        Raises:
            UserError: there is no such layer, or it is not a convolution.
        """

    def first_preactivation(self, observations: torch.Tensor) -> torch.Tensor | None:
        """What enters the activation function of the first layer, (batch, ...); None unless this is known of it.

        The pixels act through it alone; it is an affine function of them, the same for every observation; and the
        activation function is applied to each of its elements. Averages over many versions of an observation need then
        pass the first layer, the largest, only once.
        """
        return None

    def step_from_preactivation(self, preactivation: torch.Tensor, state: torch.Tensor) -> PolicyStep:
        """`step` from what `first_preactivation` gives on, for policies that give it."""
        raise NotImplementedError

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

    def output_names(self) -> tuple[str, ...]:
        """Names of the logits in order, `turn none`, `turn left`, ..."""
        return tuple(f"{head.name} {output}" for head in self.action_heads for output in head.outputs)

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Softmax within each head, (batch, output)."""
        sizes = [len(head.outputs) for head in self.action_heads]
        return torch.cat([torch.softmax(part, dim=-1) for part in logits.split(sizes, dim=-1)], dim=-1)

    def sample_actions(self, logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw an action for each row: (batch, head) int64, one index per head."""
        sizes = [len(head.outputs) for head in self.action_heads]
        draws = [
            torch.multinomial(part, 1, generator=generator) for part in self.probabilities(logits).split(sizes, dim=-1)
        ]
        return torch.cat(draws, dim=-1)

    def greedy_actions(self, logits: torch.Tensor) -> torch.Tensor:
        """The likeliest action for each row: (batch, head) int64."""
        sizes = [len(head.outputs) for head in self.action_heads]
        return torch.stack([part.argmax(dim=-1) for part in logits.split(sizes, dim=-1)], dim=-1)


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
