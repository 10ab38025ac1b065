"""`retinoscope intervene`: the agent plays with one direction of its memory edited."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json, print_table

_EDIT, _MOST_COLUMNS = 2, 4  # columns that name the edit; measures beside each other


def intervene(
    agent: options.AgentName = "digits",
    world: options.World = None,
    component: Annotated[
        int | None, typer.Option(help="Number of the component, counted from 0.", show_default="all of them")
    ] = None,
    do: Annotated[
        str,
        typer.Option(
            help="clamp: hold it at its mean; clamp:2: two standard deviations above; add:2: move it by two; ablate: "
            "remove it; swap:7: exchange it with another."
        ),
    ] = "clamp",
    directions: Annotated[
        str | None,
        typer.Option(
            help="Directions instead of components, joined by commas: unit:12, decoder:NAME, moments:NOTES.json:1:2, "
            "file:VECTOR.npy.",
            show_default="none",
        ),
    ] = None,
    doses: Annotated[
        str | None,
        typer.Option(
            help="Doses of clamp or add in standard deviations, joined by commas: -3,-1,1,3.", show_default="one"
        ),
    ] = None,
    when: Annotated[
        str | None,
        typer.Option(
            help='Only at decisions at which this holds: "NUMBER < 50", "component:3 > 1", "after EVENT 0-20", '
            '"in view KIND", "step >= 100"; with "not" before, and "and" between them.',
            show_default="all",
        ),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option(help="Recording of the agent on which components are found.", show_default="a new one"),
    ] = None,
    components: Annotated[
        str, typer.Option(help="How components are found: ica:16 or pca:16, or another number of them.")
    ] = "ica:16",
    layer: Annotated[
        str | None, typer.Option(help="Layer of the memory that is edited.", show_default="the first")
    ] = None,
    episodes: Annotated[int, typer.Option(help="Episodes to play with each edit.")] = 50,
    random_directions: Annotated[int, typer.Option(help="Random directions to compare each component with.")] = 4,
    frames: Annotated[
        int, typer.Option(parser=options.whole_number, help="Decisions to record, if no recording is given.")
    ] = 10_000,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the result, its figure and table.", show_default="none")
    ] = None,
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    greedy: options.Greedy = False,
    workers: options.Workers = None,
    as_json: options.AsJson = False,
) -> None:
    """Play with a component of the memory edited.

    Returns, events by name and action frequencies as differences from the unedited agent in the same episodes, and
    the same for random directions of the same variance; each with a 95% interval.

    \b
    Example:
        retinoscope intervene digits --component 3 --when "step >= 99" --recording digits.zarr --episodes 2
    """
    import retinoscope
    from retinoscope.analyses.memory.intervention_effects import (
        AT_ONCE,
        HELD,
        effects_of,
        intervention_table,
        unedited_means,
    )

    player = retinoscope.load_agent(agent, checkpoint)
    result = retinoscope.intervene(
        player,
        world,
        component=component,
        do=do,
        directions=directions,
        doses=doses,
        when=when,
        recording=recording,
        components=components,
        layer=layer,
        episodes=episodes,
        random_directions=random_directions,
        frames=frames,
        out=out,
        seed=seed,
        greedy=greedy,
        workers=workers,
        progress=True,
    )
    effects = effects_of(result)
    if as_json:
        print_json(
            {
                "unedited": {name: value._asdict() for name, value in unedited_means(result).items()},
                "effects": [_plain(each) for each in effects],
                "parameters": result.parameters,
                "provenance": result.provenance,
            }
        )
        return
    columns, rows = intervention_table(result, effects)
    at_moments = sum(str(each).startswith((HELD, AT_ONCE)) for each in result.data["measure"].values)
    parts = (len(result.data["event"]), len(result.data["output"]), at_moments)
    for places in _tables(len(columns), *parts):
        print_table([columns[each] for each in places], [[row[each] for each in places] for row in rows])
        typer.echo()
    typer.echo(result.data.attrs["caption"])


def _tables(columns: int, *parts: int) -> list[list[int]]:
    """Columns of the whole table by tables that fit a screen: outcomes, then those of each part; edits in all.

    Args:
        columns: in all.
        parts: how many there are of events, of actions, and of what was noted at chosen moments.
    """
    ends_of_parts = list(itertools.accumulate(parts, initial=columns - sum(parts)))
    tables = []
    for first, last in itertools.pairwise([_EDIT, *ends_of_parts]):
        # As even as can be: 4, 3 and 3 of 10.
        count = -(-(last - first) // _MOST_COLUMNS)
        ends = [first + -(-(last - first) * each // max(1, count)) for each in range(count + 1)]
        tables += [list(range(*span)) for span in itertools.pairwise(ends)]
    return [[*range(_EDIT), *part] for part in tables]


def _plain(effect: dict[str, object]) -> dict[str, object]:
    """Intervals as mappings."""
    return {
        name: {key: part._asdict() if hasattr(part, "_asdict") else part for key, part in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in effect.items()
    }
