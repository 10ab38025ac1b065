"""How much was learned: by the agents of version 0.2, by planted mixtures, and nothing said where it is not known."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import retinoscope
from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead
from retinoscope.agents.redrawn import redrawn
from retinoscope.agents.weights import save_agent
from retinoscope.analyses.early_vision.learned import learned
from retinoscope.analyses.early_vision.learned_drawings import drawings
from retinoscope.analyses.early_vision.learned_line import (
    NOT_KNOWN,
    UNTRAINED,
    LearnedLine,
    learned_line,
    lines_of_fields,
    percent,
    weight_matrices,
    words,
)
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.training import TrainingConfig
from tests.agents.networks import Impala, channels_first
from tests.agents.sample_factory_models import make_model, write_checkpoint, write_run
from tests.figures.behaviour_results import faults_of
from tests.gallery import check_gallery
from tests.synthetic import convolution_of, small_policy

CONVOLUTIONS = ("conv1", "conv2", "conv3")
HARDLY_LEARNED = Path(__file__).parents[1] / "data" / "hardly_learned" / "convolutions.npz"


def before_and_after(name: str) -> tuple[Agent, Agent]:
    """A shipped agent of version 0.2, as far as its convolutions go."""
    found = []
    with np.load(HARDLY_LEARNED) as held:
        for checkpoint, frames in (("untrained", 0), ("final", 15_000_000)):
            heads = (ActionHead("turn", ("none", "left", "right")),)
            config = NetworkConfig(hidden_size=4, rnn="none")
            policy = ActorCriticPolicy.untrained(NetworkDescription(config, (60, 80, 3), heads))
            for layer in CONVOLUTIONS:
                convolution_of(policy, layer).weight.copy_(torch.from_numpy(held[f"{name}_{checkpoint}_{layer}"]))
            found.append(Agent(name, policy, checkpoint_sha256=checkpoint, frames_trained=frames))
    return found[0], found[1]


@pytest.mark.parametrize(
    ("name", "expected", "says"),
    [
        ("digits", (0.97, 0.89, 0.94), "conv1 6%, conv2 22%, conv3 11% learned: mostly the initialisation"),
        (
            "apples",
            (0.998, 0.991, 0.996),
            "conv1 0.4%, conv2 2%, conv3 0.8% learned: the initialisation, hardly changed",
        ),
    ],
)
def test_the_shipped_agents_of_version_0_2_are_mostly_their_initialisation(
    name: str, expected: tuple[float, ...], says: str
) -> None:
    first, final = before_and_after(name)
    result = learned(final, before=first, fields=False)
    found = result.data.sel(layer=list(CONVOLUTIONS)).isel(checkpoint=int(result.data.attrs["this"]))
    np.testing.assert_allclose(found["correlation"], expected, atol=0.0051)
    np.testing.assert_allclose(found["share_learned"], 1 - found["correlation"] ** 2)
    assert (found["untrained_correlation_high"] < 0.1).all() and (found["untrained_correlation_low"] > -0.1).all()
    assert result.data.attrs["summary"] == learned_line(final, first).text == says


def planted() -> tuple[Agent, Agent]:
    """Before: as drawn. After: conv1 left alone, conv2 mixed to r = 0.6, conv3 drawn anew, fc three times as large."""
    policy = redrawn(small_policy(global_channels=12, retinal_bottleneck=10, kernel_size=4, shape=(40, 40, 3)), 11)
    assert isinstance(policy, ActorCriticPolicy)
    first = Agent("planted", policy, checkpoint_sha256="first", frames_trained=0)
    after = copy.deepcopy(policy)
    other = redrawn(policy, 12)
    assert isinstance(other, ActorCriticPolicy)
    mixed, fresh = (convolution_of(each, "conv2").weight.double() for each in (after, other))
    centred, independent = mixed - mixed.mean(), fresh - fresh.mean()
    independent = independent - centred * (independent * centred).sum() / centred.square().sum()
    independent = independent * centred.norm() / independent.norm()
    convolution_of(after, "conv2").weight.copy_(0.6 * centred + 0.8 * independent)
    convolution_of(after, "conv3").weight.copy_(convolution_of(other, "conv3").weight)
    after.network.encoder.layers.fc.linear.weight.mul_(3)
    return first, dataclasses.replace(first, policy=after, checkpoint_sha256="after", frames_trained=7_000_000)


def test_planted_changes_are_found_layer_by_layer() -> None:
    first, after = planted()
    data = learned(after, before=first, fields=False, untrained=30).data
    now = data.isel(checkpoint=1).sel(layer=["conv1", "conv2", "conv3", "fc"])
    np.testing.assert_allclose(now["correlation"][[0, 1, 3]], (1, 0.6, 1), atol=1e-6)
    np.testing.assert_allclose(now["share_learned"][[0, 1, 3]], (0, 0.64, 0), atol=1e-6)
    np.testing.assert_allclose(now["norm_growth"][[0, 3]], (1, 3), rtol=1e-6)
    drawn_anew = data.isel(checkpoint=1).sel(layer="conv3")
    low, high = (float(drawn_anew[f"untrained_correlation_{end}"]) for end in ("low", "high"))
    assert low < float(drawn_anew["correlation"]) < high and -0.2 < low < 0 < high < 0.2
    assert float(drawn_anew["share_learned"]) > 0.99
    spread = drawn_anew["untrained_overlap"]
    assert float(spread.min()) < float(drawn_anew["subspace_overlap"]) < float(spread.max())
    assert float(spread.mean()) == pytest.approx(float(drawn_anew["subspace_overlap_by_chance"]), rel=0.05)
    units = data["conv3_correlation"].values
    inside = (units > float(drawn_anew["untrained_unit_low"])) & (units < float(drawn_anew["untrained_unit_high"]))
    assert inside.mean() >= 0.75, "12 units, of which 95% are expected"
    np.testing.assert_allclose(data["conv1_correlation"], 1)
    np.testing.assert_allclose(data["fc_norm_growth"], 3, rtol=1e-6)


def test_the_line_says_each_group_of_layers_in_words_of_its_own() -> None:
    first, after = planted()
    line = learned_line(after, first)
    assert line.text == (
        "conv1 0% learned: the initialisation, hardly changed; conv2 64% learned: some of the initialisation is left; "
        "conv3 over 99% learned: little of the initialisation is left"
    )
    assert line.of_fields("conv2", ["conv1"]) == (
        "64% of the weights of conv2 learned: some of the initialisation is left (below it conv1 0%)"
    )
    assert line.of_fields("pooled", ["conv1", "conv2"]).startswith("conv1 0% learned: ")
    assert learned_line(first).text == UNTRAINED == lines_of_fields(first, ["conv1"])["conv1"]


@pytest.mark.parametrize(
    ("share", "number", "said"),
    [
        (0.0, "0%", "hardly"),
        (0.0002, "less than 0.1%", "hardly"),
        (0.004, "0.4%", "hardly"),
        (0.05, "5%", "mostly"),
        (0.4999, "50%", "mostly"),
        (0.5, "50%", "some"),
        (0.91, "91%", "little"),
        (0.994, "99%", "little"),
        (0.9999, "over 99%", "little"),
    ],
)
def test_words_follow_stated_limits(share: float, number: str, said: str) -> None:
    assert percent(share) == number and said in words(share)


def test_of_many_layers_the_line_gives_the_range() -> None:
    shares = {f"conv{number}": number / 100 for number in range(1, 16)}
    text = LearnedLine(shares, tuple(shares)).text
    assert text == "15 layers 1% to 15% (median 8%) learned: mostly the initialisation"


def test_without_a_checkpoint_of_before_training_nothing_is_guessed() -> None:
    agent = Agent("mine", small_policy(), frames_trained=1000)
    assert learned_line(agent).text == NOT_KNOWN == learned_line(agent.policy).text
    with pytest.raises(NotMeasurable, match="agent 'mine': how much was learned is not known: no checkpoint of before"):
        learned(agent)
    assert lines_of_fields(agent, ["conv1", "fc"]) == {"conv1": NOT_KNOWN, "fc": NOT_KNOWN}


def test_another_network_is_no_network_of_before() -> None:
    agent, other = Agent("one", small_policy()), Agent("two", small_policy(rnn="none"))
    with pytest.raises(UserError, match="give the same network before training"):
        learned(agent, before=other, fields=False)
    assert learned_line(agent, other).text == NOT_KNOWN


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """Checkpoints after 0, 1,000, 4,096 and 9,000 frames, whose kernels move from where they began at a steady pace."""
    config = NetworkConfig(global_channels=4, retinal_bottleneck=3, hidden_size=8, rnn_size=4)
    model, cfg = make_model(TrainingConfig(network=config))
    folder = tmp_path / "run"
    written = write_run(folder, model, cfg)
    begun = model.state_dict()
    for number, frames in enumerate((0, 1_000, 4_096, 9_000)):
        step = {
            name: torch.randn(each.shape, generator=torch.Generator().manual_seed(3)) for name, each in begun.items()
        }
        moved = {
            name: each + frames / 9_000 * 0.1 * step[name] if "convolution.weight" in name else each
            for name, each in begun.items()
        }
        write_checkpoint(written.with_name(f"checkpoint_{number:09d}_{frames}.pth"), moved, frames)
    written.unlink()
    return folder


def test_the_course_is_over_all_checkpoints_of_the_run(run_directory: Path) -> None:
    data = learned(load_agent(run_directory, 4_096), fields=False).data
    np.testing.assert_array_equal(data["frames_trained"], (0, 1_000, 4_096, 9_000))
    assert data.attrs["this"] == 2 and data["share_learned"].sel(layer="conv2")[0] == pytest.approx(0, abs=1e-9)
    for layer in CONVOLUTIONS:
        assert (np.diff(data["share_learned"].sel(layer=layer)) > 0).all()
        assert (np.diff(data["subspace_overlap"].sel(layer=layer)) < 0).all()
    np.testing.assert_allclose(data["share_learned"].sel(layer="fc"), 0, atol=1e-9)
    now, line = data["share_learned"][2], learned_line(load_agent(run_directory, 4_096))
    assert line.shares is not None
    for layer, share in line.shares.items():
        assert float(now.sel(layer=layer)) == pytest.approx(share, abs=1e-9)


def test_the_checkpoint_of_before_training_says_that_it_is(run_directory: Path) -> None:
    agent = load_agent(run_directory, "first")
    data = learned(agent, fields=False).data
    assert data.attrs["this"] == 0 and data.attrs["summary"] == UNTRAINED and data.sizes["checkpoint"] == 4


def test_fields_are_compared_unit_by_unit_with_their_sign() -> None:
    """The field of a unit of conv1 is its kernel but for its size."""
    first = Agent("planted", redrawn(small_policy(global_channels=6, shape=(32, 32, 3), kernel_size=5), 2))
    after = dataclasses.replace(first, policy=copy.deepcopy(first.policy), frames_trained=100)
    kernels = convolution_of(after.policy, "conv1").weight
    kernels[1] *= -1
    kernels[2] = kernels[3].clone()
    result = learned(after, before=first)
    data = result.data
    assert result.parameters["fields_of"] == list(CONVOLUTIONS)
    np.testing.assert_allclose(data["conv1_field_correlation"][[0, 1, 3]], (1, -1, 1), atol=0.01)
    np.testing.assert_allclose(data["conv1_field_corrected"][[0, 1, 3]], (1, -1, 1), atol=0.01)
    low, high = data["conv1_field_chance"].values
    assert abs(float(data["conv1_field_correlation"][2])) < 0.3 and -0.4 < low < -0.1 and 0.1 < high < 0.4
    weights = data["conv1_correlation"].values
    np.testing.assert_allclose(data["conv1_field_correlation"], weights, atol=0.02)


def test_fields_at_hand_are_not_measured_again() -> None:
    first, after = planted()
    given = receptive_fields(after, layers=("conv1",), max_stimuli=64, target_reliability=0.5)
    result = learned(after, before=first, given={"receptive_fields": given})
    assert result.parameters["fields_of"] == ["conv1"] and "lowest split-half" in result.data.attrs["caption"]


def test_anyones_network_is_compared_and_what_cannot_be_drawn_anew_is_said() -> None:
    torch.manual_seed(0)
    module = Impala((4, 6), side=16)

    def agent(frames: int) -> Agent:
        return retinoscope.from_module(module, observation_shape=(16, 16, 3), actions=15, frames_trained=frames)

    first = agent(0)
    with torch.no_grad():
        module.blocks[0].conv.weight.copy_(torch.randn_like(module.blocks[0].conv.weight))
        module.critic.weight.add_(1.0)
    result = learned(agent(500), before=first, fields=False)
    names = [str(each) for each in result.data["layer"].values]
    assert names[-1] == "value and policy" and len(names) == 2 * 5 + 2
    shares = result.data["share_learned"][1].values
    assert shares[0] > 0.8 and np.abs(shares[1:-1]).max() < 1e-9 and shares[-1] > 0
    assert set(result.parameters["layers_drawn"]) < set(names) and "further layers" in result.data.attrs["caption"]

    class Nobodys(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernels, self.out = nn.Parameter(torch.randn(5, 3, 4, 4)), nn.Linear(5, 4)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.out(torch.relu(nn.functional.conv2d(pixels / 255, self.kernels)).mean(dim=(2, 3)))

    one = retinoscope.from_module(Nobodys(), observation_shape=(16, 16, 3), actions=4, preprocess=channels_first)
    result = learned(one, before=one)
    assert "cannot be drawn anew" in result.data.attrs["caption"] and result.data.sizes["checkpoint"] == 1
    assert np.isnan(result.data["untrained_correlation"]).all()
    assert all(each.draw().axes for each in drawings(result) if hasattr(each, "draw"))


def test_a_file_of_before_training_can_be_named(tmp_path: Path) -> None:
    first, after = planted()
    path = save_agent(first, tmp_path / "before.safetensors")
    result = learned(after, before=str(path), fields=False)
    assert result.parameters["before"] == str(path)
    again = load_result(result.save(tmp_path / "learned.nc"))
    assert again.data.identical(result.data) and again.parameters == result.parameters


def test_units_of_a_transposed_convolution_are_on_its_second_axis() -> None:
    class Up(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.up = nn.Conv2d(3, 5, 4, 4), nn.ConvTranspose2d(5, 7, 2)
            self.out = nn.Linear(7, 4)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.out(torch.relu(self.up(torch.relu(self.down(pixels / 255)))).mean(dim=(2, 3)))

    agent = retinoscope.from_module(Up(), observation_shape=(16, 16, 3), actions=4, preprocess=channels_first)
    shapes = {name: [each.shape for each in found] for name, found in weight_matrices(agent.policy).items()}
    assert [(7, 20)] in shapes.values() and [(5, 48)] in shapes.values()


def test_the_line_stands_on_every_figure_of_fields_and_results_without_it_are_drawn() -> None:
    _, after = planted()
    result = receptive_fields(load_agent("digits"), layers=("conv1",), max_stimuli=32, target_reliability=0.1)
    said = result.data["conv1"].attrs["learned"]
    assert "of the weights of conv1 learned: " in said
    assert said in _texts(result)
    unknown = receptive_fields(after.policy, layers=("conv1",), max_stimuli=32, target_reliability=0.1)
    assert NOT_KNOWN in _texts(unknown)
    del result.data["conv1"].attrs["learned"]
    assert not any("learned" in each for each in _texts(result))


def _texts(result: Result) -> list[str]:
    figure: Any = retinoscope.figures.receptive_fields(result, "conv1")
    return [each.get_text() for each in figure.texts]


def test_nothing_lies_over_anything_else_on_the_figures() -> None:
    agent = load_agent("digits")
    result = learned(agent, untrained=2)
    check_gallery(result)
    assert faults_of(retinoscope.figures.learned(result)) == []
    fields = receptive_fields(agent, layers=("conv1",), max_stimuli=32, target_reliability=0.1)
    fields.data["conv1"].attrs["learned"] = "word " * 40
    assert faults_of(retinoscope.figures.receptive_fields(fields, "conv1")) == []
