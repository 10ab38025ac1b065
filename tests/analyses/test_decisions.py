"""The window that is shown has the most to show, and only what was asked for is left out."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.analyses.decisions import GROUPS, eventful_window, group_of, left_out
from retinoscope.errors import UserError
from tests.planted_activity import PlantedActivity


def planted(events: dict[int, int], frames: int = 120, episode_length: int = 40) -> PlantedActivity:
    """A recording with one pick-up of a class at each of these rows."""
    counts = np.zeros((frames, 3), np.uint8)
    for row, kind in events.items():
        counts[row, kind] = 1
    return PlantedActivity({"fc": np.zeros((frames, 2))}, episode_length, events=counts)


def test_the_window_has_the_most_of_the_rarer_kind_then_of_both_then_is_the_first() -> None:
    many_healing = dict.fromkeys(range(5, 15), 2)
    both = {50: 0, 55: 2, 58: 2}
    window = eventful_window(planted(many_healing | both), 10, 0)
    assert (window.start, window.stop) == (49, 59)
    assert "rarer kind" in window.rule
    assert eventful_window(planted(many_healing), 10, 0).start == 5
    assert eventful_window(planted({45: 0, 46: 2, 95: 0, 96: 2, 97: 2}), 5, 0).start == 93


def test_a_window_is_within_one_episode_behind_the_burn_in() -> None:
    events = {38: 0, 39: 0, 40: 2, 41: 2, 70: 0, 75: 2}
    window = eventful_window(planted(events), 10, 5)
    assert (window.start, window.stop) == (66, 76)
    assert eventful_window(planted(events), 1000, 5) == eventful_window(planted(events), 35, 5)
    with pytest.raises(UserError, match="no episode goes on for 2 decisions behind the first 39"):
        eventful_window(planted(events), 10, 39)


def test_without_pick_ups_the_first_stretch_is_shown_and_says_so() -> None:
    window = eventful_window(planted({10: 1}), 10, 2)
    assert (window.start, window.stop) == (2, 12)
    assert "there are no pick-ups" in window.rule


def test_what_the_user_asks_to_leave_out_is_left_out() -> None:
    recording = planted({})
    assert left_out(recording, "fc", 7).steps == 7
    assert left_out(recording, "fc", None).steps == 0
    with pytest.raises(UserError, match="-1 decisions is negative"):
        left_out(recording, "fc", -1)


def test_episodes_are_dealt_out_to_groups() -> None:
    episodes = np.arange(3 * GROUPS)
    assert np.bincount(group_of(episodes)).tolist() == [3] * GROUPS
