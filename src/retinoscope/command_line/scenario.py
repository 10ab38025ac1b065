"""`retinoscope scenario`: arenas, before anybody plays in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json, print_table, save_figure

scenario_app = typer.Typer(no_args_is_help=True, help="Arenas: list them, build them, look at them.")


@scenario_app.command("list")
def scenario_list(as_json: options.AsJson = False) -> None:
    """List the scenarios, and what heals and hurts in them.

    \b
    Example:
        retinoscope scenario list
    """
    import retinoscope

    scenarios = [retinoscope.load_scenario(name) for name in retinoscope.shipped_scenarios()]
    if as_json:
        print_json({each.name: dict(zip(each.class_names, each.class_effects, strict=True)) for each in scenarios})
        return
    rows = []
    for each in scenarios:
        effects = [f"{name} {effect:+d}" for name, effect in zip(each.class_names, each.class_effects, strict=True)]
        rows.append((each.name, each.title, ", ".join(effects)))
    print_table(("scenario", "title", "health per pick-up"), rows)


@scenario_app.command("build")
def scenario_build(
    scenario: options.ScenarioName,
    folder: Annotated[Path | None, typer.Option(help="Where to put it.", show_default="the cache")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Build the arena that the game engine plays, a .pk3 file.

    The same scenario and images give the same file, byte for byte.

    \b
    Example:
        retinoscope scenario build digits --folder arenas
    """
    import retinoscope

    arena = retinoscope.get_arena(scenario, folder)
    if as_json:
        print_json({"path": arena.path, "sha256": arena.sha256, "classes": arena.scenario.class_names})
    else:
        typer.echo(f"{arena.path}\nsha256 {arena.sha256}")


@scenario_app.command("preview")
def scenario_preview(
    arena: options.ScenarioName,
    out: Annotated[Path, typer.Option(help="PNG file.")] = Path("preview.png"),
    seed: options.Seed = 0,
) -> None:
    """Draw the classes, a map and three views of an arena.

    \b
    Example:
        retinoscope scenario preview digits --out digits.png
    """
    import retinoscope

    result = retinoscope.analyses.scenario_preview(arena, seed=seed)
    typer.echo(save_figure(retinoscope.figures.scenario_preview(result), out))
