"""The columns of a row: what a recording holds, and the memory that environments and recorder share.

No torch here: the processes that play import this.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retinoscope.scenarios import Scenario, foreign_part

OBJECT = np.dtype([("class_index", np.uint8), ("box", np.float32, (4,)), ("distance", np.float32)])
"""One object in view: its class, box (left, top, width, height; observation pixels) and distance (map units)."""

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


def moment_columns(scenario: Scenario) -> tuple[Column, ...]:
    """What holds at the time of a row's observation."""
    view = scenario.observation
    picture = (view.height, view.width, 3)
    return (
        Column("observation", ("height", "width", "channel"), picture, "uint8", "what the policy saw, RGB", "0-255"),
        Column("episode", (), (), "int32", "number of the episode in its environment"),
        Column("step", (), (), "int32", "decisions since the start of the episode", "decisions"),
        Column("health", (), (), "float32", "health", "points"),
        Column("position", ("axis",), (2,), "float32", "position", "map units"),
        Column("angle", (), (), "float32", "heading", "degrees"),
        Column("object_count", (), (), "uint16", "number of objects in view"),
        *_variable_columns(scenario),
    )


def _variable_columns(scenario: Scenario) -> tuple[Column, ...]:
    """The game variables of an arena made elsewhere; arenas built here have none besides."""
    names = variable_names(scenario)
    return (Column("variables", ("variable",), (len(names),), "float32", "game variables"),) if names else ()


def variable_names(scenario: Scenario) -> tuple[str, ...]:
    """The engine's names of the game variables that are recorded."""
    foreign = foreign_part(scenario)
    return () if foreign is None else foreign.variables


def following_columns(scenario: Scenario) -> tuple[Column, ...]:
    """What happens between a row's observation and the next."""
    classes = len(scenario.class_names)
    ended, picked_up = "the agent died", "objects picked up before the next row"
    if foreign_part(scenario) is not None:
        ended, picked_up = "the agent died, or the scenario ended", f"{picked_up}, inferred from health"
    return (
        Column("reward", (), (), "float32", "reward"),
        Column("terminated", (), (), "bool", ended),
        Column("truncated", (), (), "bool", "the time limit ended the episode"),
        Column("pickups", ("class",), (classes,), "uint8", picked_up),
    )


def action_column(heads: int) -> Column:
    """What the agent did."""
    return Column("action", ("head",), (heads,), "int8", "output chosen in each head")


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
