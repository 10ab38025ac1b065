"""Networks without what they learned: other draws by the same law, and the run's own checkpoint before training."""

from __future__ import annotations

import copy
import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium import spaces
from torch import nn

import retinoscope
from retinoscope.agents.actor_critic import ActorCriticNetwork, ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.own_encoder import described
from retinoscope.agents.policy import ActionHead, Policy
from retinoscope.agents.random_agent import random_agent
from retinoscope.agents.redrawn import first_of_run, redrawn
from retinoscope.agents.weights import build_policy
from retinoscope.errors import NotMeasurable
from retinoscope.training import TrainingConfig
from tests.agents.networks import Impala, channels_first
from tests.agents.sample_factory_models import make_model, make_own_model, write_run
from tests.synthetic import small_policy


def weights(policy: Policy) -> dict[str, torch.Tensor]:
    module = policy.network if isinstance(policy, ActorCriticPolicy) else policy.module
    return {name: each.detach().clone() for name, each in module.state_dict().items()}


def require_orthogonal(kernel: torch.Tensor, gain: float = 1.0) -> None:
    """Rows of unit length at right angles; columns, where there are fewer of these."""
    matrix = kernel.flatten(1)
    gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    torch.testing.assert_close(gram, gain**2 * torch.eye(len(gram)), atol=1e-5, rtol=0)


def trained_policy(**config: Any) -> ActorCriticPolicy:
    policy = small_policy(hidden_size=30, rnn_size=20, **config)
    with torch.no_grad():
        for parameter in policy.network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))
    return policy


def test_our_networks_are_drawn_as_sample_factory_draws_them() -> None:
    policy, before = trained_policy(), weights(trained_policy())
    drawn = weights(redrawn(policy, 3))
    config = TrainingConfig()
    model, _ = make_model(config)
    theirs = dict(model.named_parameters())
    kernel = theirs["encoder.network.layers.conv2.convolution.weight"].detach()
    require_orthogonal(kernel, config.network.initial_scale)
    require_orthogonal(theirs["critic_linear.weight"].detach())
    for name, each in drawn.items():
        if name.startswith("rnn."):
            assert float(each.abs().max()) <= 20**-0.5 and float(each.std()) > 0.1, "torch's own: uniform"
        elif name.endswith(".bias"):
            assert not each.any()
        elif name.endswith(".weight"):
            require_orthogonal(each)
        else:
            assert torch.equal(each, before[name]), f"{name} was no part of what was drawn"
    assert float(theirs["core.core.weight_hh_l0"].detach().abs().max()) <= 64**-0.5


def test_what_was_given_stays_and_the_seed_decides() -> None:
    policy = trained_policy()
    before, state = weights(policy), torch.random.get_rng_state()
    one, same, other = (weights(redrawn(policy, seed)) for seed in (1, 1, 2))
    assert all(torch.equal(each, before[name]) for name, each in weights(policy).items())
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, each in one.items():
        assert torch.equal(each, same[name])
        if name.endswith(("weight", "weight_ih_l0")):
            assert not torch.equal(each, other[name]) and not torch.equal(each, before[name])


def test_the_initial_scale_of_a_run_is_that_of_its_convolutions_alone() -> None:
    drawn = weights(redrawn(trained_policy(initial_scale=0.3), 0))
    for name in ("conv1.convolution", "conv2.convolution", "conv3.convolution"):
        require_orthogonal(drawn[f"encoder.layers.{name}.weight"], gain=0.3)
    require_orthogonal(drawn["encoder.layers.fc.linear.weight"])
    require_orthogonal(drawn["policy.weight"])


def test_an_encoder_of_the_users_own_is_drawn_as_training_draws_it(tmp_path: Path) -> None:
    """By Sample Factory's law and the scale of the run, although such a network is traced."""
    code = tmp_path / "mine.py"
    code.write_text(
        "from torch import nn\n\ndef encoder(shape):\n"
        "    return nn.Sequential(nn.Conv2d(3, 5, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 5 * 5, 9), nn.ReLU())\n"
    )
    config = NetworkConfig(own=described(f"{code}:encoder"), rnn_size=6, initial_scale=0.2)
    description = NetworkDescription(config, (20, 20, 3), (ActionHead("turn", ("left", "right")),))
    network = ActorCriticNetwork(config, (20, 20, 3), 2)
    policy = build_policy(description, network.state_dict(), code)
    assert not isinstance(policy, ActorCriticPolicy)
    drawn = weights(redrawn(policy, 0))
    require_orthogonal(drawn["encoder.module.0.weight"], gain=0.2)
    require_orthogonal(drawn["encoder.module.3.weight"])
    require_orthogonal(drawn["policy.weight"])
    assert not drawn["encoder.module.0.bias"].any() and drawn["rnn.bias_ih_l0"].any()


def test_a_twin_is_drawn_as_torch_does_and_its_critic_stays_silent() -> None:
    config = NetworkConfig(rnn="none", global_channels=8, retinal_bottleneck=8, initial_scale=0.5)
    heads = (ActionHead("class", ("0", "1")),)
    policy = ActorCriticPolicy.untrained(NetworkDescription(config, (40, 40, 3), heads))
    drawn = weights(redrawn(policy, 0))
    assert not drawn["value.weight"].any() and not drawn["value.bias"].any()
    limit = 0.5 * (8 * 25) ** -0.5  # uniform within 1 / sqrt(fan in)
    kernel = drawn["encoder.layers.conv2.convolution.weight"]
    assert 0.98 * limit < float(kernel.abs().max()) <= limit
    assert float(kernel.std()) == pytest.approx(limit / 3**0.5, rel=0.05)
    assert drawn["encoder.layers.conv2.convolution.bias"].any()


@pytest.mark.parametrize("architecture", ["convnet_simple", "resnet_impala"])
@pytest.mark.parametrize("law", ["orthogonal", "xavier_uniform", "torch_default"])
def test_sample_factorys_own_networks_follow_their_configuration(tmp_path: Path, law: str, architecture: str) -> None:
    """Weight for weight as large as Sample Factory's own, which keeps torch's law for what it compiles."""
    options = {"policy_initialization": law, "policy_init_gain": 1.5, "initial_stddev": 0.5, "rnn_type": "lstm"}
    options |= {"encoder_conv_architecture": architecture, "decoder_mlp_layers": [17], "adaptive_stddev": False}
    model, cfg = make_own_model(spaces.Box(-1.0, 1.0, (2,)), (3, 44, 44), **options)
    write_run(tmp_path / "run", model, cfg)
    (tmp_path / "run" / "spaces.json").write_text('{"actions": {"continuous": 2}}')
    policy = load_agent(tmp_path / "run").policy
    begun, drawn = weights(policy), weights(redrawn(policy, 0))
    torch.testing.assert_close(drawn["deviations"], torch.full((2,), 0.5).log())
    for name, each in drawn.items():
        if name.endswith(".weight"):
            assert float(each.std()) == pytest.approx(float(begun[name].std()), rel=0.25), name
            assert _is_orthogonal(each) == _is_orthogonal(begun[name]), name
            assert not torch.equal(each, begun[name])
        assert not name.endswith(".bias") or not each.any()


def _is_orthogonal(kernel: torch.Tensor) -> bool:
    matrix = kernel.flatten(1)
    gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    return bool(torch.allclose(gram, gram[0, 0] * torch.eye(len(gram)), atol=1e-4)) and len(gram) > 1


def found(module: nn.Module, shape: tuple[int, int, int] = (16, 16, 3), **more: Any) -> Policy:
    more = {"actions": 4, "preprocess": channels_first} | more
    return retinoscope.from_module(module, observation_shape=shape, **more).policy


class Anyones(nn.Module):
    """A convolution, a normalisation that averages, attention over places, and an output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8)
        self.attention, self.out = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        places = torch.relu(self.norm(self.conv(pixels / 255))).flatten(2).transpose(1, 2)
        return self.out(self.attention(places, places, places)[0].mean(dim=1))


def test_any_module_draws_its_parts_and_forgets_what_it_averaged() -> None:
    module = Anyones()
    with torch.no_grad():
        for each in (*module.parameters(), module.norm.running_mean):
            each.add_(100.0)
    drawn = weights(redrawn(found(module), 0))
    assert float(drawn["conv.weight"].abs().max()) <= 48**-0.5
    assert float(drawn["attention.in_proj_weight"].abs().max()) < 1 and not drawn["attention.out_proj.bias"].any()
    assert not drawn["norm.running_mean"].any() and bool((drawn["norm.weight"] == 1).all())


def test_a_method_of_the_whole_has_the_last_word() -> None:
    class Own(Impala):
        def reset_parameters(self) -> None:
            nn.init.constant_(self.hidden.weight, 0.25)

    policy = found(Own((4,), side=16), preprocess=None, actions=15)
    drawn = weights(redrawn(policy, 0))
    assert bool((drawn["hidden.weight"] == 0.25).all())
    assert not torch.equal(drawn["blocks.0.conv.weight"], weights(policy)["blocks.0.conv.weight"])


class Bare(nn.Module):
    """Its kernels are nobody's."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels, self.out = nn.Parameter(torch.randn(5, 3, 4, 4)), nn.Linear(5, 4)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(nn.functional.conv2d(pixels / 255, self.kernels)).mean(dim=(2, 3)))


def test_parameters_that_nobody_draws_are_refused() -> None:
    with pytest.raises(NotMeasurable, match=r"the module \(Bare\): has parameters and no reset_parameters"):
        redrawn(found(Bare()), 0)


def test_a_method_that_fails_is_named() -> None:
    class Failing(Bare):
        def reset_parameters(self) -> None:
            raise RuntimeError("no law")

    with pytest.raises(NotMeasurable, match=r"its reset_parameters\(\) fails \(RuntimeError: no law\)"):
        redrawn(found(Failing()), 0)


def test_the_deviations_of_continuous_actions_may_stay() -> None:
    class Continuous(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv2d(3, 8, 4, 4), nn.Linear(8 * 16, 2)
            self.deviations = nn.Parameter(torch.full((2,), -1.25))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            means = self.out(torch.relu(self.conv(pixels / 255)).flatten(1))
            return torch.cat([means, self.deviations.expand(len(means), -1)], dim=1)

    policy = found(Continuous(), actions=spaces.Box(-1.0, 1.0, (2,)))
    drawn = weights(redrawn(policy, 0))
    assert bool((drawn["deviations"] == -1.25).all())
    assert not torch.equal(drawn["conv.weight"], weights(policy)["conv.weight"])


def test_what_is_no_network_is_refused() -> None:
    class Other(Policy):
        device, layers = torch.device("cpu"), ()
        step = capture = encode = receptive_field = grey_level = None

        def to(self, device):
            return self

    with pytest.raises(NotMeasurable, match="Other: is no network"):
        redrawn(Other(), 0)


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """Checkpoints after 0 and 4,096 frames, the first a milestone."""
    model, cfg = make_model(TrainingConfig(network=NetworkConfig(global_channels=4, hidden_size=8, rnn_size=4)))
    written = write_run(tmp_path / "run", model, cfg)
    milestones = written.parent / "milestones"
    milestones.mkdir()
    first = torch.load(written, weights_only=False) | {"env_steps": 0}
    first["model"] = {name: each + 1.0 for name, each in first["model"].items()}
    torch.save(first, milestones / "checkpoint_000000000_0.pth")
    return tmp_path / "run"


def test_a_runs_first_checkpoint_is_that_of_before_training(run_directory: Path) -> None:
    final = dataclasses.replace(load_agent(run_directory), world=copy.copy(random_agent().world))
    first = first_of_run(final)
    assert first is not None and first.frames_trained == 0 and first.world is final.world
    difference = weights(first.policy)["policy.weight"] - weights(final.policy)["policy.weight"]
    torch.testing.assert_close(difference, torch.ones_like(difference))
    again = first_of_run(first)
    assert again is not None and again.checkpoint == first.checkpoint


def test_where_the_first_checkpoint_is_gone_or_damaged_nothing_is_known(run_directory: Path) -> None:
    first = run_directory / "checkpoint_p0" / "milestones" / "checkpoint_000000000_0.pth"
    first.write_bytes(first.read_bytes()[:1000])
    assert first_of_run(load_agent(run_directory)) is None
    first.unlink()
    assert first_of_run(load_agent(run_directory)) is None


def test_of_shipped_agents_it_is_the_untrained_one_and_of_a_copy_elsewhere_none(tmp_path: Path) -> None:
    first = first_of_run(load_agent("digits"))
    assert first is not None and first.frames_trained == 0
    alone = Path(shutil.copy(load_agent("digits").checkpoint or "", tmp_path / "mine.safetensors"))
    assert first_of_run(load_agent(alone)) is None


def test_an_agent_that_was_never_trained_is_its_own_first() -> None:
    agent = random_agent()
    assert first_of_run(agent) is agent
    assert first_of_run(Agent("of memory", small_policy())) is None


def test_a_checkpoint_that_does_not_say_its_frames_is_not_taken_for_untrained(run_directory: Path) -> None:
    written = next((run_directory / "checkpoint_p0").glob("*.pth"))
    content = torch.load(written, weights_only=False)
    del content["env_steps"]
    torch.save(content, run_directory / "mine.pth")
    agent = load_agent(run_directory / "mine.pth")
    assert agent.frames_trained is None and first_of_run(agent) is None
