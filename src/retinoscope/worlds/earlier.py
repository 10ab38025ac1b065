"""What version 0.1 wrote, in the words of today: the names in its Results, and where they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray
import yaml

RENAMED: dict[str, dict[str, str]] = {}
"""Analysis -> former name of a variable, coordinate or dimension of its Results -> its name today."""


def renamed(analysis: str, data: xarray.Dataset) -> xarray.Dataset:
    """The data of a Result of that version, under the names of today."""
    there = {*data.variables, *data.dims}
    return data.rename({old: new for old, new in RENAMED.get(analysis, {}).items() if old in there})


def came_from(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Where such a Result came from, under the keys of today: then every world was an arena of the game engine."""
    found = dict(provenance)
    if "arena_sha256" in found:
        found["world_sha256"] = found.pop("arena_sha256")
    if "scenario" in found:
        source = found.pop("scenario")
        found |= {"world": _name_of(source), "world_source": source}
    return found


def _name_of(source: str | None) -> str | None:
    """Of the scenario in this text; some analyses noted its name alone."""
    content = yaml.safe_load(source) if source else None
    return content.get("name") if isinstance(content, dict) else source
