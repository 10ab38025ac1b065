"""Real Sample Factory models and run directories, made without training, for the loader's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from sample_factory.algo.utils.context import reset_global_context
from sample_factory.cfg.arguments import cfg_dict, parse_full_cfg, parse_sf_args
from sample_factory.model.actor_critic import create_actor_critic

from retinoscope.scenarios import load_scenario
from retinoscope.training import TrainingConfig, worker
from retinoscope.training.config import sample_factory_arguments

OBSERVATION_SHAPE = (60, 80, 3)


def make_model(config: TrainingConfig, **overrides: Any) -> tuple[Any, Any]:
    """Sample Factory's own actor-critic for this configuration, with randomised statistics, and its cfg."""
    reset_global_context()
    worker.register()
    arguments = sample_factory_arguments(config, "run", "runs", "digits", 4)
    arguments += [f"--{name}={value}" for name, value in overrides.items()]
    parser, _ = parse_sf_args(arguments)
    worker.add_arguments(parser)
    cfg = parse_full_cfg(parser, arguments)
    spaces = gymnasium.spaces
    observation_space = spaces.Dict({"obs": spaces.Box(0, 255, OBSERVATION_SHAPE, np.uint8)})
    torch.manual_seed(1)
    model = create_actor_critic(cfg, observation_space, spaces.Tuple([spaces.Discrete(3), spaces.Discrete(3)]))
    model.model_to_device(torch.device("cpu"))
    model.eval()
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn_like(buffer) * 0.3)
        elif name.endswith("running_var"):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return model, cfg


def write_run(folder: Path, model: Any, cfg: Any, frames: int = 4096) -> Path:
    """A run directory with one checkpoint of the model, as Sample Factory lays it out; returns the checkpoint."""
    checkpoint = folder / "checkpoint_p0" / f"checkpoint_000000001_{frames}.pth"
    checkpoint.parent.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(cfg_dict(cfg), default=str))
    (folder / "scenario.yaml").write_text(load_scenario("digits").to_yaml())
    content = {
        "train_step": 1,
        "env_steps": frames,
        "best_performance": np.float64(1.5),
        "model": model.state_dict(),
        "optimizer": {},
        "curr_lr": 1e-3,
    }
    torch.save(content, checkpoint)
    return checkpoint
