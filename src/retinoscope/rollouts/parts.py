"""A recording in parts: which environments belong to which, and where they lie.

What the network computes for an environment depends, in its last digits, on how many it decides for at a time. So a
part has whole batches of the recording, and each row is to the last bit what it is in a recording made in one piece.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retinoscope.errors import UserError

PART = "part"
"""Name of the attribute by which a store says that it is one."""


@dataclass(frozen=True)
class Part:
    """Some of the environments of a recording.

    Attributes:
        number: from 1.
        of: how many parts there are.
        first_environment: the first of its environments.
        of_environments: how many environments all parts have together.
    """

    number: int
    of: int
    first_environment: int
    of_environments: int

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Part:
        return cls(**{name: int(content[name]) for name in cls.__dataclass_fields__})

    def __str__(self) -> str:
        return f"part {self.number} of {self.of}"


def part_numbers(text: str) -> tuple[int, int]:
    """`3/64` -> (3, 64).

    Raises:
        UserError: there is no such part.
    """
    found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UserError(f"part: {text!r} is none; give its number and how many there are, from 1/64 to 64/64")
    return int(found[1]), int(found[2])


def default_batch(environments: int, parts: int = 1) -> int:
    """Half of the environments of a part: while the network decides for these, the others are played."""
    return -(-environments // (2 * parts))


def share(number: int, of: int, environments: int, batch: int) -> tuple[Part, int]:
    """A part and how many environments it has.

    Raises:
        UserError: there are fewer batches than parts.
    """
    batches = -(-environments // batch)
    if batches < of:
        raise UserError(
            f"part {number}/{of}: {environments} environments are decided for in {batches} batches of {batch}, and "
            "each part has at least one; choose fewer parts, more environments or smaller batches"
        )
    first, stop = (min(each * batches // of * batch, environments) for each in (number - 1, number))
    return Part(number, of, first, environments), stop - first


def part_path(folder: Path, number: int, of: int) -> Path:
    """Where a part lies; by name they are in their order."""
    return folder / f"part-{number:0{len(str(of))}d}-of-{of}.zarr"


def parts_in(folder: Path) -> list[Path]:
    """Parts that lie in a folder, in the order of their names."""
    return sorted(folder.glob("part-*-of-*.zarr"))
