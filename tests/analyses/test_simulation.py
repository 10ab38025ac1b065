"""A simulation is the rows of a recording, labelled; nothing is shifted, dropped or made up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import xarray

from retinoscope.analyses.behaviour.simulation import ANALYSIS, SimulationParameters, simulation
from retinoscope.analyses.drawing import FigureDrawing, MovieDrawing
from retinoscope.errors import UserError
from retinoscope.figures.simulation import summarised_decisions
from retinoscope.result import load_result
from retinoscope.rollouts import ArrayRecording, Recording, record
from tests.rollouts.recordings import small_agent, small_arena
from tests.simulations import HEADS, PlantedRecording, planted_rows, planted_simulation


@pytest.fixture(scope="module")
def recording(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("recording")
    return record(small_agent(), small_arena(folder), frames=90, out=folder / "small.zarr", workers=1)


def test_every_row_is_that_of_the_recording(recording: Recording) -> None:
    result = simulation(recording, start=20, frames=60)
    rows = recording.rows(20, 80)
    for name in ("observation", "health", "value", "action", "reward", "events", "terminated", "truncated"):
        np.testing.assert_array_equal(result.data[name].values, rows[name].values, err_msg=name)
        assert result.data[name].dims == rows[name].dims
    for name in ("episode", "step"):
        np.testing.assert_array_equal(result.data[name].values, rows[name].values, err_msg=name)
    assert rows["truncated"].values.any() or rows["terminated"].values.any(), (
        "the stretch should cross an episode's end"
    )


def test_probabilities_are_the_softmax_within_each_head(recording: Recording) -> None:
    result, rows = simulation(recording, frames=10), recording.rows(0, 10)
    for time, logits in enumerate(rows["logits"].values.astype(float)):
        for head in (slice(0, 3), slice(3, 6)):
            total = sum(math.exp(each) for each in logits[head])
            expected = [math.exp(each) / total for each in logits[head]]
            np.testing.assert_allclose(result.data["probability"].values[time, head], expected, rtol=1e-5)


def test_times_are_in_seconds_of_the_game() -> None:
    data = planted_simulation(planted_rows(30, episode_lengths=(10,))).data
    np.testing.assert_allclose(data["elapsed"].values, np.arange(30) * 4 / 35)
    np.testing.assert_allclose(data["seconds"].values, np.r_[np.arange(10), np.arange(20)] * 4 / 35)
    assert data["seconds"].attrs["units"] == "s"
    assert data.attrs["seconds_per_decision"] == pytest.approx(4 / 35)


def test_outputs_and_classes_are_named() -> None:
    data = planted_simulation(planted_rows(5)).data
    assert data["output"].values.tolist() == [f"{head} {choice}" for head in HEADS for choice in HEADS[head]]
    assert data["output_head"].values.tolist() == ["turn"] * 3 + ["move"] * 3
    assert data["output_choice"].values.tolist() == [*HEADS["turn"], *HEADS["move"]]
    assert dict(zip(data["event"].values.tolist(), data["event_valence"].values.tolist(), strict=True)) == {
        "poison": -20,
        "stone": 0,
        "fruit": 25,
    }
    (health,) = json.loads(data.attrs["variables"])
    assert (health["name"], health["units"], health["low"], health["high"]) == ("health", "points", 0.0, 200.0)


def test_caption_counts_what_was_picked_up() -> None:
    rows = planted_rows(70, episode_lengths=(35,))
    rows["events"].values[3, 2] = 2
    rows["events"].values[5, 2] = 1
    rows["events"].values[5, 0] = 1
    rows["events"].values[60, 1] = 1
    caption = planted_simulation(rows).data.attrs["caption"]
    assert "n = 70 consecutive decisions (8 s) in 2 episodes with 3 healing and 1 harmful pick-ups" in caption


def test_a_shorter_recording_gives_what_there_is() -> None:
    recording = PlantedRecording(planted_rows(12))
    assert simulation(recording, start=4).data.sizes["time"] == 8


def test_parameters_are_those_of_the_call_by_whatever_way_they_come() -> None:
    recording = PlantedRecording(planted_rows(12))
    whole = simulation(recording)
    assert (whole.data.sizes["time"], whole.parameters) == (12, {"start": 0, "frames": 1000})
    given = simulation(recording, parameters=SimulationParameters(start=2, frames=9), frames=3)
    assert given.parameters == {"start": 2, "frames": 3}
    assert given.data["step"].values.tolist() == [2, 3, 4]


def test_it_is_drawn_as_a_movie_at_twice_the_speed_of_the_game_and_as_a_figure() -> None:
    movie, figure = ANALYSIS.draw(planted_simulation(planted_rows(12)))
    assert isinstance(movie, MovieDrawing) and isinstance(figure, FigureDrawing)
    assert (movie.name, figure.name, movie.gif) == ("simulation", "simulation", True)
    assert movie.frames_per_second == pytest.approx(2 * 35 / 4)
    assert movie.caption.startswith(figure.caption)
    assert movie.caption.endswith("The GIF shows every second decision at 1/2 of the width.")
    assert sum(1 for _ in movie.frames()) == 12


def test_it_can_be_saved_and_loaded(tmp_path: Path) -> None:
    result = planted_simulation(planted_rows(12, episode_lengths=(5,)))
    loaded = load_result(result.save(tmp_path / "simulation.nc"))
    xarray.testing.assert_identical(loaded.data, result.data)
    assert (loaded.parameters, loaded.provenance) == (result.parameters, result.provenance)


@pytest.mark.parametrize(
    ("start", "frames", "named"), [(0, 0, "frames"), (0, -1, "frames"), (12, 5, "start"), (-1, 5, "start")]
)
def test_a_stretch_that_is_not_there_is_refused(start: int, frames: int, named: str) -> None:
    recording = PlantedRecording(planted_rows(12))
    with pytest.raises(UserError, match=named):
        simulation(recording, start=start, frames=frames)


def test_of_many_short_episodes_the_summary_draws_the_first_and_says_so() -> None:
    lengths, rows = [7] * 40, 280
    observations = np.zeros((rows, 4, 4, 3), np.uint8)
    short = simulation(ArrayRecording({"observation": observations}, episode_lengths=lengths), frames=rows)
    assert summarised_decisions(short.data) == 20 * 7
    drawing = next(each for each in ANALYSIS.draw(short) if isinstance(each, FigureDrawing))
    assert drawing.caption.endswith("Drawn are the first 20 episodes, 140 decisions.")
    axes = drawing.draw().axes[-1]
    assert axes.get_xlim()[1] == 139
    long = simulation(ArrayRecording({"observation": observations}, episode_lengths=[14] * 20), frames=rows)
    assert summarised_decisions(long.data) == rows
    assert not any("Drawn are" in each.caption for each in ANALYSIS.draw(long))
