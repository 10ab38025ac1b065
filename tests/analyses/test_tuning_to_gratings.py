"""Tuning to gratings of networks whose units are known."""

from __future__ import annotations

import dataclasses
import functools
import json

import numpy as np
import pytest
import torch
import xarray
from torch import nn

from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.early_vision import grating_responses, tuning_to_gratings, untrained
from retinoscope.analyses.early_vision.grating_parameters import design_of, layers_of, units_of
from retinoscope.analyses.early_vision.tuning_to_gratings import ANALYSIS, TuningToGratingsParameters
from retinoscope.analyses.early_vision.tuning_to_gratings import tuning_to_gratings as measure
from retinoscope.attribution.cost import operations
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.testing import planted_inputs
from tests.planted_filters import (
    OPPONENTS,
    agent_of,
    best_frequency,
    centre_surround,
    coloured,
    gabor,
    noisy,
)
from tests.synthetic import PIXEL_MEAN, convolution_of, gabor_policy, gabors, small_policy

CASES = 200
NOISE = 0.3
"""Length of the white noise on the weights of a filter, relative to the filter's own."""
SMALL = {"orientations": 6, "frequencies": 4, "phases": 4, "contrasts": 3, "shuffles": 20, "untrained": 0}


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orientations, frequencies and phases of the planted Gabors."""
    random = np.random.default_rng(0)
    frequencies = np.exp(random.uniform(np.log(0.1), np.log(0.3), CASES))
    return random.uniform(0, 180, CASES), frequencies, random.uniform(0, 360, CASES)


@functools.cache
def tuned(kind: str) -> xarray.Dataset:
    """Of 200 noisy units of a kind, at the default settings."""
    random, is_energy = np.random.default_rng(1), kind == "complex"
    shifts = (0.0, 90.0) if is_energy else (0.0,)
    filters = coloured(np.stack([gabor(o, f, p + shift) for o, f, p in zip(*drawn(), strict=True) for shift in shifts]))
    if kind == "centre-surround":
        filters = np.repeat(coloured(centre_surround(1.2, 2.4)[None]), CASES, axis=0)
    elif kind == "random":
        filters = random.standard_normal(filters.shape)
    elif kind == "opponent":
        axes = [tuple(OPPONENTS.values())[each % 3] for each in range(CASES)]
        weights = np.array(axes)[:, :, None, None]
        filters = weights * filters[:, :1]
    agent = agent_of(noisy(filters, NOISE), is_energy=is_energy)
    layer = "energy" if is_energy else "conv"
    return measure(agent, layers=(layer,), untrained=0, shuffles=20).data.isel(network=0)


def recognised(data: xarray.Dataset) -> np.ndarray:
    """What each unit is, by three numbers of its tuning.

    The bounds were chosen after a first look. By selectivity alone one random filter of 200 was called simple: filters
    of white noise may be as selective as Gabors are. But their weights on the three primaries are independent, so that
    they have no colour axis, which is why simple units are asked for one, as centre-surrounds were from the beginning.
    """
    has_axis = np.abs(data["colour_index"].values) > 0.5
    selectivity = data["orientation_selectivity"].values
    oriented, round_ = (selectivity > 0.6) & has_axis, (selectivity < 0.1) & has_axis
    by_shape = np.where(oriented, "simple", np.where(round_, "centre-surround", "random"))
    return np.where(data["modulation"].values < 1, "complex", by_shape)


@pytest.mark.parametrize("kind", ["simple", "complex", "centre-surround", "random"])
def test_noisy_units_are_recognised_as_what_they_are_in_200_of_200_cases(kind):
    assert (recognised(tuned(kind)) == kind).sum() == CASES


@pytest.mark.parametrize("kind", ["simple", "complex"])
def test_orientation_and_frequency_of_planted_gabors_are_returned_within_a_bin_in_all_cases(kind):
    data, (orientations, frequencies, phases) = tuned(kind), drawn()
    turned = (data["preferred_orientation"].values - orientations + 90) % 180 - 90
    assert np.abs(turned).max() < 10  # degrees from one orientation to the next
    step = np.log2(data["frequency"].values[1] / data["frequency"].values[0])
    assert np.abs(np.log2(data["preferred_frequency"].values / frequencies)).max() < step
    if kind == "simple":
        assert np.abs((data["preferred_phase"].values - phases + 180) % 360 - 180).max() < 45
        np.testing.assert_allclose(data["modulation"], np.pi / 2, atol=0.1)
        np.testing.assert_allclose(data["linearity"], 0.5, atol=0.02)
        np.testing.assert_allclose(data["contrast_exponent"], 1, atol=0.02)
    else:
        assert (data["modulation"] < 0.1).all() and np.isnan(data["preferred_phase"]).all()
        np.testing.assert_allclose(data["contrast_exponent"], 2, atol=0.02)
    assert np.isnan(data["half_saturation"]).all()  # they do not saturate


def test_the_width_of_the_tuning_is_that_of_the_planted_envelope():
    """Without noise: a Gaussian around the preferred frequency, f / (2 pi 0.45) wide in both directions."""
    filters = coloured(np.stack([gabor(o, f, 90) for o in (0, 30, 90) for f in (0.15, 0.25)]))
    settings = {"orientations": 36, "frequencies": 40, "phases": 8, "layers": ("conv",), "untrained": 0}
    data = measure(agent_of(filters), shuffles=20, **settings).data.isel(network=0)
    half = np.sqrt(2 * np.log(2)) / (2 * np.pi * 0.45)
    # On a circle of constant frequency the distance to the peak is 2 sin(turn / 2).
    np.testing.assert_allclose(data["orientation_half_width"], 2 * np.degrees(np.arcsin(half / 2)), rtol=0.05)
    np.testing.assert_allclose(data["bandwidth"], np.log2((1 + half) / (1 - half)), rtol=0.06)


def test_a_centre_surround_has_its_frequency_and_no_orientation():
    data = tuned("centre-surround")
    step = np.log2(data["frequency"].values[1] / data["frequency"].values[0])
    assert np.abs(np.log2(data["preferred_frequency"].values / best_frequency(1.2, 2.4))).max() < step
    assert (data["orientation_selectivity"] < 0.06).all()
    assert (data["orientation_selectivity"] < data["chance_selectivity"]).all()
    assert (data["low_cut"] < best_frequency(1.2, 2.4)).all() and (data["high_cut"] > best_frequency(1.2, 2.4)).all()


def test_selectivity_of_gabors_is_above_that_of_shuffled_answers():
    assert (tuned("simple")["orientation_selectivity"] > tuned("simple")["chance_selectivity"]).all()


def test_opponent_units_prefer_their_axis_in_200_of_200_cases():
    data = tuned("opponent")
    assert data["axis"].values.tolist() == list(OPPONENTS)
    assert (data["preferred_axis"].values == np.arange(CASES) % 3).all()
    # At the highest contrast the primary that varies most has the whole range of pixels, on every axis.
    room = np.array([np.abs(np.array(weights) / np.linalg.norm(weights)).max() for weights in OPPONENTS.values()])
    gain = data["contrast_curve"].values[:, -1] / data["strength"].values
    np.testing.assert_allclose(gain, (room.max() / room)[np.arange(CASES) % 3], rtol=1e-4)
    index = data["colour_index"].values
    assert (index[np.arange(CASES) % 3 == 0] < -0.5).all() and (index[np.arange(CASES) % 3 > 0] > 0.5).all()


def test_our_own_network_with_hand_set_gabors_behind_an_elu():
    policy, _ = gabor_policy(size=9)
    filters = gabors(6, 9)
    filters -= filters.mean(axis=(2, 3), keepdims=True)
    convolution_of(policy, "conv1").weight.copy_(torch.from_numpy(filters))
    data = measure(policy, layers=("conv1",), untrained=0).data.isel(network=0)
    planted = -180 * np.arange(6) / 6 % 180  # rows count downwards
    turned = (data["preferred_orientation"].values - planted + 90) % 180 - 90
    assert np.abs(turned).max() < 10
    step = np.log2(data["frequency"].values[1] / data["frequency"].values[0])
    assert np.abs(np.log2(data["preferred_frequency"].values / (2.2 / 9))).max() < step
    assert data["preferred_axis"].values.tolist() == [0, 1, 2, 0, 1, 2]
    assert (data["modulation"] > 1).all()


class Saturating(nn.Module):
    """Energy over energy and a constant: contrast^2 / (contrast^2 + half^2)."""

    def __init__(self, half: float) -> None:
        super().__init__()
        pair = coloured(np.stack([gabor(0, 0.2, phase) for phase in (0, 90)]))
        self.conv = nn.Conv2d(3, 2, pair.shape[-1], bias=False)
        self.conv.weight.data.copy_(torch.from_numpy(pair))
        self.energy = nn.Conv2d(2, 1, 1, bias=False)
        self.energy.weight.data.fill_(1.0)
        self.out = nn.Linear(1, 2)
        x = np.arange(17) - 8.0
        best = 128 * np.cos(2 * np.pi * 0.2 * x)[None, None] * np.ones((3, 17, 1))
        self.half = float(half**2 * np.square((pair[0] * best).sum()))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        energy = self.energy(self.conv(pictures.permute(0, 3, 1, 2).float() - 128.0) ** 2)
        return self.out(torch.flatten(torch.relu(energy / (energy + self.half)), 1))


@pytest.mark.parametrize("half", [0.1, 0.3])
def test_the_contrast_response_of_a_known_saturating_unit_is_returned(half):
    agent = from_module(Saturating(half), observation_shape=(17, 17, 3), actions=2)
    settings = {"frequencies": 5, "lowest_frequency": 0.1, "highest_frequency": 0.4, "untrained": 0}
    (saturating,) = [each.name for each in agent.policy.layers if "relu" in each.name]
    data = measure(agent, layers=(saturating,), **settings).data.isel(network=0)
    assert float(data["preferred_frequency"][0]) == pytest.approx(0.2, rel=0.1)
    assert float(data["contrast_exponent"][0]) == pytest.approx(2, rel=0.02)
    assert float(data["half_saturation"][0]) == pytest.approx(half, rel=0.03)
    assert float(data["contrast_fit"][0]) > 0.999


def test_the_numbers_are_those_of_a_slow_measurement_in_whole_pictures():
    """One picture at a time, drawn pixel by pixel, all layers of a network with a memory."""
    policy = small_policy(seed=3)
    few = {"orientations": 4, "frequencies": 3, "most_units": 3}
    result = measure(policy, **{**SMALL, **few})
    data = result.data.isel(network=0)
    assert [str(each) for each in data["layer"].values] == ["conv1", "conv2", "conv3", "fc", "rnn"]
    height, width, _ = policy.observation_shape
    axes = [np.array(weights) / np.linalg.norm(weights) for weights in OPPONENTS.values()]
    amplitude = PIXEL_MEAN / np.abs(axes).max()
    state = policy.initial_state(1)

    def activity(layer: str, picture: np.ndarray) -> np.ndarray:
        with torch.no_grad(), policy.capture(layer) as found:
            policy.step(torch.from_numpy(picture.astype(np.float32))[None], state)
        answers = found[layer][0].double()
        return (answers if answers.ndim == 1 else answers[(slice(None), *policy.middle_unit(layer))]).numpy()

    for layer in ("conv2", "fc", "rnn"):
        middle = ((height - 1) / 2, (width - 1) / 2)
        if policy.layer(layer).is_map:
            field = policy.receptive_field(layer)
            top, left = field.starts(*policy.middle_unit(layer))
            middle = (top + (field.height - 1) / 2, left + (field.width - 1) / 2)
        grey = activity(layer, np.full(policy.observation_shape, PIXEL_MEAN))
        strengths = []
        for axis in axes:
            for orientation in np.radians(data["orientation"].values):
                for frequency in data["frequency"].values:
                    answers = []
                    for phase in np.radians(data["phase"].values):
                        picture = np.full(policy.observation_shape, PIXEL_MEAN)
                        for row in range(height):
                            for column in range(width):
                                right, up = column - middle[1], middle[0] - row
                                across = right * np.cos(orientation) + up * np.sin(orientation)
                                picture[row, column] += (
                                    amplitude * axis * np.cos(2 * np.pi * frequency * across - phase)
                                )
                        answers.append(activity(layer, picture) - grey)
                    strengths.append(np.sqrt(np.mean(np.square(answers), axis=0)))
            if layer != "conv2":
                break  # luminance will do
        here = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
        units = here["unit_number"].values
        if layer == "conv2":
            expected = np.array(strengths)[:, units].max(axis=0)
            np.testing.assert_allclose(here["strength"], expected, rtol=1e-3)
        luminance = np.array(strengths)[: 4 * 3, units].max(axis=0)
        np.testing.assert_allclose(here["axis_strength"][:, 0], luminance, rtol=1e-3)
        np.testing.assert_allclose(here["grey_activity"], grey[units], atol=1e-5)


def test_units_that_no_grating_moves_are_nan_and_said():
    policy, _ = gabor_policy(activation="relu")
    convolution_of(policy, "conv1").bias[2] = -1_000
    result = measure(policy, layers=("conv1",), **SMALL)
    is_dead = np.arange(6) == 2
    for name in ("preferred_orientation", "orientation_selectivity", "modulation", "half_saturation", "strength"):
        assert np.isnan(result.data[name].values[0, is_dead]).all()
    assert np.isfinite(result.data["orientation_selectivity"].values[0, ~is_dead]).all()
    assert result.data["preferred_axis"].values[0].tolist()[2] == -1
    assert int(result.data["answering"][0, 0]) == 5
    assert "Units that no grating moves are left out: 1 of conv1." in result.data.attrs["caption"]


def test_what_differs_only_by_rounding_is_no_answer():
    policy, _ = gabor_policy(activation="linear")
    convolution_of(policy, "conv1").weight[2] *= 1e-3
    convolution_of(policy, "conv1").bias[2] = 10_000.0  # float32 tells it from 10,000.001
    data = measure(policy, layers=("conv1",), **SMALL).data
    assert np.isnan(data["strength"].values[0]).tolist() == [False, False, True, False, False, False]


def test_a_layer_in_which_nothing_answers_can_still_be_drawn():
    policy, _ = gabor_policy(activation="relu")
    convolution_of(policy, "conv1").bias.fill_(-1_000)
    result = measure(policy, layers=("conv1",), **SMALL)
    assert int(result.data["answering"].sum()) == 0
    assert [each.name for each in ANALYSIS.draw(result)] == ["tuning_to_gratings", "tuning_to_gratings"]
    ANALYSIS.draw(result)[0].draw()


def test_at_the_highest_contrast_a_unit_that_sees_no_colours_answers_as_it_does_in_the_table():
    """Thresholded, so that it answers at few phases."""
    filters = noisy(coloured(np.stack([gabor(10 * each, 0.2, 40 * each) for each in range(18)])), 1.0)
    agent = agent_of(filters, threshold=4.0)
    only_grey = from_module(
        agent.policy.module,
        observation_shape=(33, 37, 1),
        actions=2,
        preprocess=lambda pixels: pixels.permute(0, 3, 1, 2).float().repeat(1, 3, 1, 1),
    )
    data = measure(only_grey, layers=("conv",), **{**SMALL, "phases": 8}).data
    assert np.isfinite(data["strength"]).any()
    np.testing.assert_allclose(data["contrast_curve"].values[..., -1], data["strength"].values, rtol=1e-4)


def test_untrained_networks_stand_beside_the_agent():
    agent = planted_inputs("agent with memory").agent
    result = measure(agent, **{**SMALL, "untrained": 2})
    data = result.data
    assert data["network"].values.tolist() == ["trained", "redrawn 1", "redrawn 2"]
    assert "The checkpoint before training is not known." in data.attrs["caption"]
    assert "Redrawn: the units of 2 networks of weights drawn anew." in data.attrs["caption"]
    conv1 = data.isel(unit=np.flatnonzero(data["unit_layer"].values == "conv1"))["orientation_selectivity"].values
    assert not np.allclose(conv1[0], conv1[1]) and not np.allclose(conv1[1], conv1[2])
    medians = data["median"].sel(index="orientation_selectivity", layer="conv1").values
    np.testing.assert_allclose(medians, np.median(conv1, axis=1))
    expected = 100 * (conv1[1:].ravel() < medians[0]).mean()
    assert float(data["percentile"].sel(index="orientation_selectivity", layer="conv1")) == pytest.approx(expected)


def test_a_network_that_cannot_be_drawn_anew_is_measured_without_and_says_why():
    agent = from_module(Own(), observation_shape=(8, 8, 1), actions=2)
    result = measure(agent, **{**SMALL, "untrained": 2})
    assert result.data["network"].values.tolist() == ["trained"]
    assert "No weights were drawn anew: " in result.data.attrs["caption"]
    assert "colour_index" not in result.data and result.data["axis"].values.tolist() == ["luminance"]


class Own(nn.Module):
    """Parameters that no part draws."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.linspace(-1, 1, 64 * 2).reshape(64, 2))
        self.out = nn.Linear(2, 2)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.out(torch.relu(pictures.float().flatten(1) @ self.matrix))


def test_the_cost_counts_every_grating_shown_once():
    """Two maps of their own and two layers of whole pictures, which share a pass."""
    policy = small_policy()
    settings = {**SMALL, "layers": ("conv1", "conv2", "fc", "rnn")}
    asked = TuningToGratingsParameters(**settings)
    layers, design = layers_of(policy, asked), design_of(policy, asked, 1)
    units = {layer.name: units_of(layer, asked.most_units) for layer in layers}
    found = dict(grating_responses.measure(policy, layers, units, design, 20, 0, 128, lambda _: None))
    once = {
        name: operations(lambda name=name: policy.unit_answers(torch.zeros(1, *policy.stimulus_shape(name)), name))
        for name in settings["layers"]
    }
    table, series = 3 * 6 * 4 * 4, 3 * 4
    expected = 0.0
    for name, each in once.items():
        tuning = found[name].tuning
        driving = zip(tuning.axis, tuning.orientation, tuning.frequency, strict=True)
        different = {place for place in driving if place[0] >= 0}
        expected += each * (len(different) * series + (table if name.startswith("conv") else 0))
    picture = torch.zeros(1, *policy.observation_shape)
    expected += table * operations(lambda: policy.step(picture, policy.initial_state(1)))
    assert grating_responses.operations_of(policy, layers, found, design) == pytest.approx(expected)


def test_a_large_network_is_compared_with_fewer_untrained_ones_unless_a_number_is_given(monkeypatch):
    policy = small_policy()
    settings = {**{name: value for name, value in SMALL.items() if name != "untrained"}, "layers": ("conv1", "fc")}
    usual = measure(policy, **settings)
    assert usual.parameters["untrained"] == 5 and usual.data.sizes["network"] == 6
    assert "so large a network" not in usual.data.attrs["caption"]
    costs = []

    def counted(*asked: object) -> float:
        costs.append(grating_responses.operations_of(*asked))
        return costs[-1]

    monkeypatch.setattr(tuning_to_gratings, "operations_of", counted)
    measure(policy, **settings)
    monkeypatch.setattr(untrained, "BUDGET_OPERATIONS", 3.5 * costs[0])
    few = measure(policy, **settings)
    assert few.parameters["untrained"] == 3
    assert few.data["network"].values.tolist() == ["trained", "redrawn 1", "redrawn 2", "redrawn 3"]
    assert (
        "Of so large a network no more than 3 are drawn anew, unless `untrained` says so."
        in (few.data.attrs["caption"])
    )
    xarray.testing.assert_equal(few.data["strength"], usual.data["strength"][:4])
    asked = measure(policy, untrained=4, **settings)
    assert asked.data.sizes["network"] == 5 and "so large a network" not in asked.data.attrs["caption"]
    monkeypatch.setattr(untrained, "BUDGET_OPERATIONS", 0.1 * costs[0])
    assert measure(policy, **settings).parameters["untrained"] == 2, "fewer would be no comparison"


def test_stacked_frames_show_the_same_and_their_colours_are_known_from_the_world():
    inputs = planted_inputs("stacked frames")
    agent = Agent(inputs.agent.name, inputs.agent.policy)
    assert measure(agent, **SMALL).data["axis"].values.tolist() == ["luminance"]

    class World:
        declaration = inputs.declaration

    data = measure(agent, world=World(), **SMALL).data
    assert data["axis"].values.tolist() == ["luminance", "red-green", "blue-yellow"]


def test_frequencies_in_degrees_where_the_world_says_how_wide_its_view_is():
    inputs = planted_inputs("agent with memory")
    declared = dataclasses.replace(
        inputs.declaration, picture=dataclasses.replace(inputs.declaration.picture, field_of_view=90.0)
    )

    class World:
        declaration = declared

    agent = Agent(inputs.agent.name, inputs.agent.policy)
    data = measure(agent, world=World(), layers=("conv1",), **SMALL).data
    per_pixel = np.degrees(2 / agent.policy.observation_shape[1])  # tan 45 is 1
    np.testing.assert_allclose(
        data["preferred_frequency_per_degree"].values, data["preferred_frequency"].values / per_pixel
    )
    assert "degrees in the middle of the view" in data.attrs["caption"]
    assert "preferred_frequency_per_degree" not in measure(agent, layers=("conv1",), **SMALL).data


def test_the_batch_size_bounds_what_is_shown_at_once_and_changes_nothing(monkeypatch):
    policy, shown = small_policy(), []
    encode = policy.encode

    def watched(observations: torch.Tensor, until: str) -> torch.Tensor:
        shown.append(len(observations))
        return encode(observations, until)

    whole = measure(policy, layers=("conv3",), **SMALL).data
    monkeypatch.setattr(policy, "encode", watched)
    parts = measure(policy, layers=("conv3",), batch_size=7, **SMALL).data
    assert max(shown) == 7
    xarray.testing.assert_allclose(whole.drop_attrs(), parts.drop_attrs(), rtol=1e-3)


def test_a_saved_result_comes_back(tmp_path):
    result = measure(small_policy(), layers=("conv1", "rnn"), **SMALL)
    loaded = load_result(result.save(tmp_path / "gratings.nc"))
    assert loaded.data.equals(result.data) and loaded.parameters == result.parameters
    json.dumps(result.parameters)


def test_at_most_so_many_units_of_a_layer_are_measured_evenly_spaced():
    data = measure(small_policy(), layers=("fc",), most_units=3, **SMALL).data
    assert data["unit_number"].values.tolist() == [0, 3, 6]
    assert "n = 3 of fc" in data.attrs["caption"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": ("conv9",)}, "layer 'conv9'"),
        ({"orientations": 7}, "orientations is 7; give an even number"),
        ({"lowest_frequency": 0.4, "highest_frequency": 0.3}, "lowest_frequency is 0.4; give less than"),
        ({"highest_frequency": 0.6}, "highest_frequency is 0.6; give a number above 0, at most 0.5"),
        ({"highest_contrast": 1.5}, "highest_contrast is 1.5"),
        ({"phases": 2}, "phases is 2; give at least 4"),
        ({"oriantations": 6}, "no parameter 'oriantations'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        measure(small_policy(), **settings)
    assert "\n" not in str(caught.value)
    if "oriantations" not in settings and "phases" not in settings and "0.6" not in message and "1.5" not in message:
        inputs = Inputs(Agent("planted", small_policy()), None)
        with pytest.raises(UserError, match=message):
            ANALYSIS.refuse(inputs, TuningToGratingsParameters(**settings))


def test_a_contrast_that_leaves_the_range_of_pixels_is_refused():
    policy = small_policy()
    policy.network.pixel_mean.fill_(200.0)
    with pytest.raises(UserError, match="around this agent's grey level of 200 pixels would leave 0 to 255"):
        measure(policy, highest_contrast=0.5)
    assert float(measure(policy, layers=("conv1",), **SMALL).data["contrast"][-1]) == pytest.approx(55 / 200)
