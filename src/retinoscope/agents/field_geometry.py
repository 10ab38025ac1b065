"""Which pixels a unit sees, along one side of the picture: exact through windows, padding, crops, pooling and sums.

A map is laid out in rows and columns, and almost everything that networks do to it acts along each of them alone. So a
unit's field is a product of two sets of pixels, one along each side, and a side is followed by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOTHING = -1
"""In place of a position: what is there was put there, as padding is, and sees no pixel."""


class Spacing(NamedTuple):
    """Evenly spaced fields: position *i* sees `size` pixels from pixel `first + i * stride` on, border aside.

    The first may be negative. Fields within pixels `low` to `high` (not included) are whole; others reach beyond what
    padding or a crop has left, and see less, or see mirrored pixels.
    """

    first: int
    size: int
    stride: int
    low: int
    high: int

    def behind(self, then: Spacing, positions: int) -> Spacing:
        """That of `then`, whose pixels are the positions of this, and of which there are so many."""
        first = self.first + then.first * self.stride
        size, stride = self.size + (then.size - 1) * self.stride, self.stride * then.stride
        # Positions that are not there, beyond either end, are no pixels that could be seen.
        low = self.first + max(then.first, then.low, 0) * self.stride
        last = min(then.first + (positions - 1) * then.stride + then.size, then.high) - 1
        high = self.first + last * self.stride + self.size
        return Spacing(first, size, stride, max(self.low, low), min(self.high, high))


@dataclass(frozen=True, eq=False)
class Side:
    """What the positions along one side of a map see of the pixels along that side of the picture.

    Attributes:
        sees: (position, pixel) bool, within the picture, exactly.
        spacing: where the fields lie; None where they are not evenly spaced.
        why: what keeps them from being evenly spaced, as the end of a sentence.
        is_exact: `sees` is what is seen; else what may be seen, because something could not be followed.
    """

    sees: NDArray[np.bool_]
    spacing: Spacing | None = None
    why: str = ""
    is_exact: bool = True

    @property
    def positions(self) -> int:
        """How many there are."""
        return len(self.sees)

    def then(self, sees: NDArray[np.bool_], spacing: Spacing | None, why: str) -> Side:
        """Behind something of this spacing along the positions; `why` is said if it is not evenly spaced."""
        found = None if self.spacing is None or spacing is None else self.spacing.behind(spacing, len(sees))
        return Side(sees, found, self.why or ("" if spacing else why), self.is_exact)


def pixels(count: int) -> Side:
    """A side of the picture itself: every position is a pixel."""
    return Side(np.eye(count, dtype=bool), Spacing(0, 1, 1, 0, count))


def through_windows(side: Side, positions: int, kernel: int, stride: int, before: int = 0, dilation: int = 1) -> Side:
    """Behind a convolution or a pooling: `kernel` positions, `dilation` apart, from `position * stride - before` on."""
    sees = np.zeros((positions, side.sees.shape[1]), dtype=bool)
    starts = np.arange(positions) * stride - before
    for offset in range(0, kernel * dilation, dilation):
        places = starts + offset
        is_inside = (places >= 0) & (places < side.positions)
        sees[is_inside] |= side.sees[places[is_inside]]
    spacing = Spacing(-before, (kernel - 1) * dilation + 1, stride, 0, side.positions)
    return side.then(sees, spacing, "")


def through_table(side: Side, table: NDArray[np.bool_], why: str) -> Side:
    """Behind anything that acts along this side: `table` (position after, position before) says what enters what.

    `why` is said where the table is not evenly spaced.
    """
    sees = (table.astype(np.float32) @ side.sees.astype(np.float32)) > 0
    return side.then(sees, spacing_of(table), why)


def picked(side: Side, places: NDArray[np.int64], why: str, regular: slice = slice(None)) -> Side:
    """Behind a crop, a shift, a flip or padding: what is at each position now was at `places` before, or `NOTHING`.

    Args:
        side: before.
        places: (position,).
        why: said where what is left is not evenly spaced.
        regular: the positions by which that is judged; padding that mirrors is regular within.
    """
    sees = np.zeros((len(places), side.sees.shape[1]), dtype=bool)
    is_there = places != NOTHING
    sees[is_there] = side.sees[places[is_there]]
    return side.then(sees, _spacing_of_places(places, regular), why)


def gathered(side: Side, why: str) -> Side:
    """One position that sees what all of them see."""
    return Side(side.sees.any(axis=0, keepdims=True), None, side.why or why, side.is_exact)


def spread(side: Side, positions: int, why: str, is_exact: bool = True) -> Side:
    """Every position sees what all of them see."""
    sees = np.repeat(side.sees.any(axis=0, keepdims=True), positions, axis=0)
    is_lost_here = side.is_exact and not is_exact  # which matters more than what was uneven before
    said = why if is_lost_here else side.why or why
    return Side(sees, None, said, side.is_exact and is_exact)


def joined(sides: Sequence[Side], why: str) -> Side:
    """Behind a sum or a concatenation: what any of them sees. One with a single position is the same for all.

    `why` is said where they do not fit each other.
    """
    positions = max(side.positions for side in sides)
    sees = np.zeros((positions, sides[0].sees.shape[1]), dtype=bool)
    for side in sides:
        sees |= side.sees
    known = [side.spacing for side in sides if side.spacing is not None and side.positions == positions]
    spacing = None
    if len(known) == len(sides) and len({each.stride for each in known}) == 1:
        first, stop = min(each.first for each in known), max(each.first + each.size for each in known)
        low, high = max(each.low for each in known), min(each.high for each in known)
        spacing = Spacing(first, stop - first, known[0].stride, low, high)
    reasons = [side.why for side in sides if side.why]
    said = "" if spacing else (reasons[0] if reasons else why)
    return Side(sees, spacing, said, all(side.is_exact for side in sides))


def spacing_of(table: NDArray[np.bool_]) -> Spacing | None:
    """The even spacing of a table (position after, position before); None if it has none.

    Its rows may be cut by the border, and nowhere else.
    """
    count, width = table.shape
    if not table.any(axis=1).all():
        return None
    starts, stops = table.argmax(axis=1), width - table[:, ::-1].argmax(axis=1)
    size = int((stops - starts).max())
    (whole,) = np.nonzero(stops - starts == size)
    stride = size if count == 1 else int(np.median(np.diff(starts[whole]))) if len(whole) > 1 else 0
    if stride < 1:
        return None
    first = int(starts[whole[0]] - whole[0] * stride)
    expected = np.zeros_like(table)
    for position in range(count):
        start = first + position * stride
        expected[position, max(start, 0) : max(start + size, 0)] = True
    return Spacing(first, size, stride, 0, width) if (expected == table).all() else None


def _spacing_of_places(places: NDArray[np.int64], regular: slice) -> Spacing | None:
    positions = np.arange(len(places))[regular]
    judged = places[regular]
    positions, judged = positions[judged != NOTHING], judged[judged != NOTHING]
    if not len(judged):
        return None
    step = int(judged[1] - judged[0]) if len(judged) > 1 else 1
    if step < 1 or (np.diff(positions) != 1).any() or (np.diff(judged) != step).any():
        return None
    return Spacing(int(judged[0] - positions[0] * step), 1, step, int(judged[0]), int(judged[-1]) + 1)
