"""Distances to what was recorded, in units of the recording's own."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import NotMeasurable
from retinoscope.statistics.familiarity import relative_distances


def test_it_is_the_brute_force_answer():
    random = np.random.default_rng(0)
    recorded, shown = random.normal(size=(60, 5)), random.normal(size=(20, 5))
    groups = np.repeat([4, 7, 9], 20)
    found, within, typical = relative_distances(shown, recorded, groups)
    slow = [
        min(np.linalg.norm(a - b) for b in recorded[groups != group]) for a, group in zip(recorded, groups, strict=True)
    ]
    assert typical == pytest.approx(np.median(slow))
    np.testing.assert_allclose(within, np.array(slow) / typical)
    nearest = [min(np.linalg.norm(a - b) for b in recorded) for a in shown]
    np.testing.assert_allclose(found, np.array(nearest) / typical)


def test_neighbours_in_time_do_not_make_everything_seem_strange():
    """A slow walk: its own next step is near, other episodes are not, and neither is what is shown."""
    random = np.random.default_rng(1)
    recorded = np.concatenate(
        [random.normal(size=4) + np.cumsum(0.01 * random.normal(size=(50, 4)), axis=0) for _ in range(6)]
    )
    found, _, _ = relative_distances(random.normal(size=(40, 4)), recorded, np.repeat(np.arange(6), 50))
    assert 0.2 < np.median(found) < 3


def test_what_was_recorded_is_not_strange_at_all():
    recorded = np.random.default_rng(2).normal(size=(30, 3))
    assert relative_distances(recorded, recorded, np.arange(30) % 2)[0].max() == 0


def test_a_recording_that_says_nothing_is_refused():
    with pytest.raises(NotMeasurable, match="one stretch"):
        relative_distances(np.ones((2, 3)), np.ones((4, 3)), np.zeros(4))
    with pytest.raises(NotMeasurable, match="does not vary"):
        relative_distances(np.ones((2, 3)), np.ones((4, 3)), np.arange(4))
