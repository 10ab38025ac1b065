"""`retinoscope join`: the parts of a recording as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json


def join(
    parts: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PARTS", help="The folder that the parts were recorded to, or each part.", show_default="none"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the index over them.", show_default="the folder of the parts")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Make one recording of the parts that were recorded.

    Nothing is copied: a small file says which parts there are, and everything that reads recordings reads it. A part
    that is missing, unfinished or of another recording is named.

    \b
    Example:
        retinoscope join parts
    """
    import retinoscope

    recording = retinoscope.join(parts or [], out=out)
    if as_json:
        print_json({"path": recording.path, "frames": recording.frames, "episodes": len(recording.episodes)})
        return
    typer.echo(f"{recording.path}: {recording.frames:,} frames, {len(recording.episodes)} episodes")
