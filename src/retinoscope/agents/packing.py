"""The memory of any network as one vector: tuples, lists and dictionaries of tensors, each with its batch somewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from retinoscope.errors import UserError, said

InitialState = Callable[[int], Any] | int | None


@dataclass(frozen=True)
class Leaf:
    """One tensor of a state.

    Attributes:
        batch_dim: the dimension along which the rows of the batch lie.
        shape: of the other dimensions.
        dtype: of its numbers.
    """

    batch_dim: int
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def size(self) -> int:
        """How many numbers of the vector are its own."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Packing:
    """How a state, as a network wants it, lies in a vector (batch, size) and back; LSTM states (h, c) as [h, c].

    Attributes:
        structure: nested tuples, lists and dictionaries with a `Leaf` in the place of each tensor; None for no state.
    """

    structure: Any = None

    @classmethod
    def of(cls, initial_state: InitialState, dtype: torch.dtype = torch.float32) -> Packing:
        """The packing of the states that a function of the size of the batch makes.

        Args:
            initial_state: the function; a number for a vector of so many zeros; None for no state.
            dtype: of these zeros.

        Raises:
            UserError: it makes no states, or has no batch in them.
        """
        if initial_state is None:
            return cls()
        return cls(_compared(made(initial_state, 2, dtype), made(initial_state, 3, dtype)))

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """All tensors, in the order of the vector."""
        return tuple(_leaves(self.structure))

    @property
    def size(self) -> int:
        """Length of the vector."""
        return sum(leaf.size for leaf in self.leaves)

    def packed(self, state: Any) -> torch.Tensor:
        """A state as a vector, (batch, size) float.

        Raises:
            UserError: it is of another form.
        """
        parts = []
        tensors = list(_tensors(state))
        if len(tensors) != len(self.leaves):
            raise UserError(f"state: has {len(tensors)} tensors, the initial state has {len(self.leaves)}")
        for leaf, tensor in zip(self.leaves, tensors, strict=True):
            fits = tensor.ndim == len(leaf.shape) + 1
            if not fits or _without(tensor.shape, leaf.batch_dim) != leaf.shape:
                wanted = ", ".join(map(str, (*leaf.shape[: leaf.batch_dim], "batch", *leaf.shape[leaf.batch_dim :])))
                raise UserError(f"state: has shape {tuple(tensor.shape)} where the initial state has ({wanted})")
            part = tensor.movedim(leaf.batch_dim, 0).flatten(1)
            parts.append(part if part.is_floating_point() else part.float())
        return torch.cat(parts, dim=1)

    def unpacked(self, vector: torch.Tensor) -> Any:
        """The state in a vector."""
        parts = iter(vector.split([leaf.size for leaf in self.leaves], dim=1))
        return _rebuilt(self.structure, parts)


def made(initial_state: Callable[[int], Any] | int, batch: int, dtype: torch.dtype = torch.float32) -> Any:
    """The state at the start of an episode, for so many rows; of a number, so many zeros of this type for each.

    Raises:
        UserError: there is none.
    """
    if isinstance(initial_state, int) and not isinstance(initial_state, bool):
        if initial_state < 1:
            raise UserError(f"initial_state {initial_state}: must be at least 1 unit; leave it out for no memory")
        return torch.zeros(batch, initial_state, dtype=dtype)
    if not callable(initial_state):
        raise UserError(
            "initial_state: give the number of units, or a function of the size of the batch such as "
            "lambda batch: torch.zeros(1, batch, 256)"
        )
    try:
        return initial_state(batch)
    except Exception as error:
        raise UserError(f"initial_state: fails for a batch of {batch}: {said(error)}") from error


def _without(shape: torch.Size, dim: int) -> tuple[int, ...]:
    return (*shape[:dim], *shape[dim + 1 :])


def _compared(two: Any, three: Any) -> Any:
    """Leaves in the places of tensors, from the same state for two rows and for three."""
    if isinstance(two, torch.Tensor) and isinstance(three, torch.Tensor) and two.ndim == three.ndim:
        differing = [dim for dim in range(two.ndim) if two.shape[dim] != three.shape[dim]]
        if len(differing) == 1 and (two.shape[differing[0]], three.shape[differing[0]]) == (2, 3):
            return Leaf(differing[0], _without(two.shape, differing[0]), two.dtype)
        raise UserError(
            f"initial_state: gives shape {tuple(two.shape)} for a batch of 2 and {tuple(three.shape)} for one of 3; "
            "one dimension must be the batch"
        )
    if isinstance(two, dict) and isinstance(three, dict):
        return {key: _compared(value, three[key]) for key, value in two.items()}
    if isinstance(two, tuple | list) and isinstance(three, tuple | list) and two:
        parts = [_compared(*each) for each in zip(two, three, strict=True)]
        return type(two)(*parts) if hasattr(two, "_fields") else type(two)(parts)
    raise UserError(f"initial_state: gives {type(two).__name__}; give a tensor, or tuples or dictionaries of tensors")


def _leaves(structure: Any) -> Iterator[Leaf]:
    if isinstance(structure, Leaf):
        yield structure
    elif structure is not None:
        for each in structure.values() if isinstance(structure, dict) else structure:
            yield from _leaves(each)


def _tensors(state: Any) -> Iterator[torch.Tensor]:
    if isinstance(state, torch.Tensor):
        yield state
    elif isinstance(state, dict | tuple | list):
        for each in state.values() if isinstance(state, dict) else state:
            yield from _tensors(each)


def _rebuilt(structure: Any, parts: Iterator[torch.Tensor]) -> Any:
    if structure is None:
        return None
    if isinstance(structure, Leaf):
        part = next(parts)
        tensor = part.reshape(len(part), *structure.shape).movedim(0, structure.batch_dim)
        is_finer = part.dtype == torch.float64 and structure.dtype.is_floating_point  # as when gradients are checked
        return tensor.to(part.dtype if is_finer else structure.dtype).contiguous()
    if isinstance(structure, dict):
        return {key: _rebuilt(each, parts) for key, each in structure.items()}
    rebuilt = [_rebuilt(each, parts) for each in structure]
    return type(structure)(*rebuilt) if hasattr(structure, "_fields") else type(structure)(rebuilt)
