"""A recording in pynapple's words: the same numbers at the same times, cut where episodes are."""

from __future__ import annotations

import numpy as np
import pynapple
import pytest

from retinoscope.errors import UserError
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Declaration, Event, Picture, Variable

WORLD = Declaration(
    "room", "", "", Picture(4, 4, 1), (), seconds_per_decision=0.5,
    variables=(Variable("place", labels=("x", "y"), kind="place"), Variable("fuel")),
    events=(Event("apple", 1.0), Event("noise")),
)  # fmt: skip


@pytest.fixture
def recording() -> ArrayRecording:
    random = np.random.default_rng(0)
    events = np.zeros((10, 2), np.uint8)
    events[[2, 7], 0], events[5, 1] = (1, 2), 1
    columns = {
        "observation": random.integers(0, 256, (10, 4, 4, 1), dtype=np.uint8),
        "place": random.normal(size=(10, 2)),
        "fuel": np.arange(10.0),
        "fc": random.normal(size=(10, 3)),
        "events": events,
    }
    return ArrayRecording(columns, layers=["fc"], world=WORLD, episode_lengths=[4, 6], terminated=[True, False])


def test_every_column_is_a_series_of_its_own(recording: ArrayRecording) -> None:
    found = recording.to_pynapple()
    assert "observation" not in found
    np.testing.assert_array_equal(found["fuel"].t, np.arange(10) / 2)
    np.testing.assert_array_equal(found["fuel"].d, np.arange(10))
    np.testing.assert_array_equal(found["fc"].d, recording.rows(names=["fc"])["fc"].values)
    assert list(found["place"].columns) == ["x", "y"]
    assert recording.to_pynapple(["observation"])["observation"].shape == (10, 4, 4, 1)


def test_episodes_are_epochs_that_hold_their_own_decisions(recording: ArrayRecording) -> None:
    found = recording.to_pynapple()
    assert len(found["episodes"]) == 2
    assert found["fuel"].restrict(found["episodes"][1]).d.tolist() == [4, 5, 6, 7, 8, 9]
    assert found["episodes"]["terminated"].tolist() == [True, False]


def test_events_are_at_the_decisions_before_them(recording: ArrayRecording) -> None:
    events = recording.to_pynapple()["events"]
    assert isinstance(events, pynapple.TsGroup)
    assert events[0].t.tolist() == [1.0, 3.5, 3.5] and events[1].t.tolist() == [2.5]
    assert events["event"].tolist() == ["apple", "noise"]


def test_an_unknown_column_is_refused(recording: ArrayRecording) -> None:
    with pytest.raises(UserError, match="no variable 'rnn'"):
        recording.to_pynapple(["rnn"])
