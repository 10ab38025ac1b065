"""What activity can be tuned to: the variables that a world declares, and the nearest object of each kind in view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.along_frames import Span, rows_of
from retinoscope.analyses.recorded import Number, columns_of, numbers_of
from retinoscope.errors import UserError
from retinoscope.settings import nearest
from retinoscope.statistics.tuning import Bins

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.declaration import Declaration

PAIR = "&"
"""Between the names of two numbers that make a map."""

_FULL_CIRCLE = 360.0
_TAIL = 0.5  # percent of the values at either end of a number without limits that are left out
_FAR = 5.0  # percent of the objects that are farthest, which are specks


@dataclass(frozen=True)
class Axis:
    """One of the one or two numbers that a variable has.

    Attributes:
        title: for people.
        units: empty where it has none.
        is_circular: degrees from 0 to 360.
        low, high: the range that the world declares; None where it does not.
    tail: percent of the highest values that are left out.
    """

    title: str
    units: str
    is_circular: bool = False
    low: float | None = None
    high: float | None = None
    tail: float = _TAIL

    @property
    def label(self) -> str:
        """Of an axis of a figure."""
        return f"{self.title} ({self.units})" if self.units else self.title


@dataclass(frozen=True)
class WorldVariable:
    """What activity can be tuned to.

    Attributes:
        name: unique among them.
        kind: `place`, `heading`, `object` (bearing and distance of one in view), `quantity`, `pair`.
        axes: one or two.
        values: (row, axis) float32; NaN where it has no value.
    """

    name: str
    kind: str
    axes: tuple[Axis, ...]
    values: NDArray[np.float32]

    @property
    def is_in_view(self) -> bool:
        """It is seen at the moment, and no other."""
        return self.kind == "object"


@dataclass(frozen=True)
class InView:
    """The nearest object of a kind in view, row by row.

    Attributes:
        name: of the kind, `rewarded object`.
        bearing: (row,) float32, degrees from the middle of the view, to the right above 0; pixels where the angle of
            the view is not known; NaN without such an object.
        distance: (row,) float32.
        class_index: (row,) −1 without one.
        count: (row,) how many are in view.
    """

    name: str
    bearing: NDArray[np.float32]
    distance: NDArray[np.float32]
    class_index: NDArray[np.int64]
    count: NDArray[np.int64]


def variables_of(
    recording: Recording,
    rows: Sequence[Span],
    objects: Sequence[InView],
    chosen: Sequence[str] | None,
    pairs: Sequence[str],
    most: int,
) -> list[WorldVariable]:
    """All that activity can be tuned to, in the rows of some stretches.

    Args:
        recording: whose world is asked.
        rows: stretches: first row, row behind the last.
        objects: in view there.
        chosen: names of the variables wanted; None for all.
        pairs: further ones, `fuel & heading`.
        most: so many at most unless they are chosen by name.

    Raises:
        UserError: there is no variable or number of that name.
    """
    numbers = {each.name: each for each in numbers_of(recording)}
    read = _read(recording, rows, list(numbers.values()))
    found = [*_declared(list(numbers.values()), read), *_objects(recording.world, objects)]
    for each in pairs:
        names = [part.strip() for part in each.split(PAIR)]
        if len(names) != 2:
            raise UserError(f"pair {each!r}: is not two numbers; write NAME {PAIR} NAME")
        for name in names:
            if name not in numbers:
                raise UserError(f"pair {each!r}: there is no number {name!r}; {nearest(name, numbers)}")
        axes = tuple(_axis(numbers[name]) for name in names)
        found.append(_variable(f"{names[0]} {PAIR} {names[1]}", "pair", axes, [read[name] for name in names]))
    if chosen is None:
        return found[:most]
    known = {each.name: each for each in found}
    for name in chosen:
        if name not in known:
            raise UserError(f"variable {name!r}: unknown; {nearest(name, known)}")
    return [known[name] for name in chosen]


def bins_of(variable: WorldVariable, place: int, curve: int, objects: tuple[int, int]) -> Bins | None:
    """The bins of a variable: equal ones over its range, each value one where there are few; None if it never changes.

    Args:
        variable: whose.
        place: bins along each axis of a map.
        curve: of a single number.
        objects: along bearing and distance.
    """
    counts = {"object": objects, "heading": (curve,)}.get(variable.kind, (curve,) if len(variable.axes) == 1 else None)
    edges = []
    for number, axis in enumerate(variable.axes):
        values = variable.values[:, number]
        known = values[np.isfinite(values)]
        made = _edges(known, axis, place if counts is None else counts[number])
        if made is None:
            return None
        edges.append(made)
    return Bins(tuple(edges), tuple(each.is_circular for each in variable.axes))


def in_view(recording: Recording, rows: Sequence[Span]) -> list[InView]:
    """The nearest object of every kind, row by row of some stretches; nothing where objects are not listed."""
    world = recording.world
    kinds = kinds_of_objects(world)
    total = sum(stop - start for start, stop in rows)
    found = [
        InView(
            name,
            np.full(total, np.nan, np.float32),
            np.full(total, np.nan, np.float32),
            np.full(total, -1),
            np.zeros(total, np.int64),
        )
        for name, _ in kinds
    ]
    place = 0
    for start, stop in rows if kinds else ():
        for objects in recording.objects(start, stop):
            for each in objects:  # nearest first
                for kind, (_, members) in zip(found, kinds, strict=True):
                    if members[each["class_index"]]:
                        if not kind.count[place]:
                            kind.bearing[place] = bearing_of(each["box"], world)
                            kind.distance[place] = each["distance"]
                            kind.class_index[place] = each["class_index"]
                        kind.count[place] += 1
            place += 1
    return found


def kinds_of_objects(world: Declaration) -> list[tuple[str, NDArray[np.bool_]]]:
    """Objects by their sign to the agent, the good first: name of the kind, and (class,) which classes are of it."""
    if not world.object_classes:
        return []
    given = [*world.object_valences, *[None] * len(world.object_classes)][: len(world.object_classes)]
    signs = np.sign([each or 0.0 for each in given])
    words = world.words
    kinds = [(f"{words.positive} object", signs > 0), (f"{words.negative} object", signs < 0)]
    kinds.append(("other object" if signs.any() else "object", signs == 0))
    return [(name, members) for name, members in kinds if members.any()]


def bearing_of(box: NDArray[np.floating], world: Declaration) -> float:
    """Of the middle of a box from that of the view: degrees, or pixels where the angle of the view is unknown."""
    aside = float(box[0]) + float(box[2]) / 2 - world.picture.width / 2
    if world.picture.field_of_view is None:
        return aside
    half = np.tan(np.radians(world.picture.field_of_view / 2))
    return float(np.degrees(np.arctan(aside / (world.picture.width / 2) * half)))


def bearing_axis(world: Declaration) -> Axis:
    """Of the bearing of an object."""
    if world.picture.field_of_view is None:
        half = world.picture.width / 2
        return Axis("from the middle of the view", "pixels", low=-half, high=half)
    half = world.picture.field_of_view / 2
    return Axis("bearing", "degrees", low=-half, high=half)


def _declared(numbers: Sequence[Number], read: dict[str, NDArray[np.float32]]) -> Iterable[WorldVariable]:
    """Places and pairs as maps, headings, and every other number by itself; places first, then headings."""
    columns: dict[str, list[Number]] = {}
    for each in numbers:
        columns.setdefault(each.column, []).append(each)
    order = {"place": 0, "heading": 1}
    for column, of_column in sorted(columns.items(), key=lambda each: order.get(each[1][0].kind, 2)):
        kind = of_column[0].kind
        if kind != "heading" and len(of_column) == 2:
            axes = tuple(_axis(each) for each in of_column)
            kind_of_map = "place" if kind == "place" else "pair"
            yield _variable(column, kind_of_map, axes, [read[each.name] for each in of_column])
            continue
        if kind == "place" and len(of_column) > 2:
            first = of_column[:2]
            name = f"{first[0].name} {PAIR} {first[1].name}"
            yield _variable(name, "place", tuple(map(_axis, first)), [read[each.name] for each in first])
        for each in of_column:
            yield _variable(each.name, kind, (_axis(each),), [read[each.name]])


def _objects(world: Declaration, objects: Sequence[InView]) -> Iterable[WorldVariable]:
    for each in objects:
        axes = (bearing_axis(world), Axis("distance", world.distance_units, low=0.0, tail=_FAR))
        yield _variable(f"nearest {each.name}", "object", axes, [each.bearing, each.distance])


def _axis(number: Number) -> Axis:
    if number.kind == "heading":
        return Axis(number.title, number.units or "degrees", True, 0.0, _FULL_CIRCLE)
    return Axis(number.title, number.units, False, number.low, number.high)


def _variable(name: str, kind: str, axes: tuple[Axis, ...], columns: Sequence[NDArray[np.floating]]) -> WorldVariable:
    values = np.stack([np.asarray(each, np.float32) for each in columns], axis=1)
    for place, axis in enumerate(axes):
        if axis.is_circular:
            values[:, place] %= _FULL_CIRCLE
    return WorldVariable(name, kind, axes, values)


def _read(recording: Recording, rows: Sequence[Span], numbers: Sequence[Number]) -> dict[str, NDArray[np.float32]]:
    found = {each.name: np.empty(sum(stop - start for start, stop in rows), np.float32) for each in numbers}
    for place, read in rows_of(recording, rows, columns_of(numbers)) if numbers else ():
        for each in numbers:
            found[each.name][place] = read[each.column] if each.index is None else read[each.column][:, each.index]
    return found


def _edges(known: NDArray[np.floating], axis: Axis, count: int) -> NDArray[np.float64] | None:
    if axis.is_circular:
        return np.linspace(0.0, _FULL_CIRCLE, count + 1)
    different = np.unique(known)
    if len(different) < 2:
        return None
    if len(different) <= count:  # squares of a grid, lives that are left: each a bin of its own
        middles = (different[1:] + different[:-1]) / 2
        ends = 2 * different[[0, -1]] - middles[[0, -1]]
        return np.concatenate([ends[:1], middles, ends[1:]]).astype(np.float64)
    low, high = (float(each) for each in np.percentile(known, (_TAIL, 100 - axis.tail)))
    if low == high:
        low, high = float(different[0]), float(different[-1])
    if axis.low is not None and low - axis.low < (high - low) / count:
        low = axis.low
    if axis.high is not None and axis.high - high < (high - low) / count:
        high = axis.high
    return np.linspace(low, high, count + 1)
