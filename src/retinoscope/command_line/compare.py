"""`retinoscope compare`: agents, trainings or checkpoints beside each other, on the same stimuli."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json


def compare(
    agents: Annotated[
        list[str],
        typer.Argument(
            metavar="AGENT...",
            help="Two or more agents, as analyze takes them or as digits@early; or one with --checkpoints.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the page and everything that belongs to it.")] = Path(
        "comparison"
    ),
    checkpoints: Annotated[
        str | None,
        typer.Option(
            help="Checkpoints of each agent: all, or some, such as first,1e6,final.",
            show_default="the one named, else the last",
        ),
    ] = None,
    stimuli: Annotated[Literal["frames", "images", "both"], typer.Option(help="What all agents are shown.")] = "frames",
    frames: Annotated[int, typer.Option(parser=options.whole_number, help="Decisions that each agent plays.")] = 1000,
    recording: Annotated[
        Path | None,
        typer.Option(
            help="Recording whose frames are shown to all agents.", show_default="what the last of each run plays"
        ),
    ] = None,
    world: options.World = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Make only these comparisons, such as representations.", show_default="all")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME.PARAMETER=VALUE",
            help="Set a parameter of a comparison, such as representations.shuffles=100; may be repeated.",
            show_default="all at their defaults",
        ),
    ] = None,
    settings: options.Settings = None,
    dataset: Annotated[str | None, typer.Option(help="Images that are shown.", show_default="the world's")] = None,
    presentation: Annotated[
        str | None, typer.Option(help="How images are shown, as in analyze.", show_default="as in analyze")
    ] = None,
    seed: options.Seed = 0,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Compare agents, trainings or checkpoints.

    All are shown the same stimuli. Writes index.html; beside it figures/, tables/, results/, recordings/ and
    manifest.json.

    \b
    Example:
        retinoscope compare digits apples --frames 100 --only representations --out comparison
    """
    import retinoscope
    from retinoscope.workflows.chosen import joined, settings_of_assignments, settings_of_file

    from_file = {} if settings is None else settings_of_file(settings)
    made = retinoscope.compare(
        *agents,
        out=out,
        checkpoints=checkpoints,
        stimuli=stimuli,
        frames=frames,
        recording=recording,
        world=world,
        only=tuple(only or ()),
        settings=joined(from_file, settings_of_assignments(assignments or ())),
        dataset=dataset,
        presentation=presentation,
        seed=seed,
        workers=workers,
        device=device,
        overwrite=overwrite,
        progress=True,
    )
    if as_json:
        print_json({"report": made.report, "manifest": made.manifest})
        return
    for name, reason in made.manifest["omitted"].items():
        typer.echo(f"retinoscope: {name} was not made: {reason}", err=True)
    typer.echo(made.report)
