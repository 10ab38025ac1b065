"""Tracks beside activity over a stretch of time: the critic's value, the first numbers of the world, and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray

from retinoscope.analyses.recorded import (
    Number,
    clock_attributes,
    columns_of,
    event_coordinates,
    has_values,
    numbers_of,
    with_numbers,
    words_attribute,
)

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

MOST_NUMBERS = 2


def track_columns(recording: Recording) -> tuple[str, ...]:
    """The columns of a recording that `with_tracks` needs."""
    value = ("value",) if has_values(recording) else ()
    events = ("events",) if "events" in recording.columns and recording.world.events else ()
    return tuple(dict.fromkeys((*value, *events, *columns_of(_numbers(recording)))))


def with_tracks(data: xarray.Dataset, recording: Recording, rows: xarray.Dataset) -> xarray.Dataset:
    """The data with what there is of tracks, and what figures need to draw them.

    Args:
        data: of a Result over `time`.
        recording: from which the rows are.
        rows: of the same time, with the columns of `track_columns`.

    Returns:
        Also `value`, the first two quantities of the world under their own names (attribute `variables`), `events`
        (time, event) with `event_valence`; the coordinate `seconds` in the episode, decisions where the world has no
        time; attributes `event_words`, `seconds_per_decision` and `clock_units`.
    """
    world, clock, numbers = recording.world, recording.world.clock, _numbers(recording)
    about = {"units": clock.units, "long_name": "time in the episode"}
    data = data.assign_coords(seconds=("time", rows["step"].values * clock.per_decision, about))
    if "value" in rows:
        data = data.assign(value=("time", rows["value"].values, {"units": "return", "long_name": "critic's value"}))
    if "events" in rows:
        data = data.assign_coords(event_coordinates(world))
        data = data.assign(events=(("time", "event"), np.asarray(rows["events"].values), {"units": "count"}))
    data = with_numbers(data, numbers, [each.of(rows) for each in numbers])
    return data.assign_attrs(event_words=words_attribute(world), **clock_attributes(clock))


def _numbers(recording: Recording) -> tuple[Number, ...]:
    return numbers_of(recording, "quantity")[:MOST_NUMBERS]
