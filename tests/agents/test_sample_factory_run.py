"""Checkpoints of Sample Factory: read rightly, or refused with one clear line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.errors import UserError
from retinoscope.training import TrainingConfig

from .sample_factory_models import OBSERVATION_SHAPE, make_model, write_run

CONFIGS = {
    "shipped": (TrainingConfig(), {}),
    "deep greyscale tanh": (
        TrainingConfig(
            network=NetworkConfig(vvs_depth=2, greyscale=True, activation="tanh", global_channels=4, kernel_size=3)
        ),
        {},
    ),
    "simple relu without memory": (
        TrainingConfig(network=NetworkConfig(encoder="simple", activation="relu", rnn="none", global_channels=4)),
        {},
    ),
    "linear": (TrainingConfig(network=NetworkConfig(encoder="linear", hidden_size=8)), {}),
    "running statistics": (TrainingConfig(network=NetworkConfig(global_channels=4)), {"normalize_input": True}),
    "returns as they are": (TrainingConfig(network=NetworkConfig(global_channels=4)), {"normalize_returns": False}),
}


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_run(folder, *make_model(TrainingConfig(network=NetworkConfig(global_channels=4, hidden_size=16, rnn_size=8))))
    return folder


@pytest.fixture
def damaged(run_directory: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may damage."""
    return Path(shutil.copytree(run_directory, tmp_path / "copy"))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_policy_computes_what_sample_factory_computes(name: str, tmp_path: Path) -> None:
    config, overrides = CONFIGS[name]
    model, cfg = make_model(config, **overrides)
    write_run(tmp_path / "run", model, cfg)
    policy = load_agent(tmp_path / "run").policy
    rng = np.random.default_rng(0)
    observations = torch.from_numpy(rng.integers(0, 256, (5, *OBSERVATION_SHAPE)).astype(np.uint8))
    state = torch.randn(5, max(policy.state_size, 1))
    with torch.no_grad():
        expected = model(model.normalize_obs({"obs": observations}), state)
        values = expected["values"].clone()
        if model.returns_normalizer is not None:
            model.returns_normalizer(values, denormalize=True)
        step = policy.step(observations, state[:, : policy.state_size])
    torch.testing.assert_close(step.logits, expected["action_logits"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(step.value, values, rtol=1e-4, atol=1e-5)
    if policy.state_size:
        torch.testing.assert_close(step.state, expected["new_rnn_states"], rtol=1e-4, atol=1e-5)


def test_a_run_has_its_checkpoints_by_name_and_by_frames(run_directory: Path, damaged: Path) -> None:
    first = next((damaged / "checkpoint_p0").glob("*.pth"))
    shutil.copy(first, first.with_name("checkpoint_000000009_90000.pth"))
    milestones = damaged / "checkpoint_p0" / "milestones"
    milestones.mkdir()
    shutil.copy(first, milestones / "checkpoint_000000000_0.pth")
    names = {which: load_agent(damaged, checkpoint=which).checkpoint.name for which in ("first", "final", 5000, "1e5")}
    assert names == {
        "first": "checkpoint_000000000_0.pth",
        "final": "checkpoint_000000009_90000.pth",
        5000: "checkpoint_000000001_4096.pth",
        "1e5": "checkpoint_000000009_90000.pth",
    }


def refuses(path: Path, *fragments: str, **keywords: str) -> None:
    with pytest.raises(UserError) as caught:
        load_agent(path, **keywords)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_a_run_without_checkpoints_is_refused(damaged: Path) -> None:
    shutil.rmtree(damaged / "checkpoint_p0")
    refuses(damaged, str(damaged), "no checkpoints")


def test_an_unknown_checkpoint_of_a_run_is_refused(run_directory: Path) -> None:
    refuses(run_directory, "'best-ever'", "choose first, final", checkpoint="best-ever")


def test_a_truncated_checkpoint_is_refused(damaged: Path) -> None:
    path = next((damaged / "checkpoint_p0").glob("*.pth"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refuses(damaged, path.name, "truncated")


@pytest.mark.parametrize("content", [{"weights": 1}, [1, 2], {"model": {"encoder.weight": 3}}])
def test_a_foreign_checkpoint_is_refused(damaged: Path, content: object) -> None:
    path = next((damaged / "checkpoint_p0").glob("*.pth"))
    torch.save(content, path)
    refuses(path, path.name, "not a Sample Factory checkpoint")


def test_bytes_that_are_no_checkpoint_are_refused(damaged: Path) -> None:
    path = next((damaged / "checkpoint_p0").glob("*.pth"))
    path.write_bytes(b"not a checkpoint at all")
    refuses(path, path.name, "not a checkpoint")


class Malicious:
    """Writes a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.target,))


def test_a_pickle_that_would_execute_code_is_refused_and_not_executed(damaged: Path, tmp_path: Path) -> None:
    path = next((damaged / "checkpoint_p0").glob("*.pth"))
    torch.save({"model": Malicious(tmp_path / "executed")}, path)
    refuses(path, path.name, "would execute code")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"hidden_size": 17}, "does not fit its configuration"),
        ({"vvs_depth": 2}, "does not fit its configuration"),
        ({"use_rnn": False}, "does not fit its configuration"),
        ({"kernel_size": "five"}, "kernel_size is 'five'"),
        ({"encoder_custom": "resnet"}, "encoder_custom is 'resnet'"),
    ],
)
def test_a_network_that_does_not_fit_its_config_is_refused(damaged: Path, change: dict, fragment: str) -> None:
    path = damaged / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    refuses(damaged, fragment)


def test_weights_that_are_not_finite_are_refused(damaged: Path) -> None:
    path = next((damaged / "checkpoint_p0").glob("*.pth"))
    content = torch.load(path, weights_only=True)
    content["model"]["critic_linear.bias"][0] = float("nan")
    torch.save(content, path)
    refuses(path, "value.bias", "not finite")


def test_a_checkpoint_outside_its_run_is_refused(damaged: Path, tmp_path: Path) -> None:
    path = shutil.copy(next((damaged / "checkpoint_p0").glob("*.pth")), tmp_path / "lost.pth")
    refuses(Path(path), "no config.json")


def test_an_unknown_agent_is_refused() -> None:
    refuses(Path("no-such-agent"), "'no-such-agent'", "unknown")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device the test asks for in vain")
def test_a_device_that_is_not_there_is_refused(run_directory: Path) -> None:
    refuses(run_directory, "'cuda'", "--device cpu", device="cuda")
    refuses(run_directory, "'abacus'", "unknown", device="abacus")
