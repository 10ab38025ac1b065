"""Statistics of a whole recording, added up in stretches that can be read and counted anywhere."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Protocol, Self, TypeVar

import xarray

from retinoscope.rollouts import ArrayRecording, Recording
from retinoscope.scale.work import Piece, each_of

_STRETCH, _BLOCK = 1 << 16, 2048  # rows


class Accumulator(Protocol):
    """What can add what another of its kind has seen."""

    def merge(self, other: Self, /) -> None:
        """Add it."""


A = TypeVar("A", bound=Accumulator)
Add = Callable[[dict[str, A], xarray.Dataset], None]
"""Adds a block of rows to accumulators."""


def accumulated(
    recording: Recording, names: Iterable[str], empty: dict[str, A], add: Add[A], stretch: int = _STRETCH
) -> dict[str, A]:
    """Accumulators that have seen a whole recording.

    Each stretch is added up by itself, where `computing_on` says, and they are merged in their order. Where they are
    cut does not depend on who works, and so neither does what comes of it.

    Args:
        recording: arrays in memory are read here alone.
        names: of the variables that are read.
        empty: accumulators that have seen nothing; they stay so.
        add: adds a block of rows to them; a function of a module, or a `functools.partial` of one.
        stretch: rows of each.
    """
    wanted = tuple(names)
    work: list[Piece] = [
        (_of_stretch, (recording, start, min(start + stretch, recording.frames), wanted, empty, add))
        for start in range(0, recording.frames, stretch)
    ]
    whole = copy.deepcopy(empty)
    for part in each_of(work, is_bound_here=isinstance(recording, ArrayRecording)):
        for name, each in whole.items():
            each.merge(part[name])
    return whole


def _of_stretch(
    recording: Recording, start: int, stop: int, names: tuple[str, ...], empty: dict[str, A], add: Add[A]
) -> dict[str, A]:
    found = copy.deepcopy(empty)
    for first in range(start, stop, _BLOCK):
        add(found, recording.rows(first, min(first + _BLOCK, stop), names))
    return found
