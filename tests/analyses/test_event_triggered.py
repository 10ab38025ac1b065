"""Planted event-locked units are recovered from a recording, in the right layer, kind and side."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from retinoscope.analyses.behaviour.event_triggered import EventTriggeredParameters, event_triggered
from retinoscope.analyses.behaviour.events import Events, Kinds, Pace
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import load_result
from retinoscope.rollouts import open_recording
from tests.oracles_events import AFTER, BEFORE, BOTH, NOTHING, planted_episodes, slow_average
from tests.planted_recordings import recording_of
from tests.rollouts.recordings import small_agent

FAST = {"seconds": 1.0, "tested_seconds": 0.6, "isolation_seconds": 0.0, "shuffles": 100, "resamples": 40}


@pytest.fixture(scope="module")
def planted():
    episodes = planted_episodes(episodes=14, rows=200)
    return episodes, event_triggered(recording_of(episodes), burn_in_steps=0, **FAST)


def test_planted_units_rise_where_they_were_planted(planted):
    _, result = planted
    data = result.data.sel(kind="healing", layer="fc")
    locked = (data["fc_p"].values <= 0.05) & (data["fc_score"].values > 0)
    assert locked[:, [BEFORE, AFTER, BOTH]].tolist() == [[True, False, True], [False, True, True]]
    assert not locked[:, NOTHING:].any()
    assert float(data["rising_before"]) == pytest.approx(0.2)
    assert float(data["rising_only_after"]) == pytest.approx(0.1)
    # Wilson's interval of 2 of 10, from the textbook.
    interval = [float(data[f"rising_before_{end}"]) for end in ("low", "high")]
    assert interval == pytest.approx([0.056682, 0.509838], abs=1e-6)
    assert 0 <= float(data["beyond_by_chance"]) < 0.05


def test_the_mean_is_the_slow_mean_and_times_are_in_seconds(planted):
    episodes, result = planted
    mean, left_out = slow_average(episodes, 10, 10)
    found = result.data["fc_mean"].sel(kind="healing").values
    np.testing.assert_allclose(found, mean, atol=1e-5)
    assert result.data["left_out"].values.tolist() == [left_out, 0]
    assert result.data["lag"].values.tolist() == list(range(-9, 11))
    np.testing.assert_allclose(result.data["seconds"].values, np.arange(-0.95, 1.0, 0.1))
    assert f"n = {int(result.data['events'][0])} healing pick-ups and 0 harmful" in result.data.attrs["caption"]


def test_a_kind_without_enough_events_is_left_out_and_not_invented(planted):
    _, result = planted
    harmful = result.data.sel(kind="harmful")
    assert np.isnan(harmful["fc_mean"]).all() and np.isnan(harmful["fc_p"]).all()
    assert np.isnan(harmful["rising_before"]).all()


def test_healing_and_harmful_are_told_apart():
    episodes = planted_episodes(episodes=12, rows=200)
    random = np.random.default_rng(5)
    harmful = [random.choice(200, 6, replace=False) for _ in episodes]
    data = event_triggered(recording_of(episodes, harmful), burn_in_steps=0, **FAST).data
    assert (data["fc_p"].sel(kind="healing", side="before").values[[BEFORE, BOTH]] <= 0.05).all()
    assert (data["fc_p"].sel(kind="harmful").values > 0.05).all()


def test_the_first_component_predicts_what_it_was_planted_to_predict():
    random, episodes = np.random.default_rng(0), planted_episodes(episodes=12, rows=200, height=0.0)
    for episode in episodes:
        for event in episode.events:
            episode.activity[max(event - 9, 0) : event + 1, 3:8] += 6.0
    recording = recording_of(episodes)
    fc = np.concatenate([each.activity for each in episodes])
    recording._arrays["value"] = (-fc[:, 3:8].sum(axis=1) + random.normal(size=len(fc))).astype(np.float32)
    data = event_triggered(recording, burn_in_steps=0, horizons_seconds=(1.0, 3.0), **FAST).data
    auc = data["auc"].sel(predictor="PC1 of fc").values
    # The axis agrees with the critic's value, which here falls before healing: so does the component.
    assert auc[0] < 0.1 and auc[0] < auc[1] < 0.5
    assert float(data["auc_p"].sel(predictor="PC1 of fc")[0]) <= 0.02
    assert 0.35 < float(data["auc_chance_low"][0, 0]) < 0.5 < float(data["auc_chance_high"][0, 0]) < 0.65
    ratio = {name: float(data[f"before_{name}"]) for name in ("ratio", "ratio_low", "chance_high", "p")}
    assert ratio["ratio"] > ratio["ratio_low"] > ratio["chance_high"] and ratio["p"] <= 0.02


def test_the_burn_in_is_left_out_of_every_episode():
    episodes = planted_episodes(episodes=10, rows=120)
    for episode in episodes:
        episode.activity[:40] += 50.0
    data = event_triggered(recording_of(episodes), burn_in_steps=40, **FAST).data
    late = [dataclasses.replace(each, activity=each.activity[40:], events=each.events - 40) for each in episodes]
    mean, _ = slow_average([dataclasses.replace(each, events=each.events[each.events >= 0]) for each in late], 10, 10)
    np.testing.assert_allclose(data["fc_mean"].sel(kind="healing").values, mean, atol=1e-5)
    assert data.attrs["burn_in_steps"] == 40


def test_a_transient_at_the_start_leaves_the_predictors_as_they_are():
    """A start-up that dwarfs all that follows would turn the first component away from what predicts healing."""
    random, episodes = np.random.default_rng(0), planted_episodes(episodes=12, rows=200, height=0.0)
    transient = 500 * random.normal(size=episodes[0].activity.shape[1])
    for episode in episodes:
        for event in episode.events:
            episode.activity[max(event - 9, 0) : event + 1, 3:8] += 6.0

    def auc() -> np.ndarray:
        recording = recording_of(episodes)
        fc = np.concatenate([each.activity[:, 3:8].sum(axis=1) for each in episodes])
        recording._arrays["value"] = (fc + np.random.default_rng(1).normal(size=len(fc))).astype(np.float32)
        data = event_triggered(recording, burn_in_steps=20, horizons_seconds=(1.0,), **FAST).data
        return data["auc"].sel(predictor="PC1 of fc").values

    without = auc()
    assert without[0] > 0.9
    for episode in episodes:
        episode.activity[:20] += transient * random.normal(size=(20, 1))
    np.testing.assert_allclose(auc(), without, atol=1e-12)


def test_too_few_events_say_how_many_are_needed():
    episodes = planted_episodes(episodes=1, rows=200)
    with pytest.raises(
        NotMeasurable, match=r"needs at least 50 events .* 8 healing and 0 harmful in 200 frames; record about 1,250"
    ):
        event_triggered(recording_of(episodes), burn_in_steps=0, fewest_events=50, **FAST)


def test_that_every_event_ends_its_episode_is_the_reason_and_not_that_there_are_few():
    episodes = [dataclasses.replace(each, events=np.array([199])) for each in planted_episodes(episodes=3, rows=200)]
    with pytest.raises(NotMeasurable, match=r"behind an event, and each that happened \(3 healing\) is the last of"):
        event_triggered(recording_of(episodes), burn_in_steps=0, **FAST)
    episodes[1].events[0] = 197
    with pytest.raises(NotMeasurable, match="there are 0 healing and 0 harmful in 600 frames; record many more"):
        event_triggered(recording_of(episodes), burn_in_steps=0, **FAST)
    for each in episodes:
        each.events.resize(0, refcheck=False)
    with pytest.raises(NotMeasurable, match="there are 0 healing and 0 harmful in 600 frames"):
        event_triggered(recording_of(episodes), burn_in_steps=0, **FAST)


def test_what_counts_as_an_event():
    counts = np.zeros((12, 3), np.uint8)
    counts[2, 0] = counts[4, 2] = counts[9, 0] = counts[9, 2] = counts[11, 1] = 1
    kinds = Kinds(("good", "bad"), np.array([[0, 0, 1], [1, 0, 0]], bool), are_sides=True)
    events = Events(counts, kinds)
    assert events.isolated("bad", gap=1).tolist() == [2]
    assert events.isolated("good", gap=1).tolist() == [4]  # row 9 has both kinds
    assert events.isolated("good", gap=2).tolist() == []
    assert np.flatnonzero(events.is_shortly_before(12, 2)).tolist() == [1, 2, 3, 4, 8, 9, 10, 11]


def test_times_become_the_nearest_decisions():
    recording = recording_of(planted_episodes(episodes=2))
    pace = Pace.of(recording, EventTriggeredParameters(seconds=2.04, tested_seconds=0.96, horizons_seconds=(0.5, 0.52)))
    assert (pace.window.before, pace.window.tested, pace.horizons) == (20, 10, (5,))


def test_a_real_recording_with_convolutions(small_recording, tmp_path):
    settings = {"fewest_events": 2, "seconds": 0.2, "tested_seconds": 0.2, "isolation_seconds": 0.0, "burn_in_steps": 1}
    result = event_triggered(small_recording, agent=small_agent(), shuffles=40, resamples=20, **settings)
    assert result.data["layer"].values.tolist() == ["conv1", "conv2", "conv3", "fc", "rnn"]
    assert result.data["conv1_mean"].shape[2] == 4 and np.isfinite(result.data["auc"].values).any()
    loaded = load_result(result.save(tmp_path / "event_triggered.nc"))
    assert loaded.data.equals(result.data)
    # Without the agent, what is stored; and the first rows of an unfinished recording do as well.
    stored = event_triggered(open_recording(small_recording.path), shuffles=40, resamples=20, **settings)
    assert stored.data["layer"].values.tolist() == ["fc", "rnn"]


def test_another_agent_is_named(small_recording):
    with pytest.raises(UserError, match=r"another agent: its checkpoint_sha256 is 0000.* agent 'small-1' is 0000"):
        event_triggered(small_recording, agent=small_agent(1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tested_seconds": 3.0},
        {"isolation_seconds": -1.0},
        {"horizons_seconds": ()},
        {"level": 0.0},
        {"shuffles": 10},
        {"fewest_events": 1},
        {"resamples": 1},
        {"seed": -1},
        {"burn_in_steps": -1},
        {"speed": 1},
    ],
)
def test_wrong_parameters_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(UserError, match=name):
        event_triggered(recording_of(planted_episodes(episodes=1)), **wrong)
