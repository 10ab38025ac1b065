"""Sample Factory's own networks: each is exactly what Sample Factory computes, or is refused in one line."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium import spaces

from retinoscope.agents.load import load_agent
from retinoscope.errors import UserError
from retinoscope.training import TrainingConfig

from .sample_factory_models import computed, make_model, make_own_model, write_run

ARCHITECTURES = ("convnet_simple", "convnet_atari", "convnet_impala", "resnet_impala")
MEMORIES = {"none": {"use_rnn": False}, "gru": {"rnn_type": "gru"}, "lstm": {"rnn_type": "lstm"}}
VIEWS = {"grey": (1, 44, 50), "stacked": (4, 44, 44), "72x128": (3, 72, 128)}
ACTIONS: dict[str, tuple[Any, Any]] = {
    "one head": (spaces.Discrete(6), 6),
    "several": (spaces.Tuple([spaces.Discrete(3), spaces.Discrete(3), spaces.Discrete(2)]), {"a": 3, "b": 3, "c": 2}),
    "continuous": (spaces.Box(-1.0, 1.0, (2,)), {"continuous": 2}),
}


def state_heads(run: Path, actions: Any) -> None:
    (run / "spaces.json").write_text(json.dumps({"actions": actions}))


def require_the_same(run: Path, model: Any, shape: tuple[int, int, int]) -> Any:
    """The agent of a run computes what the model does, to 1e-5, on random pictures and states."""
    agent = load_agent(run)
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (4, *shape), generator=generator, dtype=torch.uint8)
    state = torch.randn(4, max(agent.policy.state_size, 1), generator=generator)
    expected = computed(model, pictures, state)
    with torch.no_grad():
        step = agent.policy.step(pictures.permute(0, 2, 3, 1).contiguous(), state[:, : agent.policy.state_size])
    torch.testing.assert_close(step.logits, expected["logits"], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(step.value, expected["value"], rtol=1e-5, atol=1e-5)
    if agent.policy.state_size:
        torch.testing.assert_close(step.state, expected["state"], rtol=1e-5, atol=1e-5)
    return agent.policy


def refusal(run: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_agent(run)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "memory", "view", "actions"), list(itertools.product(ARCHITECTURES, MEMORIES, VIEWS, ACTIONS))
)
def test_every_combination_is_exact(architecture: str, memory: str, view: str, actions: str, tmp_path: Path) -> None:
    space, stated = ACTIONS[actions]
    model, cfg = make_own_model(
        space, VIEWS[view], env="mine", encoder_conv_architecture=architecture, **MEMORIES[memory]
    )
    run = tmp_path / "run"
    write_run(run, model, cfg, scenario=None)
    assert "does not say of how many heads" in refusal(run)
    state_heads(run, stated)
    policy = require_the_same(run, model, VIEWS[view])
    channel, height, width = VIEWS[view]
    assert policy.observation_shape == (height, width, channel)
    assert [head.kind for head in policy.action_heads] == (
        ["gaussian"] if actions == "continuous" else ["choice"] * (3 if actions == "several" else 1)
    )


VARIANTS: dict[str, dict[str, Any]] = {
    "as the pixels are": {"normalize_input": False, "obs_scale": 1.0},
    "constants alone": {"normalize_input": False, "obs_subtract_mean": 51.0, "obs_scale": 44.0},
    "constants and statistics": {"obs_subtract_mean": 51.0, "obs_scale": 44.0},
    "returns as they are": {"normalize_returns": False},
    "many dense layers": {"encoder_conv_mlp_layers": [20, 16], "decoder_mlp_layers": [14, 10]},
    "a decoder": {"decoder_mlp_layers": [12]},
    "no dense layers, no memory": {"encoder_conv_mlp_layers": [], "use_rnn": False},
    "two layers of GRU": {"rnn_num_layers": 2},
    "three layers of LSTM": {"rnn_num_layers": 3, "rnn_type": "lstm"},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_what_else_a_configuration_can_say_is_exact(name: str, tmp_path: Path) -> None:
    shape = (4, 84, 84)
    model, cfg = make_own_model(spaces.Discrete(6), shape, nonlinearity="relu", **VARIANTS[name])
    write_run(tmp_path / "run", model, cfg, scenario=None)
    require_the_same(tmp_path / "run", model, shape)


@pytest.mark.parametrize("tanh_scale", [0.0, 2.0])
def test_deviations_that_are_parameters_tell_continuous_actions(tanh_scale: float, tmp_path: Path) -> None:
    shape = (3, 44, 44)
    model, cfg = make_own_model(
        ACTIONS["continuous"][0], shape, env="mine", adaptive_stddev=False, continuous_tanh_scale=tanh_scale
    )
    write_run(tmp_path / "run", model, cfg, scenario=None)
    assert [head.kind for head in require_the_same(tmp_path / "run", model, shape).action_heads] == ["gaussian"]
    state_heads(tmp_path / "run", 4)
    assert "its actions are continuous, spaces.json says choices" in refusal(tmp_path / "run")


DOOM = {
    "doom_basic": spaces.Discrete(4),
    "doom_health_gathering_supreme": spaces.Discrete(5),
    "doom_my_way_home": spaces.Tuple([spaces.Discrete(3)] * 2),
    "doom_deadly_corridor": spaces.Tuple([*[spaces.Discrete(3)] * 3, spaces.Discrete(2)]),
}


@pytest.mark.parametrize("environment", DOOM)
def test_its_own_vizdoom_environments_say_what_their_actions_are(environment: str, tmp_path: Path) -> None:
    from sf_examples.vizdoom.doom.doom_model import make_vizdoom_encoder
    from sf_examples.vizdoom.doom.doom_utils import doom_env_by_name

    space = doom_env_by_name(environment).action_space
    assert space == DOOM[environment]
    shape = (3, 72, 128)
    model, cfg = make_own_model(space, shape, make_vizdoom_encoder, env=environment, normalize_input=False)
    write_run(tmp_path / "run", model, cfg, scenario=None, res_h=72, res_w=128)
    sizes = [len(head.outputs) for head in require_the_same(tmp_path / "run", model, shape).action_heads]
    assert sizes == [each.n for each in (space if isinstance(space, spaces.Tuple) else (space,))]


def test_another_number_of_actions_than_the_environment_has_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_own_model(spaces.Discrete(6), (3, 44, 44), env="doom_basic"), scenario=None)
    assert "gives 6 numbers for actions, the environment 'doom_basic' takes 4;" in refusal(tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"encoder_conv_architecture": "convnet_impala"}, "(32, 3, 8, 8), the configuration asks for (16, 3, 8, 8)"),
        ({"encoder_conv_architecture": "resnet_impala"}, "lacks encoder.encoders.obs.conv_head.0.weight"),
        ({"encoder_conv_architecture": "convnet"}, "encoder_conv_architecture is 'convnet'; Sample Factory has"),
        ({"encoder_conv_architecture": None}, "does not say encoder_conv_architecture"),
        ({"nonlinearity": None}, "does not say nonlinearity"),
        ({"nonlinearity": "gelu"}, "nonlinearity is 'gelu'"),
        ({"obs_scale": "large"}, "obs_scale is 'large'"),
        ({"rnn_type": "lstm"}, "core.core.weight_ih_l0 has shape"),
        ({"rnn_type": "mamba"}, "rnn_type is 'mamba'"),
        ({"use_rnn": False}, "has shape"),
        ({"rnn_num_layers": 2}, "lacks core.core.weight_ih_l1"),
        ({"decoder_mlp_layers": [12]}, "lacks decoder.mlp.0.weight"),
        ({"decoder_mlp_layers": "twelve"}, "decoder_mlp_layers is 'twelve'"),
    ],
)
def test_a_configuration_of_another_network_is_refused(change: dict[str, Any], fragment: str, tmp_path: Path) -> None:
    model, cfg = make_own_model(spaces.Discrete(6), (3, 44, 44))
    write_run(tmp_path / "run", model, cfg, scenario=None, **change)
    assert fragment in refusal(tmp_path / "run")


def test_a_size_of_views_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    shape = (3, 44, 50)
    model, cfg = make_own_model(spaces.Discrete(6), shape, env="mine", normalize_input=False)
    write_run(tmp_path / "run", model, cfg, scenario=None)
    state_heads(tmp_path / "run", 6)
    assert 'add spaces.json to it, such as {"observation": [72, 128, 3]}' in refusal(tmp_path / "run")
    (tmp_path / "run" / "spaces.json").write_text('{"actions": 6, "observation": [44, 50, 3]}')
    require_the_same(tmp_path / "run", model, shape)


def test_numbers_beside_the_pictures_are_refused(tmp_path: Path) -> None:
    from sf_examples.vizdoom.doom.doom_model import make_vizdoom_encoder

    model, cfg = make_own_model(spaces.Discrete(4), (3, 44, 44), make_vizdoom_encoder, measurements=5)
    write_run(tmp_path / "run", model, cfg, scenario=None)
    assert "is also given numbers (" in refusal(tmp_path / "run")


def test_a_policy_goes_to_other_processes(tmp_path: Path) -> None:
    write_run(tmp_path / "run", *make_own_model(spaces.Discrete(6), (3, 44, 44), rnn_type="lstm"), scenario=None)
    policy = load_agent(tmp_path / "run").policy
    pixels, state = torch.randint(0, 256, (2, 44, 44, 3), dtype=torch.uint8), torch.randn(2, policy.state_size)
    there = pickle.loads(pickle.dumps(policy))
    assert torch.equal(there.step(pixels, state).logits, policy.step(pixels, state).logits)


def test_separate_networks_of_actor_and_critic_are_refused(tmp_path: Path) -> None:
    model, cfg = make_own_model(spaces.Discrete(6), (3, 44, 44), actor_critic_share_weights=False)
    write_run(tmp_path / "run", model, cfg, scenario=None)
    assert "networks of their own (actor_critic_share_weights is false)" in refusal(tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "changes", "fragment"),
    [
        ({"decoder_mlp_layers": "12"}, {}, "has a weight decoder.mlp.0"),
        ({"rnn_num_layers": 2}, {}, "its memory has 2 layers"),
        ({}, {"rnn_type": "lstm"}, "its memory is 'lstm'"),
    ],
)
def test_what_our_encoder_cannot_be_followed_by_is_refused(
    options: dict[str, Any], changes: dict[str, Any], fragment: str, tmp_path: Path
) -> None:
    model, cfg = make_model(TrainingConfig(), **options)
    write_run(tmp_path / "run", model, cfg, **changes)
    assert fragment in refusal(tmp_path / "run")


def test_layers_fields_and_memory_of_a_network_are_found(tmp_path: Path) -> None:
    model, cfg = make_own_model(spaces.Discrete(6), (4, 84, 84), rnn_type="lstm")
    write_run(tmp_path / "run", model, cfg, scenario=None)
    policy = load_agent(tmp_path / "run").policy
    roles = {layer.name: layer.role for layer in policy.layers}
    assert roles == {
        "conv1": "encoder stage",
        "conv2": "encoder stage",
        "conv3": "encoder stage",
        "fc": "encoder output",
        "rnn": "memory",
        "value": "value",
        "policy": "policy",
    }
    fields = [policy.receptive_field(name) for name in ("conv1", "conv2", "conv3")]
    assert [(each.height, each.row_stride, each.top) for each in fields] == [(8, 4, 0), (20, 8, 0), (36, 16, 0)]
    assert policy.state_columns("rnn") == slice(0, 12)
