"""From what people call their folders and classes to names that the engine, a YAML file and a table can all bear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from retinoscope.errors import UserError

CLASS_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"
"""A class name: a letter or digit, then up to 31 letters, digits, underscores and hyphens."""
LONGEST_CLASS_NAME = 32


def sanitised(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Each name with accents dropped and all but letters, digits, `_` and `-` replaced: `Café noir` -> `Cafe_noir`.

    Args:
        names: as the user wrote them.
        where: of what they are the classes, for the message.

    Raises:
        UserError: nothing is left of a name, it is longer than 32 characters, or two become the same.
    """
    found: dict[str, str] = {}
    for name in names:
        clean = _sanitised(name)
        if not clean:
            raise UserError(f"{where}: class {name!r} has no letter of a to z and no digit in its name; rename it")
        if len(clean) > LONGEST_CLASS_NAME:
            raise UserError(
                f"{where}: class {clean[:40]!r} has a name of {len(clean)} letters; shorten it to"
                f" {LONGEST_CLASS_NAME} at most"
            )
        if clean in found:
            raise UserError(
                f"{where}: classes {found[clean]!r} and {name!r} would both be called {clean!r}; rename one"
            )
        found[clean] = name
    return tuple(found)


def _sanitised(name: str) -> str:
    if re.match(CLASS_NAME, name) and not name.endswith("\n"):
        return name
    without_accents = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "_", without_accents).strip("_-")
