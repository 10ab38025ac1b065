"""`retinoscope check`: what to run before anything is concluded from an agent."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json

FAILED = 2
"""Exit code: what was given is not what its owner means."""


def check(
    agent: options.AgentName = "digits",
    world: options.World = None,
    recording: Annotated[
        Path | None, typer.Option(help="Also check this recording of the agent; it may be a joined one.")
    ] = None,
    expected_return: Annotated[
        float | None, typer.Option(help="Mean return of an episode, as the agent's owner states it.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="How far the return may be from the expected one.", show_default="the 95% interval over episodes"
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(parser=options.whole_number, help="Episodes to play for the return.")] = 20,
    frames: Annotated[int, typer.Option(parser=options.whole_number, help="Decisions to record and replay.")] = 500,
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    greedy: options.Greedy = False,
    workers: options.Workers = None,
    device: options.Device = "cpu",
    as_json: options.AsJson = False,
) -> None:
    """Test whether an agent was loaded as its owner means it.

    Compares its outputs with those of its owner's own code on recorded frames, tests whether gradients reach the
    pixels, replays and repeats a recording, and plays episodes to compare the return. Also replays a recording that is
    given. The exit code is 2 if anything failed.

    \b
    Example:
        retinoscope check digits --episodes 4 --frames 200
    """
    import retinoscope

    report = retinoscope.check(
        retinoscope.load_agent(agent, checkpoint, device),
        world,
        recording=recording,
        expected_return=expected_return,
        tolerance=tolerance,
        episodes=episodes,
        frames=frames,
        seed=seed,
        greedy=greedy,
        workers=workers,
        progress=True,
    )
    if as_json:
        print_json(dataclasses.asdict(report) | {"passed": report.passed})
    else:
        for verdict in report.verdicts:
            typer.echo(f"{verdict.outcome:<11}  {verdict.name}: {verdict.text}")
        for note in report.notes:
            typer.echo(f"{'note':<11}  {note}")
    if not report.passed:
        raise typer.Exit(FAILED)
