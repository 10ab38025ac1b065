"""Which parameters a training has: those asked for, above those of the run, above those of the scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retinoscope.agents.networks import NetworkConfig
from retinoscope.errors import UserError
from retinoscope.scenarios import load_scenario
from retinoscope.training.config import TrainingConfig
from retinoscope.training.settling import settled

APPLES = load_scenario("apples")


def scenario(**training: Any) -> Any:
    return APPLES.model_copy(update={"training": training})


def begun(folder: Path, config: dict[str, Any]) -> Path:
    (folder / "checkpoint_p0").mkdir(parents=True)
    (folder / "checkpoint_p0" / "checkpoint_000000001_4.pth").touch()
    (folder / "training.json").write_text(json.dumps({"config": config}))
    return folder


def test_what_is_asked_for_comes_before_the_scenarios_and_that_before_the_defaults(tmp_path):
    asked = TrainingConfig(seed=5, network=NetworkConfig(rnn_size=8))
    arena = scenario(seed=1, frames=1000, rnn_size=16, initial_scale=0.125)
    found = settled(asked, arena, tmp_path)
    assert (found.seed, found.frames, found.network.rnn_size, found.network.initial_scale) == (5, 1000, 8, 0.125)
    assert found.discount == TrainingConfig().discount
    assert settled(TrainingConfig(), APPLES, tmp_path) == TrainingConfig()


def test_a_run_that_is_resumed_goes_on_with_its_own_whatever_the_scenario_says(tmp_path):
    config = TrainingConfig(seed=7, frames=2000, network=NetworkConfig(hidden_size=9, initial_scale=0.5)).model_dump()
    run = begun(tmp_path / "run", config)
    found = settled(TrainingConfig(frames=3000), scenario(seed=1, initial_scale=0.1), run)
    assert (found.seed, found.frames) == (7, 3000)
    assert (found.network.hidden_size, found.network.initial_scale) == (9, 0.5)


def test_a_run_of_before_the_levers_goes_on_without_them(tmp_path):
    config = {"frames": 9.0, "seed": 3, "batch_size": 64, "network": {"rnn_size": 8}}
    found = settled(TrainingConfig(), scenario(convolution_weight_decay=2.0), begun(tmp_path / "run", config))
    assert (found.seed, found.batch_size, found.network.rnn_size) == (3, 64, 8)
    assert found.convolution_weight_decay == 0.0 and found.network.initial_scale == 1.0


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"learnig_rate": 1}, "scenario apples: training: learnig_rate: is no parameter of a training"),
        ({"initial_scale": -1}, "scenario apples: training: initial_scale: Input should be greater than 0"),
    ],
)
def test_what_a_scenario_says_wrongly_is_told(tmp_path, training, said):
    with pytest.raises(UserError, match=said):
        settled(TrainingConfig(), scenario(**training), tmp_path)


def test_a_run_that_does_not_say_how_it_is_trained_is_not_guessed(tmp_path):
    run = begun(tmp_path / "run", {})
    with pytest.raises(UserError, match="does not say how this run is trained"):
        settled(TrainingConfig(), APPLES, run)


def test_what_a_scenario_says_of_training_is_no_part_of_the_arena(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: apples\ntraining: {initial_scale: 0.5, frames: 1000}\n")
    found = load_scenario(path)
    assert found.training == {"initial_scale": 0.5, "frames": 1000}
    assert found.to_yaml() == APPLES.to_yaml(), "the same arena, whoever is trained in it"


def test_an_arena_without_backward_movement_has_another_action_space_and_the_usual_one_is_written_as_before(tmp_path):
    path = tmp_path / "onward.yaml"
    path.write_text("extends: apples\nbackward: false\n")
    found = load_scenario(path)
    assert found.action_heads == {"turn": ("none", "left", "right"), "move": ("none", "forward")}
    assert "backward: false" in found.to_yaml() and "backward" not in APPLES.to_yaml()
