"""A planted order is put back, scores are z-scores, and what cannot be sorted is named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.stats

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.raster import raster
from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.errors import UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import Recording
from tests.planted_activity import PlantedActivity, chain_activity
from tests.rollouts.recordings import small_agent


@pytest.fixture(scope="module")
def measured(small_recording: Recording) -> Result:
    return raster(small_recording, agent=small_agent(), burn_in_steps=3, window_seconds=2.0, splits=1)


def planted_agent() -> Agent:
    return dataclasses.replace(small_agent(), checkpoint_sha256=f"{0:064x}")


def test_a_planted_order_is_recovered_and_stable() -> None:
    data, place = chain_activity(2400, 20)
    recording = PlantedActivity({"fc": data}, 200)
    result = raster(recording, agent=planted_agent(), layers=("fc",), splits=2)
    found = scipy.stats.spearmanr(place[result.data["fc_unit"].values], np.arange(20)).statistic
    assert abs(found) > 0.95
    assert result.data["stability"].values.min() > 0.9 > float(result.data["stability_chance"][0])


def test_every_row_is_the_z_scored_activity_of_its_unit(small_recording: Recording, measured: Result) -> None:
    start = measured.parameters["window_start"]
    window = slice(start, start + measured.data.sizes["time"])
    step = small_recording.rows(names=())["step"].values
    for layer in ("conv1", "conv3", "fc", "rnn"):
        (block,) = activity_blocks(small_recording, [layer], small_agent().policy, size=small_recording.frames)
        values = block[layer].values.astype(np.float64)
        values = values.mean(axis=(2, 3)) if values.ndim == 4 else values
        kept = values[step >= 3] if layer == "rnn" else values
        scores = (values - kept.mean(axis=0)) / kept.std(axis=0, ddof=1)
        order = measured.data[f"{layer}_unit"].values
        assert sorted(order) == list(range(values.shape[1]))
        np.testing.assert_allclose(measured.data[layer].values, scores[window][:, order].T, atol=1e-4)
    events = small_recording.rows(window.start, window.stop, ("events",))["events"].values
    np.testing.assert_array_equal(measured.data["events"].values, events)


def test_the_caption_says_how_over_what_and_how_stable(measured: Result, tmp_path) -> None:
    caption = measured.data.attrs["caption"]
    for fact in (
        "z-scored over all 300 decisions",
        "one-dimensional t-SNE by the cosine distance",
        "(chance 0.",
        "1 splits",
    ):
        assert fact in caption
    assert "In rnn, the first 3 decisions of every episode are left out" in caption
    assert load_result(measured.save(tmp_path / "raster.nc")).data.equals(measured.data)


def test_the_euclidean_order_is_another_choice(small_recording: Recording, measured: Result) -> None:
    other = raster(
        small_recording, agent=small_agent(), layers=("fc",), order="euclidean", splits=1, window_seconds=2.0
    )
    assert "Euclidean distance of raw time courses" in other.data.attrs["caption"]
    assert sorted(other.data["fc_unit"].values) == sorted(measured.data["fc_unit"].values)
    assert other.data["fc_unit"].values.tolist() != measured.data["fc_unit"].values.tolist()


def test_units_that_never_change_are_named_and_are_zero() -> None:
    data, _ = chain_activity(400, 6)
    data[:, 3] = 7
    result = raster(PlantedActivity({"fc": data}, 50), agent=planted_agent(), layers=("fc",), splits=1)
    assert result.data["fc_unit"].values[-1] == 3
    assert result.data["fc_is_constant"].values.tolist() == [False] * 5 + [True]
    assert not result.data["fc"].values[-1].any() and np.isfinite(result.data["fc"].values).all()
    assert "Never changed, and at the bottom: 1 of fc." in result.data.attrs["caption"]


def test_one_episode_says_nothing_of_stability() -> None:
    data, _ = chain_activity(100, 6)
    result = raster(PlantedActivity({"fc": data}, 100), agent=planted_agent(), layers=("fc",))
    assert "Too few episodes to say whether the order is stable." in result.data.attrs["caption"]
    assert np.isnan(result.data["stability"].values).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": ("conv9",)}, "layer 'conv9'"),
        ({"layers": ()}, "layers is empty; name at least 1"),
        ({"order": "names"}, "order 'names' is unknown; choose from cosine, euclidean or rastermap"),
        ({"splits": 0}, "splits is 0"),
        ({"window_seconds": -1.0}, "window_seconds is -1"),
        ({"burn_in_steps": 39}, "it needs at least 20"),
        ({"sorting": "cosine"}, "no parameter 'sorting'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(small_recording, settings, message) -> None:
    with pytest.raises(UserError, match=message) as caught:
        raster(small_recording, agent=small_agent(), **settings)
    assert "\n" not in str(caught.value)


def test_a_recording_of_another_agent_is_refused(small_recording) -> None:
    with pytest.raises(UserError, match="another agent"):
        raster(small_recording, agent=small_agent(seed=1))
