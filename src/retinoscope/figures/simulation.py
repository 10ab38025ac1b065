"""The simulation as a movie and as a summary figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures import canvas
from retinoscope.figures.page import Page, Size
from retinoscope.figures.simulation_traces import Traces
from retinoscope.figures.style import colour, require, rgb, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["simulation_frames", "simulation_summary"]

_MARGIN, _GAP = 20, 24
_VIEW = 480  # the view is enlarged by the whole number that brings it to this width or just below
_COLUMN = 376  # width of the column beside the view
_TITLE, _FLASH, _HEAD, _OUTPUT, _METER = 44, 52, 34, 30, 66
_NAME, _NUMBER = 120, 56  # widths of an action's name and of its probability
_HOLD = 14  # decisions for which a pick-up stays listed
_BAR: canvas.Colour = (150, 156, 166)
_CHOSEN: canvas.Colour = (32, 33, 36)
_TRACK: canvas.Colour = (238, 240, 243)


def simulation_frames(result: Result) -> Iterator[np.ndarray]:
    """Compose one movie frame per decision.

    Shown are the observation, enlarged so that every pixel is a block; health and the critic's value; the
    probabilities of all actions with the one taken marked; pick-ups, where healing ones are filled boxes with an
    upward triangle and harmful ones open boxes with a downward triangle; the traces up to this moment.

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
    layout = _Layout.of(result.data)
    return layout.top, _MARGIN, layout.factor


@dataclass(frozen=True)
class _Layout:
    """Where things are, in pixels of the movie."""

    factor: int
    view_width: int
    view_height: int
    column: int
    top: int
    flash_top: int
    traces_top: int
    width: int
    height: int

    @classmethod
    def of(cls, data: xarray.Dataset) -> _Layout:
        factor = max(1, _VIEW // data.sizes["width"])
        view_width, view_height = factor * data.sizes["width"], factor * data.sizes["height"]
        actions = _HEAD * data.sizes["head"] + _OUTPUT * data.sizes["output"]
        flash_top = _MARGIN + _TITLE + max(view_height, 2 * _METER + actions) + 12
        traces_top = flash_top + _FLASH
        column = _MARGIN + view_width + _GAP
        width, height = column + _COLUMN + _MARGIN, traces_top + Traces.height + 8
        return cls(
            factor=factor,
            view_width=view_width,
            view_height=view_height,
            column=column,
            top=_MARGIN + _TITLE,
            flash_top=flash_top,
            traces_top=traces_top,
            width=width + width % 2,
            height=height + height % 2,
        )


@dataclass(frozen=True)
class _Event:
    """A line of news: a pick-up, or the end of an episode."""

    decision: int
    kind: Literal["healing", "harmful", "neutral", "end"]
    label: str


_KINDS: dict[int, tuple[Literal["healing", "harmful", "neutral"], tuple[str, str]]] = {
    1: ("healing", ("▲", "heals")),
    -1: ("harmful", ("▽", "harms")),
    0: ("neutral", ("●", "neutral")),
}


class _Composer:
    """Composes the frame of any decision; what is the same in all frames is drawn once."""

    def __init__(self, data: xarray.Dataset) -> None:
        self._layout = _Layout.of(data)
        self._traces = Traces(data, self._layout.width - 2 * _MARGIN)
        self._events = _events(data)
        self._rows = {name: variable.values for name, variable in data.variables.items() if "time" in variable.dims}
        self._health_maximum = float(data.attrs["health_maximum"])
        heads = data["output_head"].values
        self._heads = {str(head): np.flatnonzero(heads == head) for head in data["head"].values}
        self._outputs = [str(output) for output in data["output_choice"].values]
        self._background = self._draw_background()

    def compose(self, decision: int) -> np.ndarray:
        """The frame of one decision, (height, width, 3) uint8."""
        frame = self._background.copy()
        self._draw_view(frame, decision)
        self._draw_meters(frame, decision)
        self._draw_actions(frame, decision)
        self._draw_events(frame, decision)
        self._traces.draw(frame, _MARGIN, self._layout.traces_top, decision)
        return frame

    def _draw_background(self) -> np.ndarray:
        layout = self._layout
        frame = np.full((layout.height, layout.width, 3), 255, np.uint8)
        right, top = layout.column + _COLUMN, layout.top
        canvas.draw_text(frame, "Health", layout.column, top, 16, bold=True)
        canvas.draw_text(frame, "Critic's value", layout.column, top + _METER, 16, bold=True)
        canvas.draw_text(frame, "the return it expects from here on", layout.column, top + _METER + 23, 13, canvas.GREY)
        for head, head_top in self._head_tops().items():
            canvas.draw_text(frame, f"Action: {head}", layout.column, head_top, 16, bold=True)
            canvas.draw_text(frame, "probability", right, head_top + 2, 13, canvas.GREY, align="right")
            for number, output in enumerate(self._heads[head]):
                name = canvas.shorten(self._outputs[output], 15, _NAME - 34)
                canvas.draw_text(frame, name, layout.column + 26, head_top + _HEAD - 6 + number * _OUTPUT, 15)
        canvas.draw_text(frame, "Pick-ups", _MARGIN, layout.flash_top + 10, 16, bold=True)
        return frame

    def _head_tops(self) -> dict[str, int]:
        tops, top = {}, self._layout.top + 2 * _METER
        for head, outputs in self._heads.items():
            tops[head] = top
            top += _HEAD + _OUTPUT * len(outputs)
        return tops

    def _draw_view(self, frame: np.ndarray, decision: int) -> None:
        layout = self._layout
        view = frame[layout.top : layout.top + layout.view_height, _MARGIN : _MARGIN + layout.view_width]
        view[...] = canvas.enlarge(canvas.to_rgb(self._rows["observation"][decision]), layout.factor)
        title = f"Episode {self._rows['episode'][decision] + 1}"
        canvas.draw_text(frame, title, _MARGIN, _MARGIN, 22, bold=True)
        time = f"{self._rows['seconds'][decision]:.1f} s    decision {self._rows['step'][decision] + 1}"
        canvas.draw_text(frame, time, _MARGIN + layout.view_width, _MARGIN + 4, 18, canvas.GREY, align="right")

    def _draw_meters(self, frame: np.ndarray, decision: int) -> None:
        left, right, top = self._layout.column, self._layout.column + _COLUMN, self._layout.top
        health, maximum = float(self._rows["health"][decision]), self._health_maximum
        canvas.draw_text(frame, f"{health:.0f} of {maximum:.0f}", right, top, 16, align="right")
        canvas.fill(frame, left, top + 26, _COLUMN, 18, _TRACK)
        canvas.fill(frame, left, top + 26, round(_COLUMN * min(max(health / maximum, 0.0), 1.0)), 18, _BAR)
        canvas.outline(frame, left, top + 26, _COLUMN, 18, canvas.GREY)
        value = f"{self._rows['value'][decision]:+.2f}".replace("-", "−")
        canvas.draw_text(frame, value, right, top + _METER, 16, align="right")

    def _draw_actions(self, frame: np.ndarray, decision: int) -> None:
        """A bar per output; the one taken is dark, has a pointer before its name and a frame around its row."""
        left, right = self._layout.column, self._layout.column + _COLUMN
        track = _COLUMN - _NAME - _NUMBER
        for index, (head, top) in enumerate(self._head_tops().items()):
            for number, output in enumerate(self._heads[head]):
                row = top + _HEAD - 8 + number * _OUTPUT
                chosen = number == self._rows["action"][decision, index]
                probability = float(self._rows["probability"][decision, output])
                canvas.fill(frame, left + _NAME, row + 4, track, 15, _TRACK)
                canvas.fill(frame, left + _NAME, row + 4, round(track * probability), 15, _CHOSEN if chosen else _BAR)
                canvas.draw_text(frame, f"{probability:.2f}", right, row + 2, 15, bold=chosen, align="right")
                if chosen:
                    canvas.draw_text(frame, "▶", left + 4, row + 2, 15)

    def _draw_events(self, frame: np.ndarray, decision: int) -> None:
        """The latest first; those that find no room are counted."""
        recent = [event for event in self._events if decision - _HOLD < event.decision <= decision][::-1]
        x, top = _MARGIN + 100, self._layout.flash_top
        end = self._layout.width - _MARGIN - 90
        for number, event in enumerate(recent):
            width = canvas.text_width(event.label, 16, True) + 24
            if x + width > end:
                canvas.draw_text(frame, f"+ {len(recent) - number} more", x, top + 10, 15, canvas.GREY)
                break
            _draw_event(frame, event, x, top, width)
            x += width + 10


def _draw_event(frame: np.ndarray, event: _Event, x: int, y: int, width: int) -> None:
    if event.kind == "healing":
        canvas.fill(frame, x, y, width, 38, rgb("healing"))
        canvas.draw_text(frame, event.label, x + 12, y + 9, 16, canvas.WHITE, bold=True)
        return
    ink = rgb("harmful") if event.kind == "harmful" else canvas.GREY
    canvas.outline(frame, x, y, width, 38, ink, thickness=3)
    canvas.draw_text(frame, event.label, x + 12, y + 9, 16, ink, bold=True)


def _events(data: xarray.Dataset) -> list[_Event]:
    found = []
    pickups, names, effects = data["pickups"].values, data["class"].values, data["class_effect"].values
    inferred = bool(data.attrs.get("pickups_inferred"))
    for decision, index in zip(*np.nonzero(pickups), strict=True):
        effect, count = int(effects[index]), int(pickups[decision, index])
        kind, words = _KINDS[int(np.sign(effect))]
        times = f" ×{count}" if count > 1 else ""
        name = canvas.shorten(str(names[index]), 16, 160, bold=True)
        label = f"{words[0]} {name}{times}  {words[1]} {effect:+d}".replace("-", "−")
        if inferred:
            label = f"{words[0]} {name}: health {'rose' if effect > 0 else 'fell'}"
        found.append(_Event(int(decision), kind, label))
    for decision in np.flatnonzero(data["terminated"].values | data["truncated"].values):
        # A scenario made elsewhere may end an episode by itself, at a goal.
        ended = "ended" if inferred else "died"
        how = ended if data["terminated"].values[decision] else "time limit"
        found.append(_Event(int(decision), "end", f"episode {data['episode'].values[decision] + 1} over: {how}"))
    return sorted(found, key=lambda event: event.decision)


@styled
def simulation_summary(result: Result, *, figsize: Size = None) -> Figure:
    """Health and the critic's value against time, with the pick-ups in two named rows between them.

    Args:
        result: of the `simulation` analysis.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "simulation")
    data = result.data
    elapsed, episode = data["elapsed"].values, data["episode"].values
    # Fixed margins: the constrained layout, drawn at a second resolution, made these axes collapse.
    page = Page(title_of(result, "Health, pick-ups and value over time"), None, figsize).begin(4.1)
    grid = page.grid(3, 1, 1.25, 0.15, 0.15, 0.4, height_ratios=(3, 1, 3), hspace=0.16)
    panels: Any = grid.subplots(sharex=True)
    health, pickups, value = panels
    health.plot(elapsed, _broken_at_episodes(data["health"].values, episode), color=shade(0.8), linewidth=1)
    health.set(ylabel="health (points)", ylim=(0, 1.04 * data.attrs["health_maximum"]))
    value.plot(elapsed, _broken_at_episodes(data["value"].values, episode), color=shade(0.8), linewidth=1)
    value.set(ylabel="critic's value,\nreturn expected", xlabel="time (s)", xlim=(elapsed[0], max(elapsed[-1], 1e-3)))
    _draw_pickup_rows(pickups, data)
    _draw_episodes((health, pickups, value), elapsed, episode)
    page.figure.align_ylabels()
    return page.figure


def _draw_episodes(panels: tuple[Axes, ...], elapsed: np.ndarray, episode: np.ndarray) -> None:
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


def _draw_pickup_rows(axes: Axes, data: xarray.Dataset) -> None:
    elapsed, effect = data["elapsed"].values, data["class_effect"].values
    labels = []
    rows = (("healing", 1, effect > 0, "^", colour("healing")), ("harmful", 0, effect < 0, "v", shade(0)))
    for name, height, classes, marker, face in rows:
        counts = data["pickups"].values[:, classes].astype(int).sum(axis=1)
        times = elapsed[counts > 0]
        axes.plot(
            times, np.full(len(times), height), marker, clip_on=False, markersize=5, markeredgewidth=0.8,
            markerfacecolor=face, markeredgecolor=colour(name),
        )  # fmt: skip
        labels.append(f"{name} ({counts.sum()})")
    axes.set(ylim=(-0.6, 1.6), yticks=[1, 0], yticklabels=labels, ylabel="pick-ups")


def _broken_at_episodes(values: np.ndarray, episode: np.ndarray) -> np.ndarray:
    """The values as floats, with a gap in place of the last decision of each episode but the last."""
    broken = np.asarray(values, float).copy()
    broken[:-1][np.diff(episode) != 0] = np.nan
    return broken
