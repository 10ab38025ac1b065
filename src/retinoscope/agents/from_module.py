"""A network of one's own as an agent: one call, after which everything that can be looked into has been found."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import cloudpickle
import torch
from torch import nn

from retinoscope.agents.actions import ActionHead, action_heads, gaussian_head
from retinoscope.agents.agent import Agent, Predict
from retinoscope.agents.network import Network, Preprocess, Step
from retinoscope.agents.packing import InitialState
from retinoscope.agents.policy import PolicyStep, Role, one_thread
from retinoscope.agents.traced_layers import TracedLayer, find_layers
from retinoscope.agents.traced_policy import TracedPolicy
from retinoscope.agents.tracing import Counting, Trace, trace
from retinoscope.errors import UserError, said
from retinoscope.worlds.world import World

_TOLERANCE = 1e-4  # relative; batches of different sizes are computed in a different order


def from_module(
    module: nn.Module,
    *,
    world: World | None = None,
    observation_shape: Sequence[int] | None = None,
    actions: Any = None,
    step: Step | None = None,
    initial_state: InitialState = None,
    preprocess: Preprocess | None = None,
    q_values: bool = False,
    epsilon: float = 0.0,
    roles: Mapping[str, Role] | None = None,
    name: str = "agent",
    frames_trained: int | None = None,
    predict: Predict | None = None,
) -> Agent:
    """An agent of any `torch.nn.Module`.

    Its layers, their names, roles and receptive fields are found from one ordinary forward pass. A copy of the module
    is made, in evaluation mode; the module that was given stays as it is.

    Args:
        module: the network.
        world: in which it was trained; it says what is seen and what can be done, and need not be named again.
        observation_shape: (height, width, channel) of what the world shows; of stacked frames, each is a channel (or
            three). None for that of `world`.
        actions: how many, or their names; a mapping from the names of heads to either; or a Gymnasium space, of which
            a Box means continuous actions. None for those of `world`.
        step: (module, inputs, state) -> logits, or (logits, value), and with a memory the state that leaves as the
            last of them. The logits of several heads may be a tuple, or one tensor with the heads side by side.
            Of continuous actions, the means and then as many logarithms of standard deviations. None for
            `module(inputs)`, or `module(inputs, state)` with a memory.
        initial_state: from the number of rows to the state at the start of an episode, of any form: a tensor, or
            tuples or dictionaries of them, `lambda batch: (torch.zeros(1, batch, 256), torch.zeros(1, batch, 256))`.
            A number for a vector of so many zeros for each row. None for no memory.
        preprocess: pixels (batch, height, width, channel), uint8 or float, 0 to 255 -> what the step is given. All
            that happened to the pixels before the network saw them belongs here. None for the pixels as they are.
        q_values: the logits are values of the actions, the highest of which is taken.
        epsilon: of Q-values, the probability of a random action instead.
        roles: by name of a layer, what it is for, where that was not found rightly: `encoder stage`,
            `encoder output`, `memory`, `readout` or `other`.
        name: for titles and file names.
        frames_trained: frames of training, if known.
        predict: the owner's own forward pass, with which `retinoscope.check` compares what was read of the module.

    Raises:
        UserError: the forward pass fails, returns something else or numbers that are not finite, mixes the rows of a
            batch or gives another answer every time; actions or observations do not fit it.
    """
    shape, heads = _seen(world, observation_shape, name), _done(world, actions, q_values, epsilon, name)
    if not isinstance(module, nn.Module):
        raise UserError(f"agent {name!r}: is a {type(module).__name__}; give a torch.nn.Module")
    network = Network(_own(module, name), step or _forward, preprocess, initial_state)
    try:
        policy = _Found(network, shape, heads, dict(roles or {})).policy()
    except UserError as error:
        raise UserError(f"agent {name!r}: {error}") from error
    return Agent(
        name,
        policy,
        checkpoint_sha256=_weights_sha256(module),
        frames_trained=frames_trained,
        world=world,
        predict=predict,
    )


def _forward(module: nn.Module, inputs: Any, state: Any) -> Any:
    return module(inputs) if state is None else module(inputs, state)


def _seen(world: World | None, shape: Sequence[int] | None, name: str) -> tuple[int, int, int]:
    if shape is not None:
        return _picture(shape)
    if world is None:
        raise UserError(f"agent {name!r}: what it sees is not said; give its world, or observation_shape and actions")
    return world.declaration.picture.shape


def _done(world: World | None, actions: Any, q_values: bool, epsilon: float, name: str) -> tuple[ActionHead, ...]:
    if actions is not None:
        return action_heads(actions, q_values, epsilon)
    if world is None:
        raise UserError(f"agent {name!r}: what it can do is not said; give its world, or observation_shape and actions")
    declared = world.declaration.actions
    if any(head.is_continuous for head in declared):
        return tuple(gaussian_head(head.outputs, head.bounds) for head in declared)
    return action_heads({head.name: head.outputs for head in declared}, q_values, epsilon)


def _picture(shape: Sequence[int]) -> tuple[int, int, int]:
    if not isinstance(shape, tuple | list) or len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise UserError(f"observation_shape {shape!r}: is no picture; give (height, width, channel)")
    height, width, channel = shape
    if height < 16 < channel and height < width:
        raise UserError(
            f"observation_shape {tuple(shape)}: has its channels first; give ({width}, {channel}, {height}), and "
            "preprocess=lambda pixels: pixels.permute(0, 3, 1, 2)"
        )
    return height, width, channel


def _own(module: nn.Module, name: str) -> nn.Module:
    """A copy, in evaluation mode, whose parameters need no gradient: training may go on with the other."""
    module = getattr(module, "_orig_mod", module)  # of torch.compile, inside of which nothing can be seen
    try:
        with torch.no_grad():  # else what a scripted part copies of its parameters would no longer be parameters
            own = copy.deepcopy(module)
    except Exception:
        try:  # what it keeps of its last forward pass is no obstacle here
            own = cloudpickle.loads(cloudpickle.dumps(module))
        except Exception as error:
            raise UserError(f"agent {name!r}: the module cannot be copied ({said(error)})") from error
    return own.eval().requires_grad_(False)


def _weights_sha256(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class _Found:
    """A policy in the making: the network is let run on random pictures, and what it does is looked at."""

    def __init__(
        self, network: Network, shape: tuple[int, int, int], heads: tuple[ActionHead, ...], roles: dict[str, Role]
    ) -> None:
        self.network, self.shape, self.heads, self.roles = network, shape, heads, roles
        self.device = next((each.device for each in network.module.parameters()), torch.device("cpu"))
        generator = torch.Generator().manual_seed(0)
        self.pixels = torch.randint(0, 256, (3, *shape), generator=generator, dtype=torch.uint8).to(self.device)

    def policy(self) -> TracedPolicy:
        with one_thread(), torch.enable_grad():
            first = self._trace()
            logits, value, _ = self.network.parts(first.answer)
            self._require_heads(logits)
            second = self._observed(3)
            layers, notes = find_layers(
                first, second, logits, [] if value is None else [value], bool(self.network.packing.size), self.roles
            )
        self._require_module(first)
        self._require_roles(layers)
        notes += _gradient_notes(first, self.network)
        level = self._grey_level(first)
        policy = TracedPolicy(
            self.network, self.shape, self.heads, tuple(layers), value is not None, tuple(notes), level
        )
        self._require_consistent(policy)
        return policy

    def _trace(self) -> Trace:
        try:
            return self._observed(2)
        except UserError:
            raise
        except Exception as error:
            # What does not take pixels that need a gradient, as numpy does not, may still take pixels.
            self.network.takes_gradients = False
            try:
                return self._observed(2)
            except UserError:
                raise
            except Exception:
                shape = ", ".join(map(str, (2, *self.shape)))
                raise UserError(f"the forward pass fails on pixels ({shape}): {said(error)}") from error

    def _observed(self, batch: int) -> Trace:
        pixels = self.pixels[:batch].to(self.network.dtype).requires_grad_()
        return trace(self.network.answer, self.network.module, pixels, self.network.initial(batch, self.device))

    def _require_heads(self, logits: tuple[torch.Tensor, ...]) -> None:
        given = sum(part.reshape(len(part), -1).shape[1] for part in logits)
        wanted = [len(head.outputs) for head in self.heads]
        if given != sum(wanted):
            heads = " + ".join(map(str, wanted)) + (f" = {sum(wanted)}" if len(wanted) > 1 else "")
            continuous = any(head.kind == "gaussian" for head in self.heads)
            why = " (of continuous actions, means and logarithms of standard deviations)" if continuous else ""
            raise UserError(f"the network gives {given} logits, the actions need {heads}{why}")

    def _require_module(self, first: Trace) -> None:
        if any(True for _ in self.network.module.parameters()) and not any(each.weights for each in first.operations):
            raise UserError("step: uses none of the parameters of the module that it is given; call its first argument")

    def _require_roles(self, layers: Sequence[TracedLayer]) -> None:
        there = [each.layer.name for each in layers]
        for name in self.roles:
            if name not in there:
                raise UserError(f"roles: there is no layer {name!r}; this network has {', '.join(there)}")

    def _require_consistent(self, policy: TracedPolicy) -> None:
        """The same answer every time, for uint8 and float, and for each row whatever the others are."""
        with one_thread(), torch.no_grad():
            names = [each.name for each in policy.layers if each.name != "value" or policy.has_value]
            with policy.capture(*names) as activity:
                steps = self._stepped(policy, self.pixels)
            for name in names:
                if not torch.isfinite(activity[name]).all():
                    raise UserError(f"layer {name!r}: gives numbers that are not finite; check the weights")
            asked = {
                "gives another answer every time it is asked; switch off what is random in it": self.pixels,
                "gives other numbers for float pixels than for uint8; preprocess must take both, 0 to 255": (
                    self.pixels.to(self.network.dtype)
                ),
            }
            for what, pixels in asked.items():
                if not _alike(steps, self._stepped(policy, pixels)):
                    raise UserError(f"the network {what}")
            alone = [self._stepped(policy, row[None]) for row in self.pixels]
            if not _alike(steps, PolicyStep(*(torch.cat(each) for each in zip(*alone, strict=True)))):
                raise UserError("the rows of a batch act on each other; every observation must be computed by itself")

    def _grey_level(self, first: Trace) -> float:
        """The grey level for which the input of the first layer is zero; 0 if it is so for none."""
        weighted = next((each.function for each in first.operations if each.weights and each.occurrence == 0), None)
        if weighted is None:
            return 0.0
        means = []
        with one_thread(), torch.no_grad():
            for level in (0, 255):
                with _InputOf(weighted) as seen:
                    uniform = torch.full((1, *self.shape), level, dtype=torch.uint8, device=self.device)
                    self.network.answer(uniform, self.network.initial(1, self.device))
                means.append(float("nan") if seen.given is None else float(seen.given.double().mean()))
        black, white = means
        return 255 * black / (black - white) if black < 0 < white or white < 0 < black else 0.0

    def _stepped(self, policy: TracedPolicy, pixels: torch.Tensor) -> PolicyStep:
        try:
            return policy.step(pixels, policy.initial_state(len(pixels)))
        except UserError:
            raise
        except Exception as error:
            dtype = str(pixels.dtype).removeprefix("torch.")
            shape = ", ".join(map(str, pixels.shape))
            raise UserError(f"the forward pass fails on {dtype} pixels ({shape}): {said(error)}") from error


def _alike(one: PolicyStep, other: PolicyStep) -> bool:
    return all(
        torch.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True) for a, b in zip(one, other, strict=True)
    )


def _gradient_notes(first: Trace, network: Network) -> list[str]:
    """Whether gradients lead from the logits to the pixels and, if not, where they end."""
    logits, _, _ = network.parts(first.answer)
    if any(part.requires_grad for part in logits):
        return []
    if not network.takes_gradients:
        return ["gradients do not reach the pixels: preprocess takes none; use occlusion instead"]
    for operation in first.operations:
        needed = any(n < 0 or first.operations[n].outputs[0].requires_grad for n in operation.inputs)
        if needed and not any(each.requires_grad for each in operation.outputs):
            where = f" in {operation.where}" if operation.where else ""
            return [
                f"gradients do not reach the pixels: they end at {operation.function}{where}; use occlusion instead"
            ]
    return ["gradients do not reach the pixels: what is done to them is out of sight; use occlusion instead"]


class _InputOf(Counting):
    """Keeps what the first layer with weights is given."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self._function = function
        self.given: torch.Tensor | None = None

    def looked_at(
        self, function: Any, name: str, occurrence: int, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> Any:
        if (name, occurrence) == (self._function, 0):
            self.given = args[0] if args else kwargs["input"]
        return result
