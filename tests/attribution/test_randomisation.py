"""Randomising parameters layer by layer, and the measures built on it."""

from __future__ import annotations

import pytest
import torch

from retinoscope.agents.policy import Policy
from retinoscope.attribution.randomisation import cascade, stages
from retinoscope.errors import UserError
from tests.synthetic import small_policy


def parameters_of(policy):
    return {name: value.clone() for name, value in policy.network.named_parameters()}


def owner(name):
    return next(part for part in name.split(".") if part.startswith(("conv", "fc", "rnn", "value", "policy")))


def test_layers_lose_what_they_learned_from_the_outputs_down_and_keep_nothing_back():
    policy = small_policy()
    before = parameters_of(policy)
    assert stages(policy) == ("value and policy", "rnn", "fc", "conv3", "conv2", "conv1")
    lost = [{"value", "policy"}, {"rnn"}, {"fc"}, {"conv3"}, {"conv2"}, {"conv1"}]
    found = list(cascade(policy, seed=3))
    assert tuple(name for name, _ in found) == stages(policy)
    for depth, (_, randomised) in enumerate(found):
        gone = set().union(*lost[: depth + 1])
        for name, value in parameters_of(randomised).items():
            assert torch.equal(value, before[name]) != (owner(name) in gone), name
    assert all(torch.equal(value, before[name]) for name, value in parameters_of(policy).items())


def test_each_stage_goes_on_where_the_one_before_stopped_and_the_seed_decides():
    policy = small_policy()
    one, same, other = (list(cascade(policy, seed)) for seed in (1, 1, 2))
    heads = [parameters_of(each)["value.weight"] for _, each in one]
    assert all(torch.equal(heads[0], each) for each in heads)
    assert torch.equal(parameters_of(same[-1][1])["rnn.weight_ih_l0"], parameters_of(one[-1][1])["rnn.weight_ih_l0"])
    assert not torch.equal(
        parameters_of(other[-1][1])["rnn.weight_ih_l0"], parameters_of(one[-1][1])["rnn.weight_ih_l0"]
    )


def test_random_weights_have_mean_zero_and_the_size_of_the_trained_ones():
    policy = small_policy(hidden_size=300)
    with torch.no_grad():
        policy.network.encoder.layers.fc.linear.weight += 0.2
    trained = policy.network.encoder.layers.fc.linear.weight
    random = list(cascade(policy))[2][1].network.encoder.layers.fc.linear.weight
    assert float(random.square().mean().sqrt()) == pytest.approx(float(trained.square().mean().sqrt()), rel=0.05)
    assert abs(float(random.mean())) < 5 * float(trained.square().mean().sqrt()) / random.numel() ** 0.5


def test_a_policy_without_torch_modules_is_refused():
    class Bare(Policy):
        layers = ()
        step = capture = encode = receptive_field = grey_level = to = None

    with pytest.raises(UserError, match="no layer of Bare is known to have parameters"):
        stages(Bare())
