"""`retinoscope train-classifier`: the supervised twin of an agent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line.options import AsJson, Device, ScenarioName, Seed
from retinoscope.command_line.output import print_json


def train_classifier(
    scenario: ScenarioName,
    out: Annotated[Path, typer.Option(help="File of the twin, .safetensors.")],
    dataset: Annotated[
        str | None, typer.Option(help="Images to name the class of.", show_default="those of the scenario")
    ] = None,
    presentation: Annotated[
        str | None,
        typer.Option(
            help="How they are shown: 'arena distance=100,200 bearing=0' or 'paste height=30'.",
            show_default="in the arena, at 3 distances and 5 bearings",
        ),
    ] = None,
    class_effects: Annotated[
        str | None,
        typer.Option(help="What classes do that the arena does not know: cat=-20,dog=+10.", show_default="the arena's"),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Times that every presentation is seen.")] = 6,
    presentations: Annotated[int, typer.Option(min=1, help="Observations to train on, at most.")] = 60_000,
    seed: Seed = 0,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Train an agent's encoder to name what it sees.

    The twin has the network of the shipped agents up to its dense layer, and sees the same images in the same arena. It
    is analysed as an agent is; `retinoscope analyze --responses dataset --twin FILE` puts both side by side.

    \b
    Example:
        retinoscope train-classifier apples --epochs 1 --presentations 200 --out twin.safetensors
    """
    import retinoscope
    from retinoscope.training.classifier import ClassifierConfig

    config = ClassifierConfig(epochs=epochs, presentations=presentations, seed=seed, device=device)
    made = retinoscope.train_classifier(scenario, out, dataset, config, presentation, class_effects, progress=True)
    if as_json:
        print_json({"twin": made.path, "accuracy": made.accuracy, "accuracy_by_place": made.accuracy_by_place})
        return
    typer.echo(f"{made.path}: {made.accuracy:.1%} of {made.held_out} held-out images named rightly, over all places")
    typer.echo(f"next: retinoscope analyze --responses dataset --twin {made.path}")
