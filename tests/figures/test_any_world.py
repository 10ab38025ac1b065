"""The movie shows pictures, numbers, actions and events of any world as they are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import xarray

from retinoscope.analyses.behaviour.simulation import simulation
from retinoscope.figures.event_marks import event_rows
from retinoscope.figures.pictures import Pictures
from retinoscope.figures.simulation import simulation_frames, simulation_summary, view_position
from retinoscope.figures.variables import numbers_in
from retinoscope.figures.words import shortened, words_of
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Event, Picture, Variable
from tests.figures.behaviour_results import faults_of
from tests.grid_world import LENGTH, GridRecording
from tests.simulations import planted_world

DARK, BAR = (32, 33, 36), (150, 156, 166)


def frame_of(result: Result, decision: int) -> np.ndarray:
    return next(itertools.islice(simulation_frames(result), decision, None))


def grid_simulation(frames: int = 12, **changed: Any) -> Result:
    return simulation(GridRecording(**changed), frames=frames)


@pytest.mark.parametrize(
    ("picture", "newest"),
    [
        (Picture(4, 5, 1), lambda seen: seen.repeat(3, axis=-1)),
        (Picture(4, 5, 4, frames=4), lambda seen: seen[..., 3:].repeat(3, axis=-1)),
        (Picture(4, 5, 9, frames=3), lambda seen: seen[..., 6:]),
        (Picture(4, 5, 2), lambda seen: seen[..., :1].repeat(3, axis=-1)),
        (Picture(4, 5, 3, high=51), lambda seen: np.minimum(seen.astype(int) * 5, 255)),
    ],
)
def test_the_newest_frame_is_shown_in_grey_or_colour_from_black_to_white(picture: Picture, newest: Any) -> None:
    seen = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    shown = Pictures(picture.low, picture.high, picture.frames).shown(seen)
    np.testing.assert_array_equal(shown, newest(seen))
    assert shown.dtype == np.uint8 and shown.shape == (4, 5, 3)


def test_float_pictures_are_scaled_between_their_own_black_and_white() -> None:
    seen = np.array([-2.0, -1.0, 0.0, 1.0, 3.0], np.float32).reshape(1, 5, 1)
    assert Pictures(-1.0, 1.0).shown(seen)[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_the_movie_shows_the_newest_of_stacked_float_frames_as_blocks() -> None:
    result = grid_simulation(frames=2)
    top, left, factor = view_position(result)
    assert factor == 17  # of 28 pixels, the most that fit into 480
    shown = frame_of(result, 1)[top : top + 21 * factor, left : left + 28 * factor][8::factor, 8::factor]
    truth = np.clip((result.data["observation"].values[1, ..., 3:] + 1) / 2, 0, 1)
    np.testing.assert_allclose(shown / 255, truth, atol=1 / 255)


@pytest.mark.parametrize("size", [(200, 50), (1000, 1300), (7, 7)])
def test_pictures_of_any_size_fit(size: tuple[int, int]) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    recording = ArrayRecording({"observation": rows}, world=planted_world((*size, 3), classes={"a": 1}))
    result = simulation(recording)
    frame, (top, left, factor) = frame_of(result, 1), view_position(result)
    every = -(-max(size) // 960)
    assert factor * max(size) / every <= 960 and max(frame.shape) < 1400
    block = frame[top : top + factor, left : left + factor]
    assert (block == rows[1, 0, 0]).all()
    assert (frame[top + factor, left] == rows[1, every, 0]).all()


def test_the_bar_is_that_of_the_first_number_over_what_is_declared() -> None:
    for key, share in ((0.0, 0.0), (1.5, 0.5), (4.0, 1.0)):
        result = grid_simulation(frames=1, key=np.full(12 * LENGTH, key, np.float32))
        top, left, factor = view_position(result)
        line = frame_of(result, 0)[top + 35, left + 28 * factor + 10 :]
        assert int((line == BAR).all(axis=1).sum()) == pytest.approx(374 * share, abs=2)


def test_numbers_that_are_not_known_leave_gaps_and_nothing_fails() -> None:
    key = np.linspace(0, 3, 12 * LENGTH).astype(np.float32)
    key[3:6] = np.nan
    result = grid_simulation(key=key)
    frames = list(simulation_frames(result))
    assert len(frames) == 12 and not np.array_equal(frames[3], frames[7])
    assert faults_of(simulation_summary(result)) == []


def test_up_to_six_numbers_are_shown_and_the_others_counted() -> None:
    named = {f"number {index}": np.full(12 * LENGTH, float(index)) for index in range(9)}
    variables = tuple(Variable(name, "units") for name in named)
    few = grid_simulation(world={"variables": variables[:2]}, **dict(list(named.items())[:2]))
    many = grid_simulation(world={"variables": variables}, **named)
    assert [each.name for each in numbers_in(many.data)] == [f"number {index}" for index in range(6)]
    assert "The first 6 of 9 numbers of the world are shown." in many.data.attrs["caption"]
    assert frame_of(many, 0).shape[0] > frame_of(few, 0).shape[0]


def test_a_number_whose_name_is_taken_keeps_its_own() -> None:
    variables = (Variable("reward", "points"), Variable("time"))
    reward = np.arange(12.0 * LENGTH)
    result = grid_simulation(world={"variables": variables}, reward=reward, time=-reward)
    first, second = numbers_in(result.data)
    assert (first.name, second.name) == ("reward", "time")
    assert first.values.tolist() == reward[:12].tolist() and second.values.tolist() == (-reward[:12]).tolist()
    frame_of(result, 3)


def test_bars_of_q_values_reach_from_the_lowest_to_the_highest() -> None:
    result = grid_simulation(kind="q_values")
    values = result.data["output_number"].values
    top, left, factor = view_position(result)
    for decision in (0, 7):
        column = frame_of(result, decision)[:, left + 28 * factor + 10 :]
        for row in range(4):
            line = column[top + 66 + 34 + 3 + 30 * row, 130:350]
            is_taken = row == int(result.data["action"].values[decision, 0])
            share = (values[decision, row] - values.min()) / (values.max() - values.min())
            found = int((line == (DARK if is_taken else BAR)).all(axis=1).sum())
            assert found == pytest.approx(200 * share, abs=2)


def test_continuous_actions_are_lines_on_their_spread() -> None:
    rows, random = 40, np.random.default_rng(0)
    logits = np.concatenate([random.normal(size=(rows, 2)), np.full((rows, 2), -1.0)], axis=1).astype(np.float32)
    action = logits[:, :2] + 0.1
    recording = ArrayRecording(
        {"observation": np.zeros((rows, 8, 8, 3), np.uint8), "logits": logits, "action": action},
        world=planted_world((8, 8, 3), classes={}, variables=()),
        attributes={
            "action_heads": {"action": ["turn", "push", "turn log deviation", "push log deviation"]},
            "action_kinds": {"action": "gaussian"},
        },
    )
    result = simulation(recording)
    np.testing.assert_allclose(result.data["output_number"].values, logits)
    column = frame_of(result, 5)[:, 20 + 480 + 24 :]
    for number in range(2):
        line = column[64 + 34 - 8 + 2 + 30 * number, 120:320]  # above the bar: the line alone
        at = np.flatnonzero((line == DARK).all(axis=1))
        share = (action[5, number] - action[:, number].min()) / np.ptp(action[:, number])
        assert at.mean() == pytest.approx(200 * share, abs=4)


def test_a_head_of_many_outputs_shows_the_likeliest() -> None:
    rows, random = 5, np.random.default_rng(0)
    logits = random.normal(size=(rows, 60)).astype(np.float32)
    recording = ArrayRecording(
        {
            "observation": np.zeros((rows, 8, 8, 3), np.uint8),
            "logits": logits,
            "action": np.argmax(logits, axis=1)[:, None],
        },
        world=planted_world((8, 8, 3), classes={}, variables=()),
        attributes={"action_heads": {"choose": [f"output {index}" for index in range(60)]}},
    )
    assert frame_of(simulation(recording), 4).shape[0] < 64 + 34 + 30 * 24 + 300


def test_events_are_marked_by_sign_and_by_name_where_there_is_one_sign() -> None:
    by_name = event_rows(grid_simulation(frames=200).data)
    assert {row.name: row.side.sign for row in by_name} == {"door opened": 1, "key found": 0, "wall touched": 0}
    assert len({row.marker for row in by_name}) == 3
    both = (Event("won", 2.0), Event("lost", -1.0), Event("passed"))
    by_sign = event_rows(grid_simulation(frames=200, world={"events": both}).data)
    assert [row.name for row in by_sign] == ["rewarded", "punished"]
    assert event_rows(xarray.Dataset()) == []


def test_words_come_from_the_world_or_from_the_kinds() -> None:
    assert words_of(grid_simulation().data) == ("rewarded", "punished", "event", "events")
    kinds = xarray.Dataset(coords={"kind": ["better", "worse"]})
    assert words_of(kinds) == ("better", "worse", "event", "events")
    assert shortened("encoder_block1_conv", 12) == "…block1_conv" and shortened("fc", 12) == "fc"
