"""Attribution over a window of a recorded episode."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retinoscope.analyses.attribution.episode_attribution import (
    ANALYSIS,
    EpisodeAttributionParameters,
    episode_attribution,
)
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.drawing import MovieDrawing
from retinoscope.analyses.registry import analysis
from retinoscope.attribution import attribute, attribute_through_time, default_targets
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.settings import value_from_text
from retinoscope.worlds.doom.views import views_again
from tests.rollouts.recordings import small_agent

SMALL = {"workers": 1, "steps": 4, "lag_steps": 2, "times": 12, "checked_frames": 8}


@pytest.fixture(scope="module")
def result(small_recording, small_recording_arena):
    return episode_attribution(small_recording, agent=small_agent(), world=small_recording_arena, **SMALL)


def test_a_whole_episode_is_attributed_for_the_value_and_every_action(result, small_recording):
    data, agent = result.data, small_agent()
    episode = small_recording.episodes[data.attrs["episode"]]
    assert episode.terminated or episode.truncated
    assert data.sizes["time"] == episode.stop - episode.start
    assert data["target"].values.tolist() == list(default_targets(agent.policy))
    rows = small_recording.rows(episode.start, episode.stop, ["observation", "value", "logits", "state_entering"])
    np.testing.assert_array_equal(data["observation"].values, rows["observation"].values)
    np.testing.assert_allclose(data["answer"].sel(target="value").values, rows["value"].values, atol=1e-5)
    turn = np.exp(rows["logits"].values[:, :3])
    expected = (turn / turn.sum(axis=1, keepdims=True))[:, 1]
    np.testing.assert_allclose(data["answer"].sel(target="probability:turn left").values, expected, atol=1e-5)


def test_maps_are_those_of_attribute_with_the_empty_view_as_baseline(result, small_recording, small_recording_arena):
    episode = small_recording.episodes[result.data.attrs["episode"]]
    row = episode.start + 5
    data = small_recording.rows(row, row + 1, ["observation", "state_entering"])
    (view,) = views_again(small_recording, small_recording_arena, [row])
    expected = attribute(
        small_agent(),
        data["observation"].values,
        data["state_entering"].values,
        "probability:move backward",
        "integrated_gradients",
        baseline=view.background,
        steps=4,
    )[0].sum(axis=-1)
    found = result.data["map"].sel(target="probability:move backward").values[5]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_the_scale_holds_for_the_whole_window(result):
    for target in result.data["target"].values:
        values = np.abs(result.data["map"].sel(target=target).values)
        beyond = (values > float(result.data["scale"].sel(target=target))).sum() / (values > 0).sum()
        assert 0 < beyond <= 0.0015


def test_shares_of_the_past_add_up_to_one_and_have_intervals(result):
    shares = result.data["lag_share"]
    np.testing.assert_allclose(shares.sel(statistic="estimate").sum("lag"), 1, rtol=1e-6)
    assert (shares.sel(statistic="low") <= shares.sel(statistic="high")).all()
    assert result.data["lag_observation"].shape[0] == 3
    when = result.data.attrs["lag_example"]
    np.testing.assert_array_equal(result.data["lag_observation"][1], result.data["observation"][when - 1])


def test_shares_of_the_past_are_those_of_windows_followed_one_by_one_with_intervals_over_stretches(
    result, small_recording
):
    data = result.data
    episode = small_recording.episodes[data.attrs["episode"]]
    rows = small_recording.rows(episode.start, episode.stop, ["observation", "state_entering"])
    count = len(rows["observation"])
    at = 2 + np.arange(12) * (count - 2) // 12
    maps = attribute_through_time(
        small_agent(), rows["observation"].values, rows["state_entering"].values[0], "value", 2, "gradient", at=at
    )
    amounts = np.abs(maps.sum(axis=-1)).sum(axis=(2, 3))
    of_stretches = amounts.reshape(2, 6, 3).sum(axis=1)  # six decisions make a stretch
    shares = of_stretches / of_stretches.sum(axis=1, keepdims=True)
    found = data["lag_share"].sel(target="value")
    np.testing.assert_allclose(found.sel(statistic="estimate"), amounts.sum(axis=0) / amounts.sum(), rtol=1e-4)
    # Of two stretches a quarter of the resamples holds the one twice, and another quarter the other.
    np.testing.assert_allclose(found.sel(statistic="low"), shares.min(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found.sel(statistic="high"), shares.max(axis=0), rtol=1e-4)
    assert data.attrs["lag_stretches"] == 2


def test_every_caption_can_say_whether_the_map_is_about_the_network(result, tmp_path):
    for target in result.data["target"].values:
        badge = result.data.attrs[f"badge {target}"]
        verdict = "passed" if bool(result.data["passed"].sel(target=target)) else "FAILED"
        assert badge.startswith(f"Parameter randomisation: {verdict}, |ρ| = ") and "passed up to 0.2 above it" in badge
        assert (
            f"absolute maps, not judged: ρ = {float(result.data['absolute_similarity'].sel(target=target)):.2f}"
            in badge
        )
    assert "Integrated gradients, 4 steps; target units" in result.data.attrs["caption"]
    json.dumps(result.parameters)
    loaded = load_result(result.save(tmp_path / "episode_attribution.nc"))
    assert loaded.data.equals(result.data) and loaded.data.attrs == result.data.attrs


def test_every_target_gets_a_movie_and_a_sheet_whose_captions_carry_the_verdict(result):
    drawings = ANALYSIS.draw(result)
    movies = [each for each in drawings if isinstance(each, MovieDrawing)]
    assert [each.name for each in movies][:3] == ["attribution_value", "attribution_turn_none", "attribution_turn_left"]
    assert len(movies) == 7 and len({each.name for each in drawings}) == 7 + 2
    for target, movie in zip(result.data["target"].values, movies, strict=True):
        assert result.data.attrs[f"badge {target}"] in movie.caption
    assert len(list(movies[1].frames())) == result.data.sizes["time"]


def test_any_window_of_any_episode_by_any_method(small_recording, small_recording_arena):
    found = episode_attribution(
        small_recording,
        agent=small_agent(),
        world=small_recording_arena,
        targets=["fc:3"],
        method="gradient",
        episode=1,
        start=4,
        stop=12,
        **SMALL,
    ).data
    assert found["step"].values.tolist() == list(range(4, 12))
    assert found["map"].attrs["units"] == "{} per pixel unit" and str(found["target_units"].values[0]) == "activity"
    row = small_recording.episodes[1].start + 4
    data = small_recording.rows(row, row + 1, ["observation", "state_entering"])
    expected = attribute(small_agent(), data["observation"].values, data["state_entering"].values, "fc:3", "gradient")
    np.testing.assert_allclose(found["map"].values[0, 0], expected[0].sum(axis=-1), rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"episode": 900}, "has episodes 0 to"),
        ({"start": 5, "stop": 900}, "window 5 to 900: episode"),
        ({"start": 5, "stop": 5}, "window 5 to 5"),
        ({"stop": 2}, "lag_steps: 2 steps back do not fit into a window of 2"),
        ({"method": "lime"}, "method 'lime' is unknown; choose from gradient, "),
        ({"stride": 11}, "stride: 11 leaves gaps"),
        ({"targets": ["fc:99"]}, "no such unit"),
        ({"times": 0}, "times is 0; give at least 1"),
        ({"stpo": 2}, "no parameter 'stpo'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(small_recording, small_recording_arena, settings, message):
    with pytest.raises(UserError, match=message):
        episode_attribution(small_recording, agent=small_agent(), world=small_recording_arena, **(SMALL | settings))


def test_lags_are_fewer_in_a_window_that_is_shorter_and_the_result_says_how_many(
    small_recording, small_recording_arena
):
    settings = SMALL | {"lag_steps": None, "method": "gradient", "targets": ["value"], "stop": 6, "times": 2}
    found = episode_attribution(small_recording, agent=small_agent(), world=small_recording_arena, **settings)
    assert found.parameters["lag_steps"] == 5 and found.data.sizes["lag"] == 6


def test_a_saved_result_of_its_former_name_is_read_and_drawn(result, tmp_path):
    """As the version before wrote it: no schema version, few keys, and the name that the package now has alone."""
    said = {key: value for key, value in result.parameters.items() if key != "workers"}
    content = result.data.assign_attrs(
        agent="small",
        analysis="attribution",
        parameters=json.dumps(said),
        provenance=json.dumps({"agent": "small", "recording_frames": 300, "versions": {}}),
    )
    content.to_netcdf(tmp_path / "attribution.nc", engine="h5netcdf")
    loaded = load_result(tmp_path / "attribution.nc")
    assert loaded.analysis == "attribution" and analysis("attribution") is ANALYSIS
    drawings = analysis(loaded.analysis).draw(loaded)
    assert [each.name for each in drawings] == [each.name for each in ANALYSIS.draw(result)]
    for each in drawings:
        assert next(each.frames()).any() if isinstance(each, MovieDrawing) else each.draw().axes


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("value", ("value",)),
        ("value, conv2:1,2,3,probability:turn left", ("value", "conv2:1,2,3", "probability:turn left")),
        ("fc:3,fc:4", ("fc:3", "fc:4")),
        ("none", None),
    ],
)
def test_targets_can_be_told_in_a_shell(text, targets):
    value = value_from_text(EpisodeAttributionParameters, "targets", text)
    assert EpisodeAttributionParameters(targets=value).targets == targets


def test_targets_that_the_agent_does_not_have_are_refused_before_anything_is_recorded():
    inputs = Inputs(small_agent(), None)
    ANALYSIS.refuse(inputs, EpisodeAttributionParameters(targets=["value", "fc:3"]))
    with pytest.raises(UserError, match="no such unit"):
        ANALYSIS.refuse(inputs, EpisodeAttributionParameters(targets=["value", "fc:99"]))


def test_a_direction_in_the_memory_is_a_target_that_can_be_stated(small_recording, small_recording_arena):
    direction = np.linspace(-1, 1, small_agent().policy.state_size)
    settings = SMALL | {"targets": [direction], "stop": 6, "method": "gradient", "times": 2, "checked_frames": 4}
    found = episode_attribution(small_recording, agent=small_agent(), world=small_recording_arena, **settings)
    assert found.data["target"].values.tolist() == ["direction in the recurrent state"]
    assert EpisodeAttributionParameters(targets=[direction]) == EpisodeAttributionParameters(targets=[direction.copy()])
