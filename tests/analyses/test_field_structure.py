"""The structure of an agent's fields: planted kernels get their names, and what is beside them is what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.agent import Agent
from retinoscope.analyses.early_vision import receptive_field_measuring
from retinoscope.analyses.early_vision.field_networks import affordable_draws, patches_of
from retinoscope.analyses.early_vision.field_structure import field_structure
from retinoscope.analyses.early_vision.field_structure_drawings import caption_of
from retinoscope.analyses.early_vision.receptive_field_measuring import operations_of
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.attribution.cost import operations
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.scenarios import load_scenario
from tests.planted_fields import planted
from tests.synthetic import convolution_of, small_policy

QUICK: dict[str, Any] = {"untrained": 2, "surrogates": 12, "stimuli": 64}
KINDS = {"opponent gabor": "oriented", "opponent dog": "centre-surround", "white": "not structured"}


def policy_of(fields: np.ndarray) -> ActorCriticPolicy:
    """A network whose first kernels are these fields, (unit, side, side, colour)."""
    size, sides = fields.shape[1], 3 * fields.shape[1] + 3
    policy = small_policy(vvs_depth=0, global_channels=len(fields), kernel_size=size, shape=(sides, sides, 3))
    kernels = fields / np.sqrt(np.square(fields).sum(axis=(1, 2, 3), keepdims=True))
    convolution_of(policy, "conv1").weight.copy_(torch.from_numpy(np.moveaxis(kernels, -1, 1)).float())
    return policy


@pytest.fixture(scope="module")
def result() -> Result:
    """Three kernels of every kind; those of noise have noise in every colour."""
    random = np.random.default_rng(4)
    fields = [np.broadcast_to(planted(kind, 3, random), (3, 13, 13, 3)) for kind in KINDS]
    fields[2] = random.normal(size=fields[2].shape)
    return field_structure(policy_of(np.concatenate(fields)), **QUICK)


def test_planted_kernels_get_their_names(result):
    trained = result.data.sel(network="trained")
    is_first = trained["unit_layer"].values == "conv1"
    assert trained["kind"].values[is_first].tolist() == [kind for kind in KINDS.values() for _ in range(3)]
    assert trained["is_reliable"].values[is_first].all()
    assert (trained["r2"].values[:6] > 0.97).all()
    assert (trained["colour_opponency"].values[:6] > 0.8).all()
    assert (trained["colour_share"].values[:6] > 0.99).all()
    assert (trained["orientation_index"].values[:3] > 0.6).all() and (
        trained["orientation_index"].values[3:6] < 0.4
    ).all()


def test_untrained_networks_are_the_reference(result):
    data = result.data
    assert data["network"].values.tolist() == ["trained", "redrawn 1"] and data.sizes["draw"] == 2
    untrained = data["r2_untrained"].values[:, data["unit_layer"].values == "conv1"]
    assert (data["kind"].sel(network="redrawn 1").values[:9] == "not structured").all()
    assert float(data["untrained_95"].sel(layer="conv1")) == pytest.approx(np.percentile(untrained, 95))
    above = (data["r2"].sel(network="trained").values[:9] > np.percentile(untrained, 95)).mean()
    assert float(data["share_above_untrained"].sel(layer="conv1", network="trained")) == pytest.approx(above)
    assert above >= 6 / 9
    assert float(data["median_r2_untrained"].sel(layer="conv1")[0]) == pytest.approx(np.median(untrained[0]))


def test_the_caption_gives_the_lowest_and_the_highest_of_the_untrained_networks(result):
    data = result.data.copy(deep=True)
    data["median_r2_untrained"].loc[{"layer": "conv1"}] = [0.9, 0.1]
    assert "2 untrained networks 0.10 to 0.90" in caption_of(data, "conv1", result.parameters, "")


def test_orientation_is_told_as_it_is_seen():
    """0 for upright stripes, anticlockwise: those that rise to the right are 135 degrees from there."""
    y, x = np.mgrid[:11, :11] - 5.0
    rising = np.exp(-(x**2 + y**2) / 10) * np.cos(1.3 * (x + y) / np.sqrt(2))  # constant along x = -y: up to the right
    upright = np.exp(-(x**2 + y**2) / 10) * np.cos(1.3 * x)
    fields = np.stack([rising, upright])[..., None] * np.ones(3)
    data = field_structure(policy_of(fields), untrained=0, surrogates=3, stimuli=32).data.sel(network="trained")
    for name in ("orientation", "gabor_orientation"):
        np.testing.assert_allclose(np.cos(np.radians(2 * (data[name].values[:2] - [135, 0]))), 1, atol=0.01)


def test_without_untrained_networks_it_can_be_saved(tmp_path):
    fields = planted("opponent gabor", 2, np.random.default_rng(0))
    result = field_structure(policy_of(fields), untrained=0, surrogates=3, stimuli=32)
    again = load_result(result.save(tmp_path / "result.nc"))
    assert again.data.sizes["draw"] == 0 and np.isnan(again.data["untrained_95"]).all()
    assert "untrained networks" not in again.data["conv1_field"].attrs["caption"]


def test_large_fields_are_averaged_and_few_units_taken_and_lengths_stay_those_of_pixels():
    random = np.random.default_rng(2)
    fields = planted("opponent dog", 5, random, side=24)
    policy = policy_of(fields)
    whole = field_structure(policy, untrained=0, surrogates=3, stimuli=32).data.sel(network="trained")
    part = field_structure(policy, untrained=0, surrogates=3, stimuli=32, largest_side=12, most_units=3).data
    assert part["conv1_field"].shape == (1, 3, 12, 12) and part["conv1_unit"].values.tolist() == [0, 2, 4]
    assert part["conv1_field"].attrs["binned"] == 2 and part["conv1_field"].attrs["units_measured"] == 5
    found = part.sel(network="trained")["size"].values[:3]
    np.testing.assert_allclose(found, whole["size"].values[[0, 2, 4]], rtol=0.2)
    assert "n = 3 of 5 units" in part["conv1_field"].attrs["caption"]


def test_sizes_are_in_degrees_where_the_view_is_known():
    policy = small_policy(shape=(60, 80, 3))
    known = Agent("in an arena", policy, scenario=load_scenario("digits"))
    data = field_structure(known, untrained=0, surrogates=3, stimuli=16, most_units=2).data
    expected = 2 * np.degrees(np.tan(np.radians(45))) / 80  # 90 degrees over 80 pixels of a flat picture
    np.testing.assert_allclose(data["size_degrees"], data["size"] * expected)
    np.testing.assert_allclose(data["gabor_frequency_degrees"], data["gabor_frequency"] / expected)
    alone = field_structure(policy, untrained=0, surrogates=3, stimuli=16, most_units=2).data
    assert "size_degrees" not in alone


def test_a_large_network_is_compared_with_fewer_untrained_ones_unless_a_number_is_given(monkeypatch):
    policy, quick = small_policy(), {"surrogates": 3, "stimuli": 16, "most_units": 2}
    fields = receptive_fields(policy, max_stimuli=32, target_reliability=1.0)
    units = {layer: fields.data[f"{layer}_unit"].values[[0, -1]].tolist() for layer in fields.parameters["layers"]}
    each = {
        layer: operations(lambda layer=layer: policy.unit_answers(torch.zeros(1, *policy.stimulus_shape(layer)), layer))
        for layer in units
    }
    half = operations_of(policy, fields, units, 16)
    assert half == sum(each.values()) * 16 * (1 + 2), "forward, and backward for two units"
    monkeypatch.setattr(receptive_field_measuring, "BUDGET_OF_ALL", 7 * half)
    given = {"receptive_fields": fields}
    found = field_structure(policy, given=given, **quick)
    assert found.data.sizes["draw"] == found.parameters["untrained"] == 3, "two halves of each"
    assert "no more than 3 are drawn anew, unless `untrained` says so" in found.data["conv1_field"].attrs["caption"]
    asked = field_structure(policy, given=given, untrained=4, **quick)
    assert asked.data.sizes["draw"] == 4 and "large a network" not in asked.data["conv1_field"].attrs["caption"]
    monkeypatch.setattr(receptive_field_measuring, "BUDGET_OF_ALL", half)
    assert affordable_draws(policy, patches_of(fields, 2, 32), fields, 16) == 2, "fewer would be no comparison"
    monkeypatch.undo()
    assert affordable_draws(policy, patches_of(fields, 2, 32), fields, 16) == 20


def test_what_has_no_place_or_no_white_noise_is_refused():
    policy = small_policy()
    with pytest.raises(NotMeasurable, match="fields have a place"):
        field_structure(
            policy, given={"receptive_fields": receptive_fields(policy, layers="fc", max_stimuli=8)}, **QUICK
        )
    seen = np.random.default_rng(0).integers(0, 255, (8, *policy.observation_shape), np.uint8)
    fields = receptive_fields(policy, observations=seen, max_stimuli=8)
    with pytest.raises(UserError, match="under white noise"):
        field_structure(policy, given={"receptive_fields": fields}, **QUICK)
