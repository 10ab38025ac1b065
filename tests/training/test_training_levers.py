"""Short real trainings with levers: they reach the optimiser, are saved, resumed and loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.own_encoder import described
from retinoscope.agents.sample_factory_run import list_checkpoints, weight_names
from retinoscope.agents.traced_policy import TracedPolicy
from retinoscope.errors import UserError
from retinoscope.training import TrainingConfig, train
from tests.training.test_training import training

BRIEF = {"seed": 3, "batch_size": 128, "rollout": 16, "workers": 1, "environments_per_worker": 4}
CODE = """
from torch import nn

def small():
    convolution, dense = nn.Conv2d(3, 4, 8, stride=4, padding=2), nn.Linear(1200, 16)
    return nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), dense, nn.ReLU())
"""

pytestmark = pytest.mark.engine


def saved(run: Path) -> dict:
    return torch.load(list_checkpoints(run)[-1].path, map_location="cpu", weights_only=True)


def brief(folder: Path, config: TrainingConfig, scenario: str | Path = "apples") -> Path:
    """A training in a process of its own, as the engine and Sample Factory's workers want it."""
    with training(folder, config, scenario) as process:
        assert process.wait(timeout=120) == 0, (folder.parent / "output.txt").read_text()
    return folder


def test_decay_scale_and_reconstruction_are_in_the_run_and_the_agent_loads_without_the_decoder(tmp_path):
    network = NetworkConfig(global_channels=4, hidden_size=16, rnn_size=8, initial_scale=0.25)
    levers = {
        "convolution_weight_decay": 3.0,
        "memory_weight_decay": 1.0,
        "reconstruction_weight": 0.1,
        "final_weight_decay": 1.0,
    }
    config = TrainingConfig(frames=4000, network=network, input_noise=0.1, **levers, **BRIEF)
    run = brief(tmp_path / "run", config)
    decays = {group["part"]: group["weight_decay"] for group in saved(run)["optimizer"]["param_groups"]}
    assert decays == {"convolution": 3.0, "dense": 0.0, "memory": 1.0, "head": 0.0, "undecayed": 0.0}
    first = load_agent(run, "first").policy
    assert isinstance(first, ActorCriticPolicy) and first.description.config.initial_scale == 0.25
    kernels = first.network.encoder.layers.conv1[0].weight
    # Sample Factory draws orthogonal rows of length 1, and this is a quarter of them.
    np.testing.assert_allclose(kernels.flatten(1).norm(dim=1).numpy(), 0.25, rtol=1e-4)
    assert any(name.startswith("encoder.decoder.") for name in weight_names(list_checkpoints(run)[-1].path))
    with pytest.raises(UserError, match="was begun with reconstruction, which cannot be changed"):
        train("apples", run, TrainingConfig(reconstruction_weight=0.0))


def test_an_encoder_of_ones_own_trains_resumes_and_is_looked_into(tmp_path):
    code = tmp_path / "mine.py"
    code.write_text(CODE)
    scenario = tmp_path / "onward.yaml"
    scenario.write_text("extends: apples\nname: onward\nbackward: false\n")
    network = NetworkConfig(own=described(f"{code}:small"), rnn_size=8)
    config = TrainingConfig(frames=3000, network=network, activity_penalty=0.01, **BRIEF)
    run = brief(tmp_path / "run", config, scenario)
    before = list_checkpoints(run)[-1].frames
    brief(tmp_path / "run", config.model_copy(update={"frames": before + 2000}), scenario)
    assert list_checkpoints(run)[-1].frames >= before + 2000
    agent = load_agent(run)
    assert isinstance(agent.policy, TracedPolicy)
    assert [head.outputs for head in agent.policy.action_heads] == [("none", "left", "right"), ("none", "forward")]
    assert [layer.shape for layer in agent.policy.layers][:3] == [(4, 15, 20), (16,), (8,)]
    model = saved(run)["model"]
    pixels = torch.randint(0, 256, (2, 60, 80, 3)).to(torch.uint8)
    seen = ((pixels.float() - 51.0) / 44.0).permute(0, 3, 1, 2)
    place = "encoder.network.module."
    maps = torch.relu(torch.conv2d(seen, model[f"{place}0.weight"], model[f"{place}0.bias"], stride=4, padding=2))
    dense = torch.relu(maps.flatten(1) @ model[f"{place}3.weight"].T + model[f"{place}3.bias"])
    with agent.policy.capture(agent.policy.layers[1].name) as activity:
        agent.policy.step(pixels, agent.policy.initial_state(2))
    torch.testing.assert_close(activity[agent.policy.layers[1].name], dense)
