"""What is drawn of each Result: its figures and movies, one entry per analysis in the file of its family."""

from __future__ import annotations

from collections.abc import Callable

from retinoscope.analyses.result import Result
from retinoscope.report.drawings import always, attribution, components, dataset, environment
from retinoscope.report.drawings.drawing import (
    Drawing,
    FigureDrawing,
    MovieDrawing,
    RecordedMovieDrawing,
    TableDrawing,
    TextDrawing,
)

__all__ = [
    "DRAWINGS",
    "Drawing",
    "FigureDrawing",
    "MovieDrawing",
    "RecordedMovieDrawing",
    "TableDrawing",
    "TextDrawing",
]

DRAWINGS: dict[str, Callable[[Result], list[Drawing]]] = (
    always.DRAWINGS | environment.DRAWINGS | attribution.DRAWINGS | dataset.DRAWINGS | components.DRAWINGS
)
