"""What channels of planted gains pass on."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.analyses.early_vision.channel_statistics import ANALYSIS, channel_statistics
from retinoscope.errors import NotMeasurable, UserError
from tests.figures.behaviour_results import faults_of
from tests.natural_scenes import noise_pictures, planted_agent, recording_of_pictures

SHAPE = (34, 42, 1)


def filters() -> np.ndarray:
    """(unit, 3, 3, 1): one that passes pixels on, the mean of nine, and what is left of its pixel beside that mean."""
    delta = np.zeros((3, 3))
    delta[1, 1] = 1
    mean = np.full((3, 3), 1 / 9)
    return np.stack([delta, mean, delta - mean])[..., None]


def test_channels_pass_on_what_their_filters_do() -> None:
    agent = planted_agent(filters(), SHAPE)
    recording = recording_of_pictures(agent, noise_pictures(300, SHAPE, 1.0, seed=2))
    result = channel_statistics(recording, agent=agent, layers=("conv1",), untrained=1)
    data, frequency = result.data, result.data["conv1_frequency"].values
    gain = data["conv1_gain"].values * 50**2  # pixels are divided by 50 on their way in
    np.testing.assert_allclose(gain[0], 1.0, rtol=0.12)
    rows = np.hypot(data["conv1_row_frequency"].values[:, None], data["conv1_column_frequency"].values[None])
    transfer = [(1 + 2 * np.cos(2 * np.pi * data[f"conv1_{axis}_frequency"].values)) / 3 for axis in ("row", "column")]
    low_pass = np.outer(*transfer)
    for unit, passed in ((1, low_pass**2), (2, (1 - low_pass) ** 2)):
        for ring in range(2, len(frequency) - 2):
            near = np.abs(rows - frequency[ring]) < 0.7 * (frequency[1] - frequency[0])
            if passed[near].mean() > 0.05:  # what is next to nothing is filled by its neighbours
                assert gain[unit, ring] == pytest.approx(passed[near].mean(), rel=0.3)
    slope = data["conv1_slope"].values
    assert data["pixels_slope"].values[0] == pytest.approx(2, abs=0.2)
    assert float(data["conv1_input_slope"]) == pytest.approx(slope[0], abs=0.1)
    assert slope[1] > slope[0] + 0.5 and slope[2] < slope[0] - 1, "smoothed, and whitened"
    # Neighbours are alike where the filter smooths, and not where it takes their mean away.
    near = data["conv1_correlation"].values[:, 1]
    assert near[1] > near[0] > 0.6 > near[2]
    assert data["conv1_kurtosis"].values == pytest.approx(0, abs=0.6)
    assert {"conv1_gain_untrained", "conv1_kurtosis_shuffled", "pixels_kurtosis_shuffled"} <= set(data)
    assert data["conv1_gain_untrained"].dims == ("draw", "conv1_channel", "conv1_frequency")
    np.testing.assert_allclose(data["conv1_gain_shuffled"].values[0] * 2500, 1.0, rtol=0.12)
    for each in ANALYSIS.draw(result):
        assert "nan" not in each.caption and faults_of(each.draw()) == []  # type: ignore[union-attr]


def test_sparse_pictures_give_sparse_answers_until_their_phases_are_shuffled() -> None:
    agent = planted_agent(filters(), SHAPE)
    random = np.random.default_rng(3)
    pictures = np.full((120, *SHAPE), 100, np.uint8)
    for each in pictures:
        row, column = random.integers(2, 26, 2)
        each[row : row + 5, column : column + 5] = 200
    data = channel_statistics(recording_of_pictures(agent, pictures), agent=agent, untrained=0).data
    assert (data["conv1_kurtosis"] > 5).all() and (np.abs(data["conv1_kurtosis_shuffled"]) < 1).all()
    np.testing.assert_allclose(data["conv1_deviation"].values, data["conv1_deviation_shuffled"].values, rtol=0.15)
    assert "conv1_kurtosis_untrained" not in data


def test_what_has_no_maps_is_refused() -> None:
    agent = planted_agent(filters(), SHAPE)
    recording = recording_of_pictures(agent, noise_pictures(10, SHAPE, 1.0))
    with pytest.raises(UserError, match="has no maps; choose from conv1"):
        channel_statistics(recording, agent=agent, layers=("policy",))


def test_an_agent_without_maps_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = planted_agent(filters(), SHAPE)
    recording = recording_of_pictures(agent, noise_pictures(10, SHAPE, 1.0))
    monkeypatch.setattr("retinoscope.analyses.early_vision.channel_statistics.maps_of_encoder", lambda policy: [])
    with pytest.raises(NotMeasurable, match="has no layer of maps"):
        channel_statistics(recording, agent=agent)
