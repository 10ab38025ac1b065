"""`retinoscope export`: a recording in a format of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options


def export(
    recording: Annotated[Path, typer.Argument(metavar="RECORDING", help="What `retinoscope record` or `join` made.")],
    to: Annotated[str, typer.Option(help="Format: nwb, minari or npz.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write; for minari, the folder.", show_default="the recording's name, beside it"),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a recording in a format that others read.

    As a file of Neurodata Without Borders (nwb), a data set of Minari (minari), or an archive of NumPy (npz). The first
    two need the extras of their names; minari wants an environment without the extra train.

    \b
    Example:
        retinoscope export digits.zarr --to npz
    """
    import retinoscope

    typer.echo(retinoscope.export(recording, to, out, overwrite=overwrite, progress=True))
