"""Receptive fields of networks whose filters are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from retinoscope.agents.agent import Agent
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.early_vision import receptive_field_measuring
from retinoscope.analyses.early_vision.receptive_fields import (
    ANALYSIS,
    ReceptiveFieldParameters,
    cross_check,
    receptive_fields,
)
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.settings import value_from_text
from retinoscope.stimuli.patches import RecordedPatches
from retinoscope.stimuli.white_noise import WhiteNoise, noise_level
from tests.oracles import composed_filters, gradient_of_one_unit
from tests.synthetic import PIXEL_SCALE, convolution_of, gabor_policy, small_policy


def cosines(fields: np.ndarray, truth: np.ndarray) -> np.ndarray:
    one, other = fields.reshape(len(fields), -1), truth.reshape(len(truth), -1)
    return (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize("activation", ["linear", "elu"])
@pytest.mark.parametrize("method", ["gradient", "noise"])
def test_hand_set_gabors_come_back_with_their_signs(method, activation):
    policy, filters = gabor_policy(activation=activation)
    data = receptive_fields(policy, method=method, layers="conv1", target_reliability=0.995).data
    assert cosines(data["conv1"].values, filters).min() > 0.99
    assert bool(data["conv1_target_reached"])
    assert data["conv1_reliability"].values.min() >= 0.995


def test_signs_hold_where_the_mean_activity_is_negative():
    policy, filters = gabor_policy(activation="elu")
    convolution_of(policy, "conv1").bias.fill_(-1.0)
    for method in ("gradient", "noise"):
        data = receptive_fields(policy, method=method, layers="conv1", target_reliability=0.98).data
        assert cosines(data["conv1"].values, filters).min() > 0.97


def test_a_linear_network_gives_the_analytic_composition_in_activity_per_pixel_unit():
    policy = small_policy(vvs_depth=0, activation="linear")
    first, second = (convolution_of(policy, layer).weight.double().numpy() for layer in ("conv1", "conv2"))
    truth = composed_filters(first, second, stride=2) / PIXEL_SCALE
    gradient = receptive_fields(policy, layers=("conv1", "conv2")).data
    np.testing.assert_allclose(gradient["conv1"].values, np.moveaxis(first, 1, -1) / PIXEL_SCALE, atol=1e-7)
    np.testing.assert_allclose(gradient["conv2"].values, truth, atol=1e-7)
    noise = receptive_fields(policy, layers="conv2", method="noise", max_stimuli=20_000, target_reliability=1.0).data
    errors = np.linalg.norm((noise["conv2"].values - truth).reshape(2, -1), axis=1)
    relative = errors / np.linalg.norm(truth.reshape(2, -1), axis=1)
    np.testing.assert_allclose(noise["conv2_error"].values, relative, rtol=0.25)
    assert relative.max() < 0.12


def test_both_methods_agree_on_a_deep_elu_network_within_their_stated_error():
    policy = small_policy(global_channels=6)
    for layer in ("conv1", "conv2", "conv3"):  # weights large enough to drive units well into the bend of the ELU
        convolution_of(policy, layer).weight.mul_(3)
    data = cross_check(policy, max_stimuli=20_000).data
    for layer in ("conv1", "conv2", "conv3"):
        assert (data[f"{layer}_difference"] < 1.3 * data[f"{layer}_expected_difference"]).all()
        assert (data[f"{layer}_cosine"] > data[f"{layer}_expected_cosine"] - 0.02).all()
    ratio = data["conv3_difference"] / data["conv3_expected_difference"]
    assert 0.9 < float(ratio.mean()) < 1.1  # the stated error is neither too small nor a safe exaggeration


def test_layers_default_to_all_convolutions_and_arrays_are_named():
    result = receptive_fields(Agent("planted", small_policy(), checkpoint_sha256="abc"), units={"rnn": [3, 1]})
    assert list(result.parameters["layers"]) == ["conv1", "conv2", "conv3", "rnn"]
    assert result.data["conv2"].dims == ("conv2_unit", "conv2_height", "conv2_width", "colour")
    assert result.data["conv2"].shape == (2, 7, 7, 3)
    assert result.data["rnn"].shape == (2, 24, 20, 3)
    assert result.data["rnn_unit"].values.tolist() == [3, 1]
    assert result.data["colour"].values.tolist() == ["red", "green", "blue"]
    assert result.data["conv2"].attrs["units"] == "activity per pixel unit"
    assert "zero state" in result.data["rnn"].attrs["caption"]
    assert result.provenance["agent"] == "planted" and result.provenance["checkpoint_sha256"] == "abc"
    assert result.parameters["noise_mean"] == 60 and result.parameters["noise_sigma"] == 20
    json.dumps(result.parameters)


def test_a_network_without_convolutions_is_mapped_at_its_first_layer():
    policy = small_policy(encoder="linear", shape=(6, 5, 3))
    fields = receptive_fields(policy).data["fc"].values
    weights = policy.network.encoder.layers.get_submodule("fc.linear").weight.numpy().reshape(7, 3, 6, 5)
    np.testing.assert_allclose(fields, np.moveaxis(weights, 1, -1) / PIXEL_SCALE, atol=1e-7)


def test_recorded_observations_take_the_place_of_noise():
    policy = small_policy()
    observations = np.random.default_rng(0).integers(0, 256, (6, *policy.observation_shape), dtype=np.uint8)
    result = receptive_fields(
        policy, layers="rnn", units={"rnn": [2]}, observations=observations, max_stimuli=8, target_reliability=1.0
    )
    drawn = [RecordedPatches(observations).draw(batch, 4, policy.observation_shape) for batch in (0, 1)]
    expected = np.mean([gradient_of_one_unit(policy, "rnn", 2, each) for each in np.concatenate(drawn)], axis=0)
    np.testing.assert_allclose(result.data["rnn"].values[0], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert result.parameters["stimuli"] == "recorded observations"
    assert receptive_fields(policy, observations=observations, max_stimuli=50).data["conv3"].shape == (3, 15, 15, 3)


@pytest.mark.parametrize("method", ["gradient", "noise"])
def test_a_dead_unit_is_said_to_be_dead_and_does_not_hold_up_the_others(method):
    policy, _ = gabor_policy(activation="relu")
    convolution_of(policy, "conv1").bias[2] = -1_000
    data = receptive_fields(policy, layers="conv1", method=method, target_reliability=0.95).data
    dead = np.arange(6) == 2
    assert np.array_equal(np.isnan(data["conv1_reliability"]), dead)
    assert np.array_equal(np.isnan(data["conv1_error"]), dead)
    assert not data["conv1"].values[2].any()
    assert bool(data["conv1_target_reached"]) and int(data["conv1_stimuli"]) < 10_000
    assert "1 unit never answered" in data["conv1"].attrs["caption"]


def test_a_unit_that_answered_once_is_not_said_never_to_have():
    policy, filters = gabor_policy(activation="relu")
    mean, sigma = noise_level(policy.grey_level)
    drawn = [WhiteNoise(mean, sigma).draw(batch, 128, (*filters.shape[1:3], 3)) for batch in range(2)]
    answers = np.tensordot(np.concatenate(drawn) - mean, filters[2], axes=filters[2].ndim) / PIXEL_SCALE
    first, second = np.sort(answers)[:-3:-1]
    convolution_of(policy, "conv1").bias[2] = -(first + second) / 2
    data = receptive_fields(policy, layers="conv1", max_stimuli=256).data
    assert np.isnan(data["conv1_reliability"].values).tolist() == [False, False, True, False, False, False]
    assert data["conv1"].values[2].any()
    assert "1 answered too seldom" in data["conv1"].attrs["caption"]
    assert "never answered" not in data["conv1"].attrs["caption"]


def test_a_layer_in_which_nothing_answers_has_not_reached_the_target():
    policy, _ = gabor_policy(activation="relu")
    convolution_of(policy, "conv1").bias.fill_(-1_000)
    data = receptive_fields(policy, layers="conv1").data
    assert not bool(data["conv1_target_reached"])
    assert "6 units never answered" in data["conv1"].attrs["caption"]


def test_a_target_that_was_not_reached_is_said_not_to_be():
    policy, _ = gabor_policy()
    data = receptive_fields(policy, layers="conv1", method="noise", max_stimuli=301, batch_size=100).data
    assert int(data["conv1_stimuli"]) == 301
    assert not bool(data["conv1_target_reached"])
    assert "was not reached" in data["conv1"].attrs["caption"]


def test_the_seed_decides_everything():
    policy, settings = small_policy(), {"layers": "conv3", "max_stimuli": 40}
    one, same, other = (receptive_fields(policy, seed=seed, **settings).data["conv3"].values for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_batch_size_bounds_what_is_shown_at_once(monkeypatch):
    policy, shown = small_policy(), []
    encode = policy.encode

    def watched(observations: torch.Tensor, until: str) -> torch.Tensor:
        shown.append(len(observations))
        return encode(observations, until)

    monkeypatch.setattr(policy, "encode", watched)
    receptive_fields(policy, layers="conv3", batch_size=7, max_stimuli=50, target_reliability=1.0)
    assert max(shown) == 7 and sum(shown) == 50


def test_a_saved_result_comes_back(tmp_path):
    result = receptive_fields(small_policy(), parameters=ReceptiveFieldParameters(layers=("conv1",)))
    loaded = load_result(result.save(tmp_path / "receptive_fields.nc"))
    assert loaded.data.equals(result.data)
    assert loaded.parameters["layers"] == ["conv1"] and loaded.parameters["method"] == "gradient"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": "conv9"}, "layer 'conv9'"),
        ({"layers": ("conv1",), "units": {"rnn": [0]}}, "units of 'rnn'"),
        ({"units": {"nothing": [0]}}, "layer 'nothing'"),
        ({"units": {"rnn": [5]}}, "unit 5 of 'rnn'"),
        ({"units": {"rnn": [-1]}}, "unit -1 of 'rnn'"),
        ({"units": {"rnn": []}}, "none given"),
        ({"method": "guess"}, "receptive fields: method 'guess' is unknown; choose from gradient or noise"),
        ({"layers": "rnn:0", "units": {"rnn": [0]}}, "units of 'rnn': are given twice"),
        ({"layers": ()}, "receptive fields: layers is empty"),
        ({"method": "noise", "observations": np.zeros((1, 24, 20, 3), np.uint8)}, "recorded observations"),
        ({"observations": np.zeros((1, 9, 9, 3), np.uint8)}, "9x9x3"),
        ({"noise_sigma": 0.0}, "noise_sigma is 0; give a number above 0"),
        ({"noise_mean": float("nan"), "noise_sigma": 1.0}, "noise_mean is nan; give a finite number"),
        ({"noise_mean": 300.0}, "noise_mean is 300; give at least 0, at most 255"),
        ({"target_reliability": 0.0}, "target_reliability is 0; give a number above 0"),
        ({"target_reliability": 1.5}, "target_reliability is 1.5; give"),
        ({"max_stimuli": 1}, "max_stimuli is 1; give at least 2"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"metod": "noise"}, "no parameter 'metod'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        receptive_fields(small_policy(), **settings)
    assert "\n" not in str(caught.value)


def test_cross_check_refuses_unknown_parameters():
    with pytest.raises(UserError, match="no parameter 'metod'"):
        cross_check(small_policy(), metod="noise")


@pytest.mark.parametrize(
    ("given", "layers"),
    [
        ("conv1", ("conv1",)),
        ("conv1, conv2", ("conv1", "conv2")),
        ("conv1,rnn:0-2,4", ("conv1", "rnn:0-2,4")),
        ("rnn:0-2, 4,conv1", ("rnn:0-2,4", "conv1")),
        (("rnn:1,3", "conv1:0"), ("rnn:1,3", "conv1:0")),
        (["conv1,rnn:1", "conv2"], ("conv1", "rnn:1", "conv2")),
    ],
)
def test_layers_are_read_from_a_text_or_several_with_the_numbers_of_their_units(given, layers):
    assert ReceptiveFieldParameters(layers=given).layers == layers


def test_what_the_shell_says_is_measured_as_what_python_says():
    policy = small_policy()
    text = value_from_text(ReceptiveFieldParameters, "layers", "rnn:1,3,conv1:0-1")
    by_text = receptive_fields(policy, layers=text, max_stimuli=8)
    by_name = receptive_fields(policy, layers=("rnn", "conv1"), units={"rnn": [1, 3], "conv1": [0, 1]}, max_stimuli=8)
    assert by_text.data.identical(by_name.data) and by_text.parameters == by_name.parameters
    assert by_text.parameters["layers"] == ["rnn", "conv1"]
    assert by_text.data["rnn_unit"].values.tolist() == [1, 3]
    units = value_from_text(ReceptiveFieldParameters, "units", "rnn:1,3")
    assert receptive_fields(policy, layers="rnn", units=units, max_stimuli=8).data["rnn_unit"].values.tolist() == [1, 3]


@pytest.mark.parametrize("text", ["fc:", "fc:a", "fc:1-", "fc:-1", "fc:1,,2", "fc:1-2-3"])
def test_units_that_are_no_numbers_are_refused(text):
    with pytest.raises(UserError, match=r"^receptive fields: layers: 'fc:.*units are given as in fc:0-3,7$"):
        ReceptiveFieldParameters(layers=text)
    with pytest.raises(UserError, match=r"^receptive fields: units: .*units are given as in fc:0-3,7$"):
        ReceptiveFieldParameters(units=text)


def test_a_run_is_refused_before_it_begins_where_the_agent_has_no_such_layer_or_unit():
    inputs = Inputs(Agent("planted", small_policy()), None)
    ANALYSIS.refuse(inputs, ReceptiveFieldParameters(layers=("conv1", "rnn:0")))
    with pytest.raises(UserError, match="layer 'conv9'"):
        ANALYSIS.refuse(inputs, ReceptiveFieldParameters(layers="conv9"))
    with pytest.raises(UserError, match="unit 99 of 'rnn'"):
        ANALYSIS.refuse(inputs, ReceptiveFieldParameters(layers="rnn:99"))


def test_an_even_number_of_equal_halves_is_judged():
    """With 128 stimuli at a time, the first estimate is over two batches, never over one."""
    policy, _ = gabor_policy()
    data = receptive_fields(policy, layers="conv1", target_reliability=1e-6).data
    assert int(data["conv1_stimuli"]) == 256


def test_in_a_large_network_units_that_are_reliable_leave_and_rare_ones_are_not_waited_for(monkeypatch):
    policy = small_policy()
    first = receptive_fields(policy, layers="conv3", max_stimuli=256, target_reliability=1.0).data
    target = float(np.median(first["conv3_reliability"].values))
    small = receptive_fields(policy, layers="conv3", target_reliability=target).data
    assert (small["conv3_unit_stimuli"] == small["conv3_stimuli"]).all()  # together, as long as that is affordable
    monkeypatch.setattr(receptive_field_measuring, "BUDGET_OPERATIONS", 1.0)
    large = receptive_fields(policy, layers="conv3", target_reliability=target).data
    shown, early = large["conv3_unit_stimuli"].values, first["conv3_reliability"].values >= target
    assert early.any() and not early.all()
    assert (shown[early] == 256).all() and (shown[~early] > 256).all()
    for count in np.unique(shown):  # each unit has what it would have had from so many stimuli alone
        alone = receptive_fields(policy, layers="conv3", max_stimuli=int(count), target_reliability=1.0).data
        which = shown == count
        np.testing.assert_allclose(large["conv3"].values[which], alone["conv3"].values[which], rtol=1e-5, atol=1e-12)
        np.testing.assert_allclose(large["conv3_reliability"].values[which], alone["conv3_reliability"].values[which])
    assert "256 (units that were reliable then) to" in large["conv3"].attrs["caption"]
    cut = receptive_fields(policy, layers="conv3", target_reliability=1.0).data
    assert int(cut["conv3_stimuli"]) == 1024 and not bool(cut["conv3_target_reached"])
    assert "in so large a network units that answer rarely are not waited for" in cut["conv3"].attrs["caption"]
    asked = receptive_fields(policy, layers="conv3", target_reliability=1.0, max_stimuli=1100).data
    assert int(asked["conv3_stimuli"]) == 1100
