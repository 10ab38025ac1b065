"""The movie shows what the Result holds: each pixel of the view, each bar, each pick-up, and nothing of the future."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from retinoscope.figures import canvas
from retinoscope.figures.simulation import simulation_frames, simulation_summary, view_position
from retinoscope.figures.tracks import tracks_of
from retinoscope.result import Result
from retinoscope.worlds.declaration import Variable
from tests.simulations import planted_rows, planted_simulation, planted_world

GREY_SIX = ((33, 47, 1), {"go": ("ahead", "back", "left", "right", "up", "a very long name that does not fit")})


def frame_of(result: Result, decision: int) -> np.ndarray:
    return next(itertools.islice(simulation_frames(result), decision, None))


def with_events(*pickups: tuple[int, int], decisions: int = 60) -> xarray.Dataset:
    rows = planted_rows(decisions)
    for decision, kind in pickups:
        rows["events"].values[decision, kind] = 1
    return rows


def flash_line(frame: np.ndarray, result: Result) -> np.ndarray:
    """The rows between the view and the traces, right of their title."""
    top, _, factor = view_position(result)
    below = top + factor * result.data.sizes["height"] + 24
    return frame[below : below + 46, 115:-100]


def test_there_is_one_frame_per_decision_all_of_one_even_size() -> None:
    frames = list(simulation_frames(planted_simulation(planted_rows(5))))
    assert len(frames) == 5
    assert {(frame.shape, frame.dtype) for frame in frames} == {(frames[0].shape, np.dtype(np.uint8))}
    assert frames[0].shape[0] % 2 == 0 and frames[0].shape[1] % 2 == 0


def test_the_view_is_the_observation_every_pixel_a_block() -> None:
    rows = planted_rows(3)
    result = planted_simulation(rows)
    top, left, factor = view_position(result)
    assert factor == 6
    for decision, frame in enumerate(simulation_frames(result)):
        observation = rows["observation"].values[decision]
        for y, x in ((0, 0), (0, 79), (59, 0), (31, 42), (59, 79)):
            block = frame[top + y * factor : top + (y + 1) * factor, left + x * factor : left + (x + 1) * factor]
            assert (block == observation[y, x]).all()
        view = frame[top : top + 60 * factor, left : left + 80 * factor]
        np.testing.assert_array_equal(view[factor // 2 :: factor, factor // 2 :: factor], observation)


def test_other_views_and_actions_are_laid_out_too() -> None:
    view, heads = GREY_SIX
    rows = planted_rows(2, view=view, heads=heads)
    result = planted_simulation(rows, heads=heads)
    frame = frame_of(result, 1)
    top, left, factor = view_position(result)
    shown = frame[top : top + 33 * factor, left : left + 47 * factor]
    np.testing.assert_array_equal(shown, canvas.enlarge(canvas.to_rgb(rows["observation"].values[1]), factor))
    assert frame.shape[0] % 2 == 0 and frame.shape[1] % 2 == 0


def test_large_views_are_not_enlarged() -> None:
    result = planted_simulation(planted_rows(1, view=(120, 641, 3)))
    assert view_position(result)[2] == 1
    assert frame_of(result, 0).shape[1] % 2 == 0


def column_beside(frame: np.ndarray, result: Result) -> np.ndarray:
    """The column right of the view."""
    _, left, factor = view_position(result)
    return frame[:, left + factor * result.data.sizes["width"] + 10 :]


@pytest.mark.parametrize("health", [0.0, 50.0, 200.0])
def test_the_health_bar_is_as_long_as_health(health: float) -> None:
    rows = planted_rows(1)
    rows["health"].values[0] = health
    result = planted_simulation(rows)
    column = column_beside(frame_of(result, 0), result)
    top = view_position(result)[0]
    bar = column[top + 35]  # through the middle of the bar
    filled = int((bar == (150, 156, 166)).all(axis=1).sum())
    assert filled == pytest.approx(374 * health / 200, abs=2)


def test_action_bars_are_as_long_as_the_probabilities_and_the_chosen_one_is_dark_and_pointed_at() -> None:
    rows = planted_rows(8)
    result = planted_simulation(rows)
    top = view_position(result)[0]
    for decision, frame in enumerate(simulation_frames(result)):
        column = column_beside(frame, result)
        for head, first in enumerate((top + 2 * 66 + 34, top + 2 * 66 + 34 + 3 * 30 + 34)):
            for number in range(3):
                middle = column[first + number * 30 + 3]
                dark = int((middle[130:350] == canvas.INK).all(axis=1).sum())
                light = int((middle[130:350] == (150, 156, 166)).all(axis=1).sum())
                is_chosen = number == rows["action"].values[decision, head]
                share = float(result.data["probability"].values[decision, 3 * head + number])
                assert (dark if is_chosen else light) == pytest.approx(200 * share, abs=1)
                assert (light if is_chosen else dark) == 0
                pointer = column[first + number * 30 - 6 : first + number * 30 + 14, 14:32]
                assert (pointer.min() < 100) == is_chosen


def test_a_pickup_is_listed_from_its_decision_on_for_a_while() -> None:
    result = planted_simulation(with_events((20, 2)))
    is_lit = [(flash_line(frame, result) != 255).any() for frame in simulation_frames(result)]
    assert is_lit == [20 <= decision < 34 for decision in range(60)]


def test_healing_and_harmful_differ_without_colour() -> None:
    lit = {}
    for name, kind in (("harmful", 0), ("neutral", 1), ("healing", 2)):
        result = planted_simulation(with_events((2, kind)))
        lit[name] = flash_line(frame_of(result, 2), result).mean(axis=2)
    # Dark letters on white within a line, against white letters on dark.
    assert (lit["healing"] < 128).mean() > 2.5 * (lit["harmful"] < 128).mean()
    assert not np.array_equal(lit["harmful"], lit["neutral"])


def test_more_pickups_than_find_room_are_counted() -> None:
    result = planted_simulation(with_events(*itertools.product(range(8), range(3))))
    full, fuller = (flash_line(frame_of(result, decision), result) for decision in (6, 7))
    assert not np.array_equal(full, fuller)
    assert (frame_of(result, 7)[:, -15:] == 255).all()


def test_the_end_of_an_episode_is_said() -> None:
    result = planted_simulation(planted_rows(30, episode_lengths=(12,)))
    is_lit = [(flash_line(frame, result) != 255).any() for frame in simulation_frames(result)]
    assert is_lit == [11 <= decision < 25 for decision in range(30)]


def test_nothing_of_the_future_is_shown() -> None:
    rows = with_events((5, 2), (21, 2), (33, 0), decisions=40)
    changed = rows.copy(deep=True)
    order = np.r_[np.arange(21), np.arange(21, 40)[::-1]]
    for name in ("observation", "health", "value", "logits", "action", "events"):
        changed[name].values[...] = rows[name].values[order]
    one, other = planted_simulation(rows), planted_simulation(changed)
    for decision, (frame, same) in enumerate(zip(simulation_frames(one), simulation_frames(other), strict=True)):
        assert np.array_equal(frame, same) == (decision <= 20)


def test_frames_are_independent_arrays() -> None:
    frames = simulation_frames(planted_simulation(planted_rows(2)))
    first = next(frames)
    kept = first.copy()
    first[...] = 0
    second = next(frames)
    assert second.max() > 0 and kept.max() > 0


def test_summary_shows_every_pickup_in_its_row_and_names_its_axes() -> None:
    rows = with_events((5, 2), (9, 2), (40, 0))
    figure = simulation_summary(planted_simulation(rows))
    assert isinstance(figure, Figure)
    health, pickups, value = figure.axes
    assert (health.get_ylabel(), value.get_xlabel()) == ("health (points)", "time (s)")
    healing, harmful = pickups.lines
    np.testing.assert_allclose(healing.get_xdata(), np.array([5, 9]) * 4 / 35)
    np.testing.assert_allclose(harmful.get_xdata(), np.array([40]) * 4 / 35)
    assert healing.get_marker() != harmful.get_marker()
    assert [label.get_text() for label in pickups.get_yticklabels()] == ["healing (2)", "harmful (1)"]


def test_nothing_in_the_summary_is_cut_off() -> None:
    rows = with_events(*itertools.product(range(300), range(3)), decisions=300)
    rows["value"].values[0] = -1234.5
    figure = simulation_summary(planted_simulation(rows))
    drawn = figure.get_tightbbox()
    assert drawn.x0 >= 0 and drawn.y0 >= 0
    width, height = figure.get_size_inches()
    assert drawn.x1 <= width and drawn.y1 <= height


def test_long_units_do_not_lie_over_the_names_below() -> None:
    rows = with_events((5, 2)).rename(health="speed")
    world = planted_world(variables=(Variable("speed", "squares per decision", "speed to the right"),))
    result = planted_simulation(rows, world=world)
    figure = simulation_summary(result)
    FigureCanvasAgg(figure).draw()
    names = [axes.yaxis.label.get_window_extent() for axes in figure.axes]
    assert "per" in figure.axes[0].get_ylabel() and not any(a.overlaps(b) for a, b in itertools.combinations(names, 2))
    labels = [track.label for track in tracks_of(result.data)]
    assert labels == ["critic's\nvalue", "…ed to the right\n(squares per\ndecision)"]


def test_summary_traces_do_not_join_episodes() -> None:
    figure = simulation_summary(planted_simulation(planted_rows(30, episode_lengths=(12,))))
    trace = np.asarray(figure.axes[0].lines[0].get_ydata())
    assert np.isnan(trace[11]) and np.isfinite(np.delete(trace, 11)).all()


def test_text_is_shortened_to_its_width() -> None:
    assert canvas.shorten("left", 15, 200) == "left"
    short = canvas.shorten("a very long name", 15, 60)
    assert short.endswith("…") and canvas.text_width(short, 15) <= 60


def test_text_outside_of_the_frame_is_cut_not_wrapped() -> None:
    frame, whole = np.full((20, 40, 3), 255, np.uint8), np.full((150, 400, 3), 255, np.uint8)
    for text, x, y in (("left of it", -30, -4), ("below and right", 25, 12), ("far away", 90, 90)):
        canvas.draw_text(frame, text, x, y, 14)
        canvas.draw_text(whole, text, x + 100, y + 20, 14)
    np.testing.assert_array_equal(frame, whole[20:40, 100:140])
