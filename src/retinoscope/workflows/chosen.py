"""The parameters of a run's analyses, from what was asked for in Python, in the shell and in a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from retinoscope.analyses.declaration import Analysis
from retinoscope.analyses.registry import analysis
from retinoscope.errors import UserError
from retinoscope.settings import nearest, value_from_text, with_settings

Settings = Mapping[str, Mapping[str, Any]]
"""Name of an analysis -> name of a parameter -> its value."""

SHORTCUTS = {
    "method": ("receptive_fields", "method"),
    "layers": ("receptive_fields", "layers"),
    "movie_frames": ("activation_movies", "frames"),
    "raster_order": ("raster", "order"),
    "dataset": ("shown_images", "dataset"),
    "presentation": ("shown_images", "presentation"),
    "class_effects": ("shown_images", "class_effects"),
    "twin": ("twin_comparison", "twin"),
}
"""Parameters that are asked for so often that `analyze` takes them under a short name."""


def chosen_parameters(
    analyses: Iterable[Analysis], settings: Settings, shortcuts: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """The parameters of each analysis of a run.

    Args:
        analyses: of the run.
        settings: by analysis and parameter.
        shortcuts: by the names of `SHORTCUTS`; None or nothing where the default is to stay.
        seed: for every analysis that has a seed, unless `settings` gives it one of its own.

    Raises:
        UserError: an analysis or a parameter is unknown, is no part of the run, is given twice, or has a wrong value.
    """
    wanted = _merged(settings, shortcuts)
    run = {each.name: each for each in analyses}
    for name, given in wanted.items():
        if name not in run:
            known = analysis(name)
            shown = ", ".join(f"{name}.{each}" for each in given)
            raise UserError(
                f"{shown}: {known.title!r} is no part of this run; add --responses {known.group} or --only {known.name}"
            )
    found = {}
    for name, each in run.items():
        has_seed = any(field.name == "seed" for field in dataclasses.fields(each.parameters))
        found[name] = with_settings(each.parameters(), ({"seed": seed} if has_seed else {}) | wanted.get(name, {}))
    return found


def settings_of_assignments(assignments: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What `--set raster.order=rastermap` says, as text for each parameter, read by its own rules.

    Raises:
        UserError: it is no such text, or there is no such analysis or parameter.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in assignments:
        path, equals, value = text.partition("=")
        name, dot, parameter = path.strip().partition(".")
        if not (equals and dot and name and parameter):
            raise UserError(f"--set {text!r}: is no setting; write ANALYSIS.PARAMETER=VALUE, as raster.order=rastermap")
        each = analysis(name)
        _known_parameter(each, parameter)
        found.setdefault(each.name, {})[parameter] = value_from_text(each.parameters, parameter, value.strip())
    return found


def settings_of_file(path: str | Path) -> dict[str, dict[str, Any]]:
    """The settings in a YAML file: analyses, and below each its parameters.

    Raises:
        UserError: the file cannot be read, is no such file, or there is no such analysis or parameter.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a YAML file of settings") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: is no YAML ({reason}); write 'raster:' and below it 'order: rastermap'") from None
    found: dict[str, dict[str, Any]] = {}
    for name, given in (content or {}).items() if isinstance(content, dict | None) else _no_settings(path):
        each = analysis(str(name))
        for parameter, value in given.items() if isinstance(given, dict) else _no_settings(path):
            _known_parameter(each, str(parameter))
            found.setdefault(each.name, {})[str(parameter)] = value
    return found


def joined(first: Settings, second: Settings) -> dict[str, dict[str, Any]]:
    """Both; where both set the same parameter, the second one counts."""
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in {**first, **second}}


def _merged(settings: Settings, shortcuts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, given in settings.items():
        if not isinstance(given, Mapping):
            raise UserError(f"settings: {name} has {given!r}; give its parameters with their values")
        found[analysis(name).name] = dict(given)
    for short, value in shortcuts.items():
        if short not in SHORTCUTS:
            raise UserError(f"analyze: there is no option {short!r}; {nearest(short, SHORTCUTS)}, or use settings")
        if value is None or value == ():
            continue
        name, parameter = SHORTCUTS[short]
        if parameter in found.get(name, {}):
            raise UserError(f"{short}: is {name}.{parameter}, which is set too; give one of the two")
        found.setdefault(name, {})[parameter] = value
    return found


def _known_parameter(each: Analysis, parameter: str) -> None:
    names = [field.name for field in dataclasses.fields(each.parameters)]
    if parameter not in names:
        raise UserError(f"{each.name}: there is no parameter {parameter!r}; {nearest(parameter, names)}")


def _no_settings(path: str | Path) -> Any:
    raise UserError(f"{path}: holds no settings; write 'raster:' and below it 'order: rastermap'")
