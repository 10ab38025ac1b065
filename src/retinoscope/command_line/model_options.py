"""Options made from the fields of pydantic models, so that no default is written twice.

The models need torch, which takes seconds to import; `deferred` puts that off until a command is really asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin

import pydantic
import typer
from pydantic.fields import FieldInfo

from retinoscope.errors import UserError

T = TypeVar("T")


def deferred(make: Callable[[], Any]) -> type[typer.core.TyperCommand]:
    """A command that stands for another in the list of commands, and becomes it when it is run or asked for help."""

    class Deferred(typer.core.TyperCommand):
        def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
            return make().make_context(info_name, args, parent, **extra)

    return Deferred


def command_with_fields(function: Callable[..., None], fields: Mapping[str, FieldInfo]) -> Any:
    """The command of a function whose keywords beyond its own parameters are these fields.

    An option that is not given is None, so that what is not asked for can be told.
    """
    given = inspect.signature(function, eval_str=True).parameters.values()
    fixed = [parameter for parameter in given if parameter.kind is not inspect.Parameter.VAR_KEYWORD]

    def command(**values: Any) -> None:
        function(**values)

    made = [_option(name, field) for name, field in fields.items()]
    command.__signature__ = inspect.Signature(sorted([*fixed, *made], key=_required_first))  # type: ignore[attr-defined]
    command.__annotations__ = {}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(help=function.__doc__)(command)
    return typer.main.get_command(app)


def in_range(make: Callable[[], T]) -> T:
    """What `make` makes of options.

    Raises:
        UserError: a value is out of range; names the first such option.
    """
    try:
        return make()
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        named = [str(part) for part in first["loc"] if part != "network"]
        if not named:  # of several options together
            raise UserError(f"{first['msg'].removeprefix('Value error, ')}; correct them") from None
        option = "--" + named[0].replace("_", "-")
        raise UserError(f"{option}: {first['msg']} (given: {first['input']!r}); correct the value") from None


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    kind: Any = field.annotation
    default = field.default
    if get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis:
        kind, default = str, ",".join(str(each) for each in default) or "as the others say"
    if isinstance(default, tuple):
        default = " ".join(str(each) for each in default)
    # The value itself is None, so typer could not show the default.
    said = typer.Option(help=f"{field.description or name.replace('_', ' ')}  [default: {default}]", show_default=False)
    annotation = Annotated[kind | None, said]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _required_first(parameter: inspect.Parameter) -> tuple[int, bool]:
    return int(parameter.kind), parameter.default is not inspect.Parameter.empty
