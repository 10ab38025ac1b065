"""Run directories of Sample Factory: those `retinoscope train` makes, and any other that uses these networks.

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

from retinoscope.agents.actor_critic import NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import Encoder
from retinoscope.agents.policy import ActionHead
from retinoscope.agents.safe_load import allow_sample_factory_checkpoints
from retinoscope.agents.sample_factory_config import network_config_of
from retinoscope.agents.weights import build_policy, file_sha256
from retinoscope.errors import UserError
from retinoscope.scenarios import ACTION_HEADS, Scenario, load_scenario

_CHECKPOINT = re.compile(r"^checkpoint_(\d+)_(\d+)\.pth$")
_WOULD_EXECUTE = re.compile("unsupported (global|class)|unrecognized function", re.IGNORECASE)  # torch's words
_VARIANCE_FLOOR = 1e-5  # Sample Factory adds this to running variances
_LIMIT = 5.0  # and clips what it normalised by them here


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
    """The agent of one `.pth` file; `config.json` is looked for in the folders above it.

    Raises:
        UserError: the file is truncated, foreign or unsafe, or does not fit its configuration.
    """
    run_directory = _run_directory_of(path)
    configuration = _read_configuration(run_directory)
    content = _read_checkpoint(path)
    model: dict[str, torch.Tensor] = content["model"]
    scenario = _scenario_of(run_directory)
    description = NetworkDescription(
        network_config_of(configuration),
        _observation_shape(configuration, model, scenario, path),
        _action_heads(model, scenario, path),
    )
    policy = build_policy(description, _rename(model, description, configuration, path), path)
    return Agent(
        name=run_directory.name,
        policy=policy,
        scenario=scenario,
        checkpoint=path,
        checkpoint_sha256=file_sha256(path),
        frames_trained=int(content.get("env_steps", 0)),
        training=_training_parameters(run_directory, configuration),
    )


def _training_parameters(run_directory: Path, configuration: dict[str, Any]) -> dict[str, object]:
    """Ours where `retinoscope train` left them, else the part of Sample Factory's that shapes learning."""
    path = run_directory / "training.json"
    if path.is_file():
        with contextlib.suppress(ValueError, KeyError):
            return dict(json.loads(path.read_text(encoding="utf-8"))["config"])
    names = ("algo", "seed", "learning_rate", "gamma", "batch_size", "rollout", "env_frameskip", "train_for_env_steps")
    return {name: configuration[name] for name in names if name in configuration}


def _run_directory_of(path: Path) -> Path:
    for folder in path.resolve().parents[:4]:
        if (folder / "config.json").is_file():
            return folder
    raise UserError(f"{path}: no config.json beside or above it; keep the checkpoint inside its run directory")


def _read_configuration(run_directory: Path) -> dict[str, Any]:
    path = run_directory / "config.json"
    try:
        configuration = json.loads(path.read_text(encoding="utf-8"))
        network_config_of(configuration)
    except (OSError, ValueError, KeyError, AttributeError):
        raise UserError(f"{path}: is not the configuration of a run with these networks; check the file") from None
    return dict(configuration)


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


def _observation_shape(
    configuration: dict[str, Any], model: dict[str, torch.Tensor], scenario: Scenario | None, path: Path
) -> tuple[int, int, int]:
    if scenario is not None:
        return scenario.observation.height, scenario.observation.width, 3
    statistics = next((value for name, value in model.items() if name.endswith("obs.running_mean")), None)
    if statistics is not None and statistics.ndim == 3:
        height, width, channel = _channels_last(statistics).shape
        return height, width, channel
    try:
        return int(configuration["res_h"]), int(configuration["res_w"]), 3
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: the run does not say how large its views are; add scenario.yaml to it") from None


def _action_heads(model: dict[str, torch.Tensor], scenario: Scenario | None, path: Path) -> tuple[ActionHead, ...]:
    weight = model.get("action_parameterization.distribution_linear.weight")
    if weight is None:
        raise UserError(f"{path}: has no categorical actor; only discrete actions are supported")
    heads = ACTION_HEADS if scenario is None else scenario.action_heads
    if weight.shape[0] == sum(map(len, heads.values())):
        return tuple(ActionHead(name, outputs) for name, outputs in heads.items())
    return (ActionHead("action", tuple(str(output) for output in range(weight.shape[0]))),)


def _rename(
    model: dict[str, torch.Tensor], description: NetworkDescription, configuration: dict[str, Any], path: Path
) -> dict[str, torch.Tensor]:
    """Sample Factory's names -> ours; the encoder's are matched in order, so that runs of other wrappers fit."""
    ours = [f"encoder.{name}" for name in Encoder(description.config, description.observation_shape).state_dict()]
    theirs = [name for name in model if name.startswith("encoder.")]
    if len(ours) != len(theirs):
        numbers = f"{len(theirs)} weights, the configuration asks for {len(ours)}"
        raise UserError(f"{path}: its encoder has {numbers}; the network does not fit its configuration")
    renamed = {our: model[their] for our, their in zip(ours, theirs, strict=True)}
    for name, tensor in model.items():
        if name.startswith("core.core."):
            renamed[name.replace("core.core.", "rnn.")] = tensor
        elif name.startswith("critic_linear."):
            renamed[name.replace("critic_linear.", "value.")] = tensor
        elif name.startswith("action_parameterization.distribution_linear."):
            renamed[name.replace("action_parameterization.distribution_linear.", "policy.")] = tensor
    renamed |= _statistics(model, configuration)
    return {name: tensor.float().contiguous() for name, tensor in renamed.items()}


def _channels_last(image: torch.Tensor) -> torch.Tensor:
    """(height, width, channel), whichever way round the run's environment gave its images."""
    return image.permute(1, 2, 0) if image.shape[0] in (1, 3, 4) else image


def _statistics(model: dict[str, torch.Tensor], configuration: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Normalisation of pixels and values as buffers of `ActorCriticNetwork`."""
    mean = torch.tensor(float(configuration.get("obs_subtract_mean", 0.0)))
    scale = torch.tensor(float(configuration.get("obs_scale", 1.0)))
    found = {"input_limit": torch.tensor(float("inf")), "output_limit": torch.tensor(float("inf"))}
    for name, running_mean in model.items():
        if name.endswith("obs.running_mean") and running_mean.ndim == 3:
            variance = model[name.removesuffix("running_mean") + "running_var"]
            # They normalise twice: by the constants, then by running statistics of the result.
            mean = mean + scale * _channels_last(running_mean)
            scale = scale * _channels_last(torch.sqrt(variance + _VARIANCE_FLOOR))
            found["input_limit"] = torch.tensor(_LIMIT)
    found |= {"pixel_mean": mean, "pixel_scale": scale}
    found |= {"value_mean": torch.tensor(0.0), "value_scale": torch.tensor(1.0)}
    if "returns_normalizer.running_mean" in model:
        found["value_mean"] = model["returns_normalizer.running_mean"].reshape(())
        found["value_scale"] = torch.sqrt(model["returns_normalizer.running_var"] + _VARIANCE_FLOOR).reshape(())
        found["output_limit"] = torch.tensor(_LIMIT)
    return found
