"""Panels as written: what a browser decodes is what the Result holds, unit by unit and moment by moment."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from retinoscope.analyses.exploring import (
    COMPONENTS,
    AgentsPanel,
    CheckpointPicturesPanel,
    ExampleList,
    ExamplesPanel,
    OrderPanel,
    Panel,
    PointsPanel,
    SaliencyPanel,
    SaliencyTarget,
    ShownAgent,
    ShownHead,
    UnitPicturesPanel,
    by_unit,
)
from retinoscope.page.explorer import panels as written
from retinoscope.page.explorer.data_folder import DataFolder
from retinoscope.page.explorer.panels import panel_of, panels_of
from retinoscope.page.products import OMITTED
from retinoscope.result import Result
from tests.page.explorer.reading import read_column, read_index, read_pictures

RANDOM = np.random.default_rng(5)


def explored(folder: Path, *results: Result) -> dict[str, dict[str, Any]]:
    """The panels of Results by name, as the index has them."""
    data = DataFolder(folder)
    data.index({"panels": panels_of(data, {each.analysis: each for each in results})})
    return {each["name"]: each for each in read_index(folder)["panels"]}


def shown(folder: Path, panel: Panel) -> dict[str, Any]:
    """One panel, as the index has it."""
    data = DataFolder(folder)
    data.index({"panels": [panel_of(data, panel, "planted")]})
    (found,) = read_index(folder)["panels"]
    return dict(found)


def test_points_lie_at_their_moments(tmp_path: Path) -> None:
    points, rows = RANDOM.normal(size=(2, 4, 2)), np.array([3, 7, 8, 20])
    numbers = {"kept": [0.55, 0.2], "kept_chance": [0.01, 0.01], "time_share": [0.3, 0.4]}
    data = xarray.Dataset(
        {"embedding": (("layer", "point", "axis"), points), "row": ("point", rows)}
        | {name: ("layer", values) for name, values in numbers.items()},
        coords={"layer": ["fc", "rnn"]},
        attrs={"caption": "n = 4.", "evidence": "Kept."},
    )
    found = explored(tmp_path, Result("embedding", data, {"neighbours": 10}))["embedding_rnn"]
    assert (found["kind"], found["analysis"], found["layer"]) == ("points", "embedding", "rnn")
    assert read_column(tmp_path, found["rows"])[:, 0].tolist() == rows.tolist()
    np.testing.assert_allclose(read_column(tmp_path, found["points"]), points[1], rtol=1e-6)
    assert found["note"].startswith("keeps 20% of the 10 nearest neighbours (by chance 1.0%)")


def test_the_order_is_that_of_the_raster(tmp_path: Path) -> None:
    data = xarray.Dataset(
        {"fc": (("fc_unit", "time"), np.zeros((3, 2)))},
        coords={"layer": ["fc"], "fc_unit": [2, 0, 1]},
        attrs={"caption": "Sorted."},
    )
    found = explored(tmp_path, Result("raster", data))["raster_fc"]
    assert (found["kind"], found["units"]) == ("order", [2, 0, 1])


def test_fields_stand_at_the_numbers_of_their_units(tmp_path: Path) -> None:
    fields = RANDOM.normal(size=(2, 6, 5, 3))
    fields[1] = 0.0
    about = {"caption": "n = 2.", "learned": "94% learned", "drawn_top": 1, "drawn_bottom": 5, "drawn_left": 0}
    data = xarray.Dataset(
        {
            "conv1": (("conv1_unit", "conv1_height", "conv1_width", "colour"), fields, about | {"drawn_right": 4}),
            "conv1_reliability": ("conv1_unit", [0.9876, np.nan]),
        },
        coords={"conv1_unit": [1, 3]},
    )
    found = explored(tmp_path, Result("receptive_fields", data, {"layers": ["conv1"]}))["receptive_fields_conv1"]
    assert (found["height"], found["width"], found["channels"], found["note"]) == (4, 4, 3, "94% learned")
    assert found["notes"] == ["not measured", "split-half reliability 0.987", "not measured", "never answered"]
    pictures = read_column(tmp_path, found["pictures"]).reshape(4, 4, 4, 3)
    assert np.isnan(pictures[[0, 2]]).all()
    np.testing.assert_allclose(pictures[1], fields[0, 1:5, :4], atol=np.abs(fields).max() / 60_000)
    assert (pictures[3] == 0).all()  # zero is a code of its own: grey is grey


def test_fields_of_all_checkpoints_stand_with_their_unit(tmp_path: Path) -> None:
    """Units 1 and 3 at three checkpoints, of which two had been trained for as long: one of these is shown."""
    fields = RANDOM.normal(size=(3, 2, 6, 5, 3)).astype(np.float32)
    about = {"drawn_top": 1, "drawn_bottom": 5, "drawn_left": 0, "drawn_right": 4}
    dims = ("checkpoint", "conv1_unit", "conv1_height", "conv1_width", "colour")
    data = xarray.Dataset(
        {"conv1": (dims, fields, about)},
        coords={"conv1_unit": [1, 3], "frames_trained": ("checkpoint", [0, 500, 500])},
        attrs={"caption": "All checkpoints."},
    )
    found = explored(tmp_path, Result("field_movie", data, {"layers": ["conv1"]}))["field_movie_conv1"]
    assert (found["kind"], found["layer"], found["frames_trained"]) == ("checkpoint_pictures", "conv1", [0, 500])
    assert (found["height"], found["width"], found["channels"], found["is_signed"]) == (4, 4, 3, True)
    pictures = read_column(tmp_path, found["pictures"]).reshape(4, 2, 4, 4, 3)
    assert np.isnan(pictures[[0, 2]]).all()
    np.testing.assert_allclose(pictures[3, 1], fields[1, 1, 1:5, :4], atol=np.abs(fields).max() / 60_000)
    np.testing.assert_allclose(pictures[1, 0], fields[0, 0, 1:5, :4], atol=np.abs(fields).max() / 60_000)


def test_large_pictures_of_checkpoints_are_averaged_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "MOST_OF_CHECKPOINTS", 2 * 3 * 4 * 4)
    fields = RANDOM.normal(size=(2, 3, 8, 8, 1)).astype(np.float32)
    found = shown(tmp_path, CheckpointPicturesPanel("f", "F", "Fields.", "fc", np.array([0, 5, 9]), fields, True))
    assert found["caption"] == "Fields. Shown here in blocks of 2 × 2 pixels, averaged."
    expected = fields.reshape(2, 3, 4, 2, 4, 2).mean(axis=(3, 5))
    pictures = read_column(tmp_path, found["pictures"]).reshape(expected.shape)
    np.testing.assert_allclose(pictures, expected, atol=1e-4)


@pytest.mark.parametrize("frames", [[0, 1, 2], [5, 5], [9, 0]])
def test_checkpoints_that_do_not_fit_their_pictures_are_refused(frames: list[int]) -> None:
    with pytest.raises(ValueError, match="^panel 'f': "):
        CheckpointPicturesPanel("f", "F", "", "fc", np.array(frames), np.zeros((1, 2, 3, 3, 1)), True)


def events_result() -> Result:
    mean = RANDOM.normal(size=(2, 3, 4))
    variables: dict[str, Any] = {
        f"fc_{name}": (("kind", "lag", "fc_unit"), mean + shift)
        for name, shift in (("mean", 0), ("low", -1), ("high", 1))
    }
    shuffled = RANDOM.normal(size=(2, 4))
    for name, shift in (("mean", 0), ("low", -1), ("high", 1)):
        variables[f"fc_shuffled_{name}"] = (("kind", "fc_unit"), shuffled + shift)
    for share in ("rising_before", "rising_only_after", "falling_before"):
        variables |= {f"{share}{end}": (("kind", "layer"), np.full((2, 1), 0.5)) for end in ("", "_low", "_high")}
    variables["beyond_by_chance"] = (("kind", "layer"), np.full((2, 1), 0.01))
    coordinates = {"kind": ["healing", "harmful"], "layer": ["fc"], "predictor": np.array([], str), "horizon": [1.0]}
    coordinates["seconds"] = ("lag", [-0.1, 0.0, 0.1])
    words = json.dumps(["healing", "harmful", "pick-up", "pick-ups"])
    attributes = {"event_words": words, "kinds_are_sides": 1, "clock_units": "s", "caption": "n = 9.", "predicted": ""}
    return Result("event_triggered", xarray.Dataset(variables, coordinates, attributes))


def test_curves_around_events_have_their_tone_and_chance(tmp_path: Path) -> None:
    result = events_result()
    found = explored(tmp_path, result)
    panel = found["event_triggered_fc"]
    assert (panel["x"], panel["x_title"]) == ([-0.1, 0.0, 0.1], "time from the pick-up (s)")
    tones = {each["name"]: each["tone"] for each in panel["curves"]}
    assert tones == {
        "healing pick-ups": "good",
        "healing pick-ups, shuffled": "chance",
        "harmful pick-ups": "bad",
        "harmful pick-ups, shuffled": "chance",
    }
    _, _, harmful, chance = panel["curves"]
    low = read_column(tmp_path, harmful["low"])
    np.testing.assert_allclose(low, result.data["fc_low"].values[1].T, rtol=1e-6)
    expected = np.repeat(result.data["fc_shuffled_mean"].values[1][:, None], 3, axis=1)
    np.testing.assert_allclose(read_column(tmp_path, chance["values"]), expected, rtol=1e-6)
    assert found["event_triggered"]["kind"] == "table" and len(found["event_triggered"]["rows"]) == 6


def test_a_kind_with_too_few_events_has_no_curve(tmp_path: Path) -> None:
    result = events_result()
    for name in ("fc_mean", "fc_low", "fc_high"):
        result.data[name][1] = np.nan
    panel = explored(tmp_path, result)["event_triggered_fc"]
    assert [each["name"] for each in panel["curves"]] == ["healing pick-ups", "healing pick-ups, shuffled"]


def test_numbers_and_correlates_of_components(tmp_path: Path) -> None:
    r = RANDOM.uniform(-1, 1, (3, 2))
    ends = {f"correlation{end}": (("component", "quantity"), r + shift) for end, shift in (("_low", -1), ("_high", 1))}
    data = xarray.Dataset(
        {
            "explained": ("component", [0.5, 0.3, 0.1]),
            "stability": ("component", [0.9, 0.8, 0.2]),
            "is_stable": ("component", [True, True, False]),
            "correlation": (("component", "quantity"), r),
            "correlation_chance": ("component", [0.1, 0.2, 0.3]),
            **ends,
        },
        coords={"component": [0, 1, 2], "quantity": ["value", "health"]},
        attrs={"caption": "3 components.", "correlation_caption": "r."},
    )
    found = explored(tmp_path, Result("components", data))
    stability = found["components_stability"]
    assert (stability["layer"], [each["units"] for each in stability["numbers"]]) == (COMPONENTS, ["%", ""])
    expected = [[50, 0.9], [30, 0.8], [10, 0.2]]
    np.testing.assert_allclose(read_column(tmp_path, stability["values"]), expected, rtol=1e-6)
    correlates = found["component_correlates"]
    assert [each["name"] for each in correlates["numbers"]] == ["chance", "r value", "r health"]
    np.testing.assert_allclose(read_column(tmp_path, correlates["values"])[:, 1:], r, rtol=1e-6)
    assert found["components"]["columns"][0] == "component" and len(found["components"]["rows"]) == 3


def test_examples_are_lists_of_first_moments(tmp_path: Path) -> None:
    listed = RANDOM.random((1, 2, 3, 4, 5)) < 0.5
    bounds = {name: (("proportion", "component"), np.zeros((1, 4))) for name in ("low", "middle_from", "middle_to")}
    dimensions = ("proportion", "scope", "level", "component")
    data = xarray.Dataset(
        {
            "listed": ((*dimensions, "sample"), listed),
            "coverage": (dimensions, listed.mean(axis=-1)),
            "high": (("proportion", "component"), np.ones((1, 4))),
            "cut": (("proportion", "component"), [[""] * 4]),
            **bounds,
        },
        coords={
            "proportion": [0.1],
            "scope": ["any_step", "gradient_step"],
            "level": ["high", "middle", "low"],
            "component": np.arange(4),
            "sample": np.arange(5),
            "first_row": ("sample", [2, 10, 18, 40, 48]),
        },
        attrs={"caption": "5 samples."},
    )
    result = Result("dataset_examples", data, {"steps": 8, "gradient_step": 7})
    found = explored(tmp_path, result)["dataset_examples"]
    assert (found["layer"], found["steps"], found["gradient_step"], found["names"]) == (COMPONENTS, 8, 7, [])
    assert read_column(tmp_path, found["samples"])[:, 0].tolist() == [2, 10, 18, 40, 48]
    (one,) = (each for each in found["lists"] if (each["scope"], each["level"]) == ("gradient_step", "low"))
    assert np.array_equal(read_column(tmp_path, one["listed"]), listed[0, 1, 2])
    of_arrays = dataclasses.replace(result, data=data.drop_vars("first_row").assign_coords(sample=list("abcde")))
    found = explored(tmp_path / "arrays", of_arrays)["dataset_examples"]
    assert found["names"] == list("abcde")
    assert read_column(tmp_path / "arrays", found["samples"])[:, 0].tolist() == [0, 8, 16, 24, 32]


def test_maps_of_a_gallery_lie_at_the_moments_they_are_of(tmp_path: Path) -> None:
    """Two samples that overlap: where both have a map, that of the nearer gradient step is shown."""
    maps = RANDOM.normal(size=(1, 1, 3, 3, 2, 4))
    dims = ("component", "level", "place")
    data = xarray.Dataset(
        {
            "first_row": (dims, [[[10, 12, -1]]]),
            "attribution": ((*dims, "shown", "height", "width"), maps),
            "place_of_component": ("component", [2]),
        },
        coords={"component": [7], "level": ["high"], "shown": [0, 2, 4]},
        attrs={"caption": "Gallery."},
    )
    found = explored(tmp_path, Result("component_gallery", data, {"gradient_step": 2}))["component_gallery"]
    (target,) = found["targets"]
    assert (target["layer"], target["unit"], target["name"]) == (COMPONENTS, 2, "component 7")
    assert (target["verdict"], target["has_passed"]) == ("", None)
    assert read_column(tmp_path, target["rows"])[:, 0].tolist() == [10, 12, 14]
    scale = target["maps"]["high"][0]
    expected = np.clip([maps[0, 0, 0, 0], maps[0, 0, 0, 1], maps[0, 0, 1, 1]], -scale, scale).reshape(3, 8)
    np.testing.assert_allclose(read_column(tmp_path, target["maps"]), expected, atol=scale / 127)


def test_the_verdict_is_that_of_the_attribution(tmp_path: Path) -> None:
    maps = RANDOM.normal(size=(2, 3, 2, 2)).astype(np.float32)
    data = xarray.Dataset(
        {
            "map": (("target", "time", "height", "width"), maps),
            "scale": ("target", [1.0, 2.0]),
            "passed": ("target", [True, False]),
        },
        coords={"target": ["value", "fc:3"], "row": ("time", [5, 6, 7])},
        attrs={"caption": "Maps.", "badge value": "passed, |ρ| = 0.05", "badge fc:3": "FAILED, |ρ| = 0.90"},
    )
    found = explored(tmp_path, Result("episode_attribution", data))["episode_attribution"]
    value, unit = found["targets"]
    assert (value["verdict"], value["has_passed"], value["layer"]) == ("passed, |ρ| = 0.05", True, None)
    assert (unit["verdict"], unit["has_passed"], unit["layer"], unit["unit"]) == ("FAILED, |ρ| = 0.90", False, "fc", 3)
    assert value["rows"]["path"] == unit["rows"]["path"]  # the same moments are written once
    assert unit["maps"]["low"] == [-2.0]
    np.testing.assert_allclose(read_column(tmp_path, unit["maps"]), np.clip(maps[1], -2, 2).reshape(3, 4), atol=2 / 127)


def test_images_of_the_first_place_and_of_all(tmp_path: Path) -> None:
    views = RANDOM.integers(0, 255, (3, 4, 5, 3), dtype=np.uint8)
    examples = RANDOM.integers(0, 255, (2, 2, 4, 5, 3), dtype=np.uint8)
    examples[0] = views[[0, 2]]
    probability, elsewhere = RANDOM.random((1, 6, 2)), RANDOM.random((1, 2, 2))
    rnn, rnn_elsewhere = RANDOM.normal(size=(3, 7)), RANDOM.normal(size=(1, 2, 7))
    data = xarray.Dataset(
        {
            "label": ("image", [0, 0, 0, 1, 1, 1]),
            "kept": ("view", [1, 3, 5]),
            "observation": (("view", "height", "width", "colour"), views),
            "value": ("view", [0.1, 0.2, 0.3]),
            "activity": (("view", "unit"), RANDOM.normal(size=(3, 6)), {"long_name": "fc"}),
            "rnn_activity": (("view", "rnn_unit"), rnn, {"long_name": "rnn"}),
            "probability": (("checkpoint", "image", "output"), probability),
            "example": (("place", "class", "height", "width", "colour"), examples),
            "example_image": ("class", [1, 5]),
            "elsewhere": ("elsewhere", [1, 5]),
            "elsewhere_value": (("other_place", "elsewhere"), [[0.7, 0.8]]),
            "elsewhere_probability": (("other_place", "elsewhere", "output"), elsewhere),
            "elsewhere_activity": (("other_place", "elsewhere", "unit"), RANDOM.normal(size=(1, 2, 6))),
            "elsewhere_rnn_activity": (
                ("other_place", "elsewhere", "rnn_unit"),
                rnn_elsewhere,
                {"long_name": "rnn"},
            ),
        },
        coords={
            "checkpoint": ["this"],
            "class": ["<b>7</b>", "3"],
            "effect": ("class", [-20, 10]),
            **{name: ("place", values) for name, values in {"distance": [100, 200], "bearing": [0, 0]}.items()},
            **{name: ("place", [np.nan] * 2) for name in ("image_height", "image_row", "image_column")},
        },
        attrs={"heads": json.dumps([{"name": "move", "kind": "choice", "outputs": ["forward", "backward"]}])},
    )
    said = {"dataset": "digits", "seed": 0, "layer": "fc", "own_checkpoint": "this"}
    found = explored(tmp_path, Result("shown_images", data, said))
    first, every = found["shown_images"], found["shown_images_by_place"]
    assert np.array_equal(read_pictures(tmp_path, first["pictures"]), views)
    assert (first["names"], first["class_of"]) == (["image 1", "image 3", "image 5"], [0, 1, 1])
    assert (first["classes"], first["valences"]) == (["<b>7</b>", "3"], [-20.0, 10.0])
    np.testing.assert_allclose(read_column(tmp_path, first["outputs"]), probability[0, [1, 3, 5]], rtol=1e-6)
    assert np.array_equal(read_pictures(tmp_path, every["pictures"]), examples.swapaxes(0, 1).reshape(4, 4, 5, 3))
    np.testing.assert_allclose(read_column(tmp_path, every["value"])[:, 0], [0.1, 0.7, 0.3, 0.8], rtol=1e-6)
    expected = [probability[0, 1], elsewhere[0, 0], probability[0, 5], elsewhere[0, 1]]
    np.testing.assert_allclose(read_column(tmp_path, every["outputs"]), expected, rtol=1e-6)
    assert [each["layer"] for each in every["responses"]] == ["fc", "rnn"]
    expected = [rnn[0], rnn_elsewhere[0, 0], rnn[2], rnn_elsewhere[0, 1]]
    np.testing.assert_allclose(read_column(tmp_path, every["responses"][1]["values"]), expected, rtol=1e-6)
    assert len(set(every["places"])) == 2 and every["heads"][0]["outputs"] == ["forward", "backward"]


def test_what_could_not_be_made_has_no_panel(tmp_path: Path) -> None:
    assert explored(tmp_path, Result("raster", xarray.Dataset(attrs={OMITTED: "too few"}))) == {}


def test_large_pictures_are_averaged_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "MOST_OF_PICTURES", 100)
    pictures = RANDOM.normal(size=(4, 5, 6, 2))
    panel = UnitPicturesPanel("p", "P", "Fields.", "fc", pictures, is_signed=True)
    found = shown(tmp_path, panel)
    assert (found["height"], found["width"], found["channels"]) == (3, 3, 2)
    assert found["caption"] == "Fields. Shown here in blocks of 2 × 2 pixels, averaged."
    values = read_column(tmp_path, found["pictures"]).reshape(4, 3, 3, 2)
    np.testing.assert_allclose(values[2, 1, 2], pictures[2, 2:4, 4:6].mean(axis=(0, 1)), atol=1e-3)
    np.testing.assert_allclose(values[2, 2, 0], pictures[2, 4:, :2].mean(axis=(0, 1)), atol=1e-3)


def test_large_maps_lose_detail_and_then_moments_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "MOST_OF_MAPS", 20)
    rows, maps = np.arange(100, 110), RANDOM.normal(size=(10, 4, 4))
    targets = tuple(SaliencyTarget(name, name, rows, maps, 3.0) for name in ("value", "other"))
    found = shown(tmp_path, SaliencyPanel("s", "S", "Maps.", targets))
    assert found["caption"].endswith("blocks of 2 × 2 pixels, averaged. Of 4 moments there is a map of one.")
    assert read_column(tmp_path, found["targets"][1]["rows"])[:, 0].tolist() == [100, 104, 108]
    values = read_column(tmp_path, found["targets"][1]["maps"])
    scale = found["targets"][1]["maps"]["high"][0]
    np.testing.assert_allclose(values[1, 3], maps[4, 2:, 2:].mean(), atol=scale / 127)


def test_large_lists_are_those_of_the_gradient_step_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "MOST_OF_LISTS", 10)
    lists = tuple(ExampleList(scope, "high", np.ones((3, 4), bool)) for scope in ("any_step", "gradient_step"))
    found = shown(tmp_path, ExamplesPanel("e", "E", "Lists.", COMPONENTS, 2, 1, np.arange(4), (), lists))
    assert [each["scope"] for each in found["lists"]] == ["gradient_step"]
    assert found["caption"] == "Lists. Here are only the lists at the gradient step."


def test_two_agents_at_one_stimulus(tmp_path: Path) -> None:
    heads = (ShownHead("turn", "choice", ("left", "right")),)
    outputs, activity = RANDOM.random((3, 2)), RANDOM.normal(size=(3, 5))
    agents = (ShownAgent("a", heads, outputs, np.arange(3.0), {"fc": activity}), ShownAgent("b"))
    pictures = RANDOM.integers(0, 256, (3, 4, 6, 3), np.uint8)
    found = shown(tmp_path, AgentsPanel("s", "S", "C.", pictures, ("x", "y", "z"), agents, np.array([0, 5, 9])))
    assert read_column(tmp_path, found["rows"])[:, 0].tolist() == [0, 5, 9]
    first, second = found["agents"]
    np.testing.assert_allclose(read_column(tmp_path, first["outputs"]), outputs, rtol=1e-6)
    np.testing.assert_allclose(read_column(tmp_path, first["value"])[:, 0], np.arange(3.0))
    layer = first["responses"][0]["values"]
    step = (activity.max() - activity.min()) / 254
    np.testing.assert_allclose(read_column(tmp_path, layer), activity, atol=step / 2 + 1e-9)
    assert len(layer["low"]) == len(layer["high"]) == 1  # one range for all units
    assert second == {"name": "b", "heads": [], "outputs": None, "value": None, "responses": []}
    np.testing.assert_array_equal(read_pictures(tmp_path, found["pictures"]), pictures)


def test_names_stay_apart(tmp_path: Path) -> None:
    """Whatever other packages call their panels, no two have one name or share a column."""
    points = PointsPanel("A b", "T", "C.", "fc", np.arange(2), np.zeros((2, 2)))
    data = DataFolder(tmp_path)
    paths = [panel_of(data, dataclasses.replace(points, name=name), "x")["rows"]["path"] for name in ("A b", "a-b")]
    assert len(set(paths)) == 2


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: PointsPanel("p", "", "", "fc", np.arange(3), np.zeros((2, 2))), "not one point in the plane"),
        (lambda: OrderPanel("o", "", "", "fc", np.array([0, 0])), "not each unit once"),
        (
            lambda: SaliencyPanel("s", "", "", (SaliencyTarget("v", "v", np.array([2, 1]), np.zeros((2, 1, 1)), 1.0),)),
            "do not rise",
        ),
        (
            lambda: AgentsPanel("g", "", "", np.zeros((2, 1, 1, 3), np.uint8), ("a", "b"), (ShownAgent("one"),)),
            "there is no other agent",
        ),
    ],
)
def test_wrong_shapes_are_refused(make: Any, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        make()


def test_units_stand_in_their_places() -> None:
    found = by_unit([[1, 2], [3, 4]], [3, 1])
    assert found.shape == (4, 2) and np.isnan(found[[0, 2]]).all()
    assert found[3].tolist() == [1, 2] and found[1].tolist() == [3, 4]
