"""The Policy interface: what it captures is what it computes, and what it computes is the network's definition."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import correlate
from scipy.special import expit

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead
from retinoscope.agents.weights import save_agent
from retinoscope.errors import UserError
from retinoscope.scenarios import ACTION_HEADS, load_scenario

HEADS = tuple(ActionHead(name, outputs) for name, outputs in ACTION_HEADS.items())


def make_policy(shape: tuple[int, int, int] = (24, 20, 3), seed: int = 0, **config: object) -> ActorCriticPolicy:
    small = {"global_channels": 3, "retinal_bottleneck": 2, "kernel_size": 3, "hidden_size": 7, "rnn_size": 5}
    network = NetworkConfig(**{**small, **config})
    policy = ActorCriticPolicy.untrained(NetworkDescription(network, shape, HEADS), seed)
    policy.network.pixel_mean.fill_(100.0)
    policy.network.pixel_scale.fill_(50.0)
    policy.network.value_mean.fill_(2.0)
    policy.network.value_scale.fill_(3.0)
    return policy


def slow_forward(policy: ActorCriticPolicy, observation: np.ndarray, state: np.ndarray) -> dict[str, np.ndarray]:
    """The network's definition in plain numpy, for one observation: an oracle that shares no code with it."""
    weights = {name: tensor.double().numpy() for name, tensor in policy.network.state_dict().items()}
    activity = np.moveaxis((observation - 100.0) / 50.0, -1, 0)
    found = {}

    def elu(values: np.ndarray) -> np.ndarray:
        return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))

    for number, stride in enumerate((2, 2, 1), start=1):
        kernels = weights[f"encoder.layers.conv{number}.convolution.weight"]
        bias = weights[f"encoder.layers.conv{number}.convolution.bias"]
        maps = np.stack([correlate(activity, kernel, mode="valid")[0] for kernel in kernels])
        activity = elu((maps + bias[:, None, None])[:, ::stride, ::stride])
        found[f"conv{number}"] = activity
    dense = weights["encoder.layers.fc.linear.weight"] @ activity.ravel() + weights["encoder.layers.fc.linear.bias"]
    found["fc"] = elu(dense)
    from_input = weights["rnn.weight_ih_l0"] @ found["fc"] + weights["rnn.bias_ih_l0"]
    from_state = weights["rnn.weight_hh_l0"] @ state + weights["rnn.bias_hh_l0"]
    (reset_x, update_x, new_x), (reset_h, update_h, new_h) = np.split(from_input, 3), np.split(from_state, 3)
    update = expit(update_x + update_h)
    candidate = np.tanh(new_x + expit(reset_x + reset_h) * new_h)
    found["rnn"] = (1 - update) * candidate + update * state
    found["value"] = (weights["value.weight"] @ found["rnn"] + weights["value.bias"]) * 3.0 + 2.0
    found["policy"] = weights["policy.weight"] @ found["rnn"] + weights["policy.bias"]
    return found


def test_every_layer_is_what_its_definition_says() -> None:
    policy = make_policy()
    rng = np.random.default_rng(0)
    observations = rng.integers(0, 256, (4, 24, 20, 3)).astype(np.uint8)
    states = rng.normal(size=(4, 5))
    names = [layer.name for layer in policy.layers]
    with policy.capture(*names) as activity:
        step = policy.step(torch.from_numpy(observations), torch.from_numpy(states).float())
    assert names == ["conv1", "conv2", "conv3", "fc", "rnn", "value", "policy"]
    for row in range(4):
        expected = slow_forward(policy, observations[row], states[row])
        for layer in policy.layers:
            got = activity[layer.name][row].numpy()
            assert got.shape == layer.shape
            np.testing.assert_allclose(got, expected[layer.name], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(step.value, activity["value"][:, 0])
    torch.testing.assert_close(step.logits, activity["policy"])


@pytest.mark.parametrize("encoder", ["lindsey", "simple", "linear"])
def test_encoding_a_layer_alone_equals_capturing_it(encoder: str) -> None:
    policy = make_policy(shape=(60, 80, 3), encoder=encoder, greyscale=encoder == "simple")
    observations = torch.randint(0, 256, (2, 60, 80, 3), dtype=torch.uint8)
    layers = [layer.name for layer in policy.layers if layer.kind in ("convolution", "dense")]
    with policy.capture(*layers) as activity:
        policy.step(observations, policy.initial_state(2))
    for name in layers:
        torch.testing.assert_close(policy.encode(observations, until=name), activity[name])


def test_nothing_is_captured_outside_the_with_block() -> None:
    policy = make_policy()
    observation = torch.zeros(1, 24, 20, 3)
    with policy.capture("fc") as outer, policy.capture("rnn") as inner:
        policy.step(observation, policy.initial_state(1))
    assert set(outer) == {"fc"} and set(inner) == {"rnn"}
    outer.clear()
    policy.step(observation, policy.initial_state(1))
    assert not outer


def test_gradients_reach_the_pixels_and_equal_finite_differences() -> None:
    policy = make_policy()
    policy.network.double()
    observation = torch.rand(1, 24, 20, 3, dtype=torch.float64) * 255
    state = policy.initial_state(1).double()
    assert torch.autograd.gradcheck(lambda pixels: policy.step(pixels, state).value, observation.requires_grad_())


def test_actions_are_drawn_with_the_probabilities_of_each_head() -> None:
    policy = make_policy()
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0, 0.0, 0.5]]).repeat(20_000, 1)
    actions = policy.sample_actions(logits, torch.Generator().manual_seed(3))
    expected = policy.probabilities(logits[:1])[0].split(3)
    for head in range(2):
        counts = Counter(actions[:, head].tolist())
        for output in range(3):
            assert counts[output] / 20_000 == pytest.approx(float(expected[head][output]), abs=0.012)
    assert policy.greedy_actions(logits[:1]).tolist() == [[1, 0]]
    assert policy.output_names()[:2] == ("turn none", "turn left")


def test_unknown_layers_are_refused_with_the_list_of_those_there_are() -> None:
    policy = make_policy()
    with pytest.raises(UserError, match="'conv9'.*conv1, conv2, conv3, fc, rnn"), policy.capture("conv9"):
        pass
    with pytest.raises(UserError, match="not in the encoder; choose from conv1, conv2, conv3, fc"):
        policy.encode(torch.zeros(1, 24, 20, 3), until="rnn")


def test_a_network_too_deep_for_its_observation_is_refused() -> None:
    with pytest.raises(UserError, match="10x10 is too small"):
        make_policy(shape=(10, 10, 3), kernel_size=7)


def test_an_untrained_policy_depends_on_its_seed_alone() -> None:
    torch.manual_seed(123)
    before = torch.get_rng_state()
    first, again, other = make_policy(seed=1), make_policy(seed=1), make_policy(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    weights = [policy.network.policy.weight for policy in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_an_agent_survives_saving_and_loading(tmp_path: Path) -> None:
    policy = make_policy(shape=(60, 80, 3))
    agent = Agent("mine", policy, load_scenario("digits"), frames_trained=7, training={"seed": 3})
    again = load_agent(save_agent(agent, tmp_path / "mine.safetensors"))
    assert (again.name, again.scenario) == ("mine", agent.scenario)
    assert (again.frames_trained, again.training) == (7, {"seed": 3})
    observations = torch.randint(0, 256, (2, 60, 80, 3), dtype=torch.uint8)
    for ours, theirs in zip(
        policy.step(observations, policy.initial_state(2)),
        again.policy.step(observations, policy.initial_state(2)),
        strict=True,
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("damage", ["truncate", "foreign", "empty"])
def test_damaged_safetensors_are_refused(tmp_path: Path, damage: str) -> None:
    path = save_agent(Agent("mine", make_policy()), tmp_path / "mine.safetensors")
    if damage == "truncate":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        import safetensors.torch

        safetensors.torch.save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=r"mine\.safetensors: [^\n]*$"):
        load_agent(path)


def test_inputs_and_values_are_clipped_on_both_sides() -> None:
    policy = make_policy()
    policy.network.input_limit.fill_(1.0)  # 50 pixel values around 100
    state = policy.initial_state(2)
    shown = policy.step(torch.stack([torch.full((24, 20, 3), each) for each in (0.0, 255.0)]), state)
    limits = policy.step(torch.stack([torch.full((24, 20, 3), each) for each in (50.0, 150.0)]), state)
    torch.testing.assert_close(shown.logits, limits.logits)
    assert not torch.equal(limits.logits[0], limits.logits[1])
    policy.network.output_limit.fill_(0.5)
    for bias, expected in ((100.0, 2.0 + 3.0 * 0.5), (-100.0, 2.0 - 3.0 * 0.5)):
        policy.network.value.bias.fill_(bias)
        assert policy.step(torch.zeros(1, 24, 20, 3), policy.initial_state(1)).value.item() == pytest.approx(expected)


def test_grey_is_the_mean_of_the_colours() -> None:
    policy = make_policy(greyscale=True)
    colours = torch.randint(0, 256, (3, 24, 20, 3), dtype=torch.uint8)
    grey = colours.float().mean(dim=3, keepdim=True).expand(-1, -1, -1, 3)
    state = policy.initial_state(3)
    torch.testing.assert_close(policy.step(colours, state).logits, policy.step(grey, state).logits)
    assert not torch.allclose(
        policy.step(colours[..., :1].expand(-1, -1, -1, 3), state).logits, policy.step(grey, state).logits
    )
