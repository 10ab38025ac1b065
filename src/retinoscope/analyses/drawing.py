"""What can be drawn of a Result: figures, movies, tables and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retinoscope.analyses.declaration import Inputs

SPEED = 2.0
"""How much faster than the game movies run."""

GIF_EVERY = 2
"""A GIF keeps every second frame, and shows each for twice the time."""

GIF_SHRINK = 2
"""A GIF has half the width and half the height of the frames it is made of."""


@dataclass(frozen=True)
class FigureDrawing:
    """A figure, the name of its files, and what is to be read beside it.

    Attributes:
        name: file name without its ending.
        title: of the figure on the page.
        caption: what was measured, over how much, and how.
        draw: makes it.
        says_caption: the figure itself carries the caption, so that the page need not repeat it.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[], Figure]
    says_caption: bool = False


@dataclass(frozen=True)
class MovieDrawing:
    """A movie: `frames` composes it anew at every call; `gif` asks for a GIF besides the MP4."""

    name: str
    title: str
    caption: str
    frames: Callable[[], Iterator[np.ndarray]]
    frames_per_second: float
    gif: bool = True


@dataclass(frozen=True)
class RecordedMovieDrawing:
    """A movie too long to be kept in a Result: its frames are composed from the recording, computed again.

    Attributes:
        name: file name without its ending.
        title: of the movie on the page.
        caption: what was measured, over how much, and how.
        frames: composes it from the inputs of its analysis, beginning with a frame of this number.
        frames_per_second: at which it is shown.
    """

    name: str
    title: str
    caption: str
    frames: Callable[[Inputs, int], Iterator[np.ndarray]]
    frames_per_second: float


@dataclass(frozen=True)
class TableDrawing:
    """A table, shown on the page and written as `tables/NAME.csv`.

    Attributes:
        name: file name without its ending.
        title: of the table on the page.
        caption: what was measured, over how much, and how.
        columns: their headings, with units.
        rows: one cell per column: text, or a number as it is to be read.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


@dataclass(frozen=True)
class TextDrawing:
    """A text file `NAME.txt` in the directory of the run, shown as it is on the page."""

    name: str
    title: str
    caption: str
    text: str


Drawing = FigureDrawing | MovieDrawing | RecordedMovieDrawing | TableDrawing | TextDrawing
