"""Every parameter of a training arrives at Sample Factory, and the learning rate falls as it says."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retinoscope.agents.networks import NetworkConfig
from retinoscope.training.config import TrainingConfig, learning_rate_at, sample_factory_arguments
from retinoscope.training.levers import Levers
from retinoscope.training.run import _make_observer

ARRIVES: dict[str, tuple[Any, dict[str, str]]] = {
    "frames": (3e6, {"train_for_env_steps": "3000000", "harm_ramp_start": "810000", "harm_ramp_stop": "1650000"}),
    "seed": (7, {"seed": "7"}),
    "learning_rate": (1e-5, {"learning_rate": "1e-05"}),
    "discount": (0.9, {"gamma": "0.9"}),
    "entropy_coefficient": (0.5, {"exploration_loss_coeff": "0.5"}),
    "batch_size": (4096, {"batch_size": "4096"}),
    "rollout": (16, {"rollout": "16", "recurrence": "16"}),
    "initial_harm_weight": (0.25, {"initial_harm_weight": "0.25"}),
    "harm_weight": (2.0, {"harm_weight": "2.0"}),
    "harm_ramp": ((0.1, 0.9), {"harm_ramp_start": "3000000", "harm_ramp_stop": "27000000"}),
    "workers": (5, {"num_workers": "5"}),
    "environments_per_worker": (8, {"num_envs_per_worker": "8"}),
    "pixel_mean": (9.0, {"obs_subtract_mean": "9.0"}),
    "pixel_scale": (8.0, {"obs_scale": "8.0"}),
    "checkpoint_seconds": (11, {"save_every_sec": "11"}),
    "milestone_seconds": (12, {"save_milestones_sec": "12"}),
    "device": ("cuda", {"device": "gpu"}),
    "encoder": ("simple", {"encoder_custom": "simple"}),
    "rnn": ("none", {"use_rnn": "False", "recurrence": "1"}),
    "activation": ("relu", {"activation": "relu"}),
    "greyscale": (True, {"greyscale": "True"}),
}
"""Each parameter with another value than its default, and what changes of the command line; the final learning rate is
none of Sample Factory's business."""
SCHEDULES = {"final_learning_rate", "learning_rate_schedule", "warm_up"}

for _name in ("channels", "kernel_sizes", "strides", "paddings"):
    ARRIVES[_name] = ((3, 2, 1), {_name: "3,2,1"})
ARRIVES["own"] = ("/somewhere/net.py:Net#0", {"own": "/somewhere/net.py:Net#0"})
ARRIVES["weight_decay_fall"] = ((0.125, 0.75), {"weight_decay_fall": "0.125,0.75"})
ARRIVES["noise"] = ("poisson", {"noise": "poisson"})
ARRIVES["reconstruction_layer"] = ("conv1", {"reconstruction_layer": "conv1"})
for _name, _field in Levers.model_fields.items():
    if _name not in ARRIVES:
        ARRIVES[_name] = (0.125, {_name: "0.125"})
ARRIVES["initial_scale"] = (0.125, {"initial_scale": "0.125"})
for _name, _field in NetworkConfig.model_fields.items():
    if _name not in ARRIVES:  # whole numbers, of which one less does as well
        ARRIVES[_name] = (_field.default - 1, {_name: str(_field.default - 1)})


def arguments_of(**changed: Any) -> dict[str, str]:
    network = {name: value for name, value in changed.items() if name in NetworkConfig.model_fields}
    training = {name: value for name, value in changed.items() if name not in network}
    config = TrainingConfig(**training, network=NetworkConfig(**network))
    lines = sample_factory_arguments(config, "run", "runs", "scenario.yaml", 4)
    return dict(line.removeprefix("--").split("=", 1) for line in lines)


def test_every_parameter_is_asked_about() -> None:
    known = {*TrainingConfig.model_fields, *NetworkConfig.model_fields} - {"network", *SCHEDULES}
    assert set(ARRIVES) == known


@pytest.mark.parametrize("name", ARRIVES)
def test_a_parameter_arrives_and_changes_nothing_else(name: str) -> None:
    value, expected = ARRIVES[name]
    usual, changed = arguments_of(), arguments_of(**{name: value})
    assert {key: changed[key] for key in changed if changed[key] != usual.get(key)} == expected
    assert usual["env"] == "retinoscope" and usual["env_frameskip"] == "4" and usual["scenario"] == "scenario.yaml"


def test_the_learning_rate_falls_to_its_final_share_and_the_curve_has_a_row_each_time(tmp_path: Path) -> None:
    config = TrainingConfig(frames=1000, learning_rate=0.1, final_learning_rate=0.2)
    observer = _make_observer(tmp_path, config, progress=False)
    told: list[tuple[str, Any]] = []
    averages = {"reward": [[1.0, 2.0]], "len": [[40]], "healing": [[3.0, 4.0]], "harmful": [[]]}
    runner = SimpleNamespace(policy_avg_stats=averages, emit=lambda name, value: told.append((name, value)))
    for frames in (0, 500, 1000, 1200):
        observer.extra_summaries(runner, 0, None, frames)
    assert [name for name, _ in told] == ["learning_rate"] * 4
    assert [value["learning_rate"] for _, value in told] == pytest.approx([0.1, 0.06, 0.02, 0.02])
    with (tmp_path / "learning_curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["frames"]) for row in rows] == [0, 500, 1000, 1200]
    assert {(row["episode_return"], row["episode_frames"], row["healing"], row["harmful"]) for row in rows} == {
        ("1.5", "40.0", "3.5", "nan")
    }


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("linear", (1.0, 0.625, 0.25)),
        ("cosine", (1.0, 0.625, 0.25)),
        ("exponential", (1.0, 0.5, 0.25)),
        ("constant", (1.0, 1.0, 1.0)),
    ],
)
def test_schedules_go_from_the_whole_to_the_share_that_is_left(schedule: Any, shares: tuple[float, ...]) -> None:
    config = TrainingConfig(
        frames=1000, learning_rate=2.0, learning_rate_schedule=schedule, final_learning_rate=0.25, warm_up=0.2
    )
    found = [learning_rate_at(config, frames) for frames in (200, 600, 1000)]
    assert found == pytest.approx([2.0 * share for share in shares])
    assert learning_rate_at(config, 100) == pytest.approx(1.0), "it rises first"
    assert learning_rate_at(config, 0) > 0
