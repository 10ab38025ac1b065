"""Tracks over time: the critic's value, and numbers of the world."""

from __future__ import annotations

from textwrap import wrap
from typing import NamedTuple

import numpy as np
import xarray
from matplotlib.axes import Axes

from retinoscope.figures.style import shade
from retinoscope.figures.variables import numbers_in
from retinoscope.figures.words import shortened

_LETTERS = 16  # in a line of a label

__all__: list[str] = []


class Track(NamedTuple):
    """A line over time.

    Attributes:
        label: of its axis, in at most three lines.
        values: (time,).
    """

    label: str
    values: np.ndarray


def tracks_of(data: xarray.Dataset) -> list[Track]:
    """Those that `analyses.tracks.with_tracks` put into the data of a Result: the value first, if there is a critic."""
    found = [Track("critic's\nvalue", data["value"].values)] if "value" in data else []
    for number in numbers_in(data):
        units = _lines(f"({number.units})", 2) if number.units else []
        title = _lines(number.title, 2 if len(units) < 2 else 1)
        found.append(Track("\n".join([*title, *units]), number.values))
    return found


def _lines(text: str, most: int) -> list[str]:
    """So many lines at most; what is left is shortened."""
    lines = wrap(text, _LETTERS)
    return lines if len(lines) <= most else [*lines[: most - 1], shortened(" ".join(lines[most - 1 :]), _LETTERS)]


def draw_track(axes: Axes, data: xarray.Dataset, track: Track) -> None:
    """Draw a line over `seconds`."""
    axes.plot(data["seconds"].values, track.values, color=shade(0.9), linewidth=0.9)
    axes.set_ylabel(track.label)
