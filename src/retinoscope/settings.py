"""Parameters with some of them set by name: what every analysis that takes `**settings` does with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from retinoscope.errors import UserError

Parameters = TypeVar("Parameters", bound=Any)


def with_settings(parameters: Parameters, settings: Mapping[str, Any], of: str) -> Parameters:
    """The same parameters with these settings; their own checks are made anew.

    Args:
        parameters: a dataclass.
        settings: fields of it by name.
        of: whose parameters they are, for the message.

    Raises:
        UserError: there is no parameter of that name; the message lists those there are.
    """
    names = [field.name for field in dataclasses.fields(parameters)]
    for name in settings:
        if name not in names:
            raise UserError(f"{of}: there is no parameter {name!r}; choose from {', '.join(names)}")
    return dataclasses.replace(parameters, **settings)
