"""The scrolling traces below the view in the simulation movie: health and value against time, pick-ups marked.

All of it is drawn once as a long strip; a frame of the movie shows the part that ends at its own decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw

from retinoscope.figures import canvas
from retinoscope.figures.style import rgb

_STEP = 4  # pixels from one decision to the next
_AXIS = 64  # width of the column of axis numbers
_AHEAD = 24  # empty pixels right of the present decision
_TITLE, _MARKS, _PANEL, _BETWEEN, _TIME = 24, 32, 96, 42, 46
_TEXT = 14
_MARK = 6  # half the width of a pick-up's triangle
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
    values: np.ndarray
    ticks: np.ndarray

    def row(self, values: np.ndarray | float) -> np.ndarray:
        low, high = self.ticks[0], self.ticks[-1]
        return np.round(self.top + _PANEL - 1 - (np.asarray(values) - low) / (high - low) * (_PANEL - 1)).astype(int)


class Traces:
    """Draws the traces of a simulation into movie frames, `width` x `height` pixels."""

    height = _TITLE + _MARKS + _PANEL + _BETWEEN + _PANEL + _TIME

    def __init__(self, data: xarray.Dataset, width: int) -> None:
        self.width = width
        self._window = width - _AXIS
        health, value = data["health"].values, data["value"].values
        health_ticks = _ticks(0.0, data.attrs["health_maximum"])
        value_ticks = _ticks(min(float(value.min()), 0.0), max(float(value.max()), 0.0))
        first = _TITLE + _MARKS
        self._panels = (
            _Panel("Health, points", first, health, health_ticks),
            _Panel("Critic's value: expected return", first + _PANEL + _BETWEEN, value, value_ticks),
        )
        self._marks: list[_Mark] = []
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
            row = int(panel.row(panel.values[decision]))
            canvas.fill(region, present - 4, row - 4, 8, 8, canvas.INK)
        frame[y : y + self.height, x : x + _AXIS] = self._margin
        for panel, top in zip(self._panels, (0, self._panels[1].top - _TITLE - 6), strict=True):
            canvas.fill(frame, x, y + top, canvas.text_width(panel.title, _TEXT, True) + 10, _TITLE - 4, canvas.WHITE)
            canvas.draw_text(frame, panel.title, x, y + top, _TEXT, bold=True)
        label = y + self.height - 22
        canvas.draw_text(
            frame, "time in the episode, s", x + self.width - _AHEAD, label, _TEXT, canvas.GREY, align="right"
        )

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
        self._draw_pickups(draw, data)
        starts = np.flatnonzero(np.diff(data["episode"].values, prepend=data["episode"].values[0])).tolist()
        for first, last in zip([0, *starts], [*starts, decisions], strict=True):
            for panel in self._panels:
                columns = range(self._column(first), self._column(last), _STEP)
                rows = panel.row(panel.values[first:last]).tolist()
                draw.line(list(zip(columns, rows, strict=True)), fill=_TRACE, width=2)
        strip = np.array(image)
        for start in starts:
            self._draw_episode_boundary(strip, self._column(start), int(data["episode"].values[start]))
        return strip

    def _draw_time(self, draw: ImageDraw.ImageDraw, data: xarray.Dataset) -> None:
        seconds = data["seconds"].values
        bottom = self._panels[-1].top + _PANEL
        for decision in np.flatnonzero(np.diff(seconds // 5, prepend=seconds[0] // 5)):
            column = self._column(int(decision))
            text = f"{5 * (seconds[decision] // 5):.0f}"
            draw.line([(column, bottom), (column, bottom + 4)], fill=canvas.GREY)
            draw.text((column, bottom + 6), text, fill=canvas.GREY, font=canvas.font(_TEXT), anchor="ma")
            half = canvas.text_width(text, _TEXT) // 2 + 2
            self._marks.append(_Mark(column - half, column + half, bottom + 5, self.height))

    def _draw_pickups(self, draw: ImageDraw.ImageDraw, data: xarray.Dataset) -> None:
        """Healing: a filled triangle pointing up; harmful: an open one pointing down; and a line through the traces."""
        effect, pickups = data["class_effect"].values, data["pickups"].values
        upper, lower = _TITLE + _MARKS // 4, _TITLE + 3 * _MARKS // 4
        for decision, kind in zip(*np.nonzero(pickups), strict=True):
            column = self._column(int(decision))
            if effect[kind] > 0:
                shape = [(column - _MARK, upper + 5), (column + _MARK, upper + 5), (column, upper - 6)]
                draw.polygon(shape, fill=rgb("healing"))
            elif effect[kind] < 0:
                shape = [(column - _MARK, lower - 5), (column + _MARK, lower - 5), (column, lower + 6)]
                draw.polygon(shape, fill=canvas.WHITE, outline=rgb("harmful"), width=2)
            self._marks.append(_Mark(column - _MARK - 1, column + _MARK + 2, _TITLE, _TITLE + _MARKS))
            colour = rgb("healing") if effect[kind] > 0 else rgb("harmful") if effect[kind] < 0 else canvas.GREY
            for panel in self._panels:
                rows = range(panel.top, panel.top + _PANEL, 2 if effect[kind] > 0 else 6)
                draw.point([(column, row) for row in rows], fill=colour)

    def _draw_episode_boundary(self, strip: np.ndarray, column: int, episode: int) -> None:
        bottom = self._panels[-1].top + _PANEL
        canvas.fill(strip, column, 0, 2, bottom, canvas.INK)
        name = f"episode {episode + 1}"
        canvas.draw_text(strip, name, column + 8, 0, _TEXT, canvas.INK)
        self._marks.append(_Mark(column + 8, column + 8 + canvas.text_width(name, _TEXT), 0, _TITLE))

    def _draw_margin(self) -> np.ndarray:
        margin = np.full((self.height, _AXIS, 3), 255, np.uint8)
        for panel in self._panels:
            canvas.fill(margin, _AXIS - 1, panel.top, 1, _PANEL, canvas.GREY)
            for tick, row in zip(panel.ticks, panel.row(panel.ticks), strict=True):
                canvas.fill(margin, _AXIS - 6, int(row), 5, 1, canvas.GREY)
                top = int(row) - canvas.line_height(_TEXT) // 2
                canvas.draw_text(
                    margin, f"{tick:g}".replace("-", "−"), _AXIS - 10, top, _TEXT, canvas.GREY, align="right"
                )
        return margin


def _ticks(low: float, high: float) -> np.ndarray:
    """Round numbers from below `low` to above `high`."""
    return np.asarray(MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high if high > low else low + 1.0))
