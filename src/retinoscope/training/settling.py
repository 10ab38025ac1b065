"""Which parameters a training has: those that were asked for, above the run's own, above the scenario's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic

from retinoscope.agents.networks import MEANT_BEFORE, NetworkConfig
from retinoscope.errors import UserError
from retinoscope.scenarios import Scenario
from retinoscope.training.config import TrainingConfig
from retinoscope.training.levers import Levers

_EARLIER = {"learning_rate_schedule": "linear", "warm_up": 0.0, **Levers().model_dump()}
"""Of options that came later: how runs of version 0.1 were trained."""


def settled(asked: TrainingConfig, scenario: Scenario, run_directory: Path) -> TrainingConfig:
    """All parameters of a training.

    Args:
        asked: what its fields name explicitly stays.
        scenario: whose `training` names others.
        run_directory: if it holds a run already, that run's own parameters take the place of those of the scenario.

    Raises:
        UserError: the scenario names something that is no parameter, or a value out of range.
    """
    base = _of_run(run_directory)
    source = f"{run_directory / 'training.json'}"
    if base is None:
        base, source = nested(scenario.training), f"scenario {scenario.name}: training"
    values = {**base, **_explicit(asked)}
    values["network"] = {**base.get("network", {}), **_explicit(asked.network)}
    try:
        return TrainingConfig.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"] if part != "network")
        what = "is no parameter of a training" if first["type"] == "extra_forbidden" else first["msg"]
        raise UserError(f"{source}: {name}: {what} (given: {first['input']!r}); correct it") from None


def nested(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by name, those of the network among them, in the form of `TrainingConfig`."""
    network = {name: value for name, value in parameters.items() if name in NetworkConfig.model_fields}
    return {name: value for name, value in parameters.items() if name not in network} | {"network": network}


def _explicit(model: pydantic.BaseModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in model.model_fields_set if name != "network"}


def _of_run(run_directory: Path) -> dict[str, Any] | None:
    """The parameters of a run that has begun; None if there is none."""
    path = run_directory / "training.json"
    if not path.is_file() or not any((run_directory / "checkpoint_p0").glob("checkpoint_*.pth")):
        return None
    try:
        kept: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8"))["config"])
        return {**_EARLIER, **kept, "network": MEANT_BEFORE | dict(kept["network"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: does not say how this run is trained; restore it, or choose another --out") from None
