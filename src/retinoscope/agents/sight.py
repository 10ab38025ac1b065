"""What the elements of a tensor see of the picture, and the calls of torch's functions that hand it on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from retinoscope.agents.field_geometry import Side, pixels, spread


@dataclass(frozen=True, eq=False)
class Sight:
    """What the elements of a tensor see of the picture.

    Attributes:
        sides: along its rows and along its columns.
        dims: the dimension of the tensor along which the positions of each side lie; None where every element sees
            all that the (then single) position of that side sees. Both may lie along one, as in a flattened map.
    """

    sides: tuple[Side, Side]
    dims: tuple[int | None, int | None]

    @property
    def is_map(self) -> bool:
        """Rows and columns lie along dimensions of their own."""
        return None not in self.dims and self.dims[0] != self.dims[1]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a function of torch.

    Attributes:
        function: the function itself.
        name: its name without underscores, `conv2d`.
        where: the module that called it, as people are told; empty at the top.
        args, kwargs: as it was called.
        outputs: the tensors it gave, at least one.
        sight_of: what a tensor sees; None for one that sees nothing.
    """

    function: Callable[..., Any]
    name: str
    where: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[torch.Tensor, ...]
    sight_of: Callable[[torch.Tensor], Sight | None]

    def given(self, position: int, name: str, default: Any = None) -> Any:
        """The argument of this name or, if it was not given by name, at this position."""
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    @property
    def said(self) -> str:
        """The call, as reasons name it."""
        return f"{self.name} in {self.where}" if self.where else self.name

    def seeing(self) -> list[tuple[torch.Tensor, Sight]]:
        """The tensors among the arguments that see anything, with what they see."""
        found = ((tensor, self.sight_of(tensor)) for tensor in tensors_in((self.args, self.kwargs)))
        return [(tensor, sight) for tensor, sight in found if sight is not None]


def sight_of_pixels(observations: torch.Tensor) -> Sight:
    """Of observations (batch, height, width, channel)."""
    return Sight((pixels(observations.shape[1]), pixels(observations.shape[2])), (1, 2))


def unseen(like: Sight, why: str) -> Sight:
    """Of a tensor that may depend on any pixel, in a way that was not observed."""
    rows, columns = (spread(Side(np.ones_like(side.sees)), 1, why, False) for side in like.sides)
    return Sight((rows, columns), (None, None))


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists and dictionaries."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from itertools.chain.from_iterable(map(tensors_in, value.values()))
    elif isinstance(value, tuple | list):
        yield from itertools.chain.from_iterable(map(tensors_in, value))


def named(*lines: str) -> frozenset[str]:
    """Names of functions, from lines of them."""
    return frozenset(name for line in lines for name in line.split())
