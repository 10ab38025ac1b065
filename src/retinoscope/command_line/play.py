"""`retinoscope scenario play`: a person in an arena."""

from __future__ import annotations

from typing import Annotated

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json, print_table


def scenario_play(
    arena: options.ScenarioName,
    episodes: Annotated[int, typer.Option(help="How many to play; closing the window ends them.")] = 1,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
) -> None:
    """Play an arena yourself, in a window.

    The arrow keys turn and walk, Ctrl attacks. Needs a display; where there is none, `retinoscope watch` writes movies.

    \b
    Example:
        retinoscope scenario play --help
    """
    import retinoscope

    played = retinoscope.play(arena, episodes=episodes, seed=seed)
    if as_json:
        print_json({"episodes": [vars(each) for each in played]})
        return
    rows = []
    for number, each in enumerate(played, start=1):
        picked_up = ", ".join(f"{count} {name}" for name, count in each.pickups.items() if count) or "nothing"
        end = "died" if each.died else "over"
        rows.append((number, f"{each.seconds:.1f}", end, f"{each.health_gathered:+.0f}", picked_up))
    print_table(("episode", "seconds", "end", "health gathered", "picked up"), rows)
