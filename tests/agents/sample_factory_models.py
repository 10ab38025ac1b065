"""Real Sample Factory models and run directories, made without training, for the loader's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from sample_factory.algo.utils.context import global_model_factory, reset_global_context
from sample_factory.cfg.arguments import cfg_dict, parse_full_cfg, parse_sf_args
from sample_factory.model.actor_critic import create_actor_critic

from retinoscope.scenarios import load_scenario
from retinoscope.training import TrainingConfig, worker
from retinoscope.training.config import sample_factory_arguments

OBSERVATION_SHAPE = (60, 80, 3)
_SPACES = gymnasium.spaces
TWO_HEADS = _SPACES.Tuple([_SPACES.Discrete(3), _SPACES.Discrete(3)])


def make_model(config: TrainingConfig, actions: Any = TWO_HEADS, **overrides: Any) -> tuple[Any, Any]:
    """Sample Factory's own actor-critic for this configuration, with randomised statistics, and its cfg."""
    reset_global_context()
    worker.register()
    arguments = sample_factory_arguments(config, "run", "runs", "digits", 4)
    arguments += [f"--{name}={value}" for name, value in overrides.items()]
    parser, _ = parse_sf_args(arguments)
    worker.add_arguments(parser)
    cfg = parse_full_cfg(parser, arguments)
    return _made(cfg, OBSERVATION_SHAPE, actions), cfg


def make_own_model(
    actions: Any, shape: tuple[int, int, int], encoder: Any = None, measurements: int = 0, **options: Any
) -> tuple[Any, Any]:
    """A model with Sample Factory's own encoder for pictures (channel, height, width), or another, and its cfg.

    It is also given so many measurements. Lists of sizes are given as lists; the network is small where nothing else is
    said.
    """
    reset_global_context()
    if encoder is not None:
        global_model_factory().register_encoder_factory(encoder)
    chosen = {"env": "atari_pong", "encoder_conv_mlp_layers": [24], "rnn_size": 12, "obs_scale": 255.0} | options
    arguments = ["--algo=APPO", "--experiment=run", "--device=cpu"]
    for name, value in chosen.items():
        arguments += [f"--{name}", *map(str, value)] if isinstance(value, list) else [f"--{name}={value}"]
    parser, _ = parse_sf_args(arguments)
    cfg = parse_full_cfg(parser, arguments)
    return _made(cfg, shape, actions, measurements), cfg


def _made(cfg: Any, shape: tuple[int, int, int], actions: Any, measurements: int = 0) -> Any:
    observation_space = _SPACES.Dict({"obs": _SPACES.Box(0, 255, shape, np.uint8)})
    if measurements:
        observation_space["measurements"] = _SPACES.Box(-1.0, 1.0, (measurements,))
    torch.manual_seed(1)
    model = create_actor_critic(cfg, observation_space, actions)
    model.model_to_device(torch.device("cpu"))
    model.eval()
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn_like(buffer) * 0.3)
        elif name.endswith("running_var"):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # Sample Factory begins with biases of zero and deviations of one
                parameter.copy_(torch.randn_like(parameter) * 0.1)
    return model


def computed(model: Any, pictures: torch.Tensor, state: torch.Tensor) -> dict[str, torch.Tensor]:
    """What Sample Factory computes for pictures in the layout of its environment: logits, values and new state."""
    with torch.no_grad():
        found = model(model.normalize_obs({"obs": pictures.float()}), state)
        values = found["values"].clone().reshape(-1)
        if model.returns_normalizer is not None:
            model.returns_normalizer(values, denormalize=True)
    return {"logits": found["action_logits"], "value": values, "state": found["new_rnn_states"]}


def write_run(
    folder: Path, model: Any, cfg: Any, frames: int = 4096, scenario: str | None = "digits", **changes: Any
) -> Path:
    """A run directory with one checkpoint of the model, as Sample Factory lays it out; returns the checkpoint."""
    checkpoint = folder / "checkpoint_p0" / f"checkpoint_000000001_{frames}.pth"
    checkpoint.parent.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(cfg_dict(cfg) | changes, default=str))
    if scenario is not None:
        (folder / "scenario.yaml").write_text(load_scenario(scenario).to_yaml())
    write_checkpoint(checkpoint, model.state_dict(), frames)
    return checkpoint


def write_checkpoint(path: Path, weights: dict[str, torch.Tensor], frames: int = 4096) -> None:
    """A checkpoint of these weights."""
    content = {
        "train_step": 1,
        "env_steps": frames,
        "best_performance": np.float64(1.5),
        "model": weights,
        "optimizer": {},
        "curr_lr": 1e-3,
    }
    torch.save(content, path)
