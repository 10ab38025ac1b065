"""The checks, on an agent of which it is known what its maps are worth."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch

from retinoscope.analyses.attribution.attribution_checks import ANALYSIS, attribution_checks
from retinoscope.analyses.attribution.attribution_verdicts import is_passed, similarity, strength, worst_stage
from retinoscope.attribution.baselines import blurred
from retinoscope.attribution.parameters import ATTRIBUTION_METHODS
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.figures.attribution_checks import spoken
from retinoscope.result import load_result
from retinoscope.rollouts import record
from retinoscope.worlds.world import World
from tests.figures.behaviour_results import faults_of
from tests.rollouts.recordings import small_agent

SMALL = {"frames": 24, "stretch_frames": 6, "workers": 1, "steps": 4, "samples": 2, "window": 20, "stride": 20}


@pytest.fixture(scope="module")
def linear(engine, small_recording_arena, tmp_path_factory):
    """An agent whose value is a weighted sum of pixels, so that the effect of an object is the sum over its pixels."""
    agent = small_agent(encoder="linear", rnn="none")
    with torch.no_grad():
        agent.policy.network.value.weight.normal_(generator=torch.Generator().manual_seed(1))
    out = tmp_path_factory.mktemp("linear") / "linear.zarr"
    return agent, record(agent, small_recording_arena, frames=60, out=out, seed=4)


@pytest.fixture(scope="module")
def planted(linear, small_recording_arena):
    agent, recording = linear
    return attribution_checks(
        recording, agent=agent, world=small_recording_arena, targets=["value", "logit:move forward"], **SMALL
    )


def test_for_a_linear_agent_the_simulator_agrees_exactly_with_methods_in_units_of_the_target(planted):
    agreement = planted.data["agreement"].sel(map="signed")
    for method in ("gradient_x_input", "integrated_gradients"):
        np.testing.assert_allclose(agreement.sel(attribution_method=method).values, 1, atol=1e-3)
    assert abs(float(agreement.sel(attribution_method="gradient", target="all", statistic="estimate"))) < 0.95
    assert planted.data["rank"].sel(attribution_method="gradient_x_input") <= 2


def test_what_a_network_that_weighs_all_pixels_alike_adds_to_the_pixels_difference_is_nothing(
    linear, small_recording_arena
):
    agent, recording = linear
    even = dataclasses.replace(agent, policy=copy.deepcopy(agent.policy))
    with torch.no_grad():
        for layer in (even.policy.network.encoder.layers.fc.linear, even.policy.network.value):
            layer.weight.fill_(0.01)
    recording = record(even, small_recording_arena, frames=60, out=recording.path.parent / "even.zarr", seed=4)
    data = attribution_checks(
        recording,
        agent=even,
        world=small_recording_arena,
        targets=["value"],
        methods=("gradient", "gradient_x_input"),
        **SMALL,
    ).data
    by_network = data.sel(attribution_method="gradient_x_input")
    for name in ("deletion_gain", "insertion_gain"):
        np.testing.assert_allclose(data[f"{name}_of_difference"], by_network[name], atol=0.02)
        assert float(data[f"{name}_of_difference"].sel(target="value", statistic="low")) > 0.1
    np.testing.assert_allclose(data["agreement_of_difference"], by_network["agreement"].sel(map="absolute"), atol=1e-6)


def test_without_activation_functions_guided_backprop_is_left_out(planted):
    assert planted.data["attribution_method"].values.tolist() == [
        each for each in ATTRIBUTION_METHODS if each != "guided_backprop"
    ]


def test_maps_of_random_networks_are_unlike_and_all_curves_end_where_they_must(planted):
    data = planted.data
    signed = data["similarity"].sel(map="signed", attribution_method="gradient", target="all", statistic="estimate")
    assert np.abs(signed.values).max() < 0.25 and bool(data["passed"].sel(attribution_method="gradient", target="all"))
    np.testing.assert_allclose(data["deletion"].values[..., 0], 0)
    np.testing.assert_allclose(data["deletion"].values[..., -1], 1, rtol=1e-5)
    np.testing.assert_allclose(data["insertion"].values[..., 0], 1, rtol=1e-5)
    np.testing.assert_allclose(data["insertion"].values[..., -1], 0)


def test_every_number_has_an_interval_and_the_result_says_how_it_was_made(planted, tmp_path):
    data = planted.data
    names = ["similarity", "strength", "deletion_gain", "insertion_gain", "agreement", "agreement_of_size"]
    names += ["deletion_gain_of_difference", "insertion_gain_of_difference", "agreement_of_difference"]
    for name in names:
        estimate, low, high = (data[name].sel(statistic=each).values for each in ("estimate", "low", "high"))
        assert np.isfinite(estimate).all() and (low <= estimate + 1e-9).all() and (estimate <= high + 1e-9).all()
    assert "n = 24 frames in 4 stretches of 6" in data.attrs["caption"]
    assert sorted(data["rank"].values) == [1, 2, 3, 4, 5, 6]
    json.dumps(planted.parameters)
    loaded = load_result(planted.save(tmp_path / "checks.nc"))
    assert loaded.data.equals(data) and loaded.parameters["threshold"] == 0.2


def test_maps_that_only_change_their_sign_do_not_pass():
    """The first method's maps stay the same but for a sign by chance, the second's are unlike; chance gives 0.05."""
    judged = 1  # fc, of value and policy, fc, conv1
    signs = np.resize([1.0, -1.0], 12)
    rho = np.stack([0.9 * signs, 0.06 * signs])[:, None, None].repeat(3, axis=1)
    measured = [
        {"row": np.arange(6)}
        | dict.fromkeys(("signed", "absolute"), rho[..., part])
        | {f"{name}_chance": 0.05 * np.sign(rho[..., part]) for name in ("signed", "absolute")}
        for part in (slice(6), slice(6, 12))
    ]
    np.testing.assert_allclose(similarity(measured)[0][..., 0], 0, atol=1e-12)
    strong, chance = strength(measured)
    np.testing.assert_allclose(chance, 0.05)
    np.testing.assert_allclose(strong[0], 0.9)
    assert is_passed(strong[..., 0] - chance, judged, 0.2).tolist() == [[False, False], [True, True]]
    strong[0, 0], strong[0, 2] = 5, 1  # of the stages above fc none is judged
    assert worst_stage(strong[..., 0] - chance, judged)[0].tolist() == [2, 2]


@pytest.mark.parametrize(("fc", "conv1"), [(0.9, 0.0), (0.0, 0.9)])
def test_every_judged_stage_must_pass(fc, conv1):
    """Maps that are still alike at one of the stages do not become evidence by being unlike at another."""
    excess = np.array([[0.95, 0.95, fc, conv1], [0.95, 0.95, 0.1, 0.1]])[:, :, None]  # (method, stage, target)
    assert is_passed(excess, 2, 0.2).tolist() == [[False], [True]]


def test_a_map_that_ignores_the_network_fails(small_recording, small_recording_arena):
    """Guided backpropagation through positive weights everywhere shows the picture, whatever they are."""
    agent = small_agent()
    result = attribution_checks(
        small_recording,
        agent=agent,
        world=small_recording_arena,
        targets=["value"],
        methods=("gradient", "guided_backprop"),
        **SMALL,
    )
    assert set(result.data["attribution_method"].values) == {"gradient", "guided_backprop"}
    assert result.data["stage"].values.tolist() == ["value and policy", "rnn", "fc", "conv3", "conv2", "conv1"]
    similarity = result.data["similarity"].sel(map="signed", stage="fc", target="value", statistic="estimate")
    assert abs(float(similarity.sel(attribution_method="gradient"))) < 0.2
    assert result.data["rank"].values.min() == 1


def test_the_tables_rank_the_methods_and_give_every_number_its_interval(planted):
    _, table, by_target = ANALYSIS.draw(planted)
    assert [row[0] for row in table.rows] == [1, 2, 3, 4, 5, 6, ""]
    assert table.rows[-1][1] == "pixel difference, no network"
    best = str(planted.data["attribution_method"].values[planted.data["rank"].values == 1][0])
    assert table.rows[0][1] == spoken(best)
    assert all(len(row) == len(table.columns) for row in (*table.rows, *by_target.rows))
    assert all("[" in str(row[column]) for row in table.rows[:-1] for column in (2, 5, 6, 7, 8, 9))
    assert all("[" in str(table.rows[-1][column]) for column in (6, 7, 9))
    assert len(by_target.rows) == 2 * 6 and by_target.rows[6][0] == "logit: move forward"


def test_workers_do_not_change_the_answer(linear, small_recording_arena):
    agent, recording = linear
    settings = SMALL | {"frames": 12, "methods": ("gradient",), "targets": ["value"]}
    one, two = (
        attribution_checks(
            recording, agent=agent, world=small_recording_arena, **(settings | {"workers": workers})
        ).data
        for workers in (1, 2)
    )
    assert one.equals(two)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 3, "stretch_frames": 2}, "fewer than the two stretches"),
        ({"stretch_frames": 0}, "stretch_frames is 0; give "),
        ({"stretch_frames": 200}, "too few for two stretches of 200|fewer than the two stretches"),
        ({"methods": ("lime",)}, "methods 'lime' is unknown; choose from gradient, .* or perturbation"),
        ({"targets": ["fc:99"]}, "no such unit"),
        ({"threshold": 0}, "threshold is 0; give "),
        ({"window": 0}, "window is 0; give "),
        ({"framse": 1}, "no parameter 'framse'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(small_recording, small_recording_arena, settings, message):
    with pytest.raises(UserError, match=message) as caught:
        attribution_checks(small_recording, agent=small_agent(), world=small_recording_arena, **(SMALL | settings))
    assert "\n" not in str(caught.value)


def test_short_recordings_are_cut_into_five_stretches(linear, small_recording_arena):
    agent, recording = linear
    settings = SMALL | {"stretch_frames": None, "frames": 30, "targets": ["value"], "methods": ("gradient",)}
    found = attribution_checks(recording, agent=agent, world=small_recording_arena, **settings)
    assert found.parameters["stretch_frames"] == 6 and "5 stretches of 6" in found.data.attrs["caption"]


def test_where_the_world_cannot_be_emptied_the_checks_that_need_it_are_left_out_and_this_is_said(linear):
    agent, recording = linear
    settings = SMALL | {"targets": ["value"], "methods": ("gradient", "integrated_gradients")}
    data = attribution_checks(recording, agent=dataclasses.replace(agent, scenario=None), **settings).data
    assert not {"agreement", "agreement_of_size", "agreement_of_difference"} & set(data)
    assert sorted(data["rank"].values) == [1, 2] and data.attrs["objects"] == 0
    caption = data.attrs["caption"]
    assert "n = 24 frames in 4 stretches of 6; in brackets" in caption
    assert (
        "Baseline, also put in place of deleted pixels: the same view, blurred (Gaussian, σ 3.75 pixels). The emptied "
        "world was not to be had: the world of the recording is not at hand. (c), what painting out an object in view "
        "changes, is left out." in caption
    )
    frames = recording.rows(names=["observation"])["observation"].values
    rows = np.arange(24) * len(frames) // 24
    soft = blurred(frames[rows])
    with torch.no_grad():
        whole, nothing = (
            agent.policy.step(torch.from_numpy(each), agent.policy.initial_state(24)).value.numpy()
            for each in (frames[rows], soft)
        )
    # Of a linear agent integrated gradients add up to the change to the baseline, and order its parts.
    one = data["deletion"].sel(order="integrated_gradients", target="value").values
    assert one[0] == 0 and one[-1] == pytest.approx(1, rel=1e-5)
    assert np.abs(whole - nothing).mean() > 0
    result = attribution_checks(recording, agent=agent, world=None, **(settings | {"baseline": "grey"}))
    assert "even picture of grey level" in result.data.attrs["caption"]
    assert "was not to be had" not in result.data.attrs["caption"]
    figure, table, by_target = ANALYSIS.draw(result)
    assert len(table.columns) == 8 and all(len(row) == 8 for row in (*table.rows, *by_target.rows))
    assert "(c) Over" not in table.caption and "from frame to baseline" in table.caption
    assert "true change" not in figure.caption and faults_of(figure.draw()) == []


def test_the_emptied_world_is_not_silently_replaced_where_it_is_asked_for(linear):
    agent, recording = linear
    with pytest.raises(NotMeasurable, match="the world of the recording is not at hand"):
        attribution_checks(recording, agent=dataclasses.replace(agent, scenario=None), **SMALL, baseline="emptied")


def test_another_world_than_that_of_the_recording_is_refused(linear):
    agent, recording = linear
    with pytest.raises(UserError, match="was made with another world"):
        attribution_checks(recording, agent=agent, world="digits", **SMALL)


class Crowded(World):
    """The world of a recording, which cannot be emptied."""

    def __init__(self, recording):
        self.declaration = dataclasses.replace(recording.world, name="crowded", can_be_emptied=False)

    def environment(self, *, objects_in_view=True, window=False):
        raise NotImplementedError


def test_a_world_that_cannot_be_emptied_is_named(linear):
    agent, recording = linear
    settings = SMALL | {"targets": ["value"], "methods": ("gradient",)}
    caption = attribution_checks(recording, agent=agent, world=Crowded(recording), **settings).data.attrs["caption"]
    assert (
        "The emptied world was not to be had: world 'crowded': cannot be shown without what is in it. (c), what"
        in caption
    )
    agent = dataclasses.replace(agent, world=Crowded(recording))
    assert "world 'crowded'" in attribution_checks(recording, agent=agent, **settings).data.attrs["caption"]


def test_the_recording_of_another_agent_is_refused(small_recording, small_recording_arena):
    with pytest.raises(UserError, match="made with another agent"):
        attribution_checks(small_recording, agent=small_agent(seed=1), world=small_recording_arena, **SMALL)
