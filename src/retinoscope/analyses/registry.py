"""Which analyses there are: every module of the rooms in `analyses/` that declares one, and those of other packages.

A module declares its analysis as `ANALYSIS`. Another package does so through an entry point of the group
`retinoscope.analyses`, whose value is an `Analysis`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from types import MappingProxyType
from typing import Any

import retinoscope.analyses as rooms
from retinoscope.analyses.declaration import GROUPS, Analysis
from retinoscope.errors import UserError
from retinoscope.settings import nearest

ENTRY_POINTS = "retinoscope.analyses"

TAKEN = ("recording", "explorer", "report", "tabs", "agent", "agents", "world", "parameters", "manifest")
"""Names that an analysis cannot have: parts of pages and manifests, where analyses stand by their names too."""


@functools.cache
def all_analyses() -> Mapping[str, Analysis]:
    """Every analysis by its name, in the order in which they run and stand on the page.

    Raises:
        UserError: another package declares something that is no analysis, or one of a name that is taken or is none.
    """
    found = {each.name: each for each in _own()}
    for point in metadata.entry_points(group=ENTRY_POINTS):
        each = _of_another_package(point)
        if each.name in found:
            raise UserError(f"analysis {each.name!r} of {point.value}: the name is taken; give it another")
        found[each.name] = each
    _check(found)
    groups = [group.name for group in GROUPS]
    places = {
        each.name: (not each.is_always_made, groups.index(each.group), each.rank, each.name) for each in found.values()
    }
    return MappingProxyType({name: found[name] for name in sorted(found, key=places.__getitem__)})


def analysis(name: str) -> Analysis:
    """The analysis of this name, or the one whose Results had this name in an earlier version.

    Raises:
        UserError: there is none; the nearest name is given.
    """
    known = all_analyses()
    for each in known.values():
        if name == each.name or name in each.formerly:
            return each
    raise UserError(f"analysis {name!r}: unknown; {nearest(name, known)}")


def select_analyses(responses: Iterable[str] = (), only: Iterable[str] = ()) -> tuple[Analysis, ...]:
    """The analyses of a run, those that others build on included, each behind what it builds on.

    Args:
        responses: names of groups; their analyses and those that are always made.
        only: names of analyses; these and no others, but for what they build on.

    Raises:
        UserError: there is no such group or analysis, or both are asked for.
    """
    asked_groups, asked = _names(responses), _names(only)
    if asked_groups and asked:
        raise UserError("only: names all analyses of a run; leave responses out")
    groups = {_group(each) for each in asked_groups}
    if asked:
        wanted = [analysis(each) for each in asked]
    else:
        wanted = [
            each
            for each in all_analyses().values()
            if each.is_always_made or (each.group in groups and not each.is_shared and not each.is_on_request)
        ]
    return _with_bases(wanted)


def _with_bases(wanted: Iterable[Analysis]) -> tuple[Analysis, ...]:
    chosen: dict[str, Analysis] = {}

    def add(each: Analysis) -> None:
        for name in each.builds_on:
            add(all_analyses()[name])
        chosen.setdefault(each.name, each)

    for each in sorted(wanted, key=list(all_analyses().values()).index):
        add(each)
    return tuple(chosen.values())


def _names(given: Iterable[str]) -> list[str]:
    """Names, of which one text may hold several, parted by commas."""
    texts = [given] if isinstance(given, str) else list(given)
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def _group(name: str) -> str:
    for group in GROUPS:
        if name in (group.name, group.also):
            return group.name
    always = " and ".join(each.title.lower() for each in all_analyses().values() if each.is_always_made)
    names = [group.name for group in GROUPS]
    raise UserError(f"responses {name!r}: unknown; {nearest(name, names)}, or leave it out: {always} always run")


def _own() -> list[Analysis]:
    found = []
    for room in pkgutil.iter_modules(rooms.__path__, f"{rooms.__name__}."):
        if not room.ispkg:
            continue
        package = importlib.import_module(room.name)
        for module in pkgutil.iter_modules(package.__path__, f"{room.name}."):
            declared = getattr(importlib.import_module(module.name), "ANALYSIS", None)
            if declared is not None:
                found.append(declared)
    return found


def _of_another_package(point: metadata.EntryPoint) -> Analysis:
    try:
        declared: Any = point.load()
    except Exception as error:  # whatever another package does must not hide which one it was
        raise UserError(
            f"analysis {point.name!r} of {point.value}: cannot be loaded ({type(error).__name__}: {error}); repair or "
            "uninstall that package"
        ) from error
    if not isinstance(declared, Analysis):
        raise UserError(f"analysis {point.name!r} of {point.value}: is no Analysis; see docs/plugins.md")
    return declared


def _check(found: Mapping[str, Analysis]) -> None:
    groups = [group.name for group in GROUPS]
    for each in found.values():
        if each.name in TAKEN:
            raise UserError(f"analysis {each.name!r}: the page of a run has a part of this name; give it another")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", each.name):
            raise UserError(
                f"analysis {each.name!r}: a name is made of a-z, 0-9 and _, a letter first; give it another"
            )
        if each.group not in groups:
            known = nearest(each.group, groups)
            raise UserError(f"analysis {each.name!r}: its group {each.group!r} is unknown; {known}")
        for name in each.builds_on:
            if name not in found:
                raise UserError(f"analysis {each.name!r}: builds on {name!r}, which is unknown; {nearest(name, found)}")
