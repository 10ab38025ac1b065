"""Directions in the memory along which it is pushed, from a word for each, and random ones of the same size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.memory.held_views import Stretches
from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.recorded import numbers_of
from retinoscope.errors import UserError
from retinoscope.notes import load_notes
from retinoscope.statistics.state_edits import (
    Reading,
    random_reading,
    reading_along,
    reading_of,
    reading_of_decoder,
)

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_RIDGE = 1e-3
"""Of the decoder: share of the mean variance of a unit that is added to every unit's."""

WORDS = (
    "component:3, unit:12, decoder:NAME (a number of the world, value, or the events as event:NAME), moments:FILE:1:2 "
    "(from the moments of the first note of the explorer's to those of the second), or file:FILE.npy"
)


@dataclass(frozen=True)
class Pushed:
    """A direction along which the memory is pushed.

    Attributes:
        name: as it was asked for.
        kind: `component`, `unit`, `decoder`, `moments` or `file`.
        number: of the component or unit; -1 for others.
        reading: of the whole layer.
        explained: share of the variance of the standardised state that lies along its pattern.
    """

    name: str
    kind: str
    number: int
    reading: Reading
    explained: float


@dataclass(frozen=True)
class States:
    """Activity of a layer of the memory at some decisions of a recording.

    Attributes:
        recording: whose.
        layer: its name.
        rows: (row,) of the recording.
        activity: (row, unit).
        is_recorded: of the agent itself, and not of another network that was shown the same.
    """

    recording: Recording
    layer: str
    rows: NDArray[np.int64]
    activity: NDArray[np.float64]
    is_recorded: bool = True


def states_of(recording: Recording, layer: str) -> States:
    """States of a layer of the memory, in stretches spread over a recording."""
    rows = Stretches.of(recording).flat
    return States(recording, layer, rows, activity_at(recording, layer, rows))


def pushed_along(text: str, fitted: FittedComponents, states: States) -> Pushed | None:
    """The direction that a word means.

    Args:
        text: see `WORDS`.
        fitted: components of the layer.
        states: of which the others are taken.

    Returns:
        The direction; None where it is only known of the network that was recorded.

    Raises:
        UserError: there is no such direction.
    """
    kind, _, rest = text.partition(":")
    if kind == "component" and rest.isdecimal():
        found = reading_of(fitted.components, int(rest), fitted.deviations)
        return _pushed(text, kind, int(rest), _of_layer(found, fitted, states), fitted)
    if kind == "unit" and rest.isdecimal():
        count = states.activity.shape[1]
        if int(rest) >= count:
            raise UserError(f"direction {text!r}: layer {states.layer!r} has units 0 to {count - 1}")
        return _pushed(text, kind, int(rest), reading_along(np.eye(count)[int(rest)], states.activity), fitted)
    if kind == "decoder" and rest:
        weights = _decoder(rest, states)
        return _pushed(text, kind, -1, reading_of_decoder(weights, states.activity), fitted)
    if kind in ("moments", "file") and rest:
        if not states.is_recorded:
            return None
        vector = _between_moments(text, rest, states) if kind == "moments" else _saved(rest, states)
        return _pushed(text, kind, -1, reading_along(vector, states.activity), fitted)
    raise UserError(f"direction {text!r}: unknown; write {WORDS}")


def random_along(fitted: FittedComponents, states: States, like: Pushed, random: np.random.Generator) -> Reading:
    """A random direction in the space of the components that explains as much of the variance as another."""
    drawn = random_reading(fitted.components, fitted.deviations, like.explained, random)
    return _of_layer(drawn, fitted, states)


def rows_of_note(path: str | Path, number: int) -> NDArray[np.int64]:
    """The moments of a note that was taken in the explorer, counted from 1.

    Raises:
        UserError: the file holds no such note, or it is not about moments.
    """
    notes = load_notes(path)
    if not 1 <= number <= len(notes):
        raise UserError(f"{path}: there is no note {number}; it holds notes 1 to {len(notes)}")
    if not notes[number - 1].rows:
        raise UserError(f"{path}: note {number} is about no moments; select some in the explorer and note them")
    return np.array(notes[number - 1].rows, np.int64)


def activity_at(recording: Recording, layer: str, rows: NDArray[np.integer]) -> NDArray[np.float64]:
    """(row, unit) recorded activity of a layer at some decisions.

    Raises:
        UserError: the recording has no such rows.
    """
    if len(rows) and not 0 <= int(np.min(rows)) <= int(np.max(rows)) < recording.frames:
        raise UserError(f"moments: {recording.path} has rows 0 to {recording.frames - 1}; notes of another recording?")
    return np.concatenate([each[layer].values for each in _read(recording, rows, layer)]).astype(np.float64)


def _read(recording: Recording, rows: NDArray[np.integer], column: str) -> list[xarray.Dataset]:
    """Rows in order, those that follow one another at once."""
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [recording.rows(int(each[0]), int(each[-1]) + 1, (column,)) for each in runs]


def _pushed(name: str, kind: str, number: int, reading: Reading, fitted: FittedComponents) -> Pushed:
    standardised = reading.pattern[fitted.units] / fitted.components.scale
    return Pushed(name, kind, number, reading, float((standardised**2).sum() / len(fitted.units)))


def _of_layer(reading: Reading, fitted: FittedComponents, states: States) -> Reading:
    """Of the whole layer, units that were left out included."""
    mean = states.activity.mean(axis=0)
    mean[fitted.units] = reading.mean
    return Reading(fitted.full(reading.direction), fitted.full(reading.pattern), mean)


def _decoder(name: str, states: States) -> NDArray[np.float64]:
    """(unit,) weights of the ridge regression of something on the state."""
    recording = states.recording
    wanted = _decoded(name, recording, states.rows)
    kept = np.isfinite(wanted)
    if kept.sum() < 2 or not np.ptp(wanted[kept]) > 0:
        raise UserError(f"direction 'decoder:{name}': it never changes in the decisions that were looked at")
    centred = states.activity[kept] - states.activity[kept].mean(axis=0)
    covariance = centred.T @ centred / kept.sum()
    ridge = _RIDGE * float(np.trace(covariance)) / len(covariance)
    moment = centred.T @ (wanted[kept] - wanted[kept].mean()) / kept.sum()
    return np.linalg.solve(covariance + max(ridge, 1e-12) * np.eye(len(covariance)), moment)


def _decoded(name: str, recording: Recording, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    kind, colon, event = name.partition(":")
    numbers = {each.name: each for each in numbers_of(recording)}
    events = [each.name for each in recording.world.events]

    if kind == "event" and colon and event in events:
        counts = np.concatenate([each["events"].values for each in _read(recording, rows, "events")])
        return counts[:, events.index(event)].astype(np.float64)
    if name in numbers:
        number = numbers[name]
        return np.concatenate([number.of(each) for each in _read(recording, rows, number.column)]).astype(np.float64)
    if name == "value" and "value" in recording.columns:
        return np.concatenate([each["value"].values for each in _read(recording, rows, "value")]).astype(np.float64)
    known = [*numbers, "value", *(f"event:{each}" for each in events)]
    raise UserError(f"direction 'decoder:{name}': nothing of that name is recorded; choose from {', '.join(known)}")


def _between_moments(text: str, rest: str, states: States) -> NDArray[np.float64]:
    found = re.fullmatch(r"(.+):(\d+):(\d+)", rest)
    if found is None:
        raise UserError(f"direction {text!r}: write moments:FILE:1:2 with the numbers of two notes")
    path, first, second = found.group(1), int(found.group(2)), int(found.group(3))
    means = [
        activity_at(states.recording, states.layer, rows_of_note(path, each)).mean(axis=0) for each in (first, second)
    ]
    return means[1] - means[0]


def _saved(path: str, states: States) -> NDArray[np.float64]:
    try:
        vector = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); give a .npy file with one number for each unit") from None
    if vector.shape != states.activity.shape[1:]:
        raise UserError(
            f"{path}: has shape {vector.shape}; layer {states.layer!r} has {states.activity.shape[1]} units, give one "
            "number for each"
        )
    return np.asarray(vector, np.float64)
