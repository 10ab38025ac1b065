"""What a memory could hold that is not in view: the object that left it, the last event, what was and what will be."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.along_frames import Span, rows_of
from retinoscope.analyses.memory.world_variables import bearing_axis, bearing_of
from retinoscope.analyses.recorded import columns_of, numbers_of, sides_of
from retinoscope.statistics.held_out_decoding import Target

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_NUMBERS = 6  # of a world, at most
_NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class Past:
    """Something that is or is not remembered, moment by moment.

    A sample is a row and how many decisions ago (or ahead) what is asked for was.

    Attributes:
        name: unique.
        about: what is read out, a clause for captions.
        classes: names; none for a number.
        units: of a number.
        rows: (sample,) of all rows.
        delays: (sample,) decisions from what is asked for to the row; for what is to come, to that.
        values: (sample,) class or number.
        is_to_come: it lies ahead.
    """

    name: str
    about: str
    classes: tuple[str, ...]
    units: str
    rows: NDArray[np.int64]
    delays: NDArray[np.int64]
    values: NDArray[Any]
    is_to_come: bool = False

    def at(self, delay: int, most: int, seed: int) -> Target:
        """The samples of one delay, at most so many, drawn at random."""
        chosen = np.flatnonzero(self.delays == delay)
        if len(chosen) > most:
            chosen = np.sort(np.random.default_rng([seed, delay]).choice(chosen, most, replace=False))
        return Target(self.rows[chosen], self.values[chosen], len(self.classes))


@dataclass
class _Left:
    """The nearest object in view, when it leaves it."""

    row: list[int] = field(default_factory=list)  # the last one in which it was seen
    until: list[int] = field(default_factory=list)  # the first one in which it is no longer the last to have left
    class_index: list[int] = field(default_factory=list)
    bearing: list[float] = field(default_factory=list)
    distance: list[float] = field(default_factory=list)


def what_is_remembered(
    recording: Recording, spans: Sequence[Span], delays: Sequence[int], reach: float, most: int, seed: int
) -> list[Past]:
    """All that can be asked for in a recording.

    Args:
        recording: whose world.
        spans: stretches of episodes; rows are counted through all of them.
        delays: decisions.
        reach: by which share of its distance an object may come nearer or go away in a decision and be the same.
        most: samples of each delay where every row is one.
        seed: of their draw.
    """
    ends = np.cumsum([0, *(stop - start for start, stop in spans)])
    read = _columns(recording, spans)
    found: list[Past] = []
    if recording.world.object_classes:
        found += _objects(recording, spans, ends, read.get("events"), delays, reach)
    if "events" in read and recording.world.events:
        found += _events(recording, read["events"], ends, delays, most, seed)
    found += _numbers(recording, read, ends, delays, most, seed)
    found += _actions(recording, read, ends, delays, most, seed)
    return found


def _columns(recording: Recording, spans: Sequence[Span]) -> dict[str, NDArray[Any]]:
    wanted = [*columns_of(numbers_of(recording)), *(n for n in ("events", "action") if n in recording.columns)]
    total = sum(stop - start for start, stop in spans)
    found: dict[str, NDArray[Any]] = {}
    for place, read in rows_of(recording, spans, wanted) if wanted else ():
        for name, values in read.items():
            if name not in found:
                found[name] = np.empty((total, *values.shape[1:]), values.dtype)
            found[name][place] = values
    return found


def _objects(
    recording: Recording,
    spans: Sequence[Span],
    ends: NDArray[np.int64],
    events: NDArray[Any] | None,
    delays: Sequence[int],
    reach: float,
) -> list[Past]:
    world = recording.world
    left = _Left()
    for (start, stop), first in zip(spans, ends[:-1].tolist(), strict=True):
        happened = None if events is None else events[first : first + stop - start].any(axis=1)
        _leaving(recording.objects(start, stop), happened, world, first, reach, left)
    if not left.row:
        return []
    rows, until = np.array(left.row), np.array(left.until)
    sample, delay = _after(rows, until, delays)
    names = list(world.object_classes or ())
    words, axis = world.words, bearing_axis(world)
    at, which = rows[sample] + delay, np.array(left.class_index)[sample]
    last = "of the last object that left the view"
    found = [
        _classes("class of the last object", f"class {last}", names, at, delay, which),
        _numbered(
            "bearing of the last object", f"bearing {last}", axis.units, at, delay, np.array(left.bearing)[sample]
        ),
        _numbered(
            "distance of the last object",
            f"distance {last}",
            world.distance_units,
            at,
            delay,
            np.array(left.distance)[sample],
        ),
    ]
    given = [*world.object_valences, *[None] * len(names)][: len(names)]
    signs = np.sign([each or 0.0 for each in given]).astype(np.int64)
    if (signs > 0).any() and (signs < 0).any():
        is_known = signs[which] != 0
        kinds = (signs[which] > 0).astype(np.int64)[is_known]
        kind = ("kind of the last object", f"{words.positive} or {words.negative}, {last}")
        found.insert(1, _classes(*kind, [words.negative, words.positive], at[is_known], delay[is_known], kinds))
    return [each for each in found if each is not None]


def _leaving(
    listed: Sequence[list[dict[str, Any]]],
    happened: NDArray[np.bool_] | None,
    world: Any,
    first: int,
    reach: float,
    left: _Left,
) -> None:
    """Add every time that the nearest object in view leaves it, in a stretch of one episode."""
    watched: dict[str, Any] | None = None  # the last that left
    opened = -1
    for row in range(1, len(listed) + 1):
        objects = listed[row] if row < len(listed) else []
        if watched is not None and (row == len(listed) or _is_there(watched, objects, reach)):
            left.until[opened] = first + row
            watched = None
        if row == len(listed) or not listed[row - 1]:
            continue
        nearest = listed[row - 1][0]
        if _is_there(nearest, objects, reach):
            continue
        if watched is not None:
            left.until[opened] = first + row
            watched = None
        if happened is not None and happened[row - 1]:
            continue  # it did not leave: something happened to it
        watched, opened = nearest, len(left.row)
        left.row.append(first + row - 1)
        left.until.append(first + len(listed))
        left.class_index.append(int(nearest["class_index"]))
        left.bearing.append(bearing_of(nearest["box"], world))
        left.distance.append(float(nearest["distance"]))


def _is_there(seen: dict[str, Any], objects: Sequence[dict[str, Any]], reach: float) -> bool:
    """Whether one of its class is about as far away."""
    away = reach * float(seen["distance"])
    return any(
        each["class_index"] == seen["class_index"] and abs(float(each["distance"]) - float(seen["distance"])) <= away
        for each in objects
    )


def _events(
    recording: Recording,
    events: NDArray[Any],
    ends: NDArray[np.int64],
    delays: Sequence[int],
    most: int,
    seed: int,
) -> list[Past]:
    world, found = recording.world, list[Past | None]()
    words = world.words
    happened = events.astype(np.int64)
    rows = np.flatnonzero(happened.any(axis=1))
    if not len(rows):
        return []
    behind = ends[np.searchsorted(ends, rows, side="right")]
    until = np.minimum(np.concatenate([rows[1:] + 1, [_NEVER]]), behind)
    sample, delay = _after(rows, until, delays)
    good, bad = sides_of(world)
    names = [each.name for each in world.events]
    which = happened[rows].argmax(axis=1)
    if good.any() and bad.any():
        sides = np.sign(happened[rows] @ np.sign(world.valences)).astype(np.int64)
        is_known = sides[sample] != 0
        kinds = (sides[sample] > 0).astype(np.int64)[is_known]
        at, away = (rows[sample] + delay)[is_known], delay[is_known]
        title = (f"kind of the last {words.event}", f"whether the last {words.event} was {words.positive}")
        found.append(_classes(*title, [words.negative, words.positive], at, away, kinds))
    elif len(names) > 1:
        title = (f"last {words.event}", f"which {words.event} was the last")
        found.append(_classes(*title, names, rows[sample] + delay, delay, which[sample]))
    found.append(_since(words.event, happened.any(axis=1), ends, delays, most, seed))
    return [each for each in found if each is not None]


def _since(
    event: str, happened: NDArray[np.bool_], ends: NDArray[np.int64], delays: Sequence[int], most: int, seed: int
) -> Past | None:
    """Whether there was an event within so many decisions: every row is a sample at every delay."""
    count = len(happened)
    row = np.arange(count)
    begins = ends[np.searchsorted(ends, row, side="right") - 1]
    last = np.maximum.accumulate(np.where(happened, row, -1))
    before = np.concatenate([[-1], last[:-1]])  # what happens behind a row's observation is not in it
    since = np.where(before >= begins, row - before, _NEVER)
    rows, away, values = [], [], []
    for delay in delays:
        chosen = np.flatnonzero(row - begins >= delay)
        chosen = _drawn(chosen, most, seed, delay)
        rows.append(chosen)
        away.append(np.full(len(chosen), delay))
        values.append((since[chosen] <= delay).astype(np.int64))
    name, about = f"{event} within the last", f"whether there was a {event} within that time"
    return _classes(name, about, ["none", event], np.concatenate(rows), np.concatenate(away), np.concatenate(values))


def _numbers(
    recording: Recording,
    read: dict[str, NDArray[Any]],
    ends: NDArray[np.int64],
    delays: Sequence[int],
    most: int,
    seed: int,
) -> list[Past]:
    """Where objects are listed, what quantities have gained or lost; elsewhere what numbers were, and will be."""
    has_objects = bool(recording.world.object_classes)
    kinds = ("quantity",) if has_objects else ("quantity", "place")
    found: list[Past | None] = []
    for number in [each for each in numbers_of(recording) if each.kind in kinds][:_NUMBERS]:
        column = read[number.column]
        values = np.asarray(column if number.index is None else column[:, number.index], np.float64)
        rows, away, before, ahead, there, at = [], [], [], [], [], []
        for delay in delays:
            later = _drawn(_pairs(ends, delay), most, seed, delay)
            rows.append(later)
            before.append(values[later] - values[later - delay] if has_objects else values[later - delay])
            away.append(np.full(len(later), delay))
            ahead.append(values[later])
            there.append(later - delay)
            at.append(np.full(len(later), delay))
        parts = (np.concatenate(rows), np.concatenate(away), np.concatenate(before))
        if has_objects:
            found.append(
                _numbered(f"change of {number.name}", f"how {number.name} has changed since", number.units, *parts)
            )
            continue
        found.append(_numbered(f"{number.name} before", f"what {number.name} was then", number.units, *parts))
        to_come = (np.concatenate(there), np.concatenate(at), np.concatenate(ahead))
        about = f"what {number.name} will be then"
        found.append(_numbered(f"{number.name} to come", about, number.units, *to_come, is_to_come=True))
    return [each for each in found if each is not None]


def _actions(
    recording: Recording,
    read: dict[str, NDArray[Any]],
    ends: NDArray[np.int64],
    delays: Sequence[int],
    most: int,
    seed: int,
) -> list[Past]:
    if "action" not in read:
        return []
    kinds, found, place = recording.attributes["action_kinds"], list[Past | None](), 0
    for head, outputs in recording.attributes["action_heads"].items():
        is_number = kinds.get(head) == "gaussian"
        width = len(outputs) // 2 if is_number else 1
        for number in range(width):
            values = read["action"][:, place + number]
            rows = [_drawn(_pairs(ends, delay), most, seed, delay) for delay in delays]
            at = np.concatenate([each - delay for each, delay in zip(rows, delays, strict=True)])
            away = np.concatenate([np.full(len(each), delay) for each, delay in zip(rows, delays, strict=True)])
            ahead = values[np.concatenate(rows)] if len(at) else values[:0]
            name = f"action {head} {outputs[number]} to come" if is_number else f"action {head} to come"
            if is_number:
                found.append(_numbered(name, "the action then", "", at, away, ahead, is_to_come=True))
            else:
                labels = ahead.astype(np.int64)
                found.append(_classes(name, "the action then", list(outputs), at, away, labels, is_to_come=True))
        place += width
    return [each for each in found if each is not None]


def _after(
    rows: NDArray[np.int64], until: NDArray[np.int64], delays: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the moments lie so long ago, and how long, for every row up to that behind the last."""
    pairs = [(np.flatnonzero(rows + delay < until), delay) for delay in delays]
    sample = np.concatenate([each for each, _ in pairs])
    return sample, np.concatenate([np.full(len(each), delay) for each, delay in pairs])


def _pairs(ends: NDArray[np.int64], delay: int) -> NDArray[np.int64]:
    """Rows with one of their stretch so many decisions before."""
    parts = [np.arange(start + delay, stop) for start, stop in itertools.pairwise(ends.tolist())]
    return np.concatenate(parts).astype(np.int64)


def _drawn(rows: NDArray[np.int64], most: int, seed: int, delay: int) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng([seed, delay]).choice(rows, most, replace=False))


def _classes(
    name: str,
    about: str,
    names: Sequence[str],
    rows: NDArray[np.int64],
    delays: NDArray[np.int64],
    values: NDArray[np.int64],
    is_to_come: bool = False,
) -> Past | None:
    """Of classes that occur at all, numbered anew; None with fewer than two."""
    there = np.unique(values)
    if len(there) < 2:
        return None
    kept = tuple(str(names[each]) for each in there)
    return Past(name, about, kept, "", rows, delays, np.searchsorted(there, values), is_to_come)


def _numbered(
    name: str,
    about: str,
    units: str,
    rows: NDArray[np.int64],
    delays: NDArray[np.int64],
    values: NDArray[Any],
    is_to_come: bool = False,
) -> Past | None:
    known = np.isfinite(values)
    if not known.any() or np.ptp(values[known]) == 0:
        return None
    return Past(name, about, (), units, rows[known], delays[known], values[known].astype(np.float64), is_to_come)
