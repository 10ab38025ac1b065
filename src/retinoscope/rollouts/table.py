"""The columns of a row: what a recording holds, and the memory that environments and recorder share.

No torch here: the processes that play import this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retinoscope.worlds.declaration import Declaration

OBJECT = np.dtype([("class_index", np.uint8), ("box", np.float32, (4,)), ("distance", np.float32)])
"""One object in view: its class, box (left, top, width, height; observation pixels) and distance."""

_ALIGNMENT = 64  # bytes; a cache line


@dataclass(frozen=True)
class Column:
    """One quantity of every row.

    Attributes:
        name: of the variable.
        dimensions: names of the axes of one row's value; () for a scalar.
        shape: of one row's value.
        dtype: numpy's name of the type.
        long_name: what it is, for axes and captions.
        units: "" where it has none.
    """

    name: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    long_name: str
    units: str = ""

    @property
    def bytes_per_row(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def moment_columns(world: Declaration) -> tuple[Column, ...]:
    """What holds at the time of a row's observation."""
    picture = world.picture
    return (
        Column(
            "observation",
            ("height", "width", "channel"),
            picture.shape,
            picture.dtype,
            "what the policy saw",
            f"{picture.low:g}-{picture.high:g}",
        ),
        Column("episode", (), (), "int32", "number of the episode in its environment"),
        Column("step", (), (), "int32", "decisions since the start of the episode", "decisions"),
        *(
            Column(each.name, each.dimensions, each.shape, "float32", each.title, each.units)
            for each in world.variables
        ),
        Column("object_count", (), (), "uint16", "number of objects in view"),
    )


def following_columns(world: Declaration) -> tuple[Column, ...]:
    """What happens between a row's observation and the next."""
    return (
        Column("reward", (), (), "float32", "reward"),
        Column("terminated", (), (), "bool", world.endings.terminated),
        Column("truncated", (), (), "bool", world.endings.truncated),
        Column("events", ("event",), (len(world.events),), "uint8", f"{world.words.events} before the next row"),
    )


def action_column(world: Declaration) -> Column:
    """What the agent did."""
    if any(head.is_continuous for head in world.actions):
        numbers = sum(len(head.outputs) for head in world.actions)
        return Column("action", ("action_number",), (numbers,), "float32", "the numbers that were drawn")
    return Column("action", ("head",), (len(world.actions),), "int8", "output chosen in each head")


def memory_size(columns: Iterable[Column], rows: int) -> int:
    """Bytes that `table_of` needs."""
    return sum(_padded(column.bytes_per_row * rows) for column in columns)


def table_of(memory: Any, columns: Iterable[Column], rows: int) -> dict[str, np.ndarray]:
    """Arrays (rows, *shape), one per column, that are views of one buffer of `memory_size` bytes."""
    table, offset = {}, 0
    for column in columns:
        count = rows * int(np.prod(column.shape, dtype=np.int64))
        values = np.frombuffer(memory, column.dtype, count, offset)
        table[column.name] = values.reshape(rows, *column.shape)
        offset += _padded(column.bytes_per_row * rows)
    return table


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
