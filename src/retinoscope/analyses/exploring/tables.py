"""Panels that are tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from retinoscope.analyses.drawing import TableDrawing
from retinoscope.analyses.exploring.shapes import require
from retinoscope.result import Result

Cell = str | int | float


@dataclass(frozen=True)
class TablePanel:
    """A table.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        columns: their headings, with units.
        rows: one cell per column.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        require(
            self.name, all(len(each) == len(self.columns) for each in self.rows), "a row has not one cell per column"
        )


def tables_of(draw: Callable[[Result], Sequence[object]]) -> Callable[[Result], list[Any]]:
    """What the explorer shows of an analysis whose tables are all that it can show: these, as the page has them.

    Args:
        draw: of the analysis.
    """
    return lambda result: [table_panel(each) for each in draw(result) if isinstance(each, TableDrawing)]


def table_panel(drawn: TableDrawing) -> TablePanel:
    """The table of the page, in the explorer."""
    return TablePanel(drawn.name, drawn.title, drawn.caption, drawn.columns, drawn.rows)
