"""A plan: which runs there are to be."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from retinoscope.errors import UserError, said
from retinoscope.scenarios import load_scenario
from retinoscope.settings import nearest
from retinoscope.sweeps.options import NOT_OF_A_SWEEP, flattened, place_of, put

_KEYS = ("scenario", "training", "grid", "list", "evaluate", "analyze", "compare")
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Member:
    """One run of a sweep.

    Attributes:
        name: of its directories; made of what it varies.
        varied: what it has that others have not, by option.
        scenario: name or path of the one that it is trained in.
        changes: of that scenario, nested.
        training: of the training, nested: those of the network under `network`.
        evaluate: arguments of `evaluate`; None for none.
        analyze: arguments of `analyze`; None for none.
    """

    name: str
    varied: dict[str, Any]
    scenario: str
    changes: dict[str, Any]
    training: dict[str, Any]
    evaluate: dict[str, Any] | None
    analyze: dict[str, Any] | None

    @property
    def stages(self) -> tuple[str, ...]:
        """What is done, in this order."""
        return ("train", *(each for each in ("evaluate", "analyze") if getattr(self, each) is not None))

    @property
    def definition(self) -> str:
        """A hash of all that it is."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """What a plan says.

    Attributes:
        members: the runs.
        options: names of what varies between them, in the order of the plan.
        compare: arguments of `compare`, for those that are done; None for none.
    """

    members: tuple[Member, ...]
    options: tuple[str, ...]
    compare: dict[str, Any] | None


def read_plan(plan: str | Path | Mapping[str, Any]) -> Plan:
    """A plan from a YAML file, or from what such a file holds.

    Raises:
        UserError: it cannot be read, has an unknown key or option (the nearest is named), or no runs.
    """
    content = dict(plan) if isinstance(plan, Mapping) else _read(Path(plan))
    beside = Path() if isinstance(plan, Mapping) else Path(plan).parent
    for key in content:
        if key not in _KEYS:
            raise UserError(f"plan: there is no {key!r}; {nearest(str(key), _KEYS)}")
    common = {key: _mapping(content, key) for key in ("training", "evaluate", "analyze", "compare")}
    _require_options_of_compare(common["compare"] or {})
    grid, listed = _mapping(content, "grid") or {}, content.get("list", [{}])
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise UserError("plan: list: is none; write one line for each run, as `- {seed: 0, frames: 1e6}`")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise UserError(f"plan: grid: {name} has {values!r}; give a list of values, as [0, 1, 2]")
    varied = [
        {**one, **dict(zip(grid, values, strict=True))}
        for one in listed
        for values in itertools.product(*grid.values())
    ]
    options = tuple(dict.fromkeys(name for each in varied for name in each))
    members = tuple(_member(content, common, each, beside) for each in varied)
    names = [each.name for each in members]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"plan: two runs are {twice}; leave one out")
    return Plan(members, options, common["compare"])


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as YAML ({said(error)}); give a plan") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no plan; write `scenario: digits` and below `grid:` what is to vary")
    return content


def _mapping(content: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    """What stands under a key; a key with nothing behind it stands for all defaults."""
    if key not in content:
        return None
    value = content[key] if content[key] is not None else {}
    if not isinstance(value, dict):
        raise UserError(f"plan: {key}: has {value!r}; give options with their values")
    return {str(name): each for name, each in value.items()}


def _require_options_of_compare(given: Mapping[str, Any]) -> None:
    if not given:
        return
    from retinoscope.workflows.compare import compare

    known = [each for each in inspect.signature(compare).parameters if each not in NOT_OF_A_SWEEP]
    for name in given:
        if name not in known:
            raise UserError(f"plan: compare: there is no option {name!r}; {nearest(name, known)}")


def _member(
    content: Mapping[str, Any], common: Mapping[str, dict[str, Any] | None], varied: dict[str, Any], beside: Path
) -> Member:
    scenario = str(varied.get("scenario", content.get("scenario", "digits")))
    if scenario.endswith((".yaml", ".yml", ".cfg")) and not Path(scenario).is_absolute():
        scenario = str((beside / scenario).resolve())
    specification = load_scenario(scenario)
    found: dict[str, dict[str, Any]] = {"scenario": {}, "training": {}, "evaluate": {}, "analyze": {}, "settings": {}}
    given = flattened(common["training"] or {})
    for stage in ("evaluate", "analyze"):
        given |= {f"{stage}.{name}": value for name, value in (common[stage] or {}).items() if name != "settings"}
    given |= {
        f"analyze.{name}": value for name, value in flattened((common["analyze"] or {}).get("settings", {})).items()
    }
    for name, value in (given | varied).items():
        place, path = place_of(name, specification)
        if place != "world":
            put(found[place], path, value)
    has = {stage: common[stage] is not None or found[stage] for stage in ("evaluate", "analyze")}
    if found["settings"]:
        found["analyze"]["settings"] = found["settings"]
        has["analyze"] = True
    return Member(
        name=_name(varied),
        varied=varied,
        scenario=scenario,
        changes=found["scenario"],
        training=found["training"],
        evaluate=found["evaluate"] if has["evaluate"] else None,
        analyze=found["analyze"] if has["analyze"] else None,
    )


def _name(varied: Mapping[str, Any]) -> str:
    """`retinal_bottleneck-4_seed-0`: what may stand in the name of a directory anywhere."""
    words = [f"{name.rpartition('.')[2]}-{value}" for name, value in varied.items()]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(words)).strip("-.") or "run"
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name
