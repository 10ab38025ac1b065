"""`retinoscope analyze`: an agent in, one directory with a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json


def analyze(
    agent: options.AgentName = "digits",
    out: Annotated[Path, typer.Option(help="Folder for the report and all it is made of.")] = Path("analysis"),
    frames: Annotated[int, typer.Option(parser=options.whole_number, help="Decisions to play and look at.")] = 1000,
    arena: options.Arena = None,
    responses: Annotated[
        list[str] | None,
        typer.Option(help="Family of further analyses; may be given several times.", show_default="those always run"),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Images for the analyses that show some.", show_default="none")
    ] = None,
    method: Annotated[
        Literal["gradient", "noise"], typer.Option(help="How receptive fields are measured.")
    ] = "gradient",
    layers: Annotated[
        list[str] | None,
        typer.Option(
            help="Layer whose receptive fields to map, as conv1 or rnn, or units of it, as fc:0-3,7; may be repeated.",
            show_default="all convolutions",
        ),
    ] = None,
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Look inside an agent, and put all of it on one page.

    Writes report.html with a movie of the agent at work and the receptive fields of its convolutions; beside it
    figures/, movies/, results/, recording.zarr and manifest.json.

    \b
    Example:
        retinoscope analyze digits --frames 200 --out analysis
    """
    import retinoscope

    run = retinoscope.analyze(
        retinoscope.load_agent(agent, checkpoint, device),
        out=out,
        frames=frames,
        arena=arena,
        responses=tuple(responses or ()),
        dataset=dataset,
        method=method,
        layers=tuple(layers or ()),
        seed=seed,
        device=device,
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print_json({"report": run.report, "manifest": run.manifest})
    else:
        typer.echo(run.report)
