"""Galleries show the most extreme samples of each list, their frames, and what moved the component."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import xarray

from retinoscope.analyses.memory.component_gallery import GalleryParameters, component_gallery
from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.fitted_components import fitted_components
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import ArraySamples
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.rollouts import Recording
from tests.rollouts.recordings import small_agent


def made(recording: Recording) -> dict[str, Result]:
    given = {"fitted_components": fitted_components(recording, components="pca:2", window_steps=5, burn_in_steps=2)}
    lists = dataset_examples(recording, given=given, gradient_step=3, proportions=(0.2, 0.4))
    return given | {"dataset_examples": lists}


@pytest.fixture(scope="module")
def given(small_recording: Recording) -> dict[str, Result]:
    return made(small_recording)


@pytest.fixture(scope="module")
def gallery(small_recording: Recording, given: dict[str, Result]) -> Result:
    chosen = GalleryParameters(per_level=2, frames=5, method="gradient")
    return component_gallery(small_recording, agent=small_agent(), given=given, parameters=chosen)


def test_samples_are_the_most_extreme_of_the_lists(
    gallery: Result, given: dict[str, Result], small_recording: Recording
) -> None:
    lists = given["dataset_examples"]
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


def test_attribution_is_the_gradient_through_time_of_the_component(
    gallery: Result, given: dict[str, Result], small_recording: Recording
) -> None:
    agent, fit = small_agent(), given["fitted_components"].data
    direction = torch.from_numpy((fit["unmixing"] / fit["scale"]).sel(component=1).values).float()
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


def test_of_a_component_without_samples_nothing_is_shown(
    gallery: Result, small_recording: Recording, given: dict[str, Result]
) -> None:
    lists = given["dataset_examples"]
    listed = lists.data["listed"].copy()
    listed.loc[{"component": 0}] = False
    without = given | {"dataset_examples": dataclasses.replace(lists, data=lists.data.assign(listed=listed))}
    chosen = GalleryParameters(per_level=2, frames=5, method="gradient")
    found = component_gallery(small_recording, agent=small_agent(), given=without, parameters=chosen).data
    assert (found["sample"].sel(component=0) == -1).all() and not found["attribution"].sel(component=0).any()
    xarray.testing.assert_identical(found["attribution"].sel(component=1), gallery.data["attribution"].sel(component=1))


def test_samples_of_arrays_are_shown_without_attribution() -> None:
    random = np.random.default_rng(0)
    activity, frames = random.normal(size=(6, 4, 2)), random.integers(0, 256, (6, 4, 5, 7, 1), dtype=np.uint8)
    samples = ArraySamples(activity, frames, names=list("abcdef"))
    given = {"fitted_components": fitted_components(samples, components="units")}
    result = component_gallery(samples, given=given, per_level=3, frames=2)
    assert "attribution" not in result.data and result.data["shown"].values.tolist() == [1, 3]
    # Two or three of twenty-four steps are high, so that a list at one step has few samples.
    assert (result.data["sample"].values == -1).any()
    assert set(result.data["name"].values.ravel()) <= {*"abcdef", ""}


def test_what_cannot_be_shown_is_refused(small_recording: Recording, given: dict[str, Result]) -> None:
    activity = np.random.default_rng(0).normal(size=(6, 4, 2))
    with pytest.raises(UserError, match="no frames to show"):
        component_gallery(ArraySamples(activity))
    with pytest.raises(UserError, match="component 7"):
        component_gallery(small_recording, given=given, numbers=(7,))
    with pytest.raises(UserError, match="another agent"):
        component_gallery(small_recording, agent=small_agent(seed=3), given=given)
    with pytest.raises(UserError, match="per_level is 0"):
        GalleryParameters(per_level=0)


def test_lists_and_components_have_to_belong_together(small_recording: Recording, given: dict[str, Result]) -> None:
    other = fitted_components(small_recording, components="pca:3", window_steps=5, burn_in_steps=2)
    with pytest.raises(UserError, match="made with components pca:2, the components with pca:3"):
        component_gallery(small_recording, given=given | {"fitted_components": other})
    with pytest.raises(UserError, match="were found on .* steps of 8 units, an array has 24 of 2"):
        component_gallery(np.zeros((6, 4, 2)), given=given)


def test_several_proportions_may_be_given_and_the_first_counts(gallery: Result) -> None:
    assert gallery.parameters["proportions"] == [0.2] and gallery.parameters["components"] == "pca:2"
    assert "proportion 0.2," in gallery.data.attrs["caption"]
