"""`retinoscope train-classifier`: the supervised twin of an agent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from retinoscope.command_line.model_options import command_with_fields, deferred, in_range
from retinoscope.command_line.options import AsJson, ScenarioName
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
        typer.Option(
            help="Effect on health of classes that the arena does not know: cat=-20,dog=+10.",
            show_default="the arena's",
        ),
    ] = None,
    as_json: AsJson = False,
    **options: Any,
) -> None:
    """Train an agent's encoder to name what it sees.

    The twin has the network of the shipped agents up to its dense layer, and sees the same images in the same arena. It
    is analysed as an agent is; `retinoscope analyze --responses images --twin FILE` puts both side by side. The
    options of the network are encoder ... hidden-size, the others belong to the training.

    \b
    Example:
        retinoscope train-classifier apples --epochs 1 --presentations 200 --out twin.safetensors
    """
    import retinoscope
    from retinoscope.training.classifier import ClassifierConfig
    from retinoscope.training.settling import nested

    given = {name: value for name, value in options.items() if value is not None}
    config = in_range(lambda: ClassifierConfig(**nested(given | {"rnn": "none"})))
    made = retinoscope.train_classifier(scenario, out, dataset, config, presentation, class_effects, progress=True)
    if as_json:
        print_json({"twin": made.path, "accuracy": made.accuracy, "accuracy_by_place": made.accuracy_by_place})
        return
    typer.echo(f"{made.path}: {made.accuracy:.1%} of {made.held_out} held-out images named rightly, over all places")
    typer.echo(f"next: retinoscope analyze --responses images --twin {made.path}")


def train_classifier_command() -> Any:
    """The command with all its options."""
    from retinoscope.agents.networks import NetworkConfig
    from retinoscope.training.classifier import ClassifierConfig

    fields = {**ClassifierConfig.model_fields, **NetworkConfig.model_fields}
    for name in ("network", "rnn", "rnn_size", "own"):  # a twin has no recurrent core, and no code of its own
        fields.pop(name)
    return command_with_fields(train_classifier, fields)


DeferredClassifierCommand = deferred(train_classifier_command)
"""Stands for `train-classifier` until it is needed."""
