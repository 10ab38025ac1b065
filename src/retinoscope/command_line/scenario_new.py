"""`retinoscope scenario new`: a scenario file for images of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options


def scenario_new(
    images: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", help="A folder of images, one subfolder per class; or what --images of build takes."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="YAML file.", show_default="named like the folder")] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a scenario file for a folder of images.

    The first half of the classes, sorted by name, harms and the last half heals. Without subfolders each image is a
    class of its own.

    \b
    Example:
        retinoscope scenario new gabors --out stripes.yaml
    """
    import retinoscope

    typer.echo(retinoscope.new_scenario(images, out, overwrite))
