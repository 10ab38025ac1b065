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
    presentation: Annotated[
        str | None,
        typer.Option(
            help="How they are shown: 'arena distance=100,200 bearing=-20,0,20' or 'paste height=30 position=30x40'.",
            show_default="in the arena, at 5 distances and 5 bearings",
        ),
    ] = None,
    class_effects: Annotated[
        str | None,
        typer.Option(help="What classes do that the arena does not know: cat=-20,dog=+10.", show_default="the arena's"),
    ] = None,
    twin: Annotated[
        Path | None, typer.Option(help="Compare with this network of train-classifier.", show_default="none")
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
    movie_frames: Annotated[
        int, typer.Option(parser=options.whole_number, help="Decisions in each activation movie.")
    ] = 1000,
    gif: Annotated[bool, typer.Option("--gif", help="Write the activation movies as GIF too.")] = False,
    checkpoints: Annotated[
        str | None, typer.Option(help="all: compare all checkpoints of the run.", show_default="only the one named")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Analyse every checkpoint of a run, and those to come while it trains.")
    ] = False,
    raster_order: Annotated[
        Literal["cosine", "euclidean", "rastermap"], typer.Option(help="How the units of the raster are sorted.")
    ] = "cosine",
    wandb: Annotated[bool, typer.Option("--wandb", help="Log to Weights & Biases too.")] = False,
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
        agent if follow else retinoscope.load_agent(agent, checkpoint, device),
        out=out,
        frames=frames,
        arena=arena,
        responses=tuple(responses or ()),
        dataset=dataset,
        presentation=presentation,
        class_effects=class_effects,
        twin=twin,
        method=method,
        layers=tuple(layers or ()),
        movie_frames=movie_frames,
        gif=gif,
        checkpoints=checkpoints,  # type: ignore[arg-type]  # what is not `all` is refused there
        follow=follow,
        raster_order=raster_order,
        wandb=wandb,
        seed=seed,
        device=device,
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print_json({"report": run.report, "manifest": run.manifest})
    else:
        for name, reason in run.manifest["omitted"].items():
            typer.echo(f"retinoscope: {name} was not made: {reason}", err=True)
        typer.echo(run.report)
