"""Scales of filters over a whole movie, and the maps that its frames are composed of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray

from retinoscope.analyses.behaviour import activation_movies as movies
from retinoscope.analyses.behaviour.activation_movies import ActivationMovieParameters, activation_movies, movie_blocks
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import load_result
from tests.rollouts.recordings import small_agent


def maps_of(recording, layer, start, stop):
    policy = small_agent().policy
    with torch.no_grad():
        return policy.encode(torch.from_numpy(recording.rows(start, stop)["observation"].values), layer).numpy()


def test_the_scale_is_the_quantile_over_the_whole_movie(small_recording, tmp_path):
    parameters = ActivationMovieParameters(layers=("conv1", "conv3"), start=7, frames=120, quantile=0.99)
    result = activation_movies(small_recording, agent=small_agent(), parameters=parameters)
    for layer in ("conv1", "conv3"):
        maps = np.moveaxis(maps_of(small_recording, layer, 7, 127), 1, 0)
        flat = maps.reshape(len(maps), -1)
        expected = np.quantile(np.abs(flat), 0.99, axis=1)
        np.testing.assert_allclose(result.data[f"{layer}_scale"].values, expected, rtol=0.01)
        np.testing.assert_allclose(result.data[f"{layer}_lowest"].values, flat.min(axis=1), atol=1e-5)
        assert result.data[f"{layer}_scale"].attrs["rows"] == maps.shape[2]
    caption = result.data["conv1_scale"].attrs["caption"]
    assert "n = 120 consecutive decisions" in caption and "99% quantile" in caption
    loaded = load_result(result.save(tmp_path / "activation_movies.nc"))
    assert loaded.data.equals(result.data) and loaded.parameters["frames"] == 120


def test_frames_come_from_the_rows_asked_for(small_recording):
    agent = small_agent()
    result = activation_movies(small_recording, agent=agent, start=280, frames=1000)
    assert result.parameters["frames"] == small_recording.frames - 280  # to the end of the recording
    blocks = list(movie_blocks(result, agent=agent, recording=small_recording, layer="conv2", first=4))
    maps = np.concatenate([block["conv2"].values for block in blocks])
    np.testing.assert_allclose(maps, maps_of(small_recording, "conv2", 284, small_recording.frames), atol=1e-5)
    np.testing.assert_array_equal(
        np.concatenate([block["pixels"].values for block in blocks]),
        small_recording.rows(284, small_recording.frames)["observation"].values,
    )


@pytest.mark.parametrize("first", [0, 4, 17])
def test_frames_from_the_cache_are_those_that_are_computed(small_recording, tmp_path, monkeypatch, first):
    monkeypatch.setattr(movies, "KEPT_BLOCK", 8)
    agent = small_agent()
    result = activation_movies(small_recording, agent=agent, start=30, frames=40, cache=tmp_path)
    alone = activation_movies(small_recording, agent=agent, start=30, frames=40)
    assert result.data.equals(alone.data)
    settings = {"agent": agent, "recording": small_recording, "layer": "conv2", "first": first}
    computed = xarray.concat(movie_blocks(result, **settings), "time")
    monkeypatch.setattr(agent.policy, "step", lambda *_: pytest.fail("computed again"))
    xarray.testing.assert_allclose(xarray.concat(movie_blocks(result, **settings, cache=tmp_path), "time"), computed)
    assert computed["row"].values.tolist() == list(range(30 + first, 70))


def test_more_maps_than_may_be_kept_are_not(small_recording, tmp_path, monkeypatch):
    units = sum(int(np.prod(small_agent().policy.layer(name).shape)) for name in ("conv1", "conv2", "conv3"))
    monkeypatch.setattr(movies, "_MOST_KEPT_BYTES", 4 * units * 50)
    activation_movies(small_recording, agent=small_agent(), frames=51, cache=tmp_path)
    assert not list(tmp_path.iterdir())
    activation_movies(small_recording, agent=small_agent(), frames=50, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_agents_without_convolutions_have_no_maps(small_recording):
    agent = small_agent(encoder="linear")
    with pytest.raises(NotMeasurable, match="has no convolutions"):
        activation_movies(small_recording, agent=agent)


def test_wrong_input_is_refused(small_recording):
    agent = small_agent()
    with pytest.raises(UserError, match="another agent"):
        activation_movies(small_recording, agent=small_agent(1))
    with pytest.raises(UserError, match="'fc' has no maps; choose from conv1"):
        activation_movies(small_recording, agent=agent, layers=("fc",))
    with pytest.raises(UserError, match="start is 300"):
        activation_movies(small_recording, agent=agent, start=300)
    for wrong in ({"frames": 0}, {"quantile": 0.0}, {"quantile": 1.1}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            ActivationMovieParameters(**wrong)
    result = activation_movies(small_recording, agent=agent, frames=2)
    with pytest.raises(UserError, match="another agent"):
        movie_blocks(result, agent=small_agent(1), recording=small_recording, layer="conv1")
