"""`retinoscope train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retinoscope.command_line.model_options import command_with_fields, deferred, in_range
from retinoscope.command_line.options import AsJson, ScenarioName
from retinoscope.command_line.output import print_json

if TYPE_CHECKING:
    from retinoscope.training.config import TrainingConfig


def train(
    scenario: ScenarioName,
    out: Annotated[Path, typer.Option(help="Run directory; if it holds a run, that one is resumed.")],
    network: Annotated[
        str | None,
        typer.Option(help="An encoder of your own, file.py:Name: a module from pixels to features."),
    ] = None,
    as_json: AsJson = False,
    **options: Any,
) -> None:
    """Train an agent; keep its checkpoints and learning curve.

    Ctrl-C or SIGTERM saves a checkpoint and stops, with exit code 130; the same command with the same --out resumes.
    What is not given is as in the run that is resumed, else as the scenario says under `training`, else the default
    shown. The options of the network are encoder ... rnn-size, the others belong to the algorithm, APPO.

    \b
    Example:
        retinoscope train digits --frames 8000 --out runs/digits
    """
    import retinoscope

    try:
        run = retinoscope.train(scenario, out, training_config(options, network), progress=True)
    except KeyboardInterrupt:
        typer.echo(f"retinoscope: interrupted; the same command goes on from the last checkpoint in {out}", err=True)
        raise
    if as_json:
        print_json({"run": run})
    else:
        typer.echo(f"{run}\nnext: retinoscope analyze {out}")


def train_command() -> Any:
    """The command with all its options."""
    from retinoscope.training.config import TrainingConfig, TrainingNetwork

    fields = {**TrainingConfig.model_fields, **TrainingNetwork.model_fields}
    for name in ("network", "own"):  # `--network` names the code of one's own
        fields.pop(name)
    return command_with_fields(train, fields)


DeferredCommand = deferred(train_command)
"""Stands for `train` until it is needed."""


def training_config(options: dict[str, Any], own_encoder: str | None = None) -> TrainingConfig:
    """The configuration that options describe.

    Args:
        options: by field name; those that are None are not asked for.
        own_encoder: `file.py:Name` of an encoder of the user's own.

    Raises:
        UserError: a value is out of range; names the first such option.
    """
    from retinoscope.agents.own_encoder import described
    from retinoscope.training.config import TrainingConfig
    from retinoscope.training.settling import nested

    given = {name: value for name, value in options.items() if value is not None}
    if own_encoder is not None:
        given["own"] = described(own_encoder)
    return in_range(lambda: TrainingConfig(**nested(given)))
