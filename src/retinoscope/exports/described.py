"""What a recording says of itself, as the text that every export holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import xarray

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

NOTES = (
    "Row t holds one decision: the observation that the network saw, the state that entered its memory and all "
    "activity computed from exactly those, the action drawn from it, and the world's variables at the time of the "
    "observation; reward, terminated, truncated and events are what followed, before the next observation. Rows are in "
    "order environment by environment; time does not go on from the last row of one to the first of the next."
)
"""Time alignment, for readers of any format."""

BLOCK_BYTES = 32_000_000
"""Of a column that are read at a time."""


def attributes_of(recording: Recording) -> dict[str, Any]:
    """Attributes, declaration of the world and alignment; JSON-able."""
    return {"attributes": dict(recording.attributes), "world": recording.world.to_json(), "notes": NOTES}


def attributes_json(recording: Recording) -> str:
    """The same as text."""
    return json.dumps(attributes_of(recording), default=str)


def first_row(recording: Recording) -> xarray.Dataset:
    """One row, which says dimensions, types, units and names of all columns."""
    return recording.rows(0, 1)


def rows_at_a_time(column: xarray.DataArray) -> int:
    """Rows of a column that are read together, given one row of it."""
    return max(1, BLOCK_BYTES // max(1, column.nbytes))
