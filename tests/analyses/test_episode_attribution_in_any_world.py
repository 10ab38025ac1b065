"""Attribution over an episode where the world cannot be emptied, and of agents of other kinds than ours."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from retinoscope.agents.agent import Agent
from retinoscope.analyses.attribution.attribution_checks import attribution_checks
from retinoscope.analyses.attribution.episode_attribution import ANALYSIS, episode_attribution
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.drawing import MovieDrawing
from retinoscope.attribution import attribute
from retinoscope.attribution.baselines import blurred
from retinoscope.errors import NotMeasurable
from retinoscope.figures.pictures import Pictures
from retinoscope.result import Result
from retinoscope.testing import planted_inputs

SMALL = {"workers": 1, "steps": 3, "lag_steps": None, "times": 6, "checked_frames": 4, "episode": 0, "stop": 10}


def attributed(case: str, **settings: object) -> tuple[Inputs, Result]:
    inputs = planted_inputs(case)
    return inputs, episode_attribution(inputs.recording, agent=inputs.agent, **(SMALL | settings))


def test_a_blur_is_that_of_every_channel_by_itself_and_keeps_the_type_of_pixels():
    views = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 4), dtype=np.uint8)
    found = blurred(views)
    assert found.dtype == np.uint8 and found.shape == views.shape
    expected = np.rint(gaussian_filter(views[1, :, :, 2].astype(np.float32), 2.0, mode="nearest"))
    np.testing.assert_array_equal(found[1, :, :, 2], expected)
    in_floats = blurred(views.astype(np.float32) / 3)
    assert in_floats.dtype == np.float32
    np.testing.assert_allclose(in_floats, found / 3, atol=0.2)


@pytest.mark.parametrize("case", ["Atari", "grid world"])
def test_where_the_world_cannot_be_emptied_maps_are_against_a_blur_and_the_caption_says_so(case):
    inputs, result = attributed(case)
    rows = inputs.recording.rows(0, 10, ["observation"])["observation"].values
    state = inputs.agent.policy.initial_state(1).numpy()
    expected = attribute(
        inputs.agent, rows[:1], state, "value", "integrated_gradients", baseline=blurred(rows[:1]), steps=3
    )
    found = result.data["map"].sel(target="value").values[0]
    np.testing.assert_allclose(found, expected[0].sum(axis=-1), rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    caption = result.data.attrs["caption"]
    assert "Baseline: the same view, blurred (Gaussian, σ " in caption
    assert "The emptied world was not to be had: the world of the recording is not at hand." in caption
    assert all(next(each.frames()).any() for each in ANALYSIS.draw(result) if isinstance(each, MovieDrawing))


def test_an_even_picture_can_be_chosen_and_methods_without_a_baseline_say_nothing_of_one():
    inputs, result = attributed("grid world", baseline="grey")
    level = round(inputs.agent.policy.grey_level)
    caption = result.data.attrs["caption"]
    assert f"Baseline: an even picture of grey level {level}." in caption and "was not to be had" not in caption
    _, plain = attributed("grid world", method="gradient")
    assert "aseline" not in plain.data.attrs["caption"] and "blur" not in plain.data.attrs["caption"]
    with pytest.raises(NotMeasurable, match="the world of the recording is not at hand"):
        attributed("grid world", baseline="emptied")


def test_an_agent_without_memory_has_no_past_to_attribute_to():
    _, result = attributed("no memory")
    assert "lag" not in result.data.sizes and result.parameters["lag_steps"] == 0
    names = [each.name for each in ANALYSIS.draw(result)]
    assert (
        not {"attribution_lags", "attribution_lags_not_made", "attribution_through_time"} & set(names)
        and "attribution_value" in names
    )
    assert "recurrent state" not in result.data.attrs["caption"]
    _, with_memory = attributed("agent with memory")
    names = [each.name for each in ANALYSIS.draw(with_memory)]
    assert "attribution_lags_not_made" in names, "its episodes are too short for a share with its interval"
    assert "attribution_through_time" in names
    assert with_memory.data.attrs["caption"].endswith("; the recurrent state that entered each is taken as given.")


def test_of_stacked_frames_the_newest_is_shown_and_maps_are_summed_over_all():
    _, result = attributed("stacked frames", method="gradient")
    data = result.data
    newest = data["observation"].values[3][..., -3:]
    np.testing.assert_array_equal(Pictures.of(data).shown(data["observation"].values[3]), newest)
    movie = next(each for each in ANALYSIS.draw(result) if isinstance(each, MovieDrawing))
    frame = list(movie.frames())[3]
    factor = max(1, 480 // data.sizes["width"])
    height = factor * data.sizes["height"]
    view = frame[82 : 82 + height : factor, 20 : 20 + factor * data.sizes["width"] : factor]
    np.testing.assert_array_equal(view, newest)
    caption = data.attrs["caption"]
    assert "summed over the channels of all 3 stacked frames." in caption
    assert "Of 3 stacked frames the newest is shown." in caption


def test_what_continuous_actions_and_q_values_are_called():
    _, actions = attributed("continuous actions", method="gradient")
    names = [str(each) for each in actions.data["target"].values]
    assert all(each.startswith("mean:") for each in names if each != "value") and len(names) >= 1
    _, values = attributed("Atari", method="gradient")
    names = [str(each) for each in values.data["target"].values]
    assert names[0] == "value" and all(each.startswith("q_value:") for each in names[1:])
    assert set(values.data["target_units"].values) == {"return"}
    title = next(each for each in ANALYSIS.draw(values) if each.name.startswith("attribution_q_value")).title
    assert title.startswith("What moves the Q-value of ")


def test_a_recording_that_lacks_what_entered_the_memory_is_refused_in_one_line():
    inputs = planted_inputs("agent with memory")
    recording = inputs.recording
    without = dataclasses.replace(inputs, recording=recording)
    columns = tuple(each for each in recording.columns if each != "state_entering")
    without.recording.columns = columns
    with pytest.raises(NotMeasurable, match="does not hold what entered the memory of agent") as caught:
        episode_attribution(without.recording, agent=inputs.agent, **SMALL)
    assert "\n" not in str(caught.value)


def without_gradient(inputs: Inputs) -> Agent:
    """The same agent, whose pixels go through something that torch cannot follow."""
    policy = copy.deepcopy(inputs.agent.policy)
    step = policy.step
    policy.step = lambda pixels, state: step(pixels.detach(), state)
    policy.first_preactivation = lambda pixels: None
    return dataclasses.replace(inputs.agent, policy=policy)


def test_where_no_gradient_reaches_the_pixels_occlusion_remains_and_the_rest_says_why():
    inputs = planted_inputs("agent with memory")
    agent = without_gradient(inputs)
    with pytest.raises(NotMeasurable, match="^target 'value': .* use method 'occlusion', which needs none"):
        episode_attribution(inputs.recording, agent=agent, **SMALL)
    settings = SMALL | {"method": "occlusion", "window": 12, "stride": 12}
    found = episode_attribution(inputs.recording, agent=agent, **settings)
    expected = episode_attribution(inputs.recording, agent=inputs.agent, **settings)
    np.testing.assert_array_equal(found.data["map"].values, expected.data["map"].values)
    assert "lag" in expected.data.sizes and "lag" not in found.data.sizes and found.data["map"].values.any()
    assert all(each.name.startswith("attribution_") for each in ANALYSIS.draw(found))
    checks = {"frames": 8, "stretch_frames": 4, "workers": 1, "window": 12, "stride": 12, "targets": ["value"]}
    methods = attribution_checks(inputs.recording, agent=agent, **checks).data["attribution_method"]
    assert methods.values.tolist() == ["occlusion", "perturbation"]
