"""Attribution through networks of anyone's: what is explained, guided backpropagation, and randomisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import retinoscope
from retinoscope.agents.actions import ActionHead, gaussian_head
from retinoscope.agents.policy import Policy
from retinoscope.attribution import attribute, attribute_targets, baseline_frame, default_targets, parse_target
from retinoscope.attribution.guided import has_activation_functions
from retinoscope.attribution.randomisation import cascade, first_judged, stages
from retinoscope.errors import UserError
from retinoscope.worlds.declaration import Declaration, Picture
from retinoscope.worlds.world import World
from tests.agents.networks import Breakout, Impala, Nature, channels_first
from tests.oracles_attribution import finite_differences

SHAPE = (4, 3, 1)


def policy_of(module: nn.Module, shape: tuple[int, int, int] = SHAPE, actions: Any = 4, **more: Any) -> Policy:
    return retinoscope.from_module(module, observation_shape=shape, actions=actions, **more).policy


class Dense(nn.Module):
    """Two dense layers with an activation function given as anyone might write it, and an output."""

    def __init__(self, activation: Callable[[torch.Tensor], torch.Tensor], outputs: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.out = nn.Linear(12, 9), nn.Linear(9, 8), nn.Linear(8, outputs)
        self.activation = activation

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        hidden = self.activation(3 * self.first(pixels.flatten(1) / 255))
        return self.out(self.activation(3 * self.second(hidden)))


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "module": nn.ReLU(),
    "function": F.relu,
    "of torch": torch.relu,
    "method": lambda values: values.relu(),
    "in place": F.relu_,
    "clamp_min": lambda values: values.clamp_min(0),
    "sigmoid": torch.sigmoid,
    "mish": F.mish,
    "hardswish": lambda values: F.hardswish(values, inplace=True),
    "prelu": nn.PReLU(),
    "rrelu": nn.RReLU(),
    "softsign": F.softsign,
}


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_the_rule_of_guided_backprop_holds_however_an_activation_function_is_called(
    activation: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    module = Dense(activation).eval()
    policy, pixels = policy_of(module), np.random.default_rng(0).uniform(0, 255, (5, *SHAPE))
    assert has_activation_functions(policy)
    found = attribute(policy, pixels.astype(np.float32), None, "logit:action 2", "guided_backprop")
    weights = [layer.weight.detach().double().numpy() for layer in (module.first, module.second, module.out)]
    module.double()
    biases = [layer.bias.detach().double().numpy() for layer in (module.first, module.second)]

    def slope(inputs: np.ndarray) -> np.ndarray:
        steps = torch.from_numpy(np.stack([inputs + 1e-6, inputs - 1e-6]))
        above, below = activation(steps).detach().numpy()
        return np.asarray(above - below) / 2e-6

    for one, expected_shape in zip(pixels, found, strict=True):
        first = 3 * (weights[0] @ one.ravel() / 255 + biases[0])
        with torch.no_grad():
            second = 3 * (weights[1] @ activation(torch.from_numpy(first.copy())).numpy() + biases[1])
        arriving = slope(second) * np.maximum(weights[2][2], 0)
        arriving = slope(first) * np.maximum(3 * weights[1].T @ arriving, 0)
        expected = 3 * weights[0].T @ arriving / 255
        np.testing.assert_allclose(expected_shape.ravel(), expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_a_limit_that_keeps_a_division_from_going_wrong_is_no_activation_function() -> None:
    def stretched(pixels: torch.Tensor) -> torch.Tensor:
        low, high = pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True)
        return 255 * (pixels - low) / (high - low).clamp_min(1.0)

    policy = policy_of(
        nn.Sequential(nn.Flatten(), nn.Linear(12, 4)), preprocess=lambda pixels: stretched(pixels.float())
    )
    assert not has_activation_functions(policy)


# What is explained.


def logits_of(policy: Policy, output: int) -> Callable[[np.ndarray], np.ndarray]:
    def answer(pixels: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            step = policy.step(torch.from_numpy(pixels), policy.initial_state(len(pixels)))
        return step.value.numpy() if output < 0 else step.logits[:, output].numpy()

    return answer


def test_an_agent_without_critic_has_no_value_to_explain() -> None:
    policy = policy_of(Dense(torch.tanh))
    assert default_targets(policy) == tuple(f"probability:action {number}" for number in range(4))
    with pytest.raises(UserError, match="^target 'value': this agent has no critic; choose probability:ACTION"):
        parse_target(policy, "value")
    with pytest.raises(UserError, match=r"^target 'vallue': unknown; choose probability:ACTION.*policy \(4 units\)$"):
        parse_target(policy, "vallue")


def test_of_q_values_these_and_the_highest_are_explained() -> None:
    module = Dense(torch.tanh).double()
    policy = policy_of(module, q_values=True, epsilon=0.1, preprocess=torch.Tensor.double)
    targets = default_targets(policy)
    assert targets == ("value", *(f"q_value:action {number}" for number in range(4)))
    assert {parse_target(policy, each).units for each in targets} == {"return"}
    pixels = np.random.default_rng(0).uniform(0, 255, (2, *SHAPE))
    maps = attribute_targets(policy, pixels, None, targets, "gradient")
    for number in range(5):
        expected = finite_differences(logits_of(policy, number - 1), pixels[1], np.arange(12))
        np.testing.assert_allclose(maps[number, 1].ravel(), expected, rtol=1e-4, atol=1e-8)
    np.testing.assert_array_equal(attribute(policy, pixels, None, "logit:action 2", "gradient"), maps[3])
    for kind in ("probability", "log_probability"):
        with pytest.raises(
            UserError, match="highest Q-value, and its probability has no gradient; choose logit:action 1"
        ):
            parse_target(policy, f"{kind}:action 1")


def test_of_continuous_actions_the_means_are_explained_and_their_deviations_can_be() -> None:
    policy = policy_of(
        Dense(torch.tanh).double(), actions=(gaussian_head(("steer", "speed")),), preprocess=torch.Tensor.double
    )
    assert default_targets(policy) == ("mean:action steer", "mean:action speed")
    assert parse_target(policy, "mean:action steer").units == "action"
    pixels = np.random.default_rng(0).uniform(0, 255, (1, *SHAPE))
    for output, target in ((1, "mean:action speed"), (3, "logit:action speed log deviation")):
        found = attribute(policy, pixels, None, target, "gradient")[0]
        expected = finite_differences(logits_of(policy, output), pixels[0], np.arange(12))
        np.testing.assert_allclose(found.ravel(), expected, rtol=1e-4, atol=1e-8)
    for target in ("probability:action steer", "log_probability:action steer", "mean:action steer log deviation"):
        with pytest.raises(UserError, match="is continuous and has no probability; choose logit:action steer"):
            parse_target(policy, target)


def test_choices_beside_continuous_actions_keep_their_probabilities() -> None:
    heads = (gaussian_head(("steer",)), ActionHead("gear", ("low", "high")))
    policy = policy_of(Dense(torch.tanh), actions=heads)
    targets = default_targets(policy)
    assert targets == ("mean:action steer", "probability:gear low", "probability:gear high")
    pixels = np.random.default_rng(0).uniform(0, 255, (2, *SHAPE)).astype(np.float32)
    maps = attribute_targets(policy, pixels, None, targets, "gradient")
    np.testing.assert_allclose(maps[1], -maps[2], atol=1e-7)
    assert np.abs(maps[1]).max() > 0


def test_why_no_gradient_reaches_the_pixels_is_said_as_the_policy_knows_it() -> None:
    policy = policy_of(
        Dense(torch.tanh).float(), preprocess=lambda pixels: torch.from_numpy(pixels.numpy().astype(np.float32))
    )
    pixels = np.random.default_rng(0).uniform(0, 255, (2, *SHAPE)).astype(np.float32)
    message = (
        "^target 'logit:action 1': gradients do not reach the pixels: preprocess takes none; use method 'occlusion'"
    )
    with pytest.raises(UserError, match=message):
        attribute(policy, pixels, None, "logit:action 1", "gradient")
    assert attribute(policy, pixels, None, "logit:action 1", "occlusion", window=1, stride=1).any()


# Randomisation.

NETWORKS: dict[str, tuple[nn.Module, tuple[int, int, int], int, dict[str, Any], list[set[str]], int]] = {
    "Nature": (
        Nature(),
        (84, 84, 4),
        6,
        {"preprocess": channels_first},
        [{"actor", "critic"}, {"network.7"}, {"network.4"}, {"network.2"}, {"network.0"}],
        1,
    ),
    "Breakout": (
        Breakout(),
        (80, 80, 1),
        4,
        {"preprocess": channels_first, "initial_state": 256},
        [{"critic_linear", "actor_linear"}, {"gru"}, {"conv4"}, {"conv3"}, {"conv2"}, {"conv1"}],
        1,
    ),
    "IMPALA": (
        Impala(),
        (64, 64, 3),
        15,
        {},
        [
            {"heads.0", "critic"},
            {"hidden"},
            {f"blocks.2.res{block}.conv{number}" for block in (0, 1) for number in (0, 1)},
            {f"blocks.1.res{block}.conv{number}" for block in (0, 1) for number in (0, 1)} | {"blocks.2.conv"},
            {f"blocks.0.res{block}.conv{number}" for block in (0, 1) for number in (0, 1)} | {"blocks.1.conv"},
            {"blocks.0.conv"},
        ],
        1,
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_of_any_network_lose_what_they_learned_from_the_outputs_down(name: str) -> None:
    module, shape, actions, more, lost, judged = NETWORKS[name]
    policy = policy_of(module, shape, actions, **more)
    before = {each: value.clone() for each, value in policy.module.named_parameters()}
    found = list(cascade(policy, seed=1))
    assert tuple(stage for stage, _ in found) == stages(policy) and len(found) == len(lost)
    assert first_judged(policy) == judged
    for depth, (_, randomised) in enumerate(found):
        gone = set().union(*lost[: depth + 1])
        for each, value in randomised.module.named_parameters():
            owner = each.rpartition(".")[0]
            assert torch.equal(value, before[each]) != (owner in gone), (depth, each)
    assert all(torch.equal(value, before[each]) for each, value in policy.module.named_parameters())


def test_the_names_of_the_stages_say_down_to_where_the_network_is_random() -> None:
    module, shape, actions, more, *_ = NETWORKS["IMPALA"]
    names = stages(policy_of(module, shape, actions, **more))
    assert names[:2] == ("value and policy", "hidden")
    assert names[2:] == ("blocks_2_res0_conv0", "blocks_1_res0_conv0", "blocks_0_res0_conv0", "blocks_0_conv")


def test_weights_that_two_layers_share_are_randomised_once_with_the_higher() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.out = nn.Parameter(torch.randn(12, 12)), nn.Linear(12, 4)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            hidden = torch.tanh(F.linear(pixels.flatten(1) / 255, self.weight))
            return self.out(torch.tanh(F.linear(hidden, self.weight)))

    policy = policy_of(Tied())
    found = [each.module.weight for _, each in cascade(policy)]
    assert len(found) == 2 and torch.equal(found[0], policy.module.weight) and not torch.equal(found[0], found[1])


# The baseline.


class Emptied(World):
    """A world whose empty view is known, if it can be emptied at all."""

    def __init__(self, height: int, can_be_emptied: bool) -> None:
        picture = Picture(height, SHAPE[1], SHAPE[2])
        self.declaration = Declaration("planted", "ab" * 32, "", picture, (), can_be_emptied=can_be_emptied)

    def environment(self, *, objects_in_view: bool = True, window: bool = False) -> Any:
        raise NotImplementedError

    def empty_view(self) -> np.ndarray:
        return np.arange(12, dtype=np.uint8).reshape(SHAPE)


@pytest.mark.parametrize(("height", "can_be_emptied"), [(4, True), (4, False), (9, True)])
def test_the_baseline_of_an_agent_is_the_empty_view_of_its_world_if_there_is_one(
    height: int, can_be_emptied: bool
) -> None:
    agent = retinoscope.from_module(
        Dense(torch.tanh), observation_shape=SHAPE, actions=4, preprocess=lambda pixels: pixels.float() - 30
    )
    agent = dataclasses.replace(agent, world=Emptied(height, can_be_emptied))
    found = baseline_frame(agent)
    expected = np.arange(12).reshape(SHAPE) if (height, can_be_emptied) == (4, True) else np.full(SHAPE, 30)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)
