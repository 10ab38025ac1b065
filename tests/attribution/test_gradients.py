"""Gradients of all units at once: the same as of one unit at a time, whatever the batch and the layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import retinoscope
from retinoscope.attribution.gradients import PARALLEL_ROWS, gradient_sums, unit_activity
from retinoscope.errors import NotMeasurable, UserError
from tests.oracles import composed_filters, gradient_of_one_unit, pixels_that_matter
from tests.synthetic import small_policy


def noise(count: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(80, 40, (count, *shape)).astype(np.float32)


# One stimulus: all units in one backward pass; 50: two at a time; more than there is room for: one at a time.
@pytest.mark.parametrize("count", [1, 50, PARALLEL_ROWS + 2])
def test_a_convolution_shown_its_patch_answers_like_one_shown_the_whole_observation(count):
    policy, place = small_policy(), (1, 0)
    field = policy.receptive_field("conv3")
    (top, left), height, width = field.starts(*place), field.height, field.width
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
    assert policy.stimulus_shape(layer) == policy.observation_shape
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
        gradient_sums(policy, "conv1", (0,), noise(1, policy.stimulus_shape("conv1")))
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
        field = policy.receptive_field(layer)
        top, left = field.starts(*place)
        rows, columns = pixels_that_matter(policy, layer, place)
        assert (rows.start, rows.stop) == (top, top + field.height)
        assert (columns.start, columns.stop) == (left, left + field.width)
        assert policy.stimulus_shape(layer) == (field.height, field.width, shape[2])


@pytest.mark.parametrize(("layer", "message"), [("conv9", "unknown"), ("rnn", "not a convolution")])
def test_layers_without_a_patch_are_refused(layer, message):
    with pytest.raises(UserError, match=message):
        small_policy().receptive_field(layer)


class Padded(nn.Module):
    """Two linear convolutions with padding; a function of our own, whose backward pass knows no batches, if asked."""

    def __init__(self, channels: int = 3, with_own_function: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 6, 3, padding=1)
        self.out, self.with_own_function = nn.Linear(6 * 8 * 6, 4), with_own_function

    def forward(self, pixels):
        maps = self.conv2(self.conv1(pixels.permute(0, 3, 1, 2) / 255))
        return self.out((Doubled.apply(maps) if self.with_own_function else maps).flatten(1))


class Doubled(torch.autograd.Function):
    """Times two; its backward pass asks for a number, which does not exist of many gradients at once."""

    @staticmethod
    def forward(context, maps):
        return 2 * maps

    @staticmethod
    def backward(context, gradient):
        return gradient * (2 if float(gradient.sum()) is not None else 0)


def padded_policy(**config):
    torch.manual_seed(0)
    return retinoscope.from_module(Padded(**config), observation_shape=(16, 12, 3), actions=4).policy


def test_filters_of_a_padded_convolution_are_its_channels_and_not_positions_of_its_map():
    policy = padded_policy()
    module = policy.module
    first, second = (convolution.weight.double().numpy() for convolution in (module.conv1, module.conv2))
    truth = {"conv1": np.moveaxis(first, 1, -1) / 255, "conv2": composed_filters(first, second, stride=2) / 255}
    for layer, expected in truth.items():
        assert policy.stimulus_shape(layer) == expected.shape[1:]
        units = range(len(expected))
        found = gradient_sums(policy, layer, units, noise(2, expected.shape[1:])) / 2
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
        stimuli = noise(2, expected.shape[1:])
        without = unit_activity(policy, layer, units, 0 * stimuli)
        answers = np.tensordot(stimuli, expected, axes=((1, 2, 3), (1, 2, 3)))
        np.testing.assert_allclose(unit_activity(policy, layer, units, stimuli) - without, answers, atol=1e-4)


def test_where_the_backward_pass_knows_no_batches_units_are_followed_one_by_one():
    policy, plain = padded_policy(with_own_function=True), padded_policy()
    pixels = noise(3, policy.observation_shape)
    found, expected = (gradient_sums(each, "policy", (3, 0, 1), pixels) for each in (policy, plain))
    np.testing.assert_allclose(found, 2 * expected, rtol=1e-5, atol=1e-9)


def test_a_layer_from_which_no_gradient_leads_to_the_pixels_is_said_so_in_one_line():
    policy = retinoscope.from_module(
        Padded().double(),
        observation_shape=(16, 12, 3),
        actions=4,
        preprocess=lambda pixels: torch.from_numpy(pixels.numpy()).double(),
    ).policy
    with pytest.raises(
        NotMeasurable, match="^layer 'conv1': gradients do not reach the pixels: preprocess takes none"
    ) as caught:
        gradient_sums(policy, "conv1", (0,), noise(1, policy.stimulus_shape("conv1")))
    assert "\n" not in str(caught.value)
