"""One ordinary forward pass, observed: every function of torch that is called, in order, and what its outputs see.

A `TorchFunctionMode` sees functions wherever they are called: in modules, as functional activations, in cells of
recurrent networks. Hooks on the modules, there for this pass alone, say in which of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from retinoscope.agents.field_rules import sights_after
from retinoscope.agents.sight import Call, Sight, sight_of_pixels, tensors_in, unseen

PIXELS = -1
"""In place of the number of an operation: the observation itself."""

STATE = -2
"""Likewise: the state that enters."""


@dataclass(eq=False)
class Operation:
    """One call of a function that gave tensors.

    Attributes:
        function: its name without underscores, `conv2d`.
        occurrence: how many calls of a function of this name there were before.
        where: path of the innermost module that was running, `encoder.conv1`; empty at the top.
        is_in_leaf: that module holds no other modules.
        weights: paths of the parameters among its arguments, and of those that other arguments were made of.
        inputs: numbers of the operations whose outputs it was given, `PIXELS` and `STATE` for what was there before.
        outputs: the tensors.
        sight: what the first of them sees; None if nothing of the picture.
        version: how often the first of them had been changed in place.
    """

    function: str
    occurrence: int
    where: str
    is_in_leaf: bool
    weights: tuple[str, ...]
    inputs: tuple[int, ...]
    outputs: tuple[torch.Tensor, ...]
    sight: Sight | None
    version: int

    @property
    def is_overwritten(self) -> bool:
        """A later operation changed the first output in place."""
        return self.outputs[0]._version != self.version


@dataclass(eq=False)
class Trace:
    """What was observed.

    Attributes:
        batch: rows of the observations.
        operations: in order.
        answer: what the pass returned.
    """

    batch: int
    operations: list[Operation] = field(default_factory=list)
    answer: Any = None
    _producers: dict[int, int] = field(default_factory=dict)

    def producer(self, tensor: torch.Tensor) -> int | None:
        """Number of the operation that gave this tensor, or `PIXELS` or `STATE`; None for parameters and the like."""
        return self._producers.get(id(tensor))

    def upstream(self, numbers: set[int]) -> set[int]:
        """All operations on which these depend, themselves included."""
        found: set[int] = set()
        open_ones = set(numbers)
        while open_ones:
            number = open_ones.pop()
            found.add(number)
            if number >= 0:
                open_ones |= set(self.operations[number].inputs) - found
        return found

    def consumers(self) -> dict[int, list[int]]:
        """By operation, the numbers of those that were given its outputs."""
        found: dict[int, list[int]] = {PIXELS: [], STATE: []}
        for number, operation in enumerate(self.operations):
            found.setdefault(number, [])
            for each in operation.inputs:
                found[each].append(number)
        return found


def name_of(function: Callable[..., Any]) -> str:
    """Name of one of torch's functions, without underscores: `relu` for relu, relu_ and Tensor.relu alike."""
    name = getattr(function, "__name__", "")
    if name == "__get__":  # of an attribute
        name = getattr(getattr(function, "__self__", None), "__name__", "")
    return name.strip("_")


class Counting(TorchFunctionMode):
    """Counts the calls of each function that gives tensors, and has each looked at."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: Counter[str] = Counter()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = name_of(func)
        if next(tensors_in(result), None) is not None:
            occurrence = self._calls[name]
            self._calls[name] += 1
            return self.looked_at(func, name, occurrence, args, kwargs, result)
        if name == "setitem":
            self.looked_at(func, name, -1, args, kwargs, args[0])
        return result

    def looked_at(
        self,
        function: Callable[..., Any],
        name: str,
        occurrence: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> Any:
        """What is given back in place of the result; the result itself, where nothing is changed."""
        return result


class _Tracer(Counting):
    """Notes every call."""

    def __init__(self, module: nn.Module, observations: torch.Tensor, state: torch.Tensor) -> None:
        super().__init__()
        self.trace = Trace(len(observations))
        self.modules: list[tuple[str, bool]] = []
        # Of a parameter with several names, the first.
        self._weights: dict[int, tuple[str, ...]] = {id(each): (name,) for name, each in module.named_parameters()}
        self._pixels = sight_of_pixels(observations)
        self._sights: dict[int, Sight | None] = {id(observations): self._pixels}
        self.trace._producers |= {id(observations): PIXELS, id(state): STATE}
        self._kept: list[Any] = [observations, state]  # an address is that of one tensor only while the tensor is there

    def looked_at(
        self,
        function: Callable[..., Any],
        name: str,
        occurrence: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> Any:
        given = tuple(tensors_in((args, kwargs)))
        outputs = tuple(tensors_in(result))
        where, is_leaf = self.modules[-1] if self.modules else ("", False)
        sights = sights_after(Call(function, name, where, args, kwargs, outputs, self._sight_of))
        producers = (self.trace.producer(tensor) for tensor in given)
        weights = tuple(dict.fromkeys(name for tensor in given for name in self._weights.get(id(tensor), ())))
        if given and all(id(tensor) in self._weights for tensor in given):  # another view of them, or a normalised one
            self._weights |= {id(tensor): weights for tensor in outputs}
        inputs = tuple(dict.fromkeys(number for number in producers if number is not None))
        version = outputs[0]._version
        operation = Operation(name, occurrence, where, is_leaf, weights, inputs, outputs, sights[0], version)
        for tensor, sight in zip(outputs, sights, strict=True):
            self._sights[id(tensor)] = sight
            self.trace._producers[id(tensor)] = len(self.trace.operations)
        self._kept += [given, outputs]
        self.trace.operations.append(operation)
        return result

    def _sight_of(self, tensor: torch.Tensor) -> Sight | None:
        if id(tensor) not in self._sights:
            # Nothing else requires a gradient: parameters are frozen, and states are given as numbers.
            why = "part of the forward pass is out of sight (compiled, scripted or with a backward pass of its own)"
            self._sights[id(tensor)] = unseen(self._pixels, why) if tensor.requires_grad else None
            self._kept.append(tensor)
        return self._sights[id(tensor)]


def trace(
    run: Callable[[torch.Tensor, torch.Tensor], Any],
    module: nn.Module,
    observations: torch.Tensor,
    state: torch.Tensor,
) -> Trace:
    """Observe one forward pass.

    Args:
        run: makes the pass, from observations and states to whatever it returns.
        module: whose parameters and parts are called by their names; its parameters require no gradient.
        observations: (batch, height, width, channel); followed if they require a gradient, too, through what
            is computed out of sight.
        state: that enters, (batch, state).

    Returns:
        The trace; it holds all tensors of the pass.
    """
    tracer = _Tracer(module, observations, state)
    with _names(module, tracer.modules), tracer:
        tracer.trace.answer = run(observations, state)
    return tracer.trace


@contextmanager
def _names(module: nn.Module, running: list[tuple[str, bool]]) -> Iterator[None]:
    """Within the `with` block, `running` is the stack of modules that are computing: path, and whether it is a leaf."""
    handles = []
    for path, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):  # which is out of sight
            continue
        entry = (path, not any(True for _ in part.children()))
        handles.append(part.register_forward_pre_hook(lambda *_, entry=entry: running.append(entry)))
        handles.append(part.register_forward_hook(lambda *_: running.pop() and None))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
