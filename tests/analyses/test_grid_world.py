"""The room of behaviour in a world that has nothing of an arena: a grid without time, critic or health."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.analyses.behaviour.convolutions import (
    channel_means,
    convolutions,
    convolutions_of,
    layers_of,
    maps_of,
    stored_layers,
)
from retinoscope.analyses.behaviour.embedding import embedding
from retinoscope.analyses.behaviour.event_triggered import ANALYSIS as EVENT_TRIGGERED
from retinoscope.analyses.behaviour.event_triggered import event_triggered
from retinoscope.analyses.behaviour.events import Kinds
from retinoscope.analyses.behaviour.principal_components import ANALYSIS as PRINCIPAL_COMPONENTS
from retinoscope.analyses.behaviour.principal_components import principal_components
from retinoscope.analyses.behaviour.raster import raster
from retinoscope.analyses.behaviour.simulation import simulation
from retinoscope.analyses.decisions import eventful_window
from retinoscope.analyses.drawing import FigureDrawing, MovieDrawing, TableDrawing
from retinoscope.analyses.recorded import has_values, numbers_of
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import load_result
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Event
from tests.agents.networks import Impala
from tests.figures.behaviour_results import faults_of, words_of
from tests.grid_world import HEADS, LAYERS, LENGTH, OPENED, WORLD, GridRecording
from tests.rollouts.recordings import small_agent

ARENA_WORDS = ("health", "healing", "harmful", "pick-up", "picked up", "game")


@pytest.fixture(scope="module")
def grid() -> GridRecording:
    return GridRecording()


def agent() -> Agent:
    return dataclasses.replace(small_agent(), checkpoint_sha256="0" * 64)


def said_by(drawings: list) -> str:
    """Titles, captions, tables and all text of the figures, after it was checked that nothing lies over anything."""
    words = []
    for each in drawings:
        words += [each.title, each.caption]
        if isinstance(each, FigureDrawing):
            figure = each.draw()
            assert faults_of(figure) == [], each.name
            words.append(words_of(figure))
        if isinstance(each, TableDrawing):
            words.append(repr(each.rows))
    return " ".join(words)


def no_arena(text: str) -> bool:
    return not any(word in text.lower() for word in ARENA_WORDS)


def test_every_number_of_the_world_has_a_name_and_a_kind(grid) -> None:
    assert [each.name for each in numbers_of(grid)] == ["square row", "square column", "key", "facing"]
    assert [each.name for each in numbers_of(grid, "quantity")] == ["key"]
    row = numbers_of(grid, "place")[0]
    np.testing.assert_array_equal(row.of(grid.rows(5, 9)), grid.rows(5, 9)["square"].values[:, 0])
    assert (row.units, row.title) == ("squares", "square row")


def test_values_that_are_there_only_sometimes_are_refused(grid) -> None:
    assert not has_values(grid) and not has_values(GridRecording(value=None))
    assert has_values(GridRecording(value=np.zeros(12 * LENGTH)))
    partly = np.zeros(12 * LENGTH)
    partly[7] = np.nan
    with pytest.raises(UserError, match=r"grid: 1 of 1,440 values of the critic are not finite; give all"):
        has_values(GridRecording(value=partly))


def test_a_simulation_holds_what_there_is_and_counts_in_decisions(grid, tmp_path) -> None:
    result = simulation(grid, start=100, frames=80)
    rows = grid.rows(100, 180)
    for name in ("observation", "key", "action", "events", "terminated"):
        np.testing.assert_array_equal(result.data[name].values, rows[name].values)
    assert "value" not in result.data and "facing" not in result.data and "square" not in result.data
    np.testing.assert_array_equal(result.data["seconds"].values, rows["step"].values)
    assert result.data["seconds"].attrs["units"] == "decisions"
    assert result.data["event_valence"].values[0] == 1 and np.isnan(result.data["event_valence"].values[1])
    (key,) = json.loads(result.data.attrs["variables"])
    assert (key["title"], key["low"], key["high"]) == ("keys carried", 0, 3)
    opened = int(rows["events"].values[:, 0].sum())
    caption = result.data.attrs["caption"]
    assert f"80 consecutive decisions in 2 episodes with {opened} × door opened" in caption
    assert "There is no critic" in caption and "Of 2 stacked frames the newest is shown." in caption
    assert load_result(result.save(tmp_path / "simulation.nc")).data.identical(result.data)


def test_q_values_are_no_probabilities() -> None:
    data = simulation(GridRecording(kind="q_values"), frames=20).data
    assert np.isnan(data["probability"].values).all()
    np.testing.assert_array_equal(data["output_number"].values, GridRecording().rows(0, 20)["logits"].values)
    assert "Q-values" in data.attrs["caption"] and "drawn" not in data.attrs["caption"]


def test_without_frames_there_is_nothing_to_watch() -> None:
    with pytest.raises(NotMeasurable, match="grid has nothing to be watched, the recording holds no frames"):
        simulation(GridRecording(observation=None))


def test_with_events_of_one_sign_each_is_a_kind_and_the_most_frequent_are_looked_at(grid) -> None:
    kinds = Kinds.of(grid)
    counts = grid.rows(names=("events",))["events"].values.sum(axis=0)
    assert kinds.names == tuple(WORLD.events[each].name for each in np.argsort(-counts.astype(int), kind="stable"))
    assert not kinds.are_sides
    many = tuple(Event(f"event {number}") for number in range(9))
    counts = np.zeros((12 * LENGTH, 9), np.uint8)
    for number in range(9):
        counts[: number + 1, number] = 1
    found = Kinds.of(GridRecording(world={"events": many}, events=counts))
    assert found.names == tuple(f"event {number}" for number in (8, 7, 6, 5, 4, 3)) and found.left_out == 3
    both = (Event("won", 2.0), Event("lost", -1.0), Event("passed"))
    assert Kinds.of(GridRecording(world={"events": both})).names == ("rewarded", "punished")
    with pytest.raises(NotMeasurable, match="declares no events"):
        Kinds.of(GridRecording(world={"events": ()}))
    with pytest.raises(NotMeasurable, match="does not hold"):
        Kinds.of(GridRecording(events=None))


def test_the_window_has_the_most_events_where_none_is_bad(grid) -> None:
    window = eventful_window(grid, 30, 5)
    counts = grid.rows(names=("events",))["events"].values.sum(axis=1, dtype=int)
    best = max(
        counts[start : start + 30].sum() for each in grid.episodes for start in range(each.start + 5, each.stop - 29)
    )
    assert counts[window.start : window.stop].sum() == best
    assert window.rule.endswith("the one with the most events, then the first")
    nothing = eventful_window(GridRecording(events=None), 30, 5)
    assert (nothing.start, nothing.stop) == (5, 35) and nothing.rule == "there are no events; the first 30 decisions"


def test_a_unit_tied_to_an_event_is_found_and_all_is_told_without_words_of_arenas(grid) -> None:
    settings = {"seconds": 8, "tested_seconds": 3, "isolation_seconds": 4, "burn_in_steps": 3, "shuffles": 60}
    result = event_triggered(grid, resamples=20, **settings)
    data, opened = result.data, result.data.sel(kind="door opened")
    assert data["kind"].values[0] == "door opened" == data.attrs["predicted"]
    assert data.attrs["encoded"] == "net_features" and data["layer"].values.tolist() == list(LAYERS)
    locked = opened["net_features_p"].sel(side="before").values <= 0.05
    assert locked.tolist() == [unit == OPENED for unit in range(6)]
    assert data["lag"].values.tolist() == list(range(-7, 9)) and data["seconds"].attrs["units"] == "decisions"
    assert np.isnan(data["net_features_mean"].sel(kind="wall touched")).all()
    assert "critic's value" not in data["predictor"].values
    text = said_by(EVENT_TRIGGERED.draw(result))
    assert "its largest weight is positive" in text and "each event is a kind of its own" in text
    assert "door opened within the next" in text and no_arena(text)


def test_what_is_tested_lies_within_what_is_shown(grid) -> None:
    with pytest.raises(UserError, match=r"tested_seconds is 20; give at most seconds \(16\)"):
        event_triggered(grid, tested_seconds=20.0)


def test_components_take_their_signs_and_maps_from_what_there_is(grid, tmp_path) -> None:
    result = principal_components(grid, agent=agent(), layers=tuple(LAYERS), burn_in_steps=4, map_bins=8)
    data, rows = result.data, grid.rows()
    kept = rows["step"].values >= 4
    names = [f"first component of {name}" for name in LAYERS]
    facing = ["sine of facing", "cosine of facing"]
    assert data["variable"].values.tolist() == [*names, "square row", "square column", "key", *facing]
    table = np.deg2rad(rows["facing"].values[kept].astype(float))
    axis = np.linalg.eigh(np.cov(rows["net_gru_2"].values[kept].astype(float).T))[1][:, -1]
    score = rows["net_gru_2"].values[kept] @ (axis * np.sign(axis[np.abs(axis).argmax()]))
    for name, values in (("sine of facing", np.sin(table)), ("key", rows["key"].values[kept])):
        found = data["correlation"].sel(variable="first component of net_gru_2", other_variable=name)
        assert float(found) == pytest.approx(np.corrcoef(score, values)[0, 1], abs=1e-4)
    mean = np.nansum(data["map_value"].sel(mapped_layer="net_gru_1") * data["map_count"].sel(mapped_layer="net_gru_1"))
    assert mean / kept.sum() == pytest.approx(rows["key"].values[kept].mean(), rel=1e-5)
    text = said_by(PRINCIPAL_COMPONENTS.draw(result))
    assert "its largest weight is positive" in text and "keys carried" in text and no_arena(text)
    assert load_result(result.save(tmp_path / "components.nc")).data.identical(result.data)


def test_a_raster_has_the_tracks_and_events_of_the_world(grid) -> None:
    from retinoscope.analyses.behaviour.raster import ANALYSIS

    result = raster(grid, agent=agent(), layers=tuple(LAYERS), burn_in_steps=3, splits=1, window_seconds=50)
    assert result.data.sizes["time"] == 50 and not result.data["is_map"].values.any()
    assert [each["name"] for each in json.loads(result.data.attrs["variables"])] == ["key"]
    text = said_by(ANALYSIS.draw(result))
    for fact in (
        "keys carried",
        "door opened",
        "time in the episode (decisions)",
        "6 units",
        "In net_gru_1, the first 3",
    ):
        assert fact in text
    assert no_arena(text) and "critic" not in text


def test_an_embedding_is_coloured_by_any_number_event_or_action(grid) -> None:
    from retinoscope.analyses.behaviour.embedding import ANALYSIS
    from retinoscope.figures.embedding import embedding as draw

    result = embedding(grid, layers=("net_features", "net_gru_2"), perplexity=5.0, maximum_points=240, jobs=1)
    data, rows = result.data, grid.rows()
    points = data["row"].values
    assert data["label"].values.tolist() == ["action"] and "nearest" not in data and "value" not in data
    assert data["action_name"].values.tolist() == HEADS["move"]
    np.testing.assert_array_equal(data["action"].values, rows["action"].values[points, 0])
    events = rows["events"].values
    for point, row in enumerate(points[:80]):
        stop = next(each.stop for each in grid.episodes if each.stop > row)
        ahead = [int(events[at].argmax()) for at in range(row, min(row + 8, stop)) if events[at].any()]
        assert int(data["event"][point]) == (ahead[0] if ahead else 3)
    drawings = ANALYSIS.draw(result)
    names = ["embedding", "embedding_action", "embedding_event", "embedding_decisions", "embedding_episode"]
    assert [each.name for each in drawings] == names and drawings[0].title == "Embedding, coloured by keys carried"
    assert no_arena(said_by(drawings))
    for variable in ("square row", "facing"):
        assert faults_of(draw(result, variable)) == []
    with pytest.raises(
        UserError, match="variable 'mood': unknown; choose from square row, square column, key, facing, a"
    ):
        draw(result, "mood")


def test_movies_are_shown_at_a_pace_that_is_said(grid) -> None:
    from retinoscope.analyses.behaviour.simulation import ANALYSIS

    movie, figure = ANALYSIS.draw(simulation(grid, frames=30))
    assert isinstance(movie, MovieDrawing) and movie.frames_per_second == 10
    assert "Shown at 10 decisions a second, for this world has no time of its own." in movie.caption
    assert figure.title == "Keys carried and events over time"
    assert no_arena(said_by([movie, figure]))


def test_a_handful_of_layers_stands_for_a_deep_network_and_any_other_is_there_when_named() -> None:
    deep = from_module(Impala((3, 4, 4), 16), observation_shape=(16, 16, 3), actions=15, preprocess=None)
    deep = dataclasses.replace(deep, checkpoint_sha256="0" * 64)
    seen = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    recording = ArrayRecording({"observation": seen}, attributes={"checkpoint_sha256": "0" * 64})
    ends = ("blocks_0_conv", "blocks_0_res1_sum", "blocks_1_res1_sum", "blocks_2_res1_sum")
    assert len(maps_of(deep, recording)) > 12 and convolutions_of(deep, recording) == ends == layers_of(deep, recording)
    known = convolutions(recording, agent=deep, components=3)
    assert known.data["layer"].values.tolist() == list(ends)
    named = ("blocks_0_res0_conv0", "blocks_1_res1_sum")
    means = channel_means(recording, deep, named, {"convolutions": known})
    for name in named:
        maps = deep.policy.encode(torch.as_tensor(seen), until=name).detach().numpy()
        np.testing.assert_allclose(means[name], maps.mean(axis=(2, 3)), atol=1e-4)


def test_of_many_stored_layers_the_output_of_the_encoder_and_the_memory_are_looked_at(grid) -> None:
    assert layers_of(None, grid) == stored_layers(grid) == tuple(LAYERS)
    many = {f"layer_{number}": np.zeros((9, 2), np.float32) for number in range(9)}
    recording = ArrayRecording(many, roles={"layer_3": "encoder output", "layer_5": "memory", "layer_7": "readout"})
    assert stored_layers(recording) == ("layer_3", "layer_5")
    assert stored_layers(ArrayRecording(many)) == tuple(many)[:6]


def test_numbers_that_are_not_always_known_leave_the_others_as_they_are() -> None:
    key = np.linspace(0, 3, 12 * LENGTH)
    key[50] = np.nan
    settings = {"agent": agent(), "layers": tuple(LAYERS), "burn_in_steps": 4, "map_bins": 8}
    whole, partly = (principal_components(each, **settings).data for each in (GridRecording(), GridRecording(key=key)))
    others = [name for name in whole["variable"].values if name != "key"]
    assert np.isnan(partly["correlation"].sel(variable=others, other_variable="key").values).all()
    assert "nan" not in partly.attrs["caption_map"] and "r = unknown" in partly.attrs["caption_map"]
    for data in (whole, partly):
        assert np.isfinite(data["correlation"].sel(variable=others, other_variable=others).values).all()
    both = [data["correlation"].sel(variable=others, other_variable=others).values for data in (whole, partly)]
    np.testing.assert_allclose(*both, atol=1e-12)
