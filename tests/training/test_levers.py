"""What decides how much of early vision is learned: every lever does what it says, and reaches the optimiser."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from retinoscope.agents.actor_critic import ActorCriticNetwork, ActorCriticPolicy, NetworkDescription
from retinoscope.agents.networks import Encoder, NetworkConfig, described_network
from retinoscope.agents.policy import ActionHead
from retinoscope.errors import UserError
from retinoscope.training.learner import LeveredLearner
from retinoscope.training.learning_pass import learning_pass, make_decoder
from retinoscope.training.levers import Levers
from retinoscope.training.optimiser import PartedAdamW, parts_of

SHAPE = (60, 80, 3)
HEADS = (ActionHead("turn", ("none", "left", "right")),)


def network(**changed: object) -> ActorCriticNetwork:
    torch.manual_seed(0)
    return ActorCriticNetwork(NetworkConfig(**changed), SHAPE, 3)  # type: ignore[arg-type]


def part_of(name: str) -> str:
    """By the name alone, as a person would tell."""
    if "bias" in name:
        return "undecayed"
    return next(part for key, part in NAMED.items() if key in name)


NAMED = {"conv": "convolution", "fc": "dense", "rnn": "memory", "value": "head", "policy": "head"}


def test_the_decay_of_every_part_reaches_its_weights_and_no_others():
    made = network()
    before = {name: each.detach().clone() for name, each in made.named_parameters()}
    decays = {"convolution": 2.0, "dense": 1.0, "memory": 0.5, "head": 0.25, "undecayed": 0.0}
    levers = Levers(**{f"{part}_weight_decay": decay for part, decay in decays.items() if decay})
    optimiser = PartedAdamW(parts_of(made.encoder, made.rnn, made), levers, learning_rate=0.01)
    for each in made.parameters():
        each.grad = torch.zeros_like(each)
    optimiser.step()
    optimiser.leave_decay(0.5)
    optimiser.step()
    for name, each in made.named_parameters():
        decay = decays[part_of(name)]
        expected = before[name] * (1 - 0.01 * decay) * (1 - 0.01 * 0.5 * decay)
        torch.testing.assert_close(each, expected, msg=lambda said, name=name: f"{name}: {said}")


def test_the_weight_decay_falls_with_the_frames_that_the_learner_counts_so_that_a_resumed_run_goes_on_where_it_was():
    learner = LeveredLearner.__new__(LeveredLearner)
    made = network()
    learner.cfg = SimpleNamespace(train_for_env_steps=1000)
    learner.levers = Levers(convolution_weight_decay=2.0, final_weight_decay=0.5, weight_decay_fall=(0.2, 0.6))
    learner.optimizer = PartedAdamW(parts_of(made.encoder, made.rnn, made), learner.levers, learning_rate=0.01)
    found = []
    for frames in (0, 200, 400, 600, 2000):
        learner.env_steps = frames
        learner._apply_lr(0.01)
        found.append(learner.optimizer.param_groups[0]["weight_decay"])
    assert found == pytest.approx([2.0, 2.0, 1.5, 1.0, 1.0])


def test_the_weight_decay_can_fall_at_once_or_not_at_all_and_its_shares_are_in_order():
    at_once = Levers(final_weight_decay=0.0, weight_decay_fall=(0.5, 0.5))
    assert [at_once.share_of_weight_decay(done) for done in (0.0, 0.49, 0.5, 1.0)] == [1.0, 1.0, 0.0, 0.0]
    assert Levers().share_of_weight_decay(0.7) == 1.0
    with pytest.raises(ValueError, match="the smaller one first"):
        Levers(weight_decay_fall=(0.6, 0.4))


def test_a_run_of_before_whose_parameters_were_in_one_group_goes_on_with_its_own_moments():
    made = network()
    ours = list(made.parameters())
    earlier = torch.optim.Adam(ours, lr=0.01)
    for number, each in enumerate(ours):
        each.grad = torch.full_like(each, float(number + 1))
    earlier.step()
    levers = Levers(convolution_weight_decay=2.0)
    optimiser = PartedAdamW(parts_of(made.encoder, made.rnn, made), levers, learning_rate=0.5)
    optimiser.load_state_dict(earlier.state_dict())
    for number, each in enumerate(ours):
        torch.testing.assert_close(optimiser.state[each]["exp_avg"], torch.full_like(each, 0.1 * (number + 1)))
    assert {group["part"]: group["weight_decay"] for group in optimiser.param_groups}["convolution"] == 2.0
    again = PartedAdamW(parts_of(made.encoder, made.rnn, made), Levers(dense_weight_decay=3.0), learning_rate=0.5)
    again.load_state_dict(optimiser.state_dict())
    assert {group["part"]: group["weight_decay"] for group in again.param_groups} == {
        "convolution": 0.0,
        "dense": 3.0,
        "memory": 0.0,
        "head": 0.0,
        "undecayed": 0.0,
    }, "the decays are those of the options, not of the file"


def test_without_levers_a_learning_pass_is_the_encoder():
    config = NetworkConfig(greyscale=True)
    torch.manual_seed(0)
    encoder, pixels = Encoder(config, SHAPE), torch.randn(2, 3, 60, 80)
    features, auxiliary = learning_pass(encoder, make_decoder(encoder, config, SHAPE, Levers()), pixels, Levers())
    assert auxiliary is None
    torch.testing.assert_close(features, encoder(pixels))


def test_the_activity_penalty_is_the_mean_absolute_activity_of_each_convolution():
    config, pixels = NetworkConfig(), torch.randn(2, 3, 60, 80)
    encoder = Encoder(config, SHAPE)
    _, auxiliary = learning_pass(encoder, None, pixels, Levers(activity_penalty=0.5))
    expected, activity = 0.0, pixels
    for name in ("conv1", "conv2", "conv3"):
        activity = encoder.layers.get_submodule(name)(activity)
        expected += 0.5 * float(np.abs(activity.detach().numpy()).mean())
    assert auxiliary is not None and float(auxiliary.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["gaussian", "poisson"])
def test_noise_has_the_deviation_that_was_asked_for(kind):
    """Seen behind convolutions that pass on what they get."""
    config = NetworkConfig(activation="linear", channels=(1, 1, 1), kernel_sizes=(1, 1, 1), strides=(1, 1, 1))
    encoder = Encoder(config, (40, 50, 1))
    passes = [encoder.layers.get_submodule(name)[0] for name in ("conv1", "conv2", "conv3")]
    for each in passes:
        nn.init.ones_(each.weight)
        nn.init.zeros_(each.bias)
    seen: list[torch.Tensor] = []
    passes[0].register_forward_hook(lambda _, __, given: seen.append(given))
    encoder.layers.conv3.register_forward_hook(lambda _, __, given: seen.append(given))
    pixels = torch.full((50, 1, 40, 50), 4.0)
    torch.manual_seed(0)
    learning_pass(encoder, None, pixels, Levers(input_noise=0.3, noise=kind))
    learning_pass(encoder, None, pixels, Levers(retinal_noise=0.3, noise=kind))
    factor = 2.0 if kind == "poisson" else 1.0  # the root of the activity
    at_input, behind_it, before_retina, behind_retina = (each.detach() for each in seen)
    assert float(at_input.std()) == pytest.approx(0.3 * factor, rel=0.02)
    assert float(behind_it.std()) == pytest.approx(0.3 * factor, rel=0.02)
    assert float(before_retina.std()) == 0.0
    assert float(behind_retina.std()) == pytest.approx(0.3 * factor, rel=0.02)
    assert float(behind_retina.mean()) == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "fc"])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"encoder": "simple", "greyscale": True},
        {"kernel_sizes": (7, 4, 3), "strides": (3, 2, 2), "paddings": (3, 1, 0)},
    ],
)
def test_the_mirrored_decoder_gives_pictures_of_the_observations_size_and_learns(layer, changed):
    config = NetworkConfig(**changed)
    torch.manual_seed(0)
    encoder = Encoder(config, SHAPE)
    levers = Levers(reconstruction_weight=2.0, reconstruction_layer=layer)
    decoder = make_decoder(encoder, config, SHAPE, levers)
    assert decoder is not None
    pixels = torch.randn(3, 3, 60, 80)
    features, auxiliary = learning_pass(encoder, decoder, pixels, levers)
    target = pixels.mean(1, keepdim=True) if config.greyscale else pixels
    activity = target
    for name, stage in encoder.layers.named_children():
        activity = stage(activity)
        if name == layer:
            break
    expected = 2.0 * float(((decoder(activity) - target) ** 2).mean().detach())
    assert auxiliary is not None and float(auxiliary.detach()) == pytest.approx(expected, rel=1e-5)
    auxiliary.backward()
    assert float(encoder.layers.conv1[0].weight.grad.abs().max()) > 0, "the encoder learns from it"
    assert features.shape == (3, config.hidden_size)


def test_the_initial_scale_is_that_of_the_convolutions_alone():
    shape = NetworkDescription(NetworkConfig(), SHAPE, HEADS)
    scaled = NetworkDescription(NetworkConfig(initial_scale=0.3), SHAPE, HEADS)
    usual, small = (ActorCriticPolicy.untrained(each, seed=4).network.state_dict() for each in (shape, scaled))
    for name, weights in usual.items():
        factor = 0.3 if "conv" in name and name.endswith("weight") else 1.0
        torch.testing.assert_close(small[name], factor * weights)


def test_networks_of_before_there_was_an_initial_scale_had_none():
    assert described_network({}).initial_scale == 1.0
    assert described_network({"initial_scale": 0.2}).initial_scale == 0.2


def test_each_convolution_can_have_its_own_shape_and_its_fields_are_the_support_of_the_gradient():
    config = NetworkConfig(channels=(4, 2, 5), kernel_sizes=(7, 4, 3), strides=(2, 3, 1), paddings=(3, 0, 1))
    policy = ActorCriticPolicy.untrained(NetworkDescription(config, SHAPE, HEADS))
    assert [policy.layer(name).shape for name in ("conv1", "conv2", "conv3")] == [(4, 30, 40), (2, 9, 13), (5, 9, 13)]
    for name in ("conv1", "conv2", "conv3"):
        row, column = policy.middle_unit(name)
        field = policy.receptive_field(name)
        pixels = torch.full((1, *SHAPE), 50.0, requires_grad=True)
        policy.encode(pixels, until=name)[0, 0, row, column].backward()
        rows, columns = np.nonzero(pixels.grad[0].abs().sum(-1).numpy())
        top, left = field.starts(row, column)
        assert (rows.min(), columns.min()) == (top, left)
        assert (rows.max() + 1 - top, columns.max() + 1 - left) == (field.height, field.width)
        torch.testing.assert_close(
            policy.unit_answers(pixels[:, top : top + field.height, left : left + field.width], name),
            policy.encode(pixels, until=name)[:, :, row, column],
        )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"channels": (1, 2)}, "channels: 2 numbers for 3 convolutions; give one for each"),
        ({"strides": (1, 0, 1)}, "strides: 0 is too small; the least is 1"),
        ({"encoder": "linear", "paddings": (1,)}, "paddings: 1 numbers for 0 convolutions; give one for each"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        NetworkConfig(**changed)


@pytest.mark.parametrize(
    ("levers", "encoder", "said"),
    [
        (
            {"reconstruction_weight": 1, "reconstruction_layer": "conv9"},
            "lindsey",
            "no 'conv9'; choose from conv1, conv2",
        ),
        ({"retinal_noise": 1}, "linear", "retinal_noise: this network has no conv2"),
    ],
)
def test_levers_that_do_not_fit_the_network_are_refused(levers, encoder, said):
    config = NetworkConfig(encoder=encoder)
    with pytest.raises(UserError, match=said):
        make_decoder(Encoder(config, SHAPE), config, SHAPE, Levers(**levers))
