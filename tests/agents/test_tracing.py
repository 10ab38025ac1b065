"""What is found in one observed forward pass: layers, their names, kinds, shapes and roles."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import retinoscope
from retinoscope.agents.policy import Policy
from retinoscope.agents.tracing import trace
from tests.agents.networks import Breakout, Impala, Nature, channels_first


def found(policy: Policy) -> list[tuple[str, str, tuple[int, ...], str]]:
    return [(layer.name, layer.kind, layer.shape, layer.role) for layer in policy.layers]


def policy_of(module: nn.Module, shape: tuple[int, int, int] = (12, 10, 3), actions: Any = 4, **more: Any) -> Policy:
    more = {"preprocess": channels_first} | more
    return retinoscope.from_module(module, observation_shape=shape, actions=actions, **more).policy


def test_functional_activations_and_a_cell_are_found() -> None:
    assert found(policy_of(Breakout(), (80, 80, 1), initial_state=256)) == [
        ("conv1", "convolution", (32, 40, 40), "encoder stage"),
        ("conv2", "convolution", (32, 20, 20), "encoder stage"),
        ("conv3", "convolution", (32, 10, 10), "encoder stage"),
        ("conv4", "convolution", (32, 5, 5), "encoder output"),
        ("gru", "recurrent", (256,), "memory"),
        ("value", "value", (1,), "value"),
        ("policy", "policy", (4,), "policy"),
    ]


def test_a_network_without_memory_ends_in_the_last_layer_that_actor_and_critic_share() -> None:
    assert found(policy_of(Nature(), (84, 84, 4), 6)) == [
        ("network_0", "convolution", (32, 20, 20), "encoder stage"),
        ("network_2", "convolution", (64, 9, 9), "encoder stage"),
        ("network_4", "convolution", (64, 7, 7), "encoder stage"),
        ("network_7", "dense", (512,), "encoder output"),
        ("value", "value", (1,), "value"),
        ("policy", "policy", (6,), "policy"),
    ]


def test_skip_connections_poolings_and_channels_last_are_found() -> None:
    policy = policy_of(Impala((3, 4), side=16), (16, 16, 3), 15, preprocess=None)
    assert found(policy)[:9] == [
        ("blocks_0_conv", "convolution", (3, 16, 16), "encoder stage"),
        ("blocks_0_max_pool2d", "pooling", (3, 8, 8), "other"),
        ("blocks_0_res0_relu", "activation", (3, 8, 8), "other"),
        ("blocks_0_res0_conv0", "convolution", (3, 8, 8), "encoder stage"),
        ("blocks_0_res0_conv1", "convolution", (3, 8, 8), "encoder stage"),
        ("blocks_0_res0_sum", "sum", (3, 8, 8), "encoder stage"),
        ("blocks_0_res1_relu", "activation", (3, 8, 8), "other"),
        ("blocks_0_res1_conv0", "convolution", (3, 8, 8), "encoder stage"),
        ("blocks_0_res1_conv1", "convolution", (3, 8, 8), "encoder stage"),
    ]
    assert found(policy)[-4:] == [
        ("blocks_1_res1_sum", "sum", (4, 4, 4), "encoder stage"),
        ("hidden", "dense", (24,), "encoder output"),
        ("value", "value", (1,), "value"),
        ("policy", "policy", (15,), "policy"),
    ]


class Normalised(nn.Module):
    """Normalisation and flattening between layers and their activation functions, one of them in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 5, 3, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.policy = nn.Linear(5 * 8 * 6, 7)
        self.out = nn.Linear(7, 4)
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)
        self.norm.running_mean.normal_()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = self.act(self.norm(self.first(pixels / 255)))
        flat = F.leaky_relu(self.second(maps).flatten(1))
        return self.out(torch.layer_norm(self.policy(flat), (7,)))


def test_activity_is_taken_behind_normalisation_and_activation_also_where_these_come_flattened() -> None:
    policy, pixels = policy_of(Normalised()), torch.randint(0, 256, (2, 12, 10, 3), dtype=torch.uint8)
    module = policy.module
    assert [each[0] for each in found(policy)] == ["first", "second", "layer_policy", "policy"]
    with policy.capture("first", "second", "layer_policy") as activity, torch.no_grad():
        policy.step(pixels, policy.initial_state(2))
        first = torch.relu(module.norm(module.first(channels_first(pixels) / 255)))
        second = F.leaky_relu(module.second(first))
        torch.testing.assert_close(activity["first"], first)
        torch.testing.assert_close(activity["second"], second)
        torch.testing.assert_close(activity["layer_policy"], F.layer_norm(module.policy(second.flatten(1)), (7,)))
    assert set(policy.weights_of("first")) == {"first.weight", "first.bias", "norm.weight", "norm.bias"}
    assert policy.weights_of("second")["second.weight"] is module.second.weight


class Overwriting(nn.Module):
    """Adds to a map in place after it was used."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3, padding=1)
        self.out = nn.Linear(3 * 10 * 8, 4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps = self.first(pixels / 255)
        maps += self.second(maps)
        return self.out(maps.flatten(1))


def test_activity_that_is_later_overwritten_is_what_it_was() -> None:
    policy, pixels = policy_of(Overwriting()), torch.randint(0, 256, (2, 12, 10, 3), dtype=torch.uint8)
    with policy.capture("first", "sum") as activity, torch.no_grad():
        policy.step(pixels, policy.initial_state(2))
        first = policy.module.first(channels_first(pixels) / 255)
        torch.testing.assert_close(activity["first"], first)
        torch.testing.assert_close(activity["sum"], first + policy.module.second(first))


class Written(nn.Module):
    """No modules at all: parameters and functions, the same weights used twice, a memory by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(3, 3, 3, 3) / 9)
        self.into = nn.ParameterDict({"weight": torch.randn(6, 3 * 8 * 6) / 9})
        self.back, self.out = nn.Parameter(torch.randn(6, 6) / 3), nn.Parameter(torch.randn(4, 6) / 3)

    def forward(self, pixels: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = torch.tanh(torch.conv2d(pixels / 255, self.kernel))
        flat = torch.conv2d(maps, self.kernel).sigmoid().reshape(len(maps), -1)
        state = torch.tanh(flat @ self.into["weight"].T + state @ self.back.T)
        return F.linear(state, self.out), state


def test_layers_without_modules_are_named_by_their_weights_and_a_memory_by_hand_is_the_state() -> None:
    policy = policy_of(Written(), initial_state=6)
    assert found(policy) == [
        ("kernel", "convolution", (3, 10, 8), "encoder stage"),
        ("kernel_2", "convolution", (3, 8, 6), "encoder stage"),
        ("into", "dense", (6,), "encoder output"),
        ("back", "dense", (6,), "other"),
        ("tanh", "activation", (6,), "other"),
        ("memory", "recurrent", (6,), "memory"),
        ("policy", "policy", (4,), "policy"),
    ]
    with policy.capture("memory") as activity:
        step = policy.step(torch.rand(2, 12, 10, 3), torch.rand(2, 6))
    assert torch.equal(activity["memory"], step.state) and policy.state_columns("memory") == slice(0, 6)


class Towers(nn.Module):
    """Actor and critic with layers of their own, and a layer that leads nowhere."""

    def __init__(self, is_shared: bool = True) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Flatten(), nn.Linear(360, 8), nn.Tanh())
        self.other = self.shared if is_shared else nn.Sequential(nn.Flatten(), nn.Linear(360, 8), nn.Tanh())
        self.pi, self.vf = (nn.Sequential(nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, n)) for n in (4, 1))
        self.aside = nn.Linear(8, 3)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.shared(pixels / 255)
        self.aside(hidden).relu()
        return self.pi(hidden), self.vf(hidden if self.other is self.shared else self.other(pixels / 255))


def test_layers_behind_the_encoder_are_readouts_and_roles_can_be_told() -> None:
    roles = {layer.name: layer.role for layer in policy_of(Towers()).layers}
    outputs = {"value": "value", "policy": "policy"}
    assert roles == {"shared_1": "encoder output", "pi_0": "readout", "vf_0": "readout"} | outputs
    apart = {layer.name: layer.role for layer in policy_of(Towers(is_shared=False)).layers}
    actor = {"shared_1": "encoder stage", "pi_0": "encoder output"}
    assert apart == actor | {"other_1": "readout", "vf_0": "readout"} | outputs
    told = policy_of(Towers(), roles={"pi_0": "encoder output", "shared_1": "encoder stage"})
    assert [layer.name for layer in told.layers_of("encoder output")] == ["pi_0"]
    assert [layer.name for layer in told.layers_of("value", "policy")] == ["value", "policy"]
    with pytest.raises(retinoscope.UserError, match="roles: there is no layer 'fc'; this network has shared_1, pi_0"):
        policy_of(Towers(), roles={"fc": "memory"})


def test_our_own_networks_have_the_same_roles() -> None:
    policy = retinoscope.load_agent("digits").policy
    assert [each.name for each in policy.layers_of("encoder stage")] == ["conv1", "conv2", "conv3"]
    assert [each.name for each in policy.layers_of("encoder output", "memory")] == ["fc", "rnn"]
    assert policy.state_columns("rnn") == slice(0, policy.state_size) and policy.state_columns("fc") is None
    assert set(policy.weights_of("fc")) == {"encoder.layers.fc.linear.weight", "encoder.layers.fc.linear.bias"}


def test_a_trace_leaves_nothing_behind() -> None:
    module = Nature().requires_grad_(False)

    def run(pixels: torch.Tensor, state: torch.Tensor) -> Any:
        return module(pixels.permute(0, 3, 1, 2))

    before = [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in module.modules()]
    trace(run, module, torch.rand(2, 84, 84, 4, requires_grad=True), torch.zeros(2, 0))
    assert [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in module.modules()] == before
    with pytest.raises(RuntimeError):
        trace(run, module, torch.rand(2, 1, 1, 1), torch.zeros(2, 0))
    assert [(len(part._forward_hooks), len(part._forward_pre_hooks)) for part in module.modules()] == before
