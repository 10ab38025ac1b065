"""Perturbation behind the first layer: to the numbers of whole pictures, one disc after the other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from retinoscope.attribution import attribute, attribute_targets
from retinoscope.attribution.parameters import AttributionParameters
from retinoscope.attribution.perturbation import discs
from retinoscope.attribution.separable import separable_masks
from tests.oracles_attribution import answers, in_float64, lively_policy, perturbed

NETWORKS = (
    {},
    {"activation": "relu"},
    {"greyscale": True},
    {"paddings": (2, 1, 0)},
    {"kernel_sizes": (4, 3, 3), "strides": (3, 1, 1)},
    {"retinal_stride": 1, "activation": "tanh"},
    {"rnn": "none", "activation": "linear"},
)
PARAMETERS = AttributionParameters()


def masks_of(policy, parameters=PARAMETERS, like=None):
    where = discs(*policy.observation_shape[:2], parameters)
    like = torch.zeros(1, dtype=torch.float64) if like is None else like
    return where, separable_masks(policy, where.down, where.across, like, parameters.batch_size)


def scene(policy, count=1):
    random = np.random.default_rng(3)
    return random.normal(70, 40, (count, *policy.observation_shape)), random.normal(0, 0.5, (count, policy.state_size))


@pytest.mark.parametrize("settings", [{}, {"disc_sigma": 0.1, "disc_spacing": 1, "batch_size": 17}, {"disc_sigma": 40}])
@pytest.mark.parametrize("config", NETWORKS)
def test_the_first_layer_gives_what_it_gives_for_every_masked_picture(config, settings):
    policy = in_float64(lively_policy(**config))
    if config == {}:
        policy.network.pixel_mean = (
            policy.network.pixel_mean + torch.rand(policy.observation_shape).double()
        )  # of each pixel
    parameters = dataclasses.replace(PARAMETERS, **settings)
    where, masks = masks_of(policy, parameters)
    (pixels, other), _ = (torch.from_numpy(each) for each in scene(policy, 2))
    batches = list(masks.activity(pixels, other - pixels, parameters.batch_size))
    assert max(len(each) for each in batches) <= parameters.batch_size
    found = torch.cat(batches).unflatten(0, (len(where.columns), len(where.rows)))
    for row, column in np.ndindex(len(where.rows), len(where.columns)):
        mask = torch.from_numpy(np.outer(where.down[row], where.across[column]))[..., None]
        expected = policy.encode((pixels + mask * (other - pixels))[None], until="conv1")[0]
        assert (found[column, row] - expected).abs().max() <= 1e-12 * expected.abs().max()


@pytest.mark.parametrize("config", NETWORKS)
def test_maps_are_those_of_a_double_loop_and_not_passed_through_the_first_layer(config, monkeypatch):
    policy = in_float64(lively_policy(**config))
    (observation,), states = scene(policy)
    side = min(policy.observation_shape[:2])
    answer = answers(policy, lambda policy, pixels, states: policy.step(pixels, states).value, states[0])
    expected = perturbed(answer, observation, side / 16, 3, 3 * side / 80)
    rows = []
    whole = policy.step
    monkeypatch.setattr(policy, "step", lambda pixels, states: rows.append(len(pixels)) or whole(pixels, states))
    found = attribute(policy, observation[None], states, "value", "perturbation", disc_spacing=3)[0, ..., 0]
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)
    assert rows == [1]  # the picture itself


def test_in_float32_they_are_equal_to_a_hundred_thousandth():
    policy = lively_policy()
    observations, states = (each.astype(np.float32) for each in scene(policy))
    targets = ["value", "conv1:1,2,3", "fc:2"]
    in_full = (each.astype(np.float64) for each in (observations, states))
    expected = attribute_targets(in_float64(policy), *in_full, targets, "perturbation")
    found = attribute_targets(policy, observations, states, targets, "perturbation")
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * other.max())


def test_where_the_first_layer_is_not_known_whole_pictures_pass():
    clipped = in_float64(lively_policy())
    clipped.network.input_limit.fill_(1.0)
    many = dataclasses.replace(PARAMETERS, batch_size=8)  # fewer than the 3 x 3 combs
    assert masks_of(clipped)[1] is None
    assert masks_of(in_float64(lively_policy(encoder="linear")))[1] is None
    assert masks_of(in_float64(lively_policy()), many)[1] is None
    assert masks_of(in_float64(lively_policy()))[1] is not None
