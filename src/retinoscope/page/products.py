"""Products of a run: files with their manifest entries, written from what an analysis says is drawn of its Result."""

from __future__ import annotations

import csv
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from PIL import Image

from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.drawing import (
    Drawing,
    FigureDrawing,
    MovieDrawing,
    RecordedMovieDrawing,
    TableDrawing,
    TextDrawing,
)
from retinoscope.analyses.methods import measured
from retinoscope.analyses.registry import analysis
from retinoscope.page.movie import write_movies
from retinoscope.result import Result

Kind = Literal[
    "recording",
    "result",
    "figure",
    "movie",
    "poster",
    "table",
    "text",
    "explorer",
    "report",
    "style",
    "script",
    "single file",
    "methods",
    "references",
]
DOTS_PER_INCH = 160
_POSTER_AT = 0.3  # of the way through the movie: by then something has happened


@dataclass(frozen=True)
class Product:
    """One file or store of a run, as the manifest lists it.

    Attributes:
        analysis: the analysis it comes from; `recording` for the recording, `report` for the pages.
        kind: what sort of thing it is.
        path: relative to the directory of the run.
        seconds: that making it took.
        parameters: all that shaped it.
        title: for people.
        caption: what was measured, over how much, and how.
        says_caption: the file itself shows the caption.
        measured: of a result, over how much it is, see `analyses.methods.measured`.
    """

    analysis: str
    kind: Kind
    path: str
    seconds: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    caption: str = ""
    says_caption: bool = False
    measured: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The manifest's entry."""
        entry: dict[str, Any] = {
            "analysis": self.analysis,
            "kind": self.kind,
            "path": self.path,
            "seconds": round(self.seconds, 3),
            "parameters": dict(self.parameters),
        }
        if self.caption:
            entry |= {"title": self.title, "caption": self.caption, "says_caption": self.says_caption}
        if self.measured:
            entry["measured"] = dict(self.measured)
        return entry

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Product:
        """The product that an entry of a manifest describes."""
        return cls(**entry)


def of_result(result: Result, seconds: float) -> Product:
    """The entry of a saved Result."""
    found = {} if OMITTED in result.data.attrs else measured(result)
    path = f"results/{result.analysis}.nc"
    return Product(result.analysis, "result", path, seconds, result.parameters, measured=found)


OMITTED = "omitted"
"""Attribute of a Result that holds nothing but the reason why its analysis could not be made."""


def drawings_of(result: Result) -> list[Drawing]:
    """What is drawn of a Result; of one that holds a reason, the reason; of one that only others build on, nothing."""
    of = analysis(result.analysis)
    reason = result.data.attrs.get(OMITTED)
    if of.is_shared or reason is None:
        return [] if of.is_shared else of.draw(result)
    caption = "This agent, this world or this recording cannot show it."
    return [TextDrawing(f"{result.analysis}_not_made", "Not made", caption, f"{reason}\n")]


def write_drawings(result: Result, folder: Path, inputs: Inputs | None = None, gif: bool = False) -> list[Product]:
    """Draw all that is drawn of a Result into figures/, movies/ and tables/ of `folder`, texts into itself.

    Args:
        result: what to draw.
        folder: where.
        inputs: what the Result was computed from; movies that are composed from a recording are left out without.
        gif: write these movies as GIF too.
    """
    products: list[Product] = []
    for drawing in drawings_of(result):
        if isinstance(drawing, RecordedMovieDrawing):
            if inputs is not None:
                products += _write_recorded_movie(drawing, result.analysis, folder, inputs, gif)
        elif isinstance(drawing, FigureDrawing):
            products += _write_figure(drawing, result.analysis, folder)
        elif isinstance(drawing, MovieDrawing):
            products += _write_movie(drawing, result.analysis, folder)
        elif isinstance(drawing, TableDrawing):
            products.append(_write_table(drawing, result.analysis, folder))
        else:
            products.append(_write_text(drawing, result.analysis, folder))
    return products


def _write_figure(drawing: FigureDrawing, analysis: str, folder: Path) -> list[Product]:
    products = []
    # Letters stay letters in the PDF, and no date, so that the same result gives the same file. Images stay apart;
    # to join them, each would be pasted into one as large as the page, which takes longer than all the rest.
    with matplotlib.rc_context({"pdf.fonttype": 42, "image.composite_image": False}):
        began = time.monotonic()
        figure = drawing.draw()
        for suffix, metadata in ((".png", {}), (".pdf", {"CreationDate": None})):
            path = f"figures/{drawing.name}{suffix}"
            figure.savefig(folder / path, dpi=DOTS_PER_INCH, metadata=metadata)
            figure.set_layout_engine("none")  # where things are is the same in both files, and found once
            seconds, began = time.monotonic() - began, time.monotonic()
            parameters = {"dots_per_inch": DOTS_PER_INCH} if suffix == ".png" else {}
            products.append(
                Product(
                    analysis, "figure", path, seconds, parameters, drawing.title, drawing.caption, drawing.says_caption
                )
            )
    return products


def _write_movie(
    drawing: MovieDrawing, analysis: str, folder: Path, poster: Callable[[int], np.ndarray] | None = None
) -> list[Product]:
    """The movie and its poster, for which `poster` gives a frame by its number; None to compose up to it."""
    began = time.monotonic()
    paths = [f"movies/{drawing.name}{suffix}" for suffix in ((".mp4", ".gif") if drawing.gif else (".mp4",))]
    movies = write_movies([folder / path for path in paths], drawing.frames(), drawing.frames_per_second)
    # Frames are composed once for all files; the first one is charged with it.
    composing = time.monotonic() - began - sum(each.seconds for each in movies)
    products: list[Product] = []
    for path, movie in zip(paths, movies, strict=True):
        parameters = {
            "frames": movie.frames,
            "width": movie.width,
            "height": movie.height,
            "frames_per_second": movie.frames_per_second,
        }
        seconds = movie.seconds + (0 if products else composing)
        products.append(Product(analysis, "movie", path, seconds, parameters, drawing.title, drawing.caption))
    began = time.monotonic()
    path = f"movies/{drawing.name}.png"
    wanted = int(_POSTER_AT * movies[0].frames)
    frame = _frame(drawing, wanted) if poster is None else poster(wanted)
    Image.fromarray(frame).save(folder / path)
    products.append(Product(analysis, "poster", path, time.monotonic() - began, {"frame": wanted}))
    return products


def _write_recorded_movie(
    drawing: RecordedMovieDrawing, analysis: str, folder: Path, inputs: Inputs, gif: bool
) -> list[Product]:
    movie = MovieDrawing(
        drawing.name,
        drawing.title,
        drawing.caption,
        functools.partial(drawing.frames, inputs, 0),
        drawing.frames_per_second,
        gif,
    )
    return _write_movie(movie, analysis, folder, lambda wanted: next(drawing.frames(inputs, wanted)))


def _write_table(drawing: TableDrawing, analysis: str, folder: Path) -> Product:
    began = time.monotonic()
    path = f"tables/{drawing.name}.csv"
    (folder / path).parent.mkdir(exist_ok=True)
    with (folder / path).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([drawing.columns, *drawing.rows])
    return Product(analysis, "table", path, time.monotonic() - began, {}, drawing.title, drawing.caption)


def _write_text(drawing: TextDrawing, analysis: str, folder: Path) -> Product:
    began = time.monotonic()
    path = f"{drawing.name}.txt"
    (folder / path).write_text(drawing.text, encoding="utf-8")
    return Product(analysis, "text", path, time.monotonic() - began, {}, drawing.title, drawing.caption)


def _frame(drawing: MovieDrawing, wanted: int) -> np.ndarray:
    return next(frame for number, frame in enumerate(drawing.frames()) if number == wanted)
