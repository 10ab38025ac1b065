"""Natural fields of planted filters, under pictures whose power falls with frequency, and what stands beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from retinoscope.agents.agent import Agent
from retinoscope.analyses.early_vision.natural_fields import ANALYSIS, natural_fields
from retinoscope.analyses.early_vision.natural_patches import Patches, chosen_rows, folds_of
from retinoscope.analyses.early_vision.untrained import Untrained
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.testing import planted_inputs
from tests.figures.behaviour_results import faults_of
from tests.natural_scenes import noise_pictures, planted_agent, recording_of_pictures
from tests.synthetic import gabors

SHAPE = (26, 30, 3)
FEW: dict[str, Any] = {"shifts": 2, "untrained": 1}


def planted(is_rectified: bool) -> tuple[Agent, np.ndarray]:
    filters = np.moveaxis(gabors(4, 7), 1, -1)
    return planted_agent(filters, SHAPE, stride=2, is_rectified=is_rectified), filters


@pytest.mark.parametrize("is_rectified", [False, True])
def test_fields_of_planted_units_are_recovered_under_correlated_pictures(is_rectified: bool) -> None:
    agent, filters = planted(is_rectified)
    recording = recording_of_pictures(agent, noise_pictures(1000, SHAPE, 1.0, seed=1))
    data = natural_fields(recording, agent=agent, layers=("conv1",), **FEW).data
    fields = data["conv1"].values
    assert fields.shape == filters.shape and data["conv1"].attrs["places"] == 9
    for field, truth in zip(fields, filters, strict=True):
        assert np.corrcoef(field.ravel(), truth.ravel())[0, 1] > 0.95
    assert (data["conv1_reliability"] > 0.95).all()
    if not is_rectified:
        assert (data["conv1_r"] > 0.99).all() and (data["conv1_white_noise_r"] > 0.99).all()
        # Pixel units, not those of the network, which divides by 50.
        np.testing.assert_allclose(fields, filters / 50, atol=0.01 * np.abs(filters).max() / 50)
    else:
        assert ((data["conv1_r"] > 0.7) & (data["conv1_r"] < 0.95)).all()
    assert (data["conv1_cosine"] > 0.95).all()
    assert (np.abs(data["conv1_shifted_r"]) < 0.2).all()
    # An untrained network is as linear; its fields are others.
    assert (data["conv1_untrained_r"] > 0.7).all() and (np.abs(data["conv1_untrained_cosine"]) < 0.7).all()
    assert "conv1_first_r" not in data
    for each in ANALYSIS.draw(natural_fields(recording, agent=agent, layers=("conv1",), decisions=100, **FEW)):
        assert "nan" not in each.caption and faults_of(each.draw()) == []  # type: ignore[union-attr]


def test_stored_layers_are_read_and_large_pictures_averaged() -> None:
    inputs = planted_inputs("grid world")
    agent, recording = inputs.agent, inputs.recording
    assert agent is not None and recording is not None
    layer = recording.layers_of("memory")[0]
    data = natural_fields(recording, agent=agent, layers=(layer,), most_inputs=300, **FEW).data
    about = data[layer].attrs
    assert data[layer].shape[1:] == (10, 10, 3) and about["pixels_per_block"] == 6 and about["seen_height"] == 56
    assert f"{layer}_untrained_r" not in data, "what an untrained memory would have held is not known"
    assert "What depends on earlier observations is not predicted" in about["caption"]


def test_blocks_are_means_and_the_last_may_be_smaller() -> None:
    agent = planted_inputs("grid world").agent
    assert agent is not None
    patches = Patches.of(agent.policy, agent.policy.layer("fc"), 9, 300)
    pictures = np.random.default_rng(0).normal(size=(2, 56, 56, 3))
    averaged = patches.averaged(pictures)
    np.testing.assert_allclose(averaged[1, 2, 3], pictures[1, 12:18, 18:24].mean(axis=(0, 1)))
    np.testing.assert_allclose(averaged[0, 9, 9], pictures[0, 54:, 54:].mean(axis=(0, 1)))
    np.testing.assert_allclose(patches.summed(pictures)[0, 9, 0], pictures[0, 54:, :6].sum(axis=(0, 1)))


def test_places_are_those_that_the_units_see() -> None:
    """What a unit is said to have seen gives, alone, what the unit answered in the whole picture."""
    agent, _ = planted(is_rectified=False)
    patches = Patches.of(agent.policy, agent.policy.layer("conv1"), 4, 1500)
    pictures = noise_pictures(5, SHAPE, 1.0)
    with torch.no_grad():
        whole = patches.answers(agent.policy.encode(torch.from_numpy(pictures), until="conv1").numpy())
        seen = (patches.cut(pictures) + patches.grey).reshape(-1, *patches.shape)
        alone = agent.policy.unit_answers(torch.from_numpy(seen.astype(np.float32)), "conv1").numpy()
    assert len(patches.units) == 4
    np.testing.assert_allclose(alone.reshape(whole.shape), whole, atol=1e-4)


def test_folds_are_whole_episodes_or_stretches() -> None:
    agent, _ = planted(is_rectified=False)
    pictures = noise_pictures(100, SHAPE, 1.0)
    recording = recording_of_pictures(agent, pictures, episodes=7)
    rows = chosen_rows(recording, 50)
    assert len(rows) == 50 and rows[0] == 0 and rows[-1] == 99
    folds, words = folds_of(recording, rows, 3)
    assert words == "3 groups of whole episodes" and set(folds) == {0, 1, 2}
    for episode in recording.episodes:
        assert len({int(fold) for fold in folds[(rows >= episode.start) & (rows < episode.stop)]}) == 1
    folds, words = folds_of(recording_of_pictures(agent, pictures, episodes=2), rows, 4)
    assert words == "4 stretches of consecutive decisions"
    assert (np.diff(folds) >= 0).all() and np.bincount(folds).min() >= 12


def test_what_cannot_be_measured_is_said() -> None:
    agent, _ = planted(is_rectified=False)
    few = recording_of_pictures(agent, noise_pictures(20, SHAPE, 1.0))
    with pytest.raises(NotMeasurable, match="20 decisions; needs at least 60"):
        natural_fields(few, agent=agent)
    with pytest.raises(UserError, match="layer 'conv9': unknown"):
        natural_fields(few, agent=agent, layers=("conv9",))


def test_a_network_that_cannot_be_drawn_anew_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _ = planted(is_rectified=False)

    def refuse(policy: object, seed: int) -> object:
        raise NotMeasurable("module 'x': has no reset_parameters()")

    monkeypatch.setattr("retinoscope.analyses.early_vision.untrained.redrawn", refuse)
    found = Untrained.of(agent, 2, 0)
    assert (
        found.policies == () and found.why_not == "There are no untrained draws: module 'x': has no reset_parameters()."
    )
