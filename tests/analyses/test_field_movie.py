"""The movie of fields over checkpoints: what is in it is what is measured of each, and where it has to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.analyses.checkpoints import every_checkpoint
from retinoscope.analyses.drawing import MovieDrawing
from retinoscope.analyses.early_vision import field_movie as movie
from retinoscope.analyses.early_vision import receptive_field_measuring
from retinoscope.analyses.early_vision.field_movie import ANALYSIS, field_movie
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import NotMeasurable
from retinoscope.figures.field_movie import _arranged, field_frames
from retinoscope.result import load_result
from retinoscope.testing import planted_inputs
from retinoscope.training import TrainingConfig
from tests.agents.sample_factory_models import make_model, write_run
from tests.gallery import check_gallery

FRAMES = (0, 4096, 9004)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three checkpoints: the second has the weights of the first times −3, the third others."""
    folder = tmp_path_factory.mktemp("run")
    network = NetworkConfig(global_channels=2, kernel_size=3, vvs_depth=0, hidden_size=8, rnn_size=4)
    first = write_run(folder, *make_model(TrainingConfig(network=network)), frames=FRAMES[0])
    content = torch.load(first, weights_only=False)
    for number, frames in enumerate(FRAMES[1:], start=2):
        torch.manual_seed(number)
        model = {
            name: -3 * weights
            if number == 2 and name.endswith("weight") and weights.ndim == 4
            else torch.randn_like(weights) * weights.std()
            if number == 3 and name.endswith("weight") and weights.ndim == 4
            else weights
            for name, weights in content["model"].items()
        }
        torch.save(
            {**content, "model": model, "env_steps": frames}, first.with_name(f"checkpoint_{number:09d}_{frames}.pth")
        )
    return folder


def test_every_checkpoint_is_there_with_its_sign_on_one_scale(run: Path, tmp_path: Path) -> None:
    agent = load_agent(run)
    result = field_movie(agent, layers=("conv1",), max_stimuli=400)
    data = result.data
    assert data["frames_trained"].values.tolist() == list(FRAMES)
    fields = data["conv1"].values
    for number, each in enumerate(every_checkpoint(agent)):
        expected = receptive_fields(
            each, layers=("conv1",), max_stimuli=400, target_reliability=0.95,
            noise_mean=result.parameters["noise_mean"], noise_sigma=result.parameters["noise_sigma"],
        ).data["conv1"].values  # fmt: skip
        np.testing.assert_allclose(fields[number], expected, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(data["conv1_scale"].values, np.abs(fields).max(axis=(0, 2, 3, 4)))
    with_first = data["conv1_with_first"].values
    np.testing.assert_allclose(with_first[0], 1.0)
    assert (with_first[1] < -0.9).all(), "weights of the other sign give fields of the other sign"
    again = load_result(result.save(tmp_path / "movie.nc"))
    (drawn,) = ANALYSIS.draw(again)
    check_gallery(again)
    assert isinstance(drawn, MovieDrawing) and "all 3 checkpoints" in drawn.caption and "0 to 9,004" in drawn.caption
    frames = list(drawn.frames())
    assert len(frames) == 6 and all((frames[index] == frames[index + 1]).all() for index in (0, 2, 4))
    assert drawn.frames_per_second == 2.0


def test_colours_are_where_they_have_to_be(run: Path) -> None:
    """Zero is mid-grey, and the strongest weight of a unit full colour, at the checkpoint where it is the strongest."""
    result = field_movie(load_agent(run), layers=("conv1",), max_stimuli=400)
    fields, scale = result.data["conv1"].values, result.data["conv1_scale"].values
    shown = list(field_frames(result))
    assert len(shown) == 3 and {each.shape for each in shown} == {shown[0].shape}
    assert shown[0].dtype == np.uint8 and shown[0].shape[0] % 2 == 0 and shown[0].shape[1] % 2 == 0
    (block,) = _arranged({"conv1": (2, 3, 3)})
    for number, frame in enumerate(shown):
        for unit in range(2):
            expected = np.round(255 * (1 + fields[number, unit] / scale[unit]) / 2)
            top, left = block.corner(unit)
            blocks = frame[top : top + 3 * block.factor, left : left + 3 * block.factor].astype(int)
            blocks = blocks.reshape(3, block.factor, 3, block.factor, 3)
            assert (blocks == blocks[:, :1, :, :1]).all()
            assert np.abs(blocks[:, 0, :, 0] - expected).max() <= 1


def test_fewer_checkpoints_are_evenly_spaced(run: Path) -> None:
    result = field_movie(load_agent(run), layers=("conv1",), max_stimuli=10, checkpoints=2)
    assert result.data["frames_trained"].values.tolist() == [FRAMES[0], FRAMES[-1]]
    assert "2 of 3 checkpoints, evenly spaced" in result.data.attrs["caption"]


def test_of_a_large_network_fewer_checkpoints_are_measured(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receptive_field_measuring, "BUDGET_OF_ALL", 1.0)
    monkeypatch.setattr(movie, "_FEWEST", 2)
    result = field_movie(load_agent(run), layers=("conv1",), max_stimuli=10)
    assert result.data["frames_trained"].values.tolist() == [FRAMES[0], FRAMES[-1]]
    assert result.parameters["checkpoints"] == 2
    assert "in so large a network no more, unless `checkpoints` says so" in result.data.attrs["caption"]


def test_an_agent_of_no_run_says_why_there_is_no_movie() -> None:
    agent = planted_inputs("Atari").agent
    assert agent is not None
    with pytest.raises(NotMeasurable, match="is no checkpoint of a run"):
        field_movie(agent)
