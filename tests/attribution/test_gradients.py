"""Gradients of all units at once: the same as of one unit at a time, whatever the batch and the layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retinoscope.attribution.gradients import PARALLEL_ROWS, gradient_sums, stimulus_shape, unit_activity
from retinoscope.errors import UserError
from tests.oracles import gradient_of_one_unit, pixels_that_matter
from tests.synthetic import small_policy


def noise(count: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(80, 40, (count, *shape)).astype(np.float32)


# One stimulus: all units in one backward pass; 50: two at a time; more than there is room for: one at a time.
@pytest.mark.parametrize("count", [1, 50, PARALLEL_ROWS + 2])
def test_a_convolution_shown_its_patch_answers_like_one_shown_the_whole_observation(count):
    policy, place = small_policy(), (1, 0)
    height, width, stride, *_ = policy.receptive_field("conv3")
    top, left = place[0] * stride, place[1] * stride
    observations = noise(count, policy.observation_shape)
    patches = np.ascontiguousarray(observations[:, top : top + height, left : left + width])
    found = gradient_sums(policy, "conv3", (2, 0, 1), patches)
    for number, unit in enumerate((2, 0, 1)):
        expected = sum(gradient_of_one_unit(policy, "conv3", unit, each, place) for each in observations)
        outside = expected.copy()
        outside[top : top + height, left : left + width] = 0
        assert not outside.any()
        inside = expected[top : top + height, left : left + width]
        np.testing.assert_allclose(found[number], inside, rtol=1e-4, atol=1e-5 * np.abs(inside).max())
    with torch.no_grad():
        whole = policy.encode(torch.from_numpy(observations), "conv3")[:, [2, 0, 1], 1, 0]
    np.testing.assert_allclose(unit_activity(policy, "conv3", (2, 0, 1), patches), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("layer", "units"), [("fc", (6, 0)), ("rnn", (4, 1, 2)), ("value", (0,)), ("policy", (2, 1))])
@pytest.mark.parametrize("count", [3, PARALLEL_ROWS])
def test_other_layers_see_the_whole_observation_one_step_from_the_zero_state(layer, units, count):
    policy = small_policy()
    assert stimulus_shape(policy, layer) == policy.observation_shape
    observations = noise(count, policy.observation_shape)
    found = gradient_sums(policy, layer, units, observations)
    for number, unit in enumerate(units):
        expected = sum(gradient_of_one_unit(policy, layer, unit, each) for each in observations)
        np.testing.assert_allclose(found[number], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_gradients_are_per_pixel_unit():
    policy = small_policy()
    observations = noise(1, policy.observation_shape)
    found = gradient_sums(policy, "value", (0,), observations)[0]
    row, column, colour = np.unravel_index(np.abs(found).argmax(), found.shape)
    above, below = observations.copy(), observations.copy()
    above[0, row, column, colour] += 2
    below[0, row, column, colour] -= 2
    difference = unit_activity(policy, "value", (0,), above) - unit_activity(policy, "value", (0,), below)
    assert difference[0, 0] / 4 == pytest.approx(found[row, column, colour], rel=0.05)


def test_the_number_of_threads_is_given_back():
    policy, threads = small_policy(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        gradient_sums(policy, "conv1", (0,), noise(1, stimulus_shape(policy, "conv1")))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("shape", "config", "places"),
    [
        ((24, 20, 3), {"vvs_depth": 1}, {"conv1": (3, 2), "conv2": (2, 1), "conv3": (1, 0)}),
        ((31, 27, 3), {"vvs_depth": 2, "retinal_stride": 1, "kernel_size": 5}, {"conv2": (5, 2), "conv4": (3, 2)}),
        ((26, 26, 1), {"retinal_stride": 3, "vvs_depth": 0}, {"conv1": (2, 4), "conv2": (1, 1)}),
        ((48, 44, 3), {"encoder": "simple"}, {"conv1": (2, 3), "conv2": (1, 2), "conv3": (1, 0)}),
    ],
)
def test_receptive_field_is_what_perturbed_pixels_say(shape, config, places):
    policy = small_policy(shape=shape, **config)
    for layer, place in places.items():
        height, width, stride, *_ = policy.receptive_field(layer)
        rows, columns = pixels_that_matter(policy, layer, place)
        assert (rows.start, rows.stop) == (place[0] * stride, place[0] * stride + height)
        assert (columns.start, columns.stop) == (place[1] * stride, place[1] * stride + width)
        assert stimulus_shape(policy, layer) == (height, width, shape[2])


@pytest.mark.parametrize(("layer", "message"), [("conv9", "unknown"), ("rnn", "not a convolution")])
def test_layers_without_a_patch_are_refused(layer, message):
    with pytest.raises(UserError, match=message):
        small_policy().receptive_field(layer)
