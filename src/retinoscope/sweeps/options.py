"""Which options a plan can vary, and where each of them goes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Literal

from retinoscope.errors import UserError
from retinoscope.scenarios import Scenario
from retinoscope.settings import nearest

Place = Literal["world", "scenario", "training", "evaluate", "analyze", "settings"]
"""`world`: which scenario; `scenario`: a value in it; `settings`: a parameter of an analysis."""

NOT_OF_A_SWEEP = (
    "agent",
    "agents",
    "world",
    "out",
    "cluster",
    "workers",
    "progress",
    "follow",
    "overwrite",
    "shortcuts",
)
"""Arguments of `evaluate`, `analyze` and `compare` that a sweep sets itself."""


def place_of(name: str, scenario: Scenario) -> tuple[Place, tuple[str, ...]]:
    """Where an option goes, and its path there.

    Args:
        name: `seed`, `network.retinal_bottleneck`, `scenario`, `scenario.frame_skip`, `evaluate.episodes`,
            `analyze.frames`, `analyze.receptive_fields.max_stimuli`; `training.` may stand before those of a training.
        scenario: of which `scenario.` options are.

    Raises:
        UserError: there is no such option; names the nearest.
    """
    known = known_options(scenario)
    short = name.removeprefix("training.")
    if short in known and not (short != name and known[short][0] != "training"):
        return known[short]
    first, _, rest = name.partition(".")
    if first == "analyze" and "." in rest:
        return "settings", _known_parameter(name, *rest.split(".", 1))
    raise UserError(f"plan: there is no option {name!r}; {_nearest_of(name, known)}")


def known_options(scenario: Scenario) -> dict[str, tuple[Place, tuple[str, ...]]]:
    """All options but the parameters of analyses, by name."""
    from retinoscope.rollouts.evaluation import evaluate
    from retinoscope.training.config import TrainingConfig, TrainingNetwork
    from retinoscope.workflows.analysis_run import analyze

    found: dict[str, tuple[Place, tuple[str, ...]]] = {"scenario": ("world", ())}
    found |= {name: ("training", (name,)) for name in TrainingConfig.model_fields if name not in ("network", "own")}
    for name in TrainingNetwork.model_fields:
        found |= dict.fromkeys((name, f"network.{name}"), ("training", ("network", name)))
    found |= {f"scenario.{'.'.join(path)}": ("scenario", path) for path in _leaves(scenario.model_dump(mode="json"))}
    for place, call in (("evaluate", evaluate), ("analyze", analyze)):
        names = [each for each in inspect.signature(call).parameters if each not in NOT_OF_A_SWEEP]
        found |= {f"{place}.{name}": (place, (name,)) for name in names}  # type: ignore[misc]
    return found


def put(content: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a value in nested mappings, making those that are not there."""
    for name in path[:-1]:
        content = content.setdefault(name, {})
    content[path[-1]] = value


def flattened(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= flattened(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _known_parameter(name: str, analysis_name: str, parameter: str) -> tuple[str, str]:
    import dataclasses

    from retinoscope.analyses.registry import analysis

    each = analysis(analysis_name)
    names = [field.name for field in dataclasses.fields(each.parameters)]
    if parameter not in names:
        raise UserError(f"plan: there is no option {name!r}; {nearest(parameter, names)}")
    return each.name, parameter


def _leaves(content: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, value in content.items():
        found += _leaves(value, (*path, name)) if isinstance(value, Mapping) and value else [(*path, name)]
    return found


def _nearest_of(name: str, known: Mapping[str, Any]) -> str:
    """The nearest option; all of them would fill a page."""
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    instead = f"did you mean {close[0]!r}? " if close else ""
    return f"{instead}`retinoscope train --help` and `retinoscope analyze --list` name them"
