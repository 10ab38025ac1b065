"""What analyses there are and what can be set, for people: the tables of `analyze --list` and of the reference."""

from __future__ import annotations

from typing import Any

from retinoscope.analyses.declaration import GROUPS, Analysis
from retinoscope.analyses.registry import all_analyses
from retinoscope.settings import Described, describe

ANALYSIS_COLUMNS = ("group", "name", "needs", "builds on", "what it shows")
PARAMETER_COLUMNS = ("parameter", "default", "units", "allowed", "meaning")


def list_analyses() -> tuple[tuple[str, ...], ...]:
    """One row per analysis, as `ANALYSIS_COLUMNS` says, in the order of the page; those that only others use behind."""
    known = sorted(all_analyses().values(), key=lambda each: each.is_shared)
    return tuple((_group(each), each.name, _needs(each), ", ".join(each.builds_on), each.summary) for each in known)


def list_parameters(analysis: Analysis) -> tuple[tuple[str, ...], ...]:
    """One row per parameter, as `PARAMETER_COLUMNS` says."""
    return tuple(
        (f"{analysis.name}.{each.name}", in_words(each.default), each.units, each.allowed, each.meaning)
        for each in describe(analysis.parameters)
    )


def analysis_as_json(analysis: Analysis) -> dict[str, Any]:
    """All that `--list --json` says of one analysis."""
    return {
        "name": analysis.name,
        "title": analysis.title,
        "group": analysis.group,
        "summary": analysis.summary,
        "needs": [need.name for need in analysis.needs],
        "builds_on": list(analysis.builds_on),
        "is_always_made": analysis.is_always_made,
        "is_on_request": analysis.is_on_request,
        "is_shared": analysis.is_shared,
        "parameters": [_parameter_as_json(each) for each in describe(analysis.parameters)],
    }


def reference_of_analyses() -> str:
    """The tables of docs/reference.md in Markdown: all analyses, then the parameters of each."""
    parts = [_markdown(ANALYSIS_COLUMNS, [(row[0], f"`{row[1]}`", *row[2:]) for row in list_analyses()])]
    for each in sorted(all_analyses().values(), key=lambda one: one.name):
        rows = [(f"`{row[0]}`", f"`{row[1]}`", *row[2:]) for row in list_parameters(each)]
        table = _markdown(PARAMETER_COLUMNS, rows) if rows else ""
        parts.append(f"#### `{each.name}`\n\n{each.summary}\n\n{table}".rstrip())
    return "\n\n".join(parts) + "\n"


def in_words(value: Any) -> str:
    """A default as it is written after `--set NAME=`."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ",".join(map(in_words, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _group(analysis: Analysis) -> str:
    if analysis.is_shared:
        return f"{analysis.group} (shared)"
    if analysis.is_on_request:
        return f"{analysis.group} (on request)"
    return f"{analysis.group} (always)" if analysis.is_always_made else analysis.group


def _needs(analysis: Analysis) -> str:
    return ", ".join(need.name for need in analysis.needs)


def _parameter_as_json(each: Described) -> dict[str, Any]:
    default = each.default if isinstance(each.default, bool | int | float | str | tuple | None) else str(each.default)
    return {
        "name": each.name,
        "default": default,
        "units": each.units,
        "allowed": each.allowed,
        "meaning": each.meaning,
    }


def _markdown(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])


def groups_in_words() -> str:
    """`behaviour, comparison, ...`: what `--responses` takes."""
    return ", ".join(group.name for group in GROUPS)
