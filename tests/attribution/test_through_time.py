"""Attribution back through time, against a recurrent core written out step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retinoscope.attribution import ATTRIBUTION_METHODS, attribute, attribute_through_time, attribute_windows
from retinoscope.errors import UserError
from tests.oracles_attribution import in_float64, lively_policy, unrolled_value_gradients
from tests.synthetic import small_policy


@pytest.fixture(scope="module")
def episode():
    random = np.random.default_rng(0)
    policy = in_float64(lively_policy())
    return policy, random.normal(70, 40, (7, *policy.observation_shape)), random.normal(0, 0.5, 5)


def entering(policy, observations, state, step):
    """The recurrent state that enters a step."""
    hidden = torch.from_numpy(state)[None]
    with torch.no_grad():
        for each in observations[:step]:
            hidden = policy.step(torch.from_numpy(each)[None], hidden).state
    return hidden[0].numpy()


@pytest.mark.parametrize("lag_steps", [0, 2, 6])
def test_gradients_are_those_of_an_unrolled_network_truncated_where_it_is_said(episode, lag_steps):
    policy, observations, state = episode
    maps = attribute_through_time(policy, observations, state, "value", lag_steps)
    assert maps.shape == (7, lag_steps + 1, *policy.observation_shape)
    for step in range(7):
        begin = max(step - lag_steps, 0)
        first = entering(policy, observations, state, begin)
        expected = unrolled_value_gradients(policy, observations[begin : step + 1], first)[::-1]
        for lag, gradient in enumerate(expected):
            np.testing.assert_allclose(maps[step, lag], gradient, rtol=1e-8, atol=1e-14)
        assert np.isnan(maps[step, len(expected) :]).all()
    assert np.abs(maps[6, -1]).max() > 0


@pytest.mark.parametrize("method", ATTRIBUTION_METHODS)
def test_lag_zero_is_attribution_with_the_state_taken_as_given(episode, method):
    policy, observations, state = episode
    settings = {"baseline": 60.0, "steps": 4, "samples": 2}
    maps = attribute_through_time(policy, observations, state, "logit:turn left", 0, method, at=[3, 5], **settings)
    for place, step in enumerate((3, 5)):
        first = entering(policy, observations, state, step)[None]
        one = attribute(policy, observations[step][None], first, "logit:turn left", method, **settings)
        np.testing.assert_allclose(maps[place, 0], one[0], rtol=1e-6, atol=1e-12)


def test_integrated_gradients_of_a_window_add_up_to_the_change_of_all_its_observations(episode):
    policy, observations, state = episode
    direction = np.array([0.0, 1.0, -2.0, 0.0, 0.5])
    windows, states = observations[None, :4], state[None]
    maps = attribute_windows(policy, windows, states, direction, "integrated_gradients", baseline=60.0, steps=40)
    grey = np.full_like(observations[:4], 60)
    ends = [entering(policy, each, state, 4) @ direction for each in (observations[:4], grey)]
    assert maps.sum() == pytest.approx(ends[0] - ends[1], rel=0.01)
    assert (np.abs(maps).sum(axis=(0, 2, 3, 4)) > 0).all()


def test_occlusion_paints_over_one_step_at_a_time(episode):
    policy, observations, state = episode
    maps = attribute_windows(
        policy, observations[None, :3], state[None], "value", "occlusion", baseline=60.0, window=40, stride=40
    )
    values = []
    for painted in (None, 0, 1, 2):
        frames = torch.from_numpy(observations[:3].copy())
        if painted is not None:
            frames[painted] = 60
        hidden = torch.from_numpy(state)[None]
        with torch.no_grad():
            for each in frames:
                step = policy.step(each[None], hidden)
                hidden = step.state
        values.append(float(step.value[0]))
    for painted in range(3):
        np.testing.assert_allclose(maps[0, painted], values[0] - values[1 + painted], rtol=1e-9)


def test_without_a_recurrent_core_the_past_does_not_matter():
    policy = small_policy(rnn="none")
    observations = np.random.default_rng(0).normal(70, 40, (4, *policy.observation_shape)).astype(np.float32)
    maps = attribute_through_time(policy, observations, None, "value", 2, "occlusion", at=[3])
    assert np.abs(maps[0, 1:]).max() < 1e-6 * np.abs(maps[0, 0]).max()  # rounding depends on the size of a batch
    with pytest.raises(UserError, match="this agent has no recurrent core"):
        attribute_through_time(policy, observations, None, np.ones(5), 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lag_steps": 7}, "7 steps back do not fit into 7 observations; give 0 to 6"),
        ({"lag_steps": -1}, "lag_steps: -1"),
        ({"at": [7], "lag_steps": 1}, "there is no step 7 in 7 observations"),
    ],
)
def test_windows_that_do_not_fit_are_refused(episode, settings, message):
    policy, observations, state = episode
    with pytest.raises(UserError, match=message):
        attribute_through_time(policy, observations, state, "value", **settings)
