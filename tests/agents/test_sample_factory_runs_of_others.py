"""Runs that others made: what they can do, and whose network it is, is known, or they are refused."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium import spaces
from sample_factory.algo.utils.torch_utils import calc_num_elements
from sample_factory.model.encoder import Encoder
from torch import nn

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead
from retinoscope.scenarios import ACTION_HEADS
from retinoscope.training import TrainingConfig

from .sample_factory_models import make_model, make_own_model, write_checkpoint, write_run
from .test_sample_factory_networks import refusal, require_the_same, state_heads

SMALL = TrainingConfig(network=NetworkConfig(global_channels=4, hidden_size=16, rnn_size=8))
HEADS = {
    "one of six": (spaces.Discrete(6), 6),
    "3 + 3 + 2": (spaces.Tuple([spaces.Discrete(3), spaces.Discrete(3), spaces.Discrete(2)]), [3, 3, 2]),
    "two continuous": (spaces.Box(-1.0, 1.0, (2,)), {"continuous": ["throttle", "steer"]}),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_that_the_run_does_not_say_are_not_guessed(name: str, tmp_path: Path) -> None:
    space, _ = HEADS[name]
    write_run(tmp_path / "run", *make_model(SMALL, space), scenario=None, env="someone's")
    outputs = {"one of six": 6, "3 + 3 + 2": 8, "two continuous": 4}[name]
    message = refusal(tmp_path / "run")
    assert f"gives {outputs} numbers for actions" in message
    assert "add spaces.json" in message


def test_an_arena_beside_the_run_of_another_environment_does_not_say_its_heads(tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_model(SMALL, spaces.Discrete(6)), env="someone's")
    assert "does not say of how many heads" in refusal(tmp_path / "run")


def test_a_run_of_ours_without_its_arena_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_model(SMALL), scenario=None)
    assert "scenario.yaml, which says what the actions are, is not in its run" in refusal(tmp_path / "run")


def test_a_checkpoint_for_another_number_of_actions_than_the_arena_has_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_model(SMALL, HEADS["3 + 3 + 2"][0]))
    assert "gives 8 numbers for actions, the arena 'digits' takes 3 + 3;" in refusal(tmp_path / "run")


def test_a_run_of_ours_has_its_two_heads(tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_model(SMALL))
    policy = load_agent(tmp_path / "run").policy
    assert {head.name: head.outputs for head in policy.action_heads} == ACTION_HEADS


def test_continuous_actions_have_the_names_that_were_stated(tmp_path: Path) -> None:
    space, stated = HEADS["two continuous"]
    write_run(tmp_path / "run", *make_own_model(space, (3, 44, 44), env="mine"), scenario=None)
    state_heads(tmp_path / "run", stated)
    (head,) = load_agent(tmp_path / "run").policy.action_heads
    assert head.outputs == ("throttle", "steer", "throttle log deviation", "steer log deviation")
    assert head.action_size == 2


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        ('{"actions": 5}', "gives 6 numbers for actions, spaces.json takes 5"),
        ('{"actions": {"turn": 0}}', "spaces.json: actions 0"),
        ('{"heads": 6}', "'heads' is unknown"),
        ("[6]", "says no spaces"),
        ("six", "says no spaces"),
        ('{"actions": 6, "observation": [44, 44]}', "is no picture"),
        ('{"actions": 6, "observation": [40, 44, 3]}', "have shape (44, 44, 3), spaces.json says (40, 44, 3)"),
    ],
)
def test_spaces_that_are_stated_wrongly_are_refused(content: str, fragment: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_own_model(spaces.Discrete(6), (3, 44, 44), env="mine"), scenario=None)
    (tmp_path / "run" / "spaces.json").write_text(content)
    assert fragment in refusal(tmp_path / "run")


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
def test_the_nonlinearity_of_a_run_is_computed(activation: str, tmp_path: Path) -> None:
    shape = (3, 44, 44)
    model, cfg = make_own_model(spaces.Discrete(4), shape, nonlinearity=activation)
    write_run(tmp_path / "run", model, cfg, scenario=None)
    require_the_same(tmp_path / "run", model, shape)


@pytest.mark.parametrize("option", ["encoder_custom", "activation", "retinal_stride", "use_rnn"])
def test_what_the_configuration_does_not_say_is_not_assumed(option: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_model(SMALL, nonlinearity="relu"))
    path = tmp_path / "run" / "config.json"
    configuration = json.loads(path.read_text())
    del configuration[option]
    path.write_text(json.dumps(configuration))
    message = refusal(tmp_path / "run")
    assert f"the configuration does not say {option}" in message
    assert "asks for" not in message


class OldEncoderBase(nn.Module):
    """The encoder of the older system: views with the channels first; the stride is that of the first convolution."""

    def __init__(self, cfg: dict[str, Any]) -> None:
        super().__init__()
        channels, bottleneck, kernel = cfg["global_channels"], cfg["retinal_bottleneck"], cfg["kernel_size"]
        self.greyscale = cfg.get("greyscale", False)
        activation = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}[cfg.get("activation") or cfg["nonlinearity"]]
        self.activation = activation()
        layers: list[nn.Module] = []
        before = 1 if self.greyscale else 3
        for number in range(cfg["vvs_depth"] + 2):
            after = bottleneck if number == 1 else channels
            stride = cfg.get("retinal_stride", 1) if number == 0 else 1
            layers += [nn.Conv2d(before, after, kernel, stride=stride), self.activation]
            before = after
        self.conv_head = nn.Sequential(*layers)
        size = calc_num_elements(self.conv_head, (1 if self.greyscale else 3, cfg["res_h"], cfg["res_w"]))
        self.fc1 = nn.Linear(size, cfg["hidden_size"])

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if self.greyscale:
            red, green, blue = pictures.unbind(1)
            pictures = (0.2989 * red + 0.587 * green + 0.114 * blue)[:, None]
        return self.activation(self.fc1(self.conv_head(pictures).flatten(1)))


class OldEncoder(OldEncoderBase):
    """Holds an encoder besides being one, and computes with that."""

    def __init__(self, cfg: dict[str, Any]) -> None:
        super().__init__(cfg)
        self.base_encoder = OldEncoderBase(cfg)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.base_encoder(pictures)


class OldCore(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.core = nn.GRU(size, size)


class OldActor(nn.Module):
    def __init__(self, size: int, outputs: int) -> None:
        super().__init__()
        self.distribution_linear = nn.Linear(size, outputs)


class OldModel(nn.Module):
    """An actor-critic of the older system."""

    def __init__(self, cfg: dict[str, Any], outputs: int = 6) -> None:
        super().__init__()
        self.cfg = cfg
        self.encoder = OldEncoder(cfg)
        if cfg["use_rnn"]:
            self.core = OldCore(cfg["hidden_size"])
        self.critic_linear = nn.Linear(cfg["hidden_size"], 1)
        self.action_parameterization = OldActor(cfg["hidden_size"], outputs)
        shape = (3, cfg["res_h"], cfg["res_w"])
        self.mean, self.variance = torch.rand(shape), 0.05 + torch.rand(shape)

    def weights(self) -> dict[str, torch.Tensor]:
        """As they are in a checkpoint."""
        place = "obs_normalizer.running_mean_std.running_mean_std.obs.running_"
        statistics = {f"{place}mean": self.mean, f"{place}var": self.variance}
        return self.state_dict() | (statistics if self.cfg.get("normalize_input") else {})

    def forward(self, pictures: torch.Tensor, state: torch.Tensor) -> dict[str, torch.Tensor]:
        normalised = (pictures.float() - self.cfg["obs_subtract_mean"]) * (1.0 / self.cfg["obs_scale"])
        if self.cfg.get("normalize_input"):
            normalised = ((normalised - self.mean) / torch.sqrt(self.variance + 1e-5)).clamp(-5, 5)
        features = self.encoder(normalised)
        if self.cfg["use_rnn"]:
            features = state = self.core.core(features[None], state[None])[1][0]
        logits = self.action_parameterization.distribution_linear(features)
        return {"logits": logits, "value": self.critic_linear(features)[:, 0], "state": state}


OLD: dict[str, Any] = {
    "env": "gathering_cifar",
    "encoder_custom": "lindsey",
    "encoder_type": "conv",
    "global_channels": 4,
    "retinal_bottleneck": 2,
    "vvs_depth": 1,
    "kernel_size": 5,
    "retinal_stride": 2,
    "activation": "relu",
    "nonlinearity": "elu",
    "greyscale": False,
    "hidden_size": 16,
    "use_rnn": True,
    "rnn_type": "gru",
    "rnn_num_layers": 1,
    "actor_critic_share_weights": True,
    "obs_subtract_mean": 0.0,
    "obs_scale": 255.0,
    "res_w": 64,
    "res_h": 48,
}


def write_old_run(
    run: Path, model: OldModel, configuration: dict[str, Any], weights: dict[str, torch.Tensor] | None = None
) -> Path:
    folder = run / "checkpoint_p0"
    folder.mkdir(parents=True)
    (run / "cfg.json").write_text(json.dumps(configuration))
    write_checkpoint(folder / "checkpoint_000000001_4096.pth", model.weights() if weights is None else weights)
    return run


OLD_CHANGES: dict[str, dict[str, Any]] = {
    "strided": {},
    "stride 3, deep": {"retinal_stride": 3, "vvs_depth": 2, "kernel_size": 3},
    "without stride": {"retinal_stride": 1},
    "before it had strides": {"retinal_stride": None},
    "before it had nonlinearities": {"activation": None},
    "grey": {"greyscale": True},
    "without memory": {"use_rnn": False},
    "running statistics": {"normalize_input": True},
    "grey by running statistics": {"normalize_input": True, "greyscale": True},
}


@pytest.mark.parametrize("name", OLD_CHANGES)
def test_a_run_of_the_older_system_computes_what_it_computed(name: str, tmp_path: Path) -> None:
    configuration = {key: value for key, value in (OLD | OLD_CHANGES[name]).items() if value is not None}
    torch.manual_seed(0)
    model = OldModel(configuration)
    policy = load_agent(write_old_run(tmp_path / "run", model, configuration)).policy
    assert isinstance(policy, ActorCriticPolicy)
    assert policy.description.config.strided_convolutions == 1
    assert {head.name: head.outputs for head in policy.action_heads} == ACTION_HEADS
    pictures = torch.randint(0, 256, (4, 3, 48, 64), dtype=torch.uint8)
    state = torch.randn(4, 16)
    with torch.no_grad():
        expected = model(pictures, state)
        step = policy.step(pictures.permute(0, 2, 3, 1), state[:, : policy.state_size])
    torch.testing.assert_close(step.logits, expected["logits"], rtol=0, atol=1e-5)
    torch.testing.assert_close(step.value, expected["value"], rtol=0, atol=1e-5)
    if policy.state_size:
        torch.testing.assert_close(step.state, expected["state"], rtol=0, atol=1e-5)


def test_convolutions_that_have_two_names_are_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = OldModel(OLD)
    weights = model.weights()
    for outer in ("encoder.", "encoder.base_encoder."):
        for number, kind in itertools.product((1, 2), ("weight", "bias")):
            weights[f"{outer}conv{number}.{kind}"] = weights[f"{outer}conv_head.{2 * number - 2}.{kind}"].clone()
    policy = load_agent(write_old_run(tmp_path / "run", model, OLD, weights)).policy
    once = load_agent(write_old_run(tmp_path / "once", model, OLD)).policy
    pixels = torch.randint(0, 256, (2, 48, 64, 3), dtype=torch.uint8)
    with torch.no_grad():
        steps = [each.step(pixels, each.initial_state(2)) for each in (policy, once)]
    assert torch.equal(steps[0].logits, steps[1].logits)
    weights["encoder.base_encoder.conv2.bias"] += 1
    changed = write_old_run(tmp_path / "changed", model, OLD, weights)
    assert "see the weight encoder.base_encoder.conv2.bias" in refusal(changed)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"encoder.base_encoder.fc2.weight": torch.zeros(4)}, "has a weight fc2.weight"),
        ({"encoder.attention.weight": torch.zeros(4)}, "see the weight encoder.attention.weight"),
        ({"encoder.base_encoder.conv_head.4.bias": None}, "lacks encoder.layers.conv3.convolution.bias"),
    ],
)
def test_weights_that_the_older_system_does_not_have_are_refused(
    change: dict[str, torch.Tensor | None], fragment: str, tmp_path: Path
) -> None:
    model = OldModel(OLD)
    weights = {name: tensor for name, tensor in (model.weights() | change).items() if tensor is not None}
    for name, tensor in change.items():
        if tensor is None:
            weights.pop(name.replace("base_encoder.", ""))
    assert fragment in refusal(write_old_run(tmp_path / "run", model, OLD, weights))


def test_both_meanings_of_the_retinal_stride_exist() -> None:
    def strides(**options: int) -> list[int]:
        config = NetworkConfig(retinal_stride=3, **options)
        description = NetworkDescription(config, (60, 80, 3), (ActionHead("turn", ("left", "right")),))
        network = ActorCriticPolicy.untrained(description).network
        return [each.stride[0] for each in network.modules() if isinstance(each, nn.Conv2d)]

    assert strides() == [3, 3, 1]
    assert strides(strided_convolutions=1) == [3, 1, 1]


@pytest.mark.parametrize(
    ("changes", "fragment"),
    [
        ({"rnn_type": "lstm"}, "its memory is 'lstm'"),
        ({"res_h": 60}, "the network does not fit its configuration"),
        ({"encoder_custom": "simple"}, "not Sample Factory's own"),
        ({"hidden_size": None}, "does not say rnn_size"),
        ({"kernel_size": 0}, "kernel_size is 0"),
        ({"greyscale": True}, "greyscale is true, its first convolution sees colours"),
        ({"rnn_num_layers": 2}, "its memory has 2 layers"),
    ],
)
def test_a_run_of_the_older_system_that_is_not_as_it_says_is_refused(
    changes: dict[str, Any], fragment: str, tmp_path: Path
) -> None:
    run = write_old_run(tmp_path / "run", OldModel(OLD), {k: v for k, v in (OLD | changes).items() if v is not None})
    assert fragment in refusal(run)


def test_a_run_of_the_older_system_with_other_actions_is_refused(tmp_path: Path) -> None:
    run = write_old_run(tmp_path / "run", OldModel(OLD, outputs=8), OLD)
    assert "gives 8 numbers for actions, the arenas of its system take 3 + 3" in refusal(run)


class OwnEncoder(Encoder):
    """An encoder that a user registered."""

    def __init__(self, cfg: Any, observation_space: Any) -> None:
        super().__init__(cfg)
        self.look = nn.Conv2d(observation_space["obs"].shape[0], 4, 8, 8)
        self.out = calc_num_elements(self.look, observation_space["obs"].shape)

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.look(observations["obs"]).flatten(1)

    def get_out_size(self) -> int:
        return self.out


def test_an_encoder_of_the_users_own_is_refused_and_says_how_to_give_it(tmp_path: Path) -> None:
    model, cfg = make_own_model(spaces.Discrete(4), (3, 44, 44), encoder=OwnEncoder)
    write_run(tmp_path / "run", model, cfg, scenario=None)
    message = refusal(tmp_path / "run")
    assert "not Sample Factory's own (see the weight encoder.look" in message
    assert "give the live module to retinoscope.from_module" in message
