"""Run directories of Sample Factory: those `retinoscope train` makes, and others.

Sample Factory itself is not needed to read them.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.safe_load import allow_sample_factory_checkpoints
from retinoscope.agents.sample_factory_config import network_config_of
from retinoscope.agents.sample_factory_policy import Run, policy_of
from retinoscope.agents.sample_factory_spaces import stated_spaces
from retinoscope.agents.weights import file_sha256
from retinoscope.errors import UserError
from retinoscope.scenarios import Scenario, load_scenario

_CHECKPOINT = re.compile(r"^checkpoint_(\d+)_(\d+)\.pth$")
_WOULD_EXECUTE = re.compile("unsupported (global|class)|unrecognized function", re.IGNORECASE)  # torch's words
_CONFIGURATIONS = ("config.json", "cfg.json")  # of Sample Factory 2, and of 1


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file and the engine frames after which it was saved."""

    path: Path
    frames: int


def list_checkpoints(run_directory: Path) -> tuple[Checkpoint, ...]:
    """All checkpoints of a run, oldest first, milestones included.

    Raises:
        UserError: the directory holds none.
    """
    found: dict[int, Checkpoint] = {}
    for path in sorted(run_directory.glob("checkpoint_p0/**/*.pth")):
        match = _CHECKPOINT.match(path.name)
        if match:
            found.setdefault(int(match[2]), Checkpoint(path, int(match[2])))
    if not found:
        raise UserError(f"{run_directory}: holds no checkpoints; give a run directory that `retinoscope train` made")
    return tuple(found[frames] for frames in sorted(found))


def load_checkpoint(path: Path) -> Agent:
    """The agent of one `.pth` file; its configuration is looked for in the folders above it.

    Raises:
        UserError: the file is truncated, foreign or unsafe, does not fit its configuration, or holds a network of which
            this package cannot be sure.
    """
    run_directory, configuration = _configured_run(path)
    content = _read_checkpoint(path)
    scenario = _scenario_of(run_directory)
    run = Run(path, configuration, content["model"], scenario, stated_spaces(run_directory))
    return Agent(
        name=run_directory.name,
        policy=policy_of(run),
        scenario=scenario,
        checkpoint=path,
        checkpoint_sha256=file_sha256(path),
        frames_trained=int(content["env_steps"]) if "env_steps" in content else None,
        training=_training_parameters(run_directory, configuration),
    )


def weight_names(path: Path) -> tuple[str, ...]:
    """Names of all that a checkpoint holds of its network, by Sample Factory.

    Raises:
        UserError: as `load_checkpoint`.
    """
    return tuple(_read_checkpoint(path)["model"])


def network_of_run(run_directory: Path) -> NetworkConfig:
    """The network of a run that `retinoscope train` made.

    Raises:
        UserError: the run has a network of another kind.
    """
    path = run_directory / _CONFIGURATIONS[0]
    configuration = _read_configuration(path)
    try:
        return network_config_of(configuration)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _training_parameters(run_directory: Path, configuration: dict[str, Any]) -> dict[str, object]:
    """Ours where `retinoscope train` left them, else the part of Sample Factory's that shapes learning."""
    path = run_directory / "training.json"
    if path.is_file():
        with contextlib.suppress(ValueError, KeyError):
            return dict(json.loads(path.read_text(encoding="utf-8"))["config"])
    names = ("algo", "seed", "learning_rate", "gamma", "batch_size", "rollout", "env_frameskip", "train_for_env_steps")
    return {name: configuration[name] for name in names if name in configuration}


def _configured_run(path: Path) -> tuple[Path, dict[str, Any]]:
    """The directory of a checkpoint's run, and its configuration."""
    for folder in path.resolve().parents[:4]:
        for name in _CONFIGURATIONS:
            if (folder / name).is_file():
                return folder, _read_configuration(folder / name)
    raise UserError(f"{path}: no config.json beside or above it; keep the checkpoint inside its run directory")


def _read_configuration(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise UserError(f"{path}: is not the configuration of a run of Sample Factory; check the file") from None


def _read_checkpoint(path: Path) -> dict[str, Any]:
    allow_sample_factory_checkpoints()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if _WOULD_EXECUTE.search(str(error)):
            raise UserError(f"{path}: holds objects that would execute code on loading; not loaded") from None
        raise UserError(f"{path}: is truncated or not a checkpoint; use another one") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError):
        raise UserError(f"{path}: is truncated or not a checkpoint; use another one") from None
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or not all(isinstance(value, torch.Tensor) for value in model.values()):
        raise UserError(f"{path}: is not a Sample Factory checkpoint (no `model` in it); use one that training saved")
    return content


def _scenario_of(run_directory: Path) -> Scenario | None:
    path = run_directory / "scenario.yaml"
    return load_scenario(path) if path.is_file() else None
