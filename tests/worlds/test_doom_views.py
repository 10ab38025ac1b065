"""A recording taken apart: objects, and what lies behind them."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.scenarios import load_scenario
from retinoscope.worlds.doom.emptied import empty_frame, without_stimuli
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.doom.views import views_again
from tests.arenas import build_arena

ROWS = (0, 1, 7, 30, 55, 100, 131, 199, 280)


@pytest.fixture(scope="module")
def views(small_recording, small_recording_arena):
    return list(views_again(small_recording, small_recording_arena, reversed(ROWS)))


def test_each_row_wanted_comes_once_and_in_order(views):
    assert [view.row for view in views] == list(ROWS)


def test_where_there_is_no_object_the_background_is_what_was_seen(views, small_recording):
    covered = 0.0
    for view in views:
        seen = small_recording.rows(view.row, view.row + 1, ["observation"])["observation"].values[0]
        is_object = (view.masks > 0).any(axis=0)
        np.testing.assert_array_equal(view.background[~is_object], seen[~is_object])
        differs = (view.background != seen).any(axis=-1)
        covered += differs[is_object].mean() / len(views)
    assert covered > 0.7  # and where there is one, it is something else


def test_masks_fill_the_boxes_of_the_recorded_objects(views, small_recording):
    seen = 0
    for view in views:
        objects = small_recording.objects(view.row, view.row + 1)[0]
        assert len(objects) == len(view.masks)
        taken = np.zeros(view.background.shape[:2])
        for each, mask in zip(objects, view.masks, strict=True):
            if not mask.any():
                continue  # hidden behind others
            left, top, width, height = each["box"]
            rows, columns = np.nonzero(mask)
            assert left - 1 <= columns.min() and columns.max() <= left + width
            assert top - 1 <= rows.min() and rows.max() <= top + height
            taken += mask
            seen += 1
        assert taken.max() <= 1 + 1e-6  # each of the engine's pixels shows one object
    assert seen > 20


def test_rows_that_were_passed_by_unseen_change_nothing(views, small_recording, small_recording_arena):
    last = max(row for row in ROWS if row < small_recording.episodes[0].stop)
    for view in views_again(small_recording, small_recording_arena, range(last + 1)):
        if view.row in ROWS:
            sparse = views[ROWS.index(view.row)]
            np.testing.assert_array_equal(view.background, sparse.background)
            np.testing.assert_array_equal(view.masks, sparse.masks)


def test_episodes_of_all_environments_are_met(small_recording):
    environments = {
        each.environment for each in small_recording.episodes for row in ROWS if each.start <= row < each.stop
    }
    assert environments == {0, 1, 2}


def test_the_empty_arena_has_nothing_in_it_and_nobody_dies_there(small_recording_arena):
    empty = GatheringEnvironment(without_stimuli(small_recording_arena.scenario), objects_in_world=True)
    _, info = empty.reset(seed=0)
    over = False
    while not over:
        _, _, terminated, over, info = empty.step(np.array([1, 1]))
        assert not terminated and info["world"] == [] and info["objects"] == []
    empty.close()


def test_the_empty_frame_is_the_first_view_of_that_arena():
    scenario = load_scenario("apples")
    frame = empty_frame(scenario)
    environment = GatheringEnvironment(without_stimuli(scenario))
    np.testing.assert_array_equal(frame, environment.reset(seed=9)[0])
    environment.close()


def test_another_arena_is_noticed(small_recording, tmp_path):
    other = build_arena(tmp_path, "apples", stimuli__count_per_class=3)
    with pytest.raises(UserError, match="does not show row 0 again"):
        list(views_again(small_recording, other, [0]))


def test_rows_that_are_not_there_are_refused(small_recording, small_recording_arena):
    with pytest.raises(UserError, match="has rows 0 to"):
        list(views_again(small_recording, small_recording_arena, [300_000]))
