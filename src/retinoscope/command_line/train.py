"""`retinoscope train`: its options are made from the pydantic models, so that no default is written twice.

The models need torch, which takes seconds to import; `DeferredCommand` puts that off until `train` is really asked for.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
import typer
from pydantic.fields import FieldInfo

from retinoscope.command_line.options import AsJson, ScenarioName
from retinoscope.command_line.output import print_json
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.training.config import TrainingConfig


def train(
    scenario: ScenarioName,
    out: Annotated[Path, typer.Option(help="Run directory; if it holds a run, that one is resumed.")],
    as_json: AsJson = False,
    **options: Any,
) -> None:
    """Train an agent; keep its checkpoints and learning curve.

    Ctrl-C or SIGTERM saves a checkpoint and stops; the same command with the same --out resumes. The options of the
    network are encoder ... rnn-size, the others belong to the algorithm, APPO.

    \b
    Example:
        retinoscope train digits --frames 8000 --out runs/digits
    """
    import retinoscope

    run = retinoscope.train(scenario, out, training_config(options), progress=True)
    if as_json:
        print_json({"run": run})
    else:
        typer.echo(f"{run}\nnext: retinoscope analyze {out}")


class DeferredCommand(typer.core.TyperCommand):
    """Stands for `train` in the list of commands, and becomes it when it is run or asked for help."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return train_command().make_context(info_name, args, parent, **extra)


def train_command() -> Any:
    """The command with all its options."""
    from retinoscope.agents.networks import NetworkConfig
    from retinoscope.training.config import TrainingConfig

    fields = {**TrainingConfig.model_fields, **NetworkConfig.model_fields}
    fields.pop("network")
    given = inspect.signature(train, eval_str=True).parameters.values()
    fixed = [parameter for parameter in given if parameter.kind is not inspect.Parameter.VAR_KEYWORD]

    def command(**values: Any) -> None:
        train(**values)

    made = [_option(name, field) for name, field in fields.items()]
    command.__signature__ = inspect.Signature(sorted([*fixed, *made], key=_required_first))  # type: ignore[attr-defined]
    command.__annotations__ = {}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(help=train.__doc__)(command)
    return typer.main.get_command(app)


def training_config(options: dict[str, Any]) -> TrainingConfig:
    """The configuration that these options, by field name, describe.

    Raises:
        UserError: a value is out of range; names the first such option.
    """
    from retinoscope.agents.networks import NetworkConfig
    from retinoscope.training.config import TrainingConfig

    of_network = {name: value for name, value in options.items() if name in NetworkConfig.model_fields}
    of_training = {name: value for name, value in options.items() if name not in of_network}
    try:
        return TrainingConfig(**of_training, network=NetworkConfig(**of_network))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise UserError(f"{option}: {first['msg']} (given: {first['input']!r}); correct the value") from None


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    annotation = Annotated[field.annotation, typer.Option(help=field.description or name.replace("_", " "))]  # type: ignore[name-defined]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation)


def _required_first(parameter: inspect.Parameter) -> tuple[int, bool]:
    return int(parameter.kind), parameter.default is not inspect.Parameter.empty
