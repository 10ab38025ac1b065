"""Tuning of recordings: planted place, direction and object-vector cells are found, where and as wide as they are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from retinoscope.analyses.memory.tuning import tuning
from retinoscope.analyses.memory.world_variables import bearing_of, in_view, variables_of
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording
from tests.planted_tuning import (
    CONCENTRATION,
    DIRECTIONS,
    GAUSSIAN,
    OBJECT_DEVIATIONS,
    OBJECT_VECTORS,
    PLACE_DEVIATION,
    PLACES,
    WORLD,
    box_of,
    room,
)

PLACE, DIRECTION, OBJECT, IDLE = slice(0, 3), slice(3, 5), slice(5, 7), slice(7, None)


@pytest.fixture(scope="module")
def recording() -> ArrayRecording:
    return room()


@pytest.fixture(scope="module")
def found(recording: ArrayRecording) -> Result:
    return tuning(recording, shifts=100, pairs=("hunger & angle",))


def about(found: Result, variable: str) -> object:
    return found.data.sel(network="agent", variable=variable)


def test_place_cells_are_found_where_they_are_and_as_wide(found: Result) -> None:
    position = about(found, "position")
    assert position["is_tuned"].values[PLACE].all() and not position["is_tuned"].values[IDLE].any()
    np.testing.assert_allclose(position["centre"].values[PLACE], PLACES, atol=3)
    np.testing.assert_allclose(position["width"].values[PLACE], GAUSSIAN * PLACE_DEVIATION, rtol=0.2)
    assert (position["fields"].values[PLACE] == 1).all()
    assert (position["alone"].values[PLACE] > 0.5).all() and (position["stability"].values[PLACE] > 0.95).all()
    assert (position["information"].values[PLACE] > 5 * position["information_chance"].values[PLACE]).all()


def test_direction_cells_are_found_with_their_mean_vector(found: Result) -> None:
    angle = about(found, "angle")
    assert angle["is_tuned"].values[DIRECTION].all() and not angle["is_tuned"].values[IDLE].any()
    off = (angle["direction"].values[DIRECTION] - DIRECTIONS + 180) % 360 - 180
    assert np.abs(off).max() < 4
    rates = angle["angle_rate"].values[DIRECTION]
    assert np.abs(rates.max(axis=1) - 1).max() < 0.1
    width = 2 * np.degrees(np.arccos(1 + np.log(0.5 + 0.5 * np.exp(-2 * CONCENTRATION)) / CONCENTRATION))
    np.testing.assert_allclose(angle["width"].values[DIRECTION, 0], width, rtol=0.12)
    assert (angle["vector_length"].values[DIRECTION] > 0.6).all()
    assert np.isnan(about(found, "position")["vector_length"].values).all()


def test_object_vector_cells_are_found_at_their_bearing_and_distance(found: Result) -> None:
    nearest = about(found, "nearest rewarded object")
    assert nearest["is_tuned"].values[OBJECT].all() and not nearest["is_tuned"].values[IDLE].any()
    np.testing.assert_allclose(nearest["centre"].values[OBJECT], OBJECT_VECTORS, atol=5)
    np.testing.assert_allclose(nearest["width"].values[OBJECT], [GAUSSIAN * OBJECT_DEVIATIONS] * 2, rtol=0.35)
    assert "nearest punished object" not in found.data["variable"].values, "none was ever in view"


def test_what_is_in_view_explains_object_cells_and_not_place_cells(found: Result) -> None:
    assert (found.data["view"].sel(network="agent").values[OBJECT] > 0.4).all()
    assert (about(found, "position")["beyond_view"].values[PLACE] > 0.5).all()
    assert np.abs(about(found, "position")["beyond_view"].values[OBJECT]).max() < 0.05
    assert np.isnan(about(found, "nearest rewarded object")["beyond_view"].values).all()


def test_place_that_is_seen_is_no_place_beyond_the_view(recording: ArrayRecording) -> None:
    """The frame is bright where the agent is: a unit that reads it knows the place, and the view explains it."""
    places = recording.rows(names=["position"])["position"].values
    frames = np.zeros((len(places), 12, 12, 1), np.uint8)
    row, column = np.minimum((places // (100 / 12)).astype(int), 11).T
    frames[np.arange(len(places)), row, column] = 255
    cells = recording.rows(names=["cells"])["cells"].values
    sighted = ArrayRecording(
        {"position": places, "observation": frames, "cells": cells},
        layers=["cells"],
        world=WORLD.__class__(**{**WORLD.__dict__, "variables": WORLD.variables[:1], "object_classes": None}),
        episode_lengths=[600] * 20,
    )
    position = (
        tuning(sighted, shifts=10, frame_components=150, place_bins=12).data.sel(variable="position").isel(network=0)
    )
    assert position["is_tuned"].values.shape == (13,)
    assert (position["alone"].values[PLACE] > 0.5).all()
    assert np.abs(position["beyond_view"].values[PLACE]).max() < 0.03


def test_the_variables_are_those_of_the_world_and_the_pairs_asked_for(found: Result) -> None:
    listed = {each["name"]: each for each in json.loads(found.data.attrs["variables"])}
    assert list(listed) == ["position", "angle", "hunger", "nearest rewarded object", "hunger & angle"]
    assert listed["position"]["labels"] == ["position x (cm)", "position y (cm)"]
    assert found.data["hunger_angle_rate"].dims == ("network", "unit", "hunger_angle_0", "hunger_angle_1")
    assert not about(found, "hunger")["is_tuned"].values.any()
    assert "12,000 decisions of 20 episodes" in found.data.attrs["caption"]
    assert "agent is not at hand" in found.data.attrs["caption"]


def test_bearings_are_angles_from_the_middle_of_the_view(recording: ArrayRecording) -> None:
    for bearing in (-30.0, 0.0, 12.0):
        assert bearing_of(box_of(bearing), WORLD) == pytest.approx(bearing, abs=0.01)
    span = [(0, 600)]
    (apples,) = variables_of(recording, span, in_view(recording, span), ["nearest rewarded object"], (), 12)
    objects = recording.objects(0, 600)
    assert [bool(each) for each in objects] == np.isfinite(apples.values[:, 0]).tolist()


def test_fewer_decisions_are_whole_episodes(recording: ArrayRecording) -> None:
    found = tuning(recording, decisions=2_000, shifts=5, variables=("angle",), place_bins=4)
    assert "1,800 decisions of 3 episodes" in found.data.attrs["caption"]
    assert int(found.data["angle_occupancy"].sum()) == 1_800


def test_what_cannot_be_done_says_why(recording: ArrayRecording) -> None:
    with pytest.raises(UserError, match="variable 'anger': unknown; did you mean 'angle'"):
        tuning(recording, variables=("anger",))
    with pytest.raises(UserError, match="there is no number 'y'"):
        tuning(recording, pairs=("hunger & y",))
    with pytest.raises(UserError, match="is not two numbers"):
        tuning(recording, pairs=("hunger",))
    silent = ArrayRecording({"cells": np.ones((50, 2))}, layers=["cells"])
    with pytest.raises(NotMeasurable, match="declares no variables"):
        tuning(silent)
    still = ArrayRecording({"cells": np.ones((50, 2)), "lives": np.full(50, 3.0)}, layers=["cells"])
    with pytest.raises(NotMeasurable, match="of lives no two bins have 10 decisions"):
        tuning(still)
