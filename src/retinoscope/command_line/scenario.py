"""`retinoscope scenario`: arenas, before anybody plays in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json, print_table, require_picture, save_figure
from retinoscope.command_line.play import scenario_play
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.scenarios import Scenario
from retinoscope.command_line.scenario_new import scenario_new

scenario_app = typer.Typer(no_args_is_help=True, help="Arenas: list them, build them, look at them.")


@scenario_app.command("list")
def scenario_list(as_json: options.AsJson = False) -> None:
    """List the scenarios, and what heals and harms in them.

    Columns: the set of images, the number of classes, of things at the start of an episode and of obstacles, and what
    picking up one of each class does to health.

    \b
    Example:
        retinoscope scenario list
    """
    import retinoscope

    scenarios = [retinoscope.load_scenario(name) for name in retinoscope.shipped_scenarios()]
    if as_json:
        print_json({each.name: _description(each) for each in scenarios})
        return
    rows = [
        (
            each.name,
            " + ".join(_description(each)["images"]),
            len(each.class_names),
            sum(each.class_counts),
            each.obstacles.count if each.obstacles else "-",
            _effects(each),
        )
        for each in scenarios
    ]
    print_table(("scenario", "images", "classes", "things", "obstacles", "health per pick-up"), rows)


def _description(scenario: Scenario) -> dict[str, Any]:
    """What is in a scenario, for programs."""
    from retinoscope.scenarios.image_sources import source_name

    classes = scenario.stimuli.classes
    sources = [source_name(each.images or scenario.stimuli.images) for each in classes]
    return {
        "title": scenario.title,
        "images": list(dict.fromkeys(sources)),
        "health": dict(zip(scenario.class_names, scenario.class_effects, strict=True)),
        "count": dict(zip(scenario.class_names, scenario.class_counts, strict=True)),
        "distractors": [each.name for each in classes if each.distractor],
        "obstacles": scenario.obstacles.count if scenario.obstacles else 0,
        "health_on_offer": scenario.health_on_offer,
    }


def _effects(scenario: Scenario) -> str:
    """Classes with what they do, those that do the same together, from the most harmful on; distractors come last."""
    together: dict[str, list[str]] = {}
    for each in sorted(scenario.stimuli.classes, key=lambda each: (each.distractor, each.health)):
        together.setdefault("0 (distractors)" if each.distractor else f"{each.health:+d}", []).append(each.name)
    return "; ".join(f"{' '.join(names)}: {effect}" for effect, names in together.items())


@scenario_app.command("build")
def scenario_build(
    scenario: options.ScenarioName,
    folder: Annotated[Path | None, typer.Option(help="Folder to write it to.", show_default="the cache")] = None,
    images: options.Images = None,
    split: options.Split = None,
    as_json: options.AsJson = False,
) -> None:
    """Build the arena that the game engine plays, a .pk3 file.

    The same scenario and images give the same file, byte for byte. A held-out part of the images (--split test) makes a
    second arena, whose images an agent trained with --split train never met.

    \b
    Example:
        retinoscope scenario build digits --split test --folder arenas
    """
    import retinoscope
    from retinoscope.scenarios import foreign_part

    arena = retinoscope.get_arena(scenario, folder, images, split)
    if as_json:
        print_json({"path": arena.path, "sha256": arena.sha256, "classes": arena.scenario.class_names})
    else:
        typer.echo(f"{arena.path}\nsha256 {arena.sha256}")
        foreign = foreign_part(arena.scenario)
        if foreign is not None:
            unused = ", ".join(foreign.ignored) or "none"
            typer.echo(f"made elsewhere, nothing to build; keys of its .cfg without effect: {unused}")


@scenario_app.command("preview")
def scenario_preview(
    arena: options.ScenarioName,
    out: Annotated[Path, typer.Option(help="PNG file.")] = Path("preview.png"),
    images: options.Images = None,
    split: options.Split = None,
    seed: options.Seed = 0,
) -> None:
    """Draw the classes, a map and three views of an arena.

    \b
    Example:
        retinoscope scenario preview digits --out digits.png
    """
    import retinoscope

    require_picture(out)
    built = retinoscope.get_arena(arena, images=images, split=split)
    result = retinoscope.analyses.scenario_preview(built, seed=seed)
    typer.echo(save_figure(retinoscope.figures.scenario_preview(result), out))


scenario_app.command("new")(scenario_new)
scenario_app.command("play")(scenario_play)


@scenario_app.command("schema")
def scenario_schema(
    out: Annotated[Path | None, typer.Option(help="JSON file.", show_default="standard output")] = None,
) -> None:
    """Write the JSON schema of scenario files, for editors.

    An editor with a YAML language server completes and checks a scenario file whose first line is
    `# yaml-language-server: $schema=scenario.schema.json`.

    \b
    Example:
        retinoscope scenario schema
    """
    from retinoscope.files import replacing
    from retinoscope.scenarios.schema import schema_text

    if out is None:
        typer.echo(schema_text(), nl=False)
        return
    try:
        with replacing(out) as temporary:
            temporary.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); choose another place") from None
    typer.echo(out)
