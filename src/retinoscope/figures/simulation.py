"""The simulation as a movie and as a summary figure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures import canvas
from retinoscope.figures.event_marks import EventRow, Side, event_rows, events_title, side_of
from retinoscope.figures.page import Page, Size, points, text_width, wrapped
from retinoscope.figures.pictures import Pictures
from retinoscope.figures.simulation_actions import ActionColumn
from retinoscope.figures.simulation_traces import Traces
from retinoscope.figures.style import colour, require, rgb, shade, styled, title_of
from retinoscope.figures.variables import ShownNumber, capital, numbers_in
from retinoscope.figures.words import shortened, words_of
from retinoscope.result import Result

__all__ = ["simulation_frames", "simulation_summary"]

MOST_EPISODES = 20
"""Of a stretch, that its summary shows; the movie shows all."""

_TALL, _INCHES = 3.0, 0.52  # of the summary: height of a trace in shares, and of a share

_MARGIN, _GAP = 20, 24
_VIEW = 480  # the view is enlarged by the whole number that brings its longer side to this or just below
_LARGEST = 960  # longer sides are shown with every second pixel, or every third, ...
_COLUMN = 376  # width of the column beside the view
_TITLE, _FLASH, _METER, _NUMBER = 44, 52, 66, 28
_NEWS = 100  # width of the title of events
_HOLD = 14  # decisions for which an event stays listed
_BAR: canvas.Colour = (150, 156, 166)
_TRACK: canvas.Colour = (238, 240, 243)


def simulation_frames(result: Result) -> Iterator[np.ndarray]:
    """Compose one movie frame per decision.

    Shown are the observation, enlarged so that every pixel is a block; numbers of the world, the first with a bar, and
    the critic's value; what the network gave for every action, with the one taken marked; events, where good ones are
    filled boxes with an upward triangle, bad ones open boxes with a downward triangle and others have a disc; the
    traces up to this moment.

    Args:
        result: of the `simulation` analysis.

    Yields:
        RGB frames, (height, width, 3) uint8, all of one size, height and width even. Each is a new array.
    """
    composer = _Composer(result.data)
    for decision in range(result.data.sizes["time"]):
        yield composer.compose(decision)


def view_position(result: Result) -> tuple[int, int, int]:
    """Where the movie shows the observation: row and column of its upper left corner, and pixels per pixel."""
    data = result.data
    layout = _Layout.of(data, ActionColumn(data), numbers_in(data), 0)
    return layout.top, _MARGIN, layout.factor


@dataclass(frozen=True)
class _Layout:
    """Where things are, in pixels of the movie; every `every`-th pixel of the observation is shown."""

    factor: int
    every: int
    view_width: int
    view_height: int
    column: int
    top: int
    actions_top: int
    flash_top: int
    traces_top: int
    width: int
    height: int

    @classmethod
    def of(cls, data: xarray.Dataset, actions: ActionColumn, numbers: list[ShownNumber], traces_height: int) -> _Layout:
        longer = max(data.sizes["width"], data.sizes["height"])
        factor, every = max(1, _VIEW // longer), -(-longer // _LARGEST)
        view_width, view_height = (factor * -(-data.sizes[side] // every) for side in ("width", "height"))
        meters = _METER * (bool(numbers) + ("value" in data)) + _NUMBER * len(numbers[1:])
        meters += 14 if numbers[1:] else 0
        flash_top = _MARGIN + _TITLE + max(view_height, meters + actions.height) + 12
        traces_top = flash_top + _FLASH
        column = _MARGIN + max(view_width, 340) + _GAP
        width, height = column + _COLUMN + _MARGIN, traces_top + traces_height + 8
        return cls(
            factor=factor,
            every=every,
            view_width=view_width,
            view_height=view_height,
            column=column,
            top=_MARGIN + _TITLE,
            actions_top=_MARGIN + _TITLE + meters,
            flash_top=flash_top,
            traces_top=traces_top,
            width=width + width % 2,
            height=height + height % 2,
        )


@dataclass(frozen=True)
class _News:
    """A line of news: an event, or, without a side, the end of an episode."""

    decision: int
    side: Side | None
    label: str


class _Composer:
    """Composes the frame of any decision; what is the same in all frames is drawn once."""

    def __init__(self, data: xarray.Dataset) -> None:
        self._numbers = numbers_in(data)
        self._actions = ActionColumn(data)
        plain = _Layout.of(data, self._actions, self._numbers, 0)
        self._traces = Traces(data, plain.width - 2 * _MARGIN)
        self._layout = _Layout.of(data, self._actions, self._numbers, self._traces.height)
        self._news, self._pictures = _news(data), Pictures.of(data)
        self._rows = {name: variable.values for name, variable in data.variables.items() if "time" in variable.dims}
        self._units = str(data["seconds"].attrs.get("units", "s"))
        self._background = self._draw_background(events_title(data) if "events" in data else "")

    def compose(self, decision: int) -> np.ndarray:
        """The frame of one decision, (height, width, 3) uint8."""
        frame = self._background.copy()
        self._draw_view(frame, decision)
        self._draw_meters(frame, decision)
        self._actions.draw(frame, self._layout.column, self._layout.actions_top, decision)
        self._draw_news(frame, decision)
        self._traces.draw(frame, _MARGIN, self._layout.traces_top, decision)
        return frame

    def _draw_background(self, events: str) -> np.ndarray:
        layout = self._layout
        frame = np.full((layout.height, layout.width, 3), 255, np.uint8)
        left, top = layout.column, layout.top
        for number in self._numbers[:1]:
            canvas.draw_text(frame, canvas.shorten(capital(number.title), 16, 220, True), left, top, 16, bold=True)
            top += _METER
        if "value" in self._rows:
            canvas.draw_text(frame, "Critic's value", left, top, 16, bold=True)
            canvas.draw_text(frame, "the return it expects from here on", left, top + 23, 13, canvas.GREY)
            top += _METER
        for number in self._numbers[1:]:
            canvas.draw_text(frame, canvas.shorten(capital(number.title), 15, 240), left, top, 15)
            top += _NUMBER
        self._actions.draw_background(frame, layout.column, layout.actions_top)
        canvas.draw_text(
            frame, canvas.shorten(events, 16, _NEWS - 8, True), _MARGIN, layout.flash_top + 10, 16, bold=True
        )
        return frame

    def _draw_view(self, frame: np.ndarray, decision: int) -> None:
        layout = self._layout
        view = frame[layout.top : layout.top + layout.view_height, _MARGIN : _MARGIN + layout.view_width]
        shown = self._pictures.shown(self._rows["observation"][decision][:: layout.every, :: layout.every])
        view[...] = canvas.enlarge(shown, layout.factor)
        title = f"Episode {self._rows['episode'][decision] + 1}"
        canvas.draw_text(frame, title, _MARGIN, _MARGIN, 22, bold=True)
        time = f"decision {self._rows['step'][decision] + 1}"
        if self._units == "s":
            time = f"{self._rows['seconds'][decision]:.1f} s    {time}"
        right = max(_MARGIN + layout.view_width, layout.column - _GAP)
        canvas.draw_text(frame, time, right, _MARGIN + 4, 18, canvas.GREY, align="right")

    def _draw_meters(self, frame: np.ndarray, decision: int) -> None:
        left, right, top = self._layout.column, self._layout.column + _COLUMN, self._layout.top
        for number in self._numbers[:1]:
            value = number.values[decision]
            says = f"{_short(value)} of {_short(number.high)}" if number.is_bounded else _with_units(number, value)
            canvas.draw_text(frame, says, right, top, 16, align="right")
            share = (value - number.low) / (number.high - number.low) if number.high > number.low else 0.0
            canvas.fill(frame, left, top + 26, _COLUMN, 18, _TRACK)
            canvas.fill(frame, left, top + 26, round(_COLUMN * float(np.clip(np.nan_to_num(share), 0, 1))), 18, _BAR)
            canvas.outline(frame, left, top + 26, _COLUMN, 18, canvas.GREY)
            top += _METER
        if "value" in self._rows:
            value = f"{self._rows['value'][decision]:+.2f}".replace("-", "−")
            canvas.draw_text(frame, value, right, top, 16, align="right")
            top += _METER
        for number in self._numbers[1:]:
            canvas.draw_text(frame, _with_units(number, number.values[decision]), right, top, 15, align="right")
            top += _NUMBER

    def _draw_news(self, frame: np.ndarray, decision: int) -> None:
        """The latest first; those that find no room are counted."""
        recent = [news for news in self._news if decision - _HOLD < news.decision <= decision][::-1]
        x, top = _MARGIN + _NEWS, self._layout.flash_top
        end = self._layout.width - _MARGIN - 90
        for number, news in enumerate(recent):
            width = canvas.text_width(news.label, 16, True) + 24
            if x + width > end:
                canvas.draw_text(frame, f"+ {len(recent) - number} more", x, top + 10, 15, canvas.GREY)
                break
            _draw_box(frame, news, x, top, width)
            x += width + 10


def _draw_box(frame: np.ndarray, news: _News, x: int, y: int, width: int) -> None:
    if news.side is not None and news.side.sign > 0:
        canvas.fill(frame, x, y, width, 38, rgb(news.side.colour))
        canvas.draw_text(frame, news.label, x + 12, y + 9, 16, canvas.WHITE, bold=True)
        return
    ink = canvas.GREY if news.side is None else rgb(news.side.colour)
    canvas.outline(frame, x, y, width, 38, ink, thickness=3)
    canvas.draw_text(frame, news.label, x + 12, y + 9, 16, ink, bold=True)


def _news(data: xarray.Dataset) -> list[_News]:
    found = []
    if "events" in data:
        counts, inferred = data["events"].values, json.loads(data.attrs.get("events_inferred", "[]"))
        for decision, index in zip(*np.nonzero(counts), strict=True):
            label = _event_label(data, int(index), int(counts[decision, index]))
            if inferred and inferred[index]:
                label += "  (inferred)"
            found.append(_News(int(decision), side_of(data["event_valence"].values[index]), label))
    terminated, endings = data["terminated"].values, json.loads(data.attrs["endings"])
    for decision in np.flatnonzero(terminated | data["truncated"].values):
        episode, how = int(data["episode"].values[decision]) + 1, endings[0] if terminated[decision] else endings[1]
        found.append(_News(int(decision), None, canvas.shorten(f"episode {episode}: {how}", 16, 440, bold=True)))
    return sorted(found, key=lambda news: news.decision)


def _event_label(data: xarray.Dataset, index: int, count: int) -> str:
    """`▲ fruit ×2  rewarded +25`; without the valence where it has no units, for then only its sign means something."""
    valence, words = float(data["event_valence"].values[index]), words_of(data)
    side = side_of(valence)
    name = canvas.shorten(str(data["event"].values[index]), 16, 160, bold=True)
    label = f"{side.sign_text} {name}{f' ×{count}' if count > 1 else ''}"
    if data["event_valence"].attrs.get("units") and np.isfinite(valence):
        kind = {1: words.positive, -1: words.negative, 0: "neutral"}[side.sign]
        label += f"  {kind} {valence:+g}".replace("-", "−")
    return label


def _short(value: float) -> str:
    if not np.isfinite(value):
        return "unknown"
    return (f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.2g}").replace("-", "−")


def _with_units(number: ShownNumber, value: float) -> str:
    return f"{_short(value)} {number.units}" if number.units else _short(value)


def summarised_decisions(data: xarray.Dataset) -> int:
    """How many decisions the summary shows: of many short episodes the first, for lines of more are a hatching."""
    starts = np.flatnonzero(np.diff(data["episode"].values)) + 1
    return int(starts[MOST_EPISODES - 1]) if len(starts) >= MOST_EPISODES else data.sizes["time"]


@styled
def simulation_summary(result: Result, *, figsize: Size = None) -> Figure:
    """The first number of the world and the critic's value against time, with the events in named rows between them.

    Of more than `MOST_EPISODES` episodes, the first are shown.

    Args:
        result: of the `simulation` analysis.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "simulation")
    data = result.data.isel(time=slice(summarised_decisions(result.data)))
    elapsed, episode = data["elapsed"].values, data["episode"].values
    rows = [row for row in event_rows(data) if row.side.sign or row.counts.any()]
    shown = _summed_up(data)
    middle = max(1.0, 0.45 * len(rows))
    ratios = [_TALL] * len(shown)
    if rows:
        ratios.insert(min(1, len(shown)), middle)
    # Fixed margins: the constrained layout, drawn at a second resolution, made these axes collapse.
    page = Page(title_of(result, simulation_title(data)), None, figsize).begin(0.46 + _INCHES * sum(ratios))
    names = [text_width(_row_name(row), points("ytick.labelsize")) for row in rows]
    left = max(1.25, 0.45 + max(names, default=0.0))
    grid = page.grid(len(ratios), 1, left, 0.15, 0.15, 0.4, height_ratios=ratios, hspace=0.16)
    drawn: Any = grid.subplots(squeeze=False, sharex=True)
    panels: list[Axes] = list(drawn.ravel())
    events = panels.pop(min(1, len(shown))) if rows else None
    for axes, (label, values, limits) in zip(panels, shown, strict=True):
        axes.plot(elapsed, _broken_at_episodes(values, episode), color=shade(0.8), linewidth=1)
        axes.set(ylabel=label, ylim=limits)
    if events is not None:
        _draw_event_rows(events, elapsed, rows, words_of(data).events)
    every = [*panels[:1], *([events] if events is not None else []), *panels[1:]]
    units = data["elapsed"].attrs.get("units", "s")
    every[-1].set(xlabel=f"time ({units})", xlim=(elapsed[0], max(elapsed[-1], 1e-3)))
    _draw_episodes(every, elapsed, episode)
    page.figure.align_ylabels()
    return page.figure


def simulation_title(data: xarray.Dataset) -> str:
    """What the summary shows: `Fuel, events and value over time`."""
    numbers = [number.name if "," in number.title else number.title for number in numbers_in(data)[:1]]
    names = numbers + [words_of(data).events] * ("events" in data)
    names += ["value"] * ("value" in data)
    names = names or ["reward"]
    return capital(f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]) + " over time"


def _summed_up(data: xarray.Dataset) -> list[tuple[str, np.ndarray, tuple[float | None, float | None]]]:
    """Label, values (time,) and limits of every trace."""
    found: list[tuple[str, np.ndarray, tuple[float | None, float | None]]] = []
    for number in numbers_in(data)[:1]:
        low, high = number.ends
        has_floor = low >= 0 and number.is_bounded
        label = wrapped(number.label, 0.9 * _INCHES * _TALL, points("axes.labelsize"))
        found.append((label, number.values, (0, 1.04 * high) if has_floor else (None, None)))
    if "value" in data:
        found.append(("critic's value,\nreturn expected", data["value"].values, (None, None)))
    if not found:
        name = "reward" if "reward" in data else "terminated"
        found.append((name, data[name].values.astype(float), (None, None)))
    return found


def _draw_episodes(panels: list[Axes], elapsed: np.ndarray, episode: np.ndarray) -> None:
    """A line where an episode starts, and its name above where there is room for it."""
    starts = np.flatnonzero(np.diff(episode)) + 1
    ends = [*starts, len(episode) - 1][1:]
    for axes in panels:
        axes.vlines(
            elapsed[starts], 0, 1, color=shade(0.5), linestyle=(0, (4, 3)), linewidth=0.8,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    for start, end in zip(starts, ends, strict=True):
        if elapsed[end] - elapsed[start] > 0.12 * elapsed[-1]:
            where = (elapsed[start], 1.0)
            name, above = f"episode {episode[start] + 1}", panels[0].get_xaxis_transform()
            panels[0].annotate(name, where, (3, 2), above, "offset points", fontsize="small")


def _draw_event_rows(axes: Axes, elapsed: np.ndarray, rows: list[EventRow], title: str) -> None:
    for place, row in enumerate(rows):
        times = elapsed[row.counts > 0]
        is_open = row.side.sign < 0
        axes.plot(
            times, np.full(len(times), len(rows) - 1 - place), row.marker, clip_on=False, markersize=5,
            markeredgewidth=0.8, markerfacecolor=shade(0) if is_open else colour(row.side.colour),
            markeredgecolor=colour(row.side.colour),
        )  # fmt: skip
    names = [_row_name(row) for row in rows]
    axes.set(ylim=(-0.6, len(rows) - 0.4), yticks=range(len(rows) - 1, -1, -1), yticklabels=names, ylabel=title)


def _row_name(row: EventRow) -> str:
    return f"{shortened(row.name, 24)} ({row.counts.sum()})"


def _broken_at_episodes(values: np.ndarray, episode: np.ndarray) -> np.ndarray:
    """The values as floats, with a gap in place of the last decision of each episode but the last."""
    broken = np.asarray(values, float).copy()
    broken[:-1][np.diff(episode) != 0] = np.nan
    return broken
