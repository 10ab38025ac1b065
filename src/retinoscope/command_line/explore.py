"""`retinoscope explore`: a page to look into a recording with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json


def explore(
    source: Annotated[
        str, typer.Argument(metavar="RECORDING|DIRECTORY", help="A recording, or a folder of analyze or examples.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page.", show_default="beside the source, NAME-explorer")
    ] = None,
    single_file: options.SingleFile = False,
    as_json: options.AsJson = False,
) -> None:
    """Make a page to explore a recording with.

    Player, traces, raster, embedding and units, linked; the page works from its folder, without a server.

    \b
    Example:
        retinoscope explore digits.zarr --out explorer
    """
    import retinoscope

    made = retinoscope.explore(source, out, single_file=single_file)
    if as_json:
        print_json({"page": made.page, "single_file": made.single_file})
        return
    typer.echo(made.page)
    if made.single_file is not None:
        typer.echo(made.single_file)
