"""Every observation passes the convolutions once, and what is kept of them is what a slow loop finds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour import layer_components
from retinoscope.analyses.behaviour.activation_movies import activation_movies
from retinoscope.analyses.behaviour.burn_in import burn_in
from retinoscope.analyses.behaviour.convolutions import channel_means, convolutions, unit_blocks
from retinoscope.analyses.behaviour.event_triggered import event_triggered
from retinoscope.analyses.behaviour.layer_components import fit_layers
from retinoscope.analyses.behaviour.principal_components import principal_components
from retinoscope.analyses.behaviour.raster import raster
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.drawing import RecordedMovieDrawing
from retinoscope.analyses.registry import analysis
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import ArrayRecording, Recording
from tests.rollouts.recordings import small_agent

LAYERS = ("conv1", "conv2", "conv3")
FEW_EVENTS: dict[str, Any] = {"fewest_events": 2, "seconds": 0.2, "tested_seconds": 0.2, "isolation_seconds": 0.0}
FEW_EVENTS |= {"shuffles": 40, "resamples": 20, "burn_in_steps": 1}


@pytest.fixture(scope="module")
def maps(small_recording: Recording) -> dict[str, np.ndarray]:
    """Of every convolution, one observation at a time."""
    policy, found = small_agent().policy, {name: [] for name in LAYERS}
    for observation in small_recording.rows(names=("observation",))["observation"].values:
        with torch.inference_mode(), policy.capture(*LAYERS) as activity:
            policy.step(torch.from_numpy(observation)[None], policy.initial_state(1))
        for name in LAYERS:
            found[name].append(activity[name][0].numpy())
    return {name: np.stack(each) for name, each in found.items()}


@pytest.fixture
def a_sample_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a long recording, of which not everything is in the sample."""
    monkeypatch.setattr(layer_components, "_MOST_SAMPLED", 60)


def counted(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often each observation passes the network from now on."""
    seen: Counter[bytes] = Counter()
    step = agent.policy.step

    def counting(observations: torch.Tensor, state: torch.Tensor) -> Any:
        seen.update(each.tobytes() for each in observations.numpy())
        return step(observations, state)

    monkeypatch.setattr(agent.policy, "step", counting)
    return seen


def of_recording(recording: Recording) -> Counter[bytes]:
    return Counter(each.tobytes() for each in recording.rows(names=("observation",))["observation"].values)


@pytest.mark.parametrize("kept_frames", [0, 70, 1000])
def test_means_and_dimensions_are_those_of_the_whole_recording(
    small_recording: Recording, maps, a_sample_is_a_part, tmp_path: Path, kept_frames: int
) -> None:
    settings = {"components": 10, "block_size": 32, "kept_frames": kept_frames}
    result = convolutions(small_recording, agent=small_agent(), cache=tmp_path, **settings)
    for name in LAYERS:
        np.testing.assert_allclose(result.data[f"{name}_mean"].values, maps[name].mean(axis=(2, 3)), atol=1e-5)
        assert result.data[f"{name}_mean"].dtype == np.float32
        flat = maps[name].reshape(len(maps[name]), -1).astype(np.float64)
        flat -= flat.mean(axis=0)
        truth = np.linalg.eigvalsh(flat @ flat.T)[::-1] / (len(flat) - 1)
        at = result.data.sel(layer=name)
        assert int(at["decisions"]) == len(flat) and int(at["units"]) == flat.shape[1]
        assert bool(at["is_exact"]) == (flat.shape[1] <= layer_components.MOST_EXACT_UNITS)
        tolerance = 1e-5 if at["is_exact"] else 0.02
        np.testing.assert_allclose(at["variance_share"].values, (truth / truth.sum())[:10], rtol=tolerance)
        ratio = truth.sum() ** 2 / (truth**2).sum()
        assert float(at["participation_ratio"]) == pytest.approx(ratio, rel=tolerance)
        assert at["participation_ratio_low"] < ratio < at["participation_ratio_high"] < at["participation_ratio_chance"]
    assert load_result(result.save(tmp_path / "convolutions.nc")).data.equals(result.data)


def everything(recording: Recording, agent: Agent, given: dict[str, Result], cache: Path | None) -> None:
    """All that wants convolutions, in the order of a run; movies are composed as MP4, as GIF and for the poster."""
    movies = activation_movies(recording, agent=agent, cache=cache, frames=90)
    for drawing in analysis("activation_movies").draw(movies):
        assert isinstance(drawing, RecordedMovieDrawing)
        inputs = Inputs(agent, recording, cache=cache)
        assert [len(list(drawing.frames(inputs, first))) for first in (0, 0, 27)] == [90, 90, 63]
    shared = convolutions(recording, agent=agent, cache=cache, kept_frames=90, block_size=32)
    given = {**given, "convolutions": shared}
    event_triggered(recording, agent=agent, given=given, **FEW_EVENTS)
    principal_components(recording, agent=agent, given=given, cache=cache, window_seconds=2.0)
    raster(recording, agent=agent, given=given, layers=("conv2", "fc"), window_seconds=2.0, splits=1)


def test_in_a_whole_run_every_decision_passes_the_network_once(
    small_recording: Recording, a_sample_is_a_part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = small_agent()
    given = {"burn_in": burn_in(small_recording, agent=agent)}
    seen = counted(agent, monkeypatch)
    everything(small_recording, agent, given, tmp_path)
    assert seen == of_recording(small_recording)


def test_without_a_cache_only_the_movies_compute_again(
    small_recording: Recording, a_sample_is_a_part, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = small_agent()
    given = {"burn_in": burn_in(small_recording, agent=agent)}
    seen = counted(agent, monkeypatch)
    everything(small_recording, agent, given, None)
    of_movies = 90 + 3 * (90 + 90 + 63)  # the scales; three movies twice and their posters
    assert seen.total() == small_recording.frames + of_movies


def test_what_is_given_and_what_is_computed_on_the_spot_give_the_same(small_recording: Recording) -> None:
    agent = small_agent()
    given = {"convolutions": convolutions(small_recording, agent=agent, seed=4)}
    calls: dict[Any, dict[str, Any]] = {
        event_triggered: FEW_EVENTS,
        principal_components: {"burn_in_steps": 3, "window_seconds": 2.0, "seed": 4},
        raster: {"layers": ("conv2", "rnn"), "burn_in_steps": 3, "window_seconds": 2.0, "splits": 1},
    }
    for run, settings in calls.items():
        ours = run(small_recording, agent=agent, given=given, **settings)
        xarray.testing.assert_allclose(ours.data, run(small_recording, agent=agent, **settings).data, atol=1e-5)


def test_more_components_than_are_given_are_computed(small_recording: Recording) -> None:
    agent = small_agent()
    given = {"convolutions": convolutions(small_recording, agent=agent, components=5)}
    settings = {"layers": ("conv2", "fc"), "components": 12, "window_seconds": 2.0}
    result = principal_components(small_recording, agent=agent, given=given, **settings)
    assert np.isfinite(result.data["variance_share"].values).all()
    assert result.data["layer"].values.tolist() == ["conv2", "fc"]
    fewer = principal_components(small_recording, agent=agent, given=given, **settings | {"components": 3})
    np.testing.assert_allclose(fewer.data["variance_share"].values, result.data["variance_share"].values[:, :3])


def test_layers_that_need_no_convolution_compute_none(
    small_recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = small_agent()
    seen = counted(agent, monkeypatch)
    raster(small_recording, agent=agent, layers=("fc",), splits=1, window_seconds=2.0)
    principal_components(small_recording, agent=agent, layers=("pixels", "fc"), window_seconds=2.0)
    assert channel_means(small_recording, agent, ("fc", "rnn")) == {}
    assert not seen


def test_a_recording_without_frames_shows_what_it_holds(small_recording: Recording) -> None:
    names = ("fc", "rnn", "value", "health", "events")
    arrays = {name: small_recording.rows(names=(name,))[name].values for name in names}
    lengths = [each.stop - each.start for each in small_recording.episodes]
    recording = ArrayRecording(
        arrays, layers=("fc", "rnn"), episode_lengths=lengths, attributes=small_recording.attributes
    )
    agent = small_agent()
    with pytest.raises(NotMeasurable, match="or the recording holds no frames"):
        convolutions(recording, agent=agent)
    found = principal_components(recording, agent=agent, burn_in_steps=3, window_seconds=2.0)
    assert found.data["layer"].values.tolist() == ["fc", "rnn"]
    events = event_triggered(recording, agent=agent, **FEW_EVENTS)
    assert events.data["layer"].values.tolist() == ["fc", "rnn"]
    with pytest.raises(NotMeasurable, match="no frames"):
        activation_movies(recording, agent=agent)


def test_units_of_convolutions_are_their_channels(small_recording: Recording, maps) -> None:
    means = channel_means(small_recording, small_agent(), ("conv2", "fc"))
    blocks = list(unit_blocks(small_recording, ("conv2", "fc"), means, 7, ("health",), 3, 26))
    found = xarray.concat(blocks, "time")
    np.testing.assert_allclose(found["conv2"].values, maps["conv2"][3:26].mean(axis=(2, 3)), atol=1e-5)
    rows = small_recording.rows(3, 26, ("fc", "health"))
    np.testing.assert_array_equal(found["fc"].values, rows["fc"].values)
    np.testing.assert_array_equal(found["health"].values, rows["health"].values)


def test_the_sample_is_spread_over_the_recording_and_bounded(
    small_recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = sum(int(np.prod(small_agent().policy.layer(name).shape)) for name in LAYERS)
    monkeypatch.setattr(layer_components, "_SAMPLE_BYTES", 4 * units * 30)
    seen: list[np.ndarray] = []
    fit_layers(
        small_recording,
        LAYERS,
        small_agent().policy,
        block_size=50,
        see=lambda block: seen.append(block["row"].values),
    )
    assert sorted(np.concatenate(seen)) == list(range(300))
    assert (np.sort(seen[0]) // 10 == np.arange(30)).all()


def test_agents_without_convolutions_and_wrong_input_are_refused(small_recording: Recording) -> None:
    with pytest.raises(NotMeasurable, match="no convolution"):
        convolutions(small_recording, agent=small_agent(encoder="linear"))
    with pytest.raises(UserError, match="another agent"):
        convolutions(small_recording, agent=small_agent(1))
    with pytest.raises(UserError, match="no parameter 'component'"):
        convolutions(small_recording, agent=small_agent(), component=3)
    few = ArrayRecording(
        {"observation": np.zeros((12, 60, 80, 3), np.uint8)},
        attributes={"checkpoint_sha256": small_agent().checkpoint_sha256},
    )
    with pytest.raises(NotMeasurable, match="has 12 decisions for the components of conv1"):
        convolutions(few, agent=small_agent())
