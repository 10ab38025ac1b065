"""Parameters: frozen, checked when they are made, settable by name from Python, from the shell and from a file.

A class of parameters is declared with `parameters` and its fields with `setting`, which holds the default, the meaning,
the unit and the range in one place. What is wrong is said in one line by the same words wherever it was given.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin

import pydantic
import pydantic.dataclasses

from retinoscope.errors import UserError

Parameters = TypeVar("Parameters", bound=Any)


def setting(
    default: Any,
    meaning: str,
    *,
    units: str = "",
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    fewest: int | None = None,
) -> Any:
    """A field of a class of parameters.

    Args:
        default: its value unless another is given.
        meaning: what it does, for `analyze --list NAME` and the reference.
        units: of its value; empty if it has none.
        above: a number is greater than this.
        least: a number is at least this.
        below: a number is less than this.
        most: a number is at most this.
        fewest: how many entries a list has at least.
    """
    about: dict[str, Any] = {"units": units}
    bounds = {"gt": above, "ge": least, "lt": below, "le": most, "min_length": fewest}
    chosen: dict[str, Any] = {name: value for name, value in bounds.items() if value is not None}
    return pydantic.Field(default=default, description=meaning, json_schema_extra=about, **chosen)


@dataclass_transform(frozen_default=True)
def parameters(of: str) -> Callable[[type[Parameters]], type[Parameters]]:
    """Make a class a frozen dataclass of checked parameters.

    Args:
        of: whose parameters they are, as messages say it: `raster`.

    Values are converted where nothing is lost by it ("3" to 3, a list to a tuple). A wrong one raises `UserError`.
    Rules between fields are methods under `pydantic.model_validator(mode="after")` that raise `UserError`.
    """

    def decorate(cls: type[Parameters]) -> type[Parameters]:
        config = pydantic.ConfigDict(arbitrary_types_allowed=True, extra="forbid", allow_inf_nan=False)
        made: Any = pydantic.dataclasses.dataclass(frozen=True, config=config)(cls)
        checked = made.__init__

        @functools.wraps(checked)
        def __init__(self: Any, *arguments: Any, **named: Any) -> None:
            try:
                checked(self, *arguments, **named)
            except pydantic.ValidationError as error:
                raise UserError(_one_line(made, error)) from None

        made.__init__ = __init__
        made.of = of
        return made

    return decorate


def with_settings(parameters: Parameters, settings: Mapping[str, Any], of: str | None = None) -> Parameters:
    """The same parameters with these settings, checked anew.

    Args:
        parameters: an instance of a class made by `parameters`.
        settings: fields of it by name.
        of: whose parameters they are, for the message; None for what the class says.

    Raises:
        UserError: there is no parameter of that name (the nearest is named), or a value cannot be used.
    """
    if not settings:
        return parameters
    names = [field.name for field in dataclasses.fields(parameters)]
    for name in settings:
        if name not in names:
            raise UserError(f"{of or parameters.of}: there is no parameter {name!r}; {nearest(name, names)}")
    return dataclasses.replace(parameters, **settings)


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest of those there are, and all of them."""
    known = list(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + f"choose from {', '.join(known)}"


@dataclasses.dataclass(frozen=True)
class Described:
    """One parameter, for people.

    Attributes:
        name: of the field.
        default: its value unless another is given.
        units: empty if it has none.
        meaning: what it does.
        allowed: its range or choices in words; empty if anything of its type will do.
    """

    name: str
    default: Any
    units: str
    meaning: str
    allowed: str


def describe(cls: type) -> tuple[Described, ...]:
    """All parameters of a class made by `parameters`, in their order."""
    found = []
    for name, field in cls.__pydantic_fields__.items():  # type: ignore[attr-defined]
        extra = field.json_schema_extra or {}
        default = field.get_default(call_default_factory=True)
        found.append(
            Described(name, default, extra.get("units", ""), field.description or "", _choices(field) or _range(field))
        )
    return tuple(found)


def value_from_text(cls: type, name: str, text: str) -> Any:
    """What `--set NAME=TEXT` means for a parameter: `none` is None, commas part the entries of a list.

    Anything else is left to the checks of the class, which read numbers and truth values from text.
    """
    field = cls.__pydantic_fields__[name]  # type: ignore[attr-defined]
    kinds = _kinds(field.annotation)
    if text.strip().lower() == "none" and type(None) in kinds:
        return None
    reads_text = any(isinstance(each, pydantic.BeforeValidator) for each in field.metadata)
    if any(get_origin(each) is tuple for each in kinds) and not reads_text:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text if reads_text or str in kinds else _number(text)


def _number(text: str) -> int | float | str:
    """The number that a text says, else the text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def stated(parameters: Any) -> dict[str, Any]:
    """The parameters as a dictionary that JSON can hold, for a Result: lists for tuples, text for what it cannot."""
    return {
        field.name: _plain(getattr(parameters, field.name)) for field in dataclasses.fields(parameters) if field.repr
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "fingerprint"):  # too large to be stated
        return value.fingerprint()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _choices(field: Any) -> str:
    kinds = _kinds(field.annotation)
    kinds += tuple(entry for kind in kinds if get_origin(kind) is tuple for entry in get_args(kind))
    choices = [each for kind in kinds if get_origin(kind) is Literal for each in get_args(kind)]
    return " or ".join((", ".join(map(str, choices[:-1])), str(choices[-1]))) if len(choices) > 1 else ""


_BOUNDS = (("gt", "above {:g}"), ("ge", "at least {:g}"), ("lt", "below {:g}"), ("le", "at most {:g}"))


def _range(field: Any) -> str:
    """`above 0, at most 1`, or nothing."""
    parts = []
    for attribute, words in _BOUNDS:
        for each in field.metadata:
            if getattr(each, attribute, None) is not None:
                parts.append(words.format(getattr(each, attribute)))
    return ", ".join(parts)


_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "dict": "names with values",
}


def _one_line(cls: Any, error: pydantic.ValidationError) -> str:
    """The first thing that is wrong: whose parameter, which, what it is, and what to give."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    field = cls.__pydantic_fields__.get(name)
    if field is None:
        return f"{cls.of}: there is no parameter {name!r}; {nearest(name, cls.__pydantic_fields__)}"
    kind, given = str(first["type"]), first["input"]
    allowed = _choices(field) or _range(field)
    if kind == "value_error":
        return f"{cls.of}: {name}: {first['ctx']['error']}"
    if kind == "too_short":
        return f"{cls.of}: {name} is empty; name at least {first['ctx']['min_length']}"
    if kind == "literal_error":
        return f"{cls.of}: {name} {given!r} is unknown; choose from {allowed}"
    wanted = next((words for start, words in _WANTED.items() if kind.startswith(start)), "")
    if wanted and allowed:
        wanted = f"{wanted} {allowed}" if allowed.startswith(("above", "below")) else f"{wanted}, {allowed}"
    elif not wanted:
        wanted = f"a number {allowed}" if allowed.startswith(("above", "below")) else allowed
    shown = f"{given:g}" if isinstance(given, float) else repr(given) if isinstance(given, str) else str(given)
    return f"{cls.of}: {name} is {shown}; give {wanted or 'another value'}"
