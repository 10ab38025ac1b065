"""Galleries show the most extreme samples of each list, their frames, and what moved the component."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retinoscope.analyses.memory.component_gallery import GalleryParameters, component_gallery
from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import ArraySamples
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.rollouts import Recording
from tests.rollouts.recordings import small_agent

SETTINGS = {"components": "pca:2", "window_steps": 5, "burn_in_steps": 2, "gradient_step": 3, "proportions": (0.2,)}


@pytest.fixture(scope="module")
def gallery(small_recording: Recording) -> Result:
    chosen = GalleryParameters(per_level=2, frames=5, method="gradient")
    return component_gallery(small_recording, small_agent(), gallery=chosen, **SETTINGS)


def test_samples_are_the_most_extreme_of_the_lists(gallery: Result, small_recording: Recording) -> None:
    lists = dataset_examples(small_recording, agent=small_agent(), **SETTINGS)
    windows = RecordingWindows(small_recording, 5, burn_in=2)
    for component in range(2):
        listed = lists.data["listed"].sel(scope="gradient_step", component=component).isel(proportion=0)
        for level in ("high", "middle", "low"):
            shown = gallery.data.sel(component=component, level=level)
            assert set(shown["sample"].values) <= set(np.flatnonzero(listed.sel(level=level).values))
            episodes = windows.episodes[shown["sample"].values]
            assert len(set(episodes.tolist())) == 2
        best = gallery.data["value"].sel(component=component, level="high").values
        assert best[0] == np.nanmax(gallery.data["activation"].sel(component=component, level="high").values[:, 3])
        assert best[0] >= best[1]


def test_frames_are_those_of_the_windows(gallery: Result, small_recording: Recording) -> None:
    windows = RecordingWindows(small_recording, 5, burn_in=2)
    assert gallery.data["shown"].values.tolist() == [0, 1, 2, 3, 4]
    one = gallery.data.isel(component=1, level=0, place=0)
    assert np.array_equal(one["frames"].values, windows.frames(int(one["sample"])))


def test_attribution_is_the_gradient_through_time_of_the_component(gallery: Result, small_recording: Recording) -> None:
    from retinoscope.analyses.memory.components import ComponentParameters, components

    agent = small_agent()
    quick = ComponentParameters(runs=2, sweep=(2,), sweep_runs=2)
    found = components(small_recording, stability=quick, agent=agent, **{**SETTINGS})
    direction = torch.from_numpy(found.data["direction"].values[1]).float()
    one = gallery.data.isel(component=1, level=2, place=1)
    start = int(RecordingWindows(small_recording, 5, burn_in=2).starts[int(one["sample"])])
    rows = small_recording.rows(start, start + 4, ["observation", "state_entering"])
    pixels = torch.from_numpy(rows["observation"].values.astype(np.float32)).requires_grad_()
    state = torch.from_numpy(rows["state_entering"].values[:1])
    for step in range(4):
        state = agent.policy.step(pixels[step : step + 1], state).state
    (gradient,) = torch.autograd.grad(state[0] @ direction, pixels)
    expected = gradient.sum(dim=-1).numpy()
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(one["attribution"].values[:4], expected, atol=1e-4 * np.abs(expected).max())
    assert not one["attribution"].values[4].any()  # behind the gradient step


def test_samples_of_arrays_are_shown_without_attribution() -> None:
    random = np.random.default_rng(0)
    activity, frames = random.normal(size=(6, 4, 2)), random.integers(0, 256, (6, 4, 5, 7, 1), dtype=np.uint8)
    samples = ArraySamples(activity, frames, names=list("abcdef"))
    result = component_gallery(samples, components="units", gallery=GalleryParameters(per_level=3, frames=2))
    assert "attribution" not in result.data and result.data["shown"].values.tolist() == [1, 3]
    # Two or three of twenty-four steps are high, so that a list at one step has few samples.
    assert (result.data["sample"].values == -1).any()
    assert set(result.data["name"].values.ravel()) <= {*"abcdef", ""}


def test_what_cannot_be_shown_is_refused(small_recording: Recording) -> None:
    activity = np.random.default_rng(0).normal(size=(6, 4, 2))
    with pytest.raises(UserError, match="no frames to show"):
        component_gallery(ArraySamples(activity), components="units")
    with pytest.raises(UserError, match="component 7"):
        component_gallery(small_recording, gallery=GalleryParameters(components=(7,)), **SETTINGS)
    with pytest.raises(UserError, match="another agent"):
        component_gallery(small_recording, small_agent(seed=3), **SETTINGS)
    with pytest.raises(UserError, match="per_level is 0"):
        GalleryParameters(per_level=0)
