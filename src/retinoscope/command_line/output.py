"""How commands print: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from retinoscope.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retinoscope.statistics.bootstrap import Interval


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object on standard output. Numbers that JSON does not know (NaN, infinity) become null."""
    typer.echo(json.dumps(_plain(content), allow_nan=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; never cut to the width of the terminal, so that they can be piped."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def interval(found: Interval) -> str:
    """`1.20 [1.00, 1.40]`; of what has no value, nothing over nothing, `nan` alone."""
    return "nan" if math.isnan(found.estimate) else f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"


def require_picture(path: Path) -> None:
    """A figure can be written under this name: asked before what is drawn takes its time.

    Raises:
        UserError: the ending is of no known format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if path.suffix.lower().lstrip(".") not in FigureCanvasAgg.get_supported_filetypes():
        raise UserError(f"{path}: unknown kind of picture; let its name end in .png, .pdf or .svg")


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as the path's ending says, beside its place first, so that no half of it is ever seen.

    Raises:
        UserError: the ending is of no known format, or the file cannot be written.
    """
    from retinoscope.files import replacing

    require_picture(path)
    suffix = path.suffix.lower().lstrip(".")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            figure.savefig(temporary, format=suffix, dpi=160)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return [_plain(each) for each in value]
