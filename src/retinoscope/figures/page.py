"""A figure as a page: a title above, a caption below, and between them places in inches."""

from __future__ import annotations

import functools
from typing import Any

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.textpath import text_to_path

from retinoscope.figures import style

WIDTH = 7.5
"""Of a figure whose size is not given, inches: the text of a page of paper."""

MARGIN = 0.12
_TITLE_ABOVE, _TITLE_BELOW, _CAPTION_ABOVE, _CAPTION_BELOW = 0.1, 0.1, 0.1, 0.07
_POINTS = 72.0
_SPACING = 1.2  # of lines, as matplotlib counts it: of their height above the baseline
_ADVANCE = 1.25  # from line to line, in heights of a line
_BOLD = 1.15  # how much wider bold letters are
_SAFE = 0.985  # letters on a raster are a little wider than they are drawn

Size = tuple[float, float] | None
"""Width and height of a figure in inches; None for what its content needs."""


class Page:
    """A figure with places in inches from the upper left corner of the part between title and caption.

    Attributes:
        figure: as long as `finish` was not called, of no height.
        width: of the figure, inches.
        room: height between title and caption if the height of the figure is given, inches; else infinite.
        height: of the part between title and caption, once `begin` was called.
    """

    def __init__(
        self, title: str, caption: str | None = None, figsize: Size = None, subtitle: str | None = None
    ) -> None:
        """A page as wide as `figsize` says; without a subtitle or a caption nothing is kept free for it."""
        self.width = figsize[0] if figsize else WIDTH
        self._title = shortened(title, (self.width - 2 * MARGIN) / _BOLD, title_size())
        self._caption = wrapped(caption, self.width - 2 * MARGIN, style.caption_size()) if caption else ""
        lines = self._caption.count("\n") + 1 if self._caption else 0
        size = points("font.size")
        self._subtitle = wrapped(subtitle, (self.width - 2 * MARGIN) * 0.96, size) if subtitle else ""
        under = (self._subtitle.count("\n") + 1) * line_height(size) * _ADVANCE if self._subtitle else 0.0
        self._above = _TITLE_ABOVE + line_height(title_size()) + _TITLE_BELOW + under
        self._below = (
            _CAPTION_ABOVE * bool(lines) + lines * line_height(style.caption_size()) * _ADVANCE + _CAPTION_BELOW
        )
        self.room = figsize[1] - self._above - self._below if figsize else float("inf")
        self.height = 0.0
        self.figure = Figure()

    def begin(self, height: float) -> Page:
        """Make the figure, with this height between title and caption unless that of the figure was given."""
        self.height = max(self.room, 0.1) if self.room < float("inf") else height
        tall = self._above + self.height + self._below
        self.figure.set_size_inches(self.width, tall)
        # Pictures that a PDF would first put together into one are written one by one: in a third of the time.
        self.figure.suppressComposite = True
        self.figure.text(
            MARGIN / self.width, 1 - _TITLE_ABOVE / tall, self._title, va="top",
            fontsize=title_size(), weight=style.rc["figure.titleweight"],
        )  # fmt: skip
        if self._subtitle:
            below_title = _TITLE_ABOVE + line_height(title_size()) + _TITLE_BELOW / 2
            self.figure.text(
                MARGIN / self.width, 1 - below_title / tall, self._subtitle, va="top", linespacing=_SPACING,
            )  # fmt: skip
        if self._caption:
            self.figure.text(
                MARGIN / self.width, _CAPTION_BELOW / tall, self._caption, va="bottom",
                fontsize=style.caption_size(), linespacing=_SPACING,
            )  # fmt: skip
        return self

    @property
    def _tall(self) -> float:
        return self._above + self.height + self._below

    def box(self, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
        """A place as matplotlib wants it: left, bottom, width and height as shares of the figure."""
        bottom = 1 - (self._above + top + height) / self._tall
        return left / self.width, bottom, width / self.width, height / self._tall

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes at a place."""
        return self.figure.add_axes(self.box(left, top, width, height))

    def sheet(self) -> Axes:
        """Axes without any line or number that cover the part between title and caption; its units are inches."""
        axes = self.axes(0, 0, self.width, self.height)
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.set_axis_off()
        return axes

    def grid(
        self, rows: int, columns: int, left: float, top: float, right: float, bottom: float, **more: Any
    ) -> GridSpec:
        """A grid of panels within these distances from the sides of the part between title and caption, inches."""
        x, y, width, height = self.box(left, top, self.width - left - right, self.height - top - bottom)
        return self.figure.add_gridspec(rows, columns, left=x, right=x + width, bottom=y, top=y + height, **more)

    def heading(self, left: float, top: float, text: str) -> None:
        """A bold line from a place on, shortened where it would leave the page."""
        room = (self.width - MARGIN - left) / _BOLD
        self.text(left, top, shortened(text, room, points("font.size")), weight="bold")

    def text(self, left: float, top: float, text: str, **more: Any) -> None:
        """Text whose upper left corner is at a place, unless `more` says otherwise."""
        x, y, _, _ = self.box(left, top, 0, 0)
        self.figure.text(x, y, text, **({"va": "top"} | more))

    def legend_at(self, left: float, top: float) -> dict[str, Any]:
        """Where a legend's upper left corner is to be, for `figure.legend`."""
        x, y, _, _ = self.box(left, top, 0, 0)
        return {"loc": "upper left", "bbox_to_anchor": (x, y), "borderaxespad": 0.0}


def panel(ax: Axes | None, figsize: Size, usual: tuple[float, float]) -> tuple[Axes, Figure | Axes]:
    """Axes to draw a single panel into, and what is to be returned: a new figure, or the axes that were given.

    Args:
        ax: axes of somebody else's figure, which are brought into our style; None for a figure of our own.
        figsize: of our own figure, inches; None for `usual`.
        usual: width and height, inches.
    """
    if ax is None:
        figure = Figure(figsize=figsize or usual, layout="constrained")
        return figure.add_subplot(), figure
    for side in ("left", "right", "top", "bottom"):
        ax.spines[side].set_visible(style.rc[f"axes.spines.{side}"])
    for axis in ("x", "y"):
        ticks = {name: style.rc[f"{axis}tick.major.{name}"] for name in ("size", "pad", "width")}
        ax.tick_params(
            axis=axis, labelsize=points(f"{axis}tick.labelsize"), labelfontfamily=style.rc["font.family"],
            length=ticks["size"], pad=ticks["pad"], width=ticks["width"],
        )  # fmt: skip
        label = getattr(ax, f"{axis}axis").label
        label.set(size=points("axes.labelsize"), family=style.rc["font.family"], color=style.rc["axes.labelcolor"])
    return ax, ax


def titled(figure: Figure, title: str) -> None:
    """A title above a figure that is no page, from its left edge on."""
    figure.suptitle(title, x=MARGIN / figure.get_size_inches()[0], ha="left")


def title_size() -> float:
    """Of the title of a figure, points."""
    return points("figure.titlesize")


def points(setting: str) -> float:
    """A size among matplotlib's settings, which may be given in words, in points."""
    return font_manager.FontProperties(size=style.rc[setting]).get_size_in_points()


def line_height(size: float) -> float:
    """Of a line of text of this size in points, in inches."""
    return _extent("lp", size, _face())[1]


def text_width(text: str, size: float) -> float:
    """Of a line of text of this size in points, in inches."""
    return _extent(text, size, _face())[0]


def wrapped(text: str, width: float, size: float) -> str:
    """Text in lines at most this wide, inches, as letters of this size in points really are."""
    face = _face()
    space = _extent("a a", size, face)[0] - 2 * _extent("a", size, face)[0]
    lines: list[str] = []
    for paragraph in text.splitlines():
        line, used = "", 0.0
        for word in paragraph.split():
            wide = _extent(word, size, face)[0]
            if line and used + space + wide > _SAFE * width:
                lines.append(line)
                line, used = word, wide
            else:
                line, used = (f"{line} {word}", used + space + wide) if line else (word, wide)
        lines.append(line)
    return "\n".join(lines)


def shortened(text: object, width: float, size: float) -> str:
    """The text, or its beginning and its end with an ellipsis between, at most this wide, inches."""
    whole = str(text)
    for kept in range(len(whole) - 1, 0, -1):
        if text_width(whole, size) <= width:
            break
        whole = f"{str(text)[: kept - kept // 3]}…{str(text)[len(str(text)) - kept // 3 :]}"
    return whole


def _face() -> tuple[str, ...]:
    return tuple(style.rc["font.family"])


@functools.lru_cache(maxsize=8192)
def _extent(text: str, size: float, face: tuple[str, ...]) -> tuple[float, float]:
    """Width and height in inches."""
    font = font_manager.FontProperties(family=list(face), size=size)
    wide, tall, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return wide / _POINTS, tall / _POINTS
