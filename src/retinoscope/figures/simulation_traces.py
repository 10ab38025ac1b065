"""The scrolling traces below the view in the simulation movie: numbers of the world, value and events against time.

All of it is drawn once as a long strip; a frame of the movie shows the part that ends at its own decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw

from retinoscope.figures import canvas
from retinoscope.figures.event_marks import side_of
from retinoscope.figures.style import rgb
from retinoscope.figures.variables import capital, numbers_in

_STEP = 4  # pixels from one decision to the next
_AXIS = 64  # width of the column of axis numbers
_AHEAD = 24  # empty pixels right of the present decision
_TITLE, _MARKS, _PANEL, _SMALL, _BETWEEN, _TIME = 24, 32, 96, 44, 42, 46
_EVERY, _EVERY_DECISIONS = 5, 50  # units of time from one label to the next
_TEXT = 14
_MARK = 6  # half the width of an event's triangle
_TRACE: canvas.Colour = (60, 64, 72)


@dataclass(frozen=True)
class _Mark:
    """Columns and rows on the strip of something that is shown whole or not at all."""

    left: int
    right: int
    top: int
    bottom: int


@dataclass(frozen=True)
class _Panel:
    """One trace: its rows on the strip and the values at its lower and upper edge."""

    title: str
    top: int
    height: int
    values: np.ndarray
    ticks: np.ndarray

    def row(self, values: np.ndarray | float) -> np.ndarray:
        low, high = self.ticks[0], self.ticks[-1]
        place = (np.asarray(values) - low) / (high - low) * (self.height - 1)
        return np.round(self.top + self.height - 1 - place).astype(int)


class Traces:
    """Draws the traces of a simulation into movie frames, `width` x `height` pixels.

    The first number of the world and the critic's value have large panels, further numbers small ones.
    """

    def __init__(self, data: xarray.Dataset, width: int) -> None:
        self.width = width
        self._window = width - _AXIS
        self._panels = _panels(data)
        self._bottom = self._panels[-1].top + self._panels[-1].height if self._panels else _TITLE + _MARKS
        self.height = self._bottom + _TIME
        self._units = str(data["seconds"].attrs.get("units", "s"))
        self._every = _EVERY if self._units == "s" else _EVERY_DECISIONS
        self._marks: list[_Mark] = []
        self._named_until = 0  # column behind the last name of an episode
        self._strip = self._draw_strip(data)
        self._margin = self._draw_margin()

    def draw(self, frame: np.ndarray, x: int, y: int, decision: int) -> None:
        """Draw the traces up to `decision` with their upper left corner at column `x`, row `y`."""
        present = self._window - _AHEAD
        right = self._column(decision) - 1  # a line is two pixels wide: the next column has some of what is to come
        region = frame[y : y + self.height, x + _AXIS : x + self.width]
        region[:, :present] = self._strip[:, right - present : right]
        for mark in self._marks:
            if mark.left < right < mark.right:
                region[mark.top : mark.bottom, present - right + mark.left : present] = canvas.WHITE
        for panel in self._panels:
            if np.isfinite(panel.values[decision]):
                row = int(panel.row(panel.values[decision]))
                canvas.fill(region, present - 4, row - 4, 8, 8, canvas.INK)
        frame[y : y + self.height, x : x + _AXIS] = self._margin
        for number, panel in enumerate(self._panels):
            top = y + (panel.top - _TITLE - 6 if number else 0)
            canvas.fill(frame, x, top, canvas.text_width(panel.title, _TEXT, True) + 10, _TITLE - 4, canvas.WHITE)
            canvas.draw_text(frame, panel.title, x, top, _TEXT, bold=True)
        label, text = y + self.height - 22, f"time in the episode, {self._units}"
        canvas.draw_text(frame, text, x + self.width - _AHEAD, label, _TEXT, canvas.GREY, align="right")

    def _column(self, decision: int) -> int:
        """Column of a decision on the strip; a window of blank lies before the first."""
        return self._window + decision * _STEP

    def _draw_strip(self, data: xarray.Dataset) -> np.ndarray:
        decisions = data.sizes["time"]
        image = Image.new("RGB", (self._window + (decisions - 1) * _STEP + 1, self.height), canvas.WHITE)
        draw = ImageDraw.Draw(image)
        for panel in self._panels:
            for row in panel.row(panel.ticks):
                draw.line([(self._window, row), (image.width, row)], fill=canvas.LINE)
        self._draw_time(draw, data)
        self._draw_events(draw, data)
        starts = np.flatnonzero(np.diff(data["episode"].values, prepend=data["episode"].values[0])).tolist()
        for first, last in zip([0, *starts], [*starts, decisions], strict=True):
            for panel in self._panels:
                self._draw_trace(draw, panel, first, last)
        strip = np.array(image)
        for start in starts:
            self._draw_episode_boundary(strip, self._column(start), int(data["episode"].values[start]))
        return strip

    def _draw_trace(self, draw: ImageDraw.ImageDraw, panel: _Panel, first: int, last: int) -> None:
        """One episode, in pieces where some of its numbers are not known."""
        is_known = np.isfinite(panel.values[first:last])
        edges = np.flatnonzero(np.diff(is_known, prepend=False, append=False)).reshape(-1, 2) + first
        for begin, end in edges.tolist():
            columns = range(self._column(begin), self._column(end), _STEP)
            rows = panel.row(panel.values[begin:end]).tolist()
            draw.line(list(zip(columns, rows, strict=True)), fill=_TRACE, width=2)

    def _draw_time(self, draw: ImageDraw.ImageDraw, data: xarray.Dataset) -> None:
        seconds, every, bottom = data["seconds"].values, self._every, self._bottom
        for decision in np.flatnonzero(np.diff(seconds // every, prepend=seconds[0] // every)):
            column = self._column(int(decision))
            text = f"{every * (seconds[decision] // every):.0f}"
            draw.line([(column, bottom), (column, bottom + 4)], fill=canvas.GREY)
            draw.text((column, bottom + 6), text, fill=canvas.GREY, font=canvas.font(_TEXT), anchor="ma")
            half = canvas.text_width(text, _TEXT) // 2 + 2
            self._marks.append(_Mark(column - half, column + half, bottom + 5, self.height))

    def _draw_events(self, draw: ImageDraw.ImageDraw, data: xarray.Dataset) -> None:
        """A filled triangle pointing up, an open one pointing down, or a disc; and a line through the traces."""
        if "events" not in data:
            return
        sides = [side_of(valence) for valence in data["event_valence"].values]
        upper, lower = _TITLE + _MARKS // 4, _TITLE + 3 * _MARKS // 4
        for decision, event in zip(*np.nonzero(data["events"].values), strict=True):
            column, side = self._column(int(decision)), sides[event]
            colour = rgb(side.colour)
            if side.sign > 0:
                shape = [(column - _MARK, upper + 5), (column + _MARK, upper + 5), (column, upper - 6)]
                draw.polygon(shape, fill=colour)
            elif side.sign < 0:
                shape = [(column - _MARK, lower - 5), (column + _MARK, lower - 5), (column, lower + 6)]
                draw.polygon(shape, fill=canvas.WHITE, outline=colour, width=2)
            else:
                middle = (upper + lower) // 2
                draw.ellipse([(column - 3, middle - 3), (column + 3, middle + 3)], fill=colour)
            self._marks.append(_Mark(column - _MARK - 1, column + _MARK + 2, _TITLE, _TITLE + _MARKS))
            for panel in self._panels:
                rows = range(panel.top, panel.top + panel.height, 2 if side.sign > 0 else 6)
                draw.point([(column, row) for row in rows], fill=colour)

    def _draw_episode_boundary(self, strip: np.ndarray, column: int, episode: int) -> None:
        top = _TITLE if column < self._named_until - 8 else 0  # below the name of a short episode, not through it
        canvas.fill(strip, column, top, 2, self._bottom - top, canvas.INK)
        name = f"episode {episode + 1}"
        right = column + 8 + canvas.text_width(name, _TEXT)
        if column + 8 < self._named_until:  # short episodes: not all of their names have room
            return
        self._named_until = right + 8
        canvas.draw_text(strip, name, column + 8, 0, _TEXT, canvas.INK)
        self._marks.append(_Mark(column + 8, right, 0, _TITLE))

    def _draw_margin(self) -> np.ndarray:
        margin = np.full((self.height, _AXIS, 3), 255, np.uint8)
        for panel in self._panels:
            canvas.fill(margin, _AXIS - 1, panel.top, 1, panel.height, canvas.GREY)
            for tick, row in zip(panel.ticks, panel.row(panel.ticks), strict=True):
                canvas.fill(margin, _AXIS - 6, int(row), 5, 1, canvas.GREY)
                top = int(row) - canvas.line_height(_TEXT) // 2
                canvas.draw_text(
                    margin, f"{tick:g}".replace("-", "−"), _AXIS - 10, top, _TEXT, canvas.GREY, align="right"
                )
        return margin


def _panels(data: xarray.Dataset) -> tuple[_Panel, ...]:
    """From above; where the world has no numbers and there is no critic, the reward."""
    numbers = []
    for each in numbers_in(data):
        title = capital(each.title)
        numbers.append((f"{title}, {each.units}" if each.units else title, each.values, *each.ends))
    large, small = numbers[:1], numbers[1:]
    if "value" in data:
        large.append(("Critic's value: expected return", *_with_zero(data["value"].values)))
    if not large and "reward" in data:
        large.append(("Reward", *_with_zero(data["reward"].values)))
    found: list[_Panel] = []
    top = _TITLE + _MARKS
    for (title, values, low, high), height in [(each, _PANEL) for each in large] + [(each, _SMALL) for each in small]:
        found.append(_Panel(title, top, height, values, _ticks(low, high, 3 if height == _PANEL else 1)))
        top += height + _BETWEEN
    return tuple(found)


def _with_zero(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    return values, min(float(values.min()), 0.0), max(float(values.max()), 0.0)


def _ticks(low: float, high: float, steps: int) -> np.ndarray:
    """Round numbers from below `low` to above `high`."""
    return np.asarray(MaxNLocator(steps, steps=[1, 2, 5, 10]).tick_values(low, high if high > low else low + 1.0))
