"""`retinoscope analyze`: an agent in, one directory with a report out; or a list of what it can make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json, print_table


def analyze(
    context: typer.Context,
    agent: options.AgentName = "digits",
    out: Annotated[Path, typer.Option(help="Folder for the report and everything that belongs to it.")] = Path(
        "analysis"
    ),
    frames: Annotated[int, typer.Option(parser=options.whole_number, help="Decisions to play and analyse.")] = 1000,
    world: options.World = None,
    responses: Annotated[
        list[str] | None,
        typer.Option(
            help="Groups of further analyses, joined by commas: behaviour, comparison, early_vision, attribution, "
            "images, memory.",
            show_default="those always made",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Make only these analyses, such as raster,decoding; --list names them.", show_default="by group"
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME.PARAMETER=VALUE",
            help="Set a parameter of an analysis, such as raster.order=rastermap; may be repeated.",
            show_default="all at their defaults",
        ),
    ] = None,
    settings: options.Settings = None,
    list_them: Annotated[
        bool,
        typer.Option(
            "--list", help="List all analyses, or the parameters of the one named as AGENT, and do nothing else."
        ),
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Images that are shown to the agent: a name, an .npz file or a folder.", show_default="the world's"
        ),
    ] = None,
    presentation: Annotated[
        str | None,
        typer.Option(
            help="How images are shown: 'arena distance=100,200 bearing=-20,0,20' or 'paste height=30 position=30x40'.",
            show_default="in the arena, at 5 distances and 5 bearings",
        ),
    ] = None,
    class_effects: Annotated[
        str | None,
        typer.Option(
            help="Effects of classes that the world does not know, good or bad: cat=-20,dog=+10.",
            show_default="the world's",
        ),
    ] = None,
    twin: Annotated[
        Path | None, typer.Option(help="Compare with this network, made by train-classifier.", show_default="none")
    ] = None,
    method: Annotated[
        Literal["gradient", "noise"] | None,
        typer.Option(help="How receptive fields are measured.", show_default="gradient"),
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(
            help="Layer whose receptive fields are measured, as conv1, or units, as fc:0-3,7; may be repeated.",
            show_default="all convolutions",
        ),
    ] = None,
    movie_frames: Annotated[
        int | None,
        typer.Option(
            parser=options.whole_number, help="Decisions in each activation movie.", show_default="at most 1000"
        ),
    ] = None,
    gif: Annotated[bool, typer.Option("--gif", help="Also write the activation movies as GIF.")] = False,
    single_file: options.SingleFile = False,
    checkpoints: Annotated[
        Literal["all"] | None,
        typer.Option(help="all: also compare all checkpoints of the run.", show_default="only the one named"),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Analyse every checkpoint of a run, including new ones while it trains.")
    ] = False,
    raster_order: Annotated[
        Literal["cosine", "euclidean", "rastermap"] | None,
        typer.Option(help="How the units of the raster are sorted.", show_default="cosine"),
    ] = None,
    wandb: Annotated[
        bool, typer.Option("--wandb", help="Also log to Weights & Biases (--checkpoints, --follow).")
    ] = False,
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    workers: Annotated[
        int | None, typer.Option(help="Number of processes that share the work.", show_default="as each analysis says")
    ] = None,
    cluster: options.Cluster = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Look inside an agent, and put all of it on one page.

    Writes index.html with a movie of the agent at work, the receptive fields of its convolutions, and what else is
    asked for. Beside it are figures/, movies/, results/, recording.zarr, methods.md and manifest.json.

    \b
    Example:
        retinoscope analyze digits --frames 200 --out analysis
        retinoscope analyze --list raster
    """
    if list_them:
        is_named = getattr(context.get_parameter_source("agent"), "name", "") == "COMMANDLINE"
        _list(agent if is_named else None, as_json)
        return
    import retinoscope
    from retinoscope.workflows.chosen import joined, settings_of_assignments, settings_of_file

    from_file = {} if settings is None else settings_of_file(settings)
    run = retinoscope.analyze(
        agent if follow else retinoscope.load_agent(agent, checkpoint, device),
        out=out,
        frames=frames,
        world=world,
        responses=tuple(responses or ()),
        only=tuple(only or ()),
        settings=joined(from_file, settings_of_assignments(assignments or ())),
        seed=seed,
        device=device,
        gif=gif,
        single_file=single_file,
        checkpoints=checkpoints,
        follow=follow,
        wandb=wandb,
        workers=workers,
        cluster=cluster,
        overwrite=overwrite,
        progress=True,
        dataset=dataset,
        presentation=presentation,
        class_effects=class_effects,
        twin=twin,
        method=method,
        layers=tuple(layers or ()),
        movie_frames=movie_frames,
        raster_order=raster_order,
    )
    if as_json:
        print_json({"report": run.report, "manifest": run.manifest})
    else:
        for name, reason in run.manifest["omitted"].items():
            typer.echo(f"retinoscope: {name} was not made: {reason}", err=True)
        typer.echo(run.report)


def _list(name: str | None, as_json: bool) -> None:
    from retinoscope.analyses import listing, registry

    if name is None and as_json:
        print_json({"analyses": [listing.analysis_as_json(each) for each in registry.all_analyses().values()]})
    elif name is None:
        print_table(listing.ANALYSIS_COLUMNS, listing.list_analyses())
    else:
        _list_one(registry.analysis(name), as_json)


def _list_one(analysis: Any, as_json: bool) -> None:
    from retinoscope.analyses import listing

    if as_json:
        print_json(listing.analysis_as_json(analysis))
        return
    typer.echo(f"{analysis.name}: {analysis.summary}")
    print_table(listing.PARAMETER_COLUMNS, listing.list_parameters(analysis))
