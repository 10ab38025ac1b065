"""Events over time: what is good, bad and neither for the agent, told apart by colour, line and mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from retinoscope.figures.style import colour, shade
from retinoscope.figures.variables import capital
from retinoscope.figures.words import words_of

__all__: list[str] = []

Sign = Literal[1, -1, 0]


class Side(NamedTuple):
    """How events whose valence has this sign are drawn.

    Attributes:
        sign: of the valence; 0 also where it is not known.
        colour: its name in the style.
        line: matplotlib's style of a line.
        marker: matplotlib's mark.
        sign_text: the mark as a letter.
        height: of the mark in a strip of height 1.
    """

    sign: Sign
    colour: str
    line: Literal["-", "--", ":"]
    marker: str
    sign_text: str
    height: float


SIDES = (
    Side(1, "positive", "-", "^", "▲", 0.7),
    Side(-1, "negative", "--", "v", "▽", 0.3),
    Side(0, "neutral", ":", "o", "●", 0.7),
)
_MARKERS = "sDPXph"  # of single events beside the first of its sign


def side_of(valence: float) -> Side:
    """The side of an event; that of neither where its valence is NaN."""
    return SIDES[0] if valence > 0 else SIDES[1] if valence < 0 else SIDES[2]


class EventRow(NamedTuple):
    """Events that are marked alike: all of one sign, or, where only one sign occurs, all of one name.

    Attributes:
        name: for a legend.
        side: how they are drawn.
        marker: that of the side, or one of its own where only one sign occurs.
        counts: (time,) int, how many happened.
    """

    name: str
    side: Side
    marker: str
    counts: np.ndarray


def event_rows(data: xarray.Dataset, most: int = 6) -> list[EventRow]:
    """The events of a Result by the sign of their valence; where only one sign is there by name, most frequent first.

    Args:
        data: with `events` (time, event) and `event_valence`; none has no rows.
        most: rows of single events; the others are left out.
    """
    if "events" not in data:
        return []
    words, counts = words_of(data), data["events"].values.astype(np.int64)
    valences = data["event_valence"].values
    signs = np.sign(np.nan_to_num(valences))
    if {1, -1} <= set(signs.tolist()):
        names = (
            words.positive or "good",
            words.negative or "bad",
            "others" if np.isnan(valences).any() else "without effect",
        )
        of_sides = [counts[:, signs == side.sign].sum(axis=1) for side in SIDES]
        rows = [EventRow(*each) for each in zip(names, SIDES, [side.marker for side in SIDES], of_sides, strict=True)]
        return rows if of_sides[-1].any() else rows[:-1]
    order, used, found = np.argsort(-counts.sum(axis=0), kind="stable")[:most], set(), []
    others = iter(_MARKERS)
    for each in order:
        side = side_of(signs[each])
        marker = next(others) if side.sign in used else side.marker
        used.add(side.sign)
        found.append(EventRow(str(data["event"].values[each]), side, marker, counts[:, each]))
    return found


def draw_events(
    panels: Sequence[Axes], marks: Axes, data: xarray.Dataset, width: float, maps: Sequence[Axes] = ()
) -> None:
    """Draw a line through every panel and a mark above it for every event, and a legend of the kinds there are.

    Args:
        panels: share the axis of time with `marks`.
        marks: an empty panel above the others.
        data: of a Result, with `seconds` (time), and `events` if there are any.
        width: of the lines, points.
        maps: further panels, in which all lines are black, for colours would be lost on them.
    """
    marks.set_ylim(0, 1)
    marks.set_axis_off()
    seconds, handles = data["seconds"].values, []
    for name, side, marker, counts in event_rows(data):
        at = seconds[counts > 0]
        if not len(at):
            continue
        for panel, ink in [(each, colour(side.colour)) for each in panels] + [(each, shade(1)) for each in maps]:
            panel.vlines(
                at, 0, 1, color=ink, linestyle=side.line, linewidth=width, alpha=0.85, zorder=1.5,
                transform=panel.get_xaxis_transform(),
            )  # fmt: skip
        marks.plot(at, np.full(len(at), side.height), marker, color=colour(side.colour), clip_on=False)
        handles.append(Line2D([], [], color=colour(side.colour), linestyle=side.line, marker=marker, label=name))
    if handles:
        marks.legend(
            handles=handles,
            title=words_of(data).events,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(handles),
            borderaxespad=0.1,
            handlelength=3,
        )


def time_label(data: xarray.Dataset) -> str:
    """Of an axis of time within an episode; the unit is that of the coordinate `seconds`."""
    return f"time in the episode ({data['seconds'].attrs.get('units', 's')})"


def events_title(data: xarray.Dataset) -> str:
    """What events are called, with a capital letter."""
    return capital(words_of(data).events)
