"""Averages around events against the slow way, planted units recovered, and nothing found where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.event_triggered import (
    EventTriggeredAverage,
    EventWindow,
    adjusted_p,
    isolated,
)
from tests.oracles_events import (
    AFTER,
    BEFORE,
    BOTH,
    CONSTANT,
    NOTHING,
    PlantedEpisode,
    planted_episodes,
    slow_average,
    slow_scores,
)

WINDOW = EventWindow(before=10, after=8, tested=6)


def averaged(episodes: list[PlantedEpisode], shuffles: int = 200, resamples: int = 100) -> EventTriggeredAverage:
    average = EventTriggeredAverage(episodes[0].activity.shape[1], WINDOW, shuffles, resamples)
    for number, episode in enumerate(episodes):
        average.update(episode.activity, episode.events, number)
    return average


def test_the_mean_is_that_of_the_slow_way_and_windows_stay_in_their_episode() -> None:
    episodes = planted_episodes(rows=60)
    average = averaged(episodes)
    mean, left_out = slow_average(episodes, 10, 8)
    np.testing.assert_allclose(average.finalize().mean, mean, atol=1e-12)
    assert average.left_out == left_out > 0
    assert average.events + average.left_out == 12 * 8
    assert WINDOW.lags.tolist() == list(range(-9, 9))


def test_shuffled_events_give_what_shifts_around_the_ring_give() -> None:
    (episode,) = planted_episodes(episodes=1, rows=70)
    estimate = averaged([episode], shuffles=2000).finalize()
    observed, shifted = slow_scores(episode, 10, 8, 6)
    centre, deviation = shifted.mean(axis=0), shifted.std(axis=0)
    changing = [unit for unit in range(10) if unit != CONSTANT]
    expected = (observed - centre)[:, changing] / deviation[:, changing]
    np.testing.assert_allclose(estimate.score[:, changing], expected, atol=0.25)
    # Every shuffled score is the score of one of the shifts.
    possible = ((shifted - centre)[:, :, changing] / deviation[:, changing])[:, 0, 0]
    found = estimate.shuffled_score[:, 0, 0]
    assert np.abs(found[:, None] - possible).min(axis=1).max() < 0.15
    assert len(np.unique(found.round(6))) > 40


def test_parts_add_up_to_the_whole_in_any_order() -> None:
    episodes = planted_episodes()
    whole = averaged(episodes).finalize()
    parts = [EventTriggeredAverage(10, WINDOW, 200, 100) for _ in range(3)]
    for number in np.random.default_rng(1).permutation(12):
        parts[number % 3].update(episodes[number].activity, episodes[number].events, int(number))
    parts[2].merge(parts[0])
    parts[2].merge(parts[1])
    together = parts[2].finalize()
    for name in ("mean", "low", "high", "shuffled_low", "score", "shuffled_score"):
        np.testing.assert_allclose(getattr(together, name), getattr(whole, name), rtol=1e-5, atol=1e-9)
    assert together.events == whole.events


def test_planted_units_are_found_and_on_the_right_side() -> None:
    estimate = averaged(planted_episodes(), shuffles=500).finalize()
    p = adjusted_p(estimate.score, estimate.shuffled_score)
    locked = (p <= 0.05) & (estimate.score > 0)
    assert locked[:, BEFORE].tolist() == [True, False]
    assert locked[:, AFTER].tolist() == [False, True]
    assert locked[:, BOTH].tolist() == [True, True]
    assert not locked[:, NOTHING:].any()
    assert np.isnan(estimate.score[:, CONSTANT]).all() and (p[:, CONSTANT] == 1).all()


def test_the_interval_covers_the_truth_and_shuffled_events_do_not_show_it() -> None:
    estimate = averaged(planted_episodes(episodes=40), resamples=400).finalize()
    at_event = list(WINDOW.lags).index(0)
    low, high = estimate.low[at_event, BEFORE], estimate.high[at_event, BEFORE]
    assert low < 1.5 + estimate.shuffled_mean[NOTHING] + 0.5 and high > 1.5
    # Width: 3.9 standard errors of events, of noise with standard deviation 1 / sqrt(1 - 0.64).
    expected = 3.92 / np.sqrt(1 - 0.64) / np.sqrt(estimate.events)
    assert high - low == pytest.approx(expected, rel=0.35)
    assert estimate.shuffled_high[BEFORE] < low


def interval_width(episodes: int, events: int) -> float:
    """Of the mean over events of noise of standard deviation 1: so many episodes with so many events each."""
    random, window = np.random.default_rng(episodes), EventWindow(1, 1, 1)
    average = EventTriggeredAverage(1, window, shuffles=20, resamples=1000)
    for number in range(episodes):
        average.update(random.normal(size=(2 * events, 1)), np.arange(events) * 2, number)
    estimate = average.finalize()
    return float(estimate.high[0, 0] - estimate.low[0, 0])


@pytest.mark.parametrize(("episodes", "events"), [(1, 400), (20, 20), (400, 1)])
def test_every_event_is_resampled_by_itself_in_whichever_episode_it_lies(episodes: int, events: int) -> None:
    # One weight for all events of an episode, or the same weights in every episode, would leave no width at one end.
    assert interval_width(episodes, events) == pytest.approx(2 * 1.96 / np.sqrt(400), rel=0.15)


def test_every_episode_is_shuffled_by_a_shift_of_its_own() -> None:
    """Where the activity is the same in all episodes, one shift for all would spread means as widely as one event."""
    activity = np.random.default_rng(0).normal(size=(200, 1))
    average = EventTriggeredAverage(1, EventWindow(1, 1, 1), shuffles=1000, resamples=2)
    for number in range(100):
        average.update(activity, np.array([50]), number)
    estimate = average.finalize()
    width = float(estimate.shuffled_high[0] - estimate.shuffled_low[0])
    assert width == pytest.approx(2 * 1.96 * activity.std() / np.sqrt(100), rel=0.15)


def test_null_data_have_event_locked_units_no_more_often_than_stated() -> None:
    false_alarms = 0
    for seed in range(200):
        episodes = planted_episodes(episodes=4, rows=70, height=0.0, seed=seed)
        estimate = averaged(episodes, shuffles=100, resamples=2).finalize()
        false_alarms += bool((adjusted_p(estimate.score, estimate.shuffled_score) <= 0.05).any())
    # 5% of 200 is 10; more than 19 happen by chance once in 500 times. None at all would be a test that cannot fail.
    assert 1 <= false_alarms <= 19


def test_only_pick_ups_that_follow_no_other_count() -> None:
    rows, others = np.array([3, 10, 30, 31]), np.array([1, 3, 10, 25, 30, 31])
    assert isolated(rows, others, gap=6).tolist() == [10]
    assert isolated(rows, others, gap=2).tolist() == [10, 30]
    assert isolated(rows, others, gap=1).tolist() == [3, 10, 30]
    assert isolated(rows, others, gap=0).tolist() == [3, 10, 30, 31]
    assert isolated(np.array([], int), others, gap=3).tolist() == []
    assert isolated(np.array([4]), np.array([], int), gap=3).tolist() == [4]


def test_nothing_to_average_is_said() -> None:
    average = EventTriggeredAverage(2, WINDOW)
    average.update(np.zeros((17, 2)), np.array([9]), 0)
    assert average.left_out == 1
    with pytest.raises(UserError, match="no event"):
        average.finalize()
    with pytest.raises(UserError, match="9 tested rows do not fit"):
        EventWindow(before=8, after=10, tested=9)


def test_p_values_are_those_of_the_largest_of_all() -> None:
    shuffled = np.array([[[1.0, 0.5]], [[0.2, -3.0]], [[0.1, 0.3]]])
    p = adjusted_p(np.array([[2.0, -3.5]]), shuffled)
    np.testing.assert_allclose(p, [[2 / 4, 1 / 4]])
