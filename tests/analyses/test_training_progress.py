"""Checkpoints that are unlike are compared; their rates and cosines come out of slow, obvious loops as well."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.analyses.checkpoints import every_checkpoint
from retinoscope.analyses.comparison.checkpoint_numbers import measure_checkpoint
from retinoscope.analyses.comparison.training_progress import (
    ANALYSIS,
    FOLDER,
    TrainingProgressParameters,
    training_progress,
)
from retinoscope.analyses.drawing import FigureDrawing, TableDrawing
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import Recording, open_recording
from retinoscope.scenarios import ArenaArchive
from retinoscope.testing import planted_inputs
from retinoscope.training import TrainingConfig
from tests.agents.sample_factory_models import make_model, write_run
from tests.gallery import check_gallery
from tests.rollouts.recordings import small_arena

TRAINED = (4096, 6000, 9004)
CHOSEN = TrainingProgressParameters(frames=400, shuffles=20, seed=3)


def write_unlike_checkpoints(folder: Path) -> Path:
    """A run with three checkpoints whose weights have nothing to do with each other."""
    network = NetworkConfig(global_channels=2, kernel_size=3, vvs_depth=0, hidden_size=8, rnn_size=4)
    first = write_run(folder, *make_model(TrainingConfig(network=network)), frames=TRAINED[0])
    content = torch.load(first, weights_only=False)
    for number, frames in enumerate(TRAINED[1:], start=2):
        torch.manual_seed(number)
        for name, weights in content["model"].items():
            if name.endswith("weight"):
                content["model"][name] = torch.randn_like(weights) * weights.std()
        torch.save({**content, "env_steps": frames}, first.with_name(f"checkpoint_{number:09d}_{frames}.pth"))
    return folder


@dataclass(frozen=True)
class Compared:
    """A comparison, and what it was made of, in the order of training."""

    agent: Agent
    arena: ArenaArchive
    result: Result
    recordings: Sequence[Recording]
    measured: dict[str, Result]


@pytest.fixture(scope="module")
def compared(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("run")
    agent = load_agent(write_unlike_checkpoints(folder / "run"))
    arena = small_arena(folder)
    result = training_progress(agent, world=arena, parameters=CHOSEN, cache=folder)
    recordings = [open_recording(path) for path in (folder / FOLDER).glob("*.zarr")]
    by_checkpoint = {agent_of(each): each for each in recordings}
    in_order = [by_checkpoint[name] for name in result.data["checkpoint_sha256"].values]
    saved = [load_result(path) for path in (folder / FOLDER).glob("*.nc")]
    measured = {str(each.provenance["checkpoint_sha256"]): each for each in saved}
    return Compared(agent, arena, result, in_order, measured)


def test_checkpoints_stand_in_the_order_of_training(compared: Compared) -> None:
    assert compared.result.data["frames_trained"].values.tolist() == list(TRAINED)
    names = [each.checkpoint_sha256 for each in every_checkpoint(compared.agent)]
    assert compared.result.data["checkpoint_sha256"].values.tolist() == names
    check_gallery(compared.result)


def test_pick_ups_and_deaths_per_minute_are_those_of_the_recordings(compared: Compared) -> None:
    told_apart = set()
    for number, recording in enumerate(compared.recordings):
        rows = recording.rows()
        effects = recording.world.valences.tolist()
        healing = harmful = deaths = timeouts = 0
        for row in range(recording.frames):
            for effect, count in zip(effects, rows["events"].values[row], strict=True):
                healing += int(count) if effect > 0 else 0
                harmful += int(count) if effect < 0 else 0
            deaths += int(rows["terminated"].values[row])
            timeouts += int(rows["truncated"].values[row])
        minutes = recording.frames * 4 / 35 / 60
        at = compared.result.data.isel(checkpoint=number)
        for name, count in (("positive", healing), ("negative", harmful), ("terminated", deaths)):
            assert float(at[name]) == pytest.approx(count / minutes), name
            assert float(at[f"{name}_low"]) <= count / minutes <= float(at[f"{name}_high"])
        told_apart |= {("healing", "harmful")} if healing != harmful else set()
        told_apart |= {("deaths", "timeouts")} if deaths != timeouts and timeouts else set()
    assert len(told_apart) == 2, "the recordings cannot tell what is to be told apart"


def test_cosines_are_those_with_the_last_and_the_previous_checkpoint(compared: Compared) -> None:
    agents = every_checkpoint(compared.agent)
    layers = compared.result.parameters["convolutions"]
    fields = [receptive_fields(each, layers=tuple(layers), seed=CHOSEN.seed).data for each in agents]
    assert layers
    for layer in layers:
        with_last = compared.result.data[f"{layer}_with_last"].values
        with_previous = compared.result.data[f"{layer}_with_previous"].values
        for number in range(len(agents)):
            for unit in range(with_last.shape[1]):
                here = fields[number][layer].values[unit]
                last = cosine(here, fields[-1][layer].values[unit])
                assert with_last[number, unit] == pytest.approx(last, abs=1e-6, nan_ok=True)
                previous = cosine(here, fields[number - 1][layer].values[unit]) if number else math.nan
                assert with_previous[number, unit] == pytest.approx(previous, abs=1e-6, nan_ok=True)
        np.testing.assert_allclose(with_last[-1], 1.0, atol=1e-6)
        assert np.abs(with_last[:-1]).min() < 0.9, "the checkpoints are too much alike to be told apart"


def agent_of(recording: Recording) -> str:
    return str(recording.attributes["checkpoint_sha256"])


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    total = squares = others = 0.0
    for one, other in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        total, squares, others = total + one * other, squares + one * one, others + other * other
    return total / math.sqrt(squares * others)


@pytest.fixture
def played(compared: Compared, monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """Recordings on which checkpoints were measured; what is found is known, so that it is quick."""
    seen: list[Recording] = []

    def measuring(agent: Agent, recording: Recording, shuffles: int, seed: int) -> Result:
        seen.append(recording)
        return compared.measured[agent.checkpoint_sha256 or ""]

    monkeypatch.setattr("retinoscope.analyses.comparison.training_progress.measure_checkpoint", measuring)
    return seen


def test_what_was_measured_is_not_measured_again(compared: Compared, played: list[Recording], tmp_path: Path) -> None:
    for each in compared.recordings:  # what was played is not played again either
        shutil.copytree(each.path, tmp_path / FOLDER / each.path.name)

    def again() -> Result:
        return training_progress(compared.agent, world=compared.arena, parameters=CHOSEN, cache=tmp_path)

    assert again().data.equals(compared.result.data) and len(played) == 3
    assert again().data.equals(compared.result.data) and len(played) == 3
    damaged, gone, _ = (tmp_path / FOLDER).glob("*.nc")
    damaged.write_bytes(b"nothing")
    gone.unlink()
    assert again().data.equals(compared.result.data) and len(played) == 5


def test_the_recording_at_hand_gives_the_length_and_is_not_played_again(
    compared: Compared, played: list[Recording], tmp_path: Path
) -> None:
    at_hand = compared.recordings[1]
    chosen = TrainingProgressParameters(shuffles=20, seed=3)
    found = training_progress(
        compared.agent, world=compared.arena, recording=at_hand, parameters=chosen, cache=tmp_path
    )
    assert found.parameters["frames"] == at_hand.frames == 400
    assert [each.path == at_hand.path for each in played] == [False, True, False]
    assert [agent_of(each) for each in played] == [agent_of(each) for each in compared.recordings]
    assert len(list((tmp_path / FOLDER).glob("*.zarr"))) == 2


@pytest.mark.parametrize("changed", [{"seed": 4}, {"frames": 399}])
def test_a_recording_of_something_else_is_not_taken_for_it(
    compared: Compared, played: list[Recording], changed: dict[str, Any]
) -> None:
    at_hand = compared.recordings[0]
    training_progress(compared.agent, world=compared.arena, recording=at_hand, parameters=CHOSEN, **changed)
    assert all(each.path != at_hand.path for each in played)
    assert {"seed": played[0].attributes["seed"], "frames": played[0].frames}.items() >= changed.items()


def test_it_is_drawn_as_a_figure_and_a_table_with_intervals(compared: Compared) -> None:
    figure, table = ANALYSIS.draw(compared.result)
    assert isinstance(figure, FigureDrawing) and isinstance(table, TableDrawing)
    assert table.columns == ("measure", "4,096 frames", "6,000 frames", "9,004 frames")
    (healing,) = [row for row in table.rows if row[0] == "healing pick-ups per minute"]
    at = compared.result.data.isel(checkpoint=2)
    assert (
        healing[3] == f"{float(at['positive']):.3g} [{float(at['positive_low']):.3g}, {float(at['positive_high']):.3g}]"
    )
    assert any(str(row[0]).startswith("conv1: cosine") and row[3] == "1.000" for row in table.rows)
    assert "n = 3 checkpoints of one training run, 400 decisions each" in figure.caption


def test_a_saved_result_comes_back(compared: Compared, tmp_path: Path) -> None:
    loaded = load_result(compared.result.save(tmp_path / "progress.nc"))
    assert loaded.data.equals(compared.result.data) and loaded.parameters == compared.result.parameters


def test_what_cannot_be_compared_is_said_in_one_line(compared: Compared, tmp_path: Path) -> None:
    alone = write_run(tmp_path / "alone", *make_model(TrainingConfig(network=NetworkConfig(global_channels=2))))
    with pytest.raises(NotMeasurable, match="its run has 1 checkpoint; needs at least 2"):
        training_progress(load_agent(alone))
    with pytest.raises(UserError, match="frames is 0; give at least 1"):
        training_progress(compared.agent, frames=0)


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("grid world", ["good events", "bad events", "goals"]),
        ("stacked frames", ["rewarded events", "endings"]),
        ("continuous actions", ["falls"]),
    ],
)
def test_numbers_of_any_world_are_called_as_it_says_and_come_out_of_a_loop(case: str, names: list[str]) -> None:
    inputs = planted_inputs(case)
    recording, clock = inputs.recording, inputs.recording.world.clock
    data = measure_checkpoint(inputs.agent, recording, shuffles=20, seed=0).data
    spans, per = (60 / clock.per_decision, "per minute") if clock.units == "s" else (100, "per 100 decisions")
    measured = {data[name].attrs["long_name"]: float(data[name]) for name in data if "long_name" in data[name].attrs}
    assert list(measured)[: len(names)] == [f"{name} {per}" for name in names]
    counts = {"positive": 0, "negative": 0, "terminated": sum(each.terminated for each in recording.episodes)}
    for row in recording.rows(names=["events"])["events"].values.tolist():
        for valence, count in zip(recording.world.valences.tolist(), row, strict=True):
            counts["positive"] += count if valence > 0 else 0
            counts["negative"] += count if valence < 0 else 0
    for name, count in counts.items():
        assert name in data if name == "terminated" or count else name not in data
        if name in data:
            assert float(data[name]) == pytest.approx(count * spans / recording.frames)
    layers = recording.layers_of("encoder output", "memory")
    assert all(float(data[f"participation_{layer}"]) > 1 for layer in layers) and layers
    assert ("pc1_auc" in data) == (case == "grid world"), "where there are good and bad events"
