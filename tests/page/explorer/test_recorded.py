"""What the explorer is given is what was recorded, whoever recorded it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from retinoscope.page.explorer import recorded
from retinoscope.page.explorer.writing import write_explorer
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Declaration, Endings, Event, Picture, Variable, Words
from tests.page.explorer.reading import read_activity, read_column, read_index, read_pictures

ROWS = 60
NAME = "<script>alert('x')</script>"
WORLD = Declaration(
    "harbour",
    "ab" * 32,
    "",
    Picture(5, 6, 6, "float32", -1.0, 1.0, frames=2),
    (),
    seconds_per_decision=0.1,
    variables=(
        Variable("fuel", "l", "fuel left"),
        Variable("place", "m", labels=("x", "y"), kind="place"),
        Variable("not recorded"),
    ),
    events=(Event("reef", -3.0, "planks"), Event("mail", 1.0), Event(NAME)),
    words=Words("lucky", "unlucky", "landing", "landings"),
    endings=Endings("the ship sank", "the night came"),
    object_classes=("buoy", "gull"),
    object_valences=(None, 1.0),
    distance_units="m",
)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "observation": draw.uniform(-1, 1, (ROWS, 5, 6, 6)).astype(np.float32),
        "fc": draw.normal(size=(ROWS, 7)).astype(np.float32),
        NAME: draw.normal(size=(ROWS, 3)).astype(np.float32),
        "critic": draw.normal(size=(ROWS, 2)).astype(np.float32),
        "logits": draw.normal(0, 30, (ROWS, 9)).astype(np.float32),
        "action": draw.integers(0, 2, (ROWS, 2)),
        "value": np.where(np.arange(ROWS) == 3, np.nan, draw.normal(size=ROWS)),
        "reward": draw.normal(size=ROWS).astype(np.float32),
        "fuel": draw.uniform(size=ROWS),
        "place": draw.normal(size=(ROWS, 2)),
        "events": draw.poisson(0.3, (ROWS, 3)) * [1, 1, 0],
    }


def seen(row: int) -> list[dict[str, Any]]:
    return [
        {"class_index": number % 2, "box": np.array([number, row, 2, 3], np.float32), "distance": row + number / 4}
        for number in range(row % 4)
    ]


@pytest.fixture
def recording(arrays: dict[str, np.ndarray]) -> ArrayRecording:
    heads = {"rudder": ["left", "right"], "sail": ["a", "b", "c"], "speed": ["v", "w", "v log", "w log"]}
    return ArrayRecording(
        arrays,
        world=WORLD,
        layers=["fc", NAME, "critic"],
        roles={"fc": "encoder output", NAME: "memory", "critic": "value"},
        episode_lengths=[20, 25],
        terminated=[True, False],
        objects=[seen(row) for row in range(ROWS)],
        attributes={"action_heads": heads, "action_kinds": {"sail": "q_values", "speed": "gaussian"}},
    )


def written(
    folder: Path, recording: ArrayRecording, results: dict[str, Result] | None = None
) -> tuple[Path, dict[str, Any]]:
    write_explorer(folder, recording=recording, results=results or {}, title="t", subtitle="s.")
    return folder / "explorer" / "data", read_index(folder / "explorer" / "data")


@pytest.mark.parametrize("block", [7, 8192])
def test_all_that_was_recorded_is_read_back(
    tmp_path: Path,
    recording: ArrayRecording,
    arrays: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    block: int,
) -> None:
    monkeypatch.setattr(recorded, "_BLOCK", block)
    data, index = written(tmp_path, recording)
    found = index["recording"]
    assert (found["rows"], found["seconds_per_decision"]) == (ROWS, 0.1)
    assert found["episodes"] == [
        {"start": 0, "stop": 20, "ending": "the ship sank"},
        {"start": 20, "stop": 45, "ending": "the night came"},
        {"start": 45, "stop": 60, "ending": ""},
    ]
    assert [(each["kind"], each["outputs"]) for each in found["heads"]] == [
        ("choice", ["left", "right"]),
        ("q_values", ["a", "b", "c"]),
        ("gaussian", ["v", "w"]),
    ]
    for name in ("value", "reward"):
        np.testing.assert_array_equal(read_column(data, found[name])[:, 0], arrays[name].astype(np.float32))
    np.testing.assert_array_equal(read_column(data, found["actions"]), arrays["action"])
    assert [(each["name"], each["title"], each["labels"]) for each in found["variables"]] == [
        ("fuel", "fuel left", []),
        ("place", "place", ["x", "y"]),
    ]
    for each in found["variables"]:
        expected = arrays[each["name"]].reshape(ROWS, -1).astype(np.float32)
        np.testing.assert_array_equal(read_column(data, each["column"]), expected)
    assert [(each["name"], each["valence"]) for each in found["events"]] == [("reef", -3), ("mail", 1), (NAME, None)]
    for number, each in enumerate(found["events"]):
        expected_rows = [row for row in range(ROWS) if arrays["events"][row, number] > 0]
        assert read_column(data, each["rows"])[:, 0].tolist() == expected_rows
    assert found["words"]["negative"] == "unlucky landing"


def test_outputs_are_probabilities_q_values_and_means(
    tmp_path: Path, recording: ArrayRecording, arrays: dict[str, np.ndarray]
) -> None:
    data, index = written(tmp_path, recording)
    outputs = read_column(data, index["recording"]["outputs"])
    logits = arrays["logits"].astype(np.float64)
    right = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    np.testing.assert_allclose(outputs[:, :2], np.stack([1 - right, right], axis=1), atol=1e-6)
    np.testing.assert_array_equal(outputs[:, 2:7], logits[:, 2:7])


@pytest.mark.parametrize("block", [7, 8192])
def test_objects_in_view(
    tmp_path: Path, recording: ArrayRecording, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(recorded, "_BLOCK", block)
    data, index = written(tmp_path, recording)
    found = index["recording"]["objects"]
    assert (found["classes"], found["valences"], found["distance_units"]) == (["buoy", "gull"], [None, 1.0], "m")
    first, objects = read_column(data, found["first"])[:, 0], read_column(data, found["objects"])
    for row in range(ROWS):
        own = objects[int(first[row]) : int(first[row + 1])]
        assert own.tolist() == [[each["class_index"], *each["box"], each["distance"]] for each in seen(row)]


def test_frames_are_the_newest_in_eight_bits(
    tmp_path: Path, recording: ArrayRecording, arrays: dict[str, np.ndarray]
) -> None:
    data, index = written(tmp_path, recording)
    frames = index["recording"]["frames"]
    expected = np.rint((arrays["observation"][..., 3:].astype(np.float64) + 1) / 2 * 255)
    assert np.abs(read_pictures(data, frames) - expected).max() <= 1
    assert not frames["is_exact"], "floats have more than eight bits"
    assert index["subtitle"] == "s. Of 2 stacked frames the newest is shown."


@pytest.mark.parametrize(("channels", "says"), [(1, ""), (3, ""), (2, "Of 2 channels the first is shown, in grey.")])
def test_frames_of_bytes_are_exact_where_all_of_them_is_shown(tmp_path: Path, channels: int, says: str) -> None:
    seen = np.random.default_rng(1).integers(0, 256, (9, 4, 5, channels), np.uint8)
    data, index = written(tmp_path, ArrayRecording({"observation": seen}))
    frames = index["recording"]["frames"]
    shown = seen if channels == 3 else seen[..., :1]
    np.testing.assert_array_equal(read_pictures(data, frames), np.broadcast_to(shown, (9, 4, 5, 3)))
    assert (frames["is_exact"], index["subtitle"]) == (channels != 2, f"s. {says}".strip())


def test_many_frames_are_blurred_and_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retinoscope.page.explorer.frames.MOST_EXACT", 8)
    _, index = written(tmp_path, ArrayRecording({"observation": np.zeros((9, 4, 5, 3), np.uint8)}))
    assert not index["recording"]["frames"]["is_exact"]


def test_layers_hold_the_activity_of_every_unit(
    tmp_path: Path, recording: ArrayRecording, arrays: dict[str, np.ndarray]
) -> None:
    means = np.random.default_rng(5).normal(size=(ROWS, 4)).astype(np.float32)
    maps = Result("convolutions", xarray.Dataset({"conv1_mean": (("time", "conv1_channel"), means)}))
    data, index = written(tmp_path, recording, {"convolutions": maps})
    layers = index["layers"]
    assert [(each["name"], each["role"], each["units"], each["quantity"]) for each in layers] == [
        ("conv1", "encoder stage", 4, "mean over the map"),
        ("fc", "encoder output", 7, "activity"),
        (NAME, "memory", 3, "activity"),
    ]
    for each in layers:
        expected = means if each["name"] == "conv1" else arrays[each["name"]]
        half = (expected.max() - expected.min()) / 65534 / 2
        np.testing.assert_allclose(read_activity(data, each["activity"]), expected, atol=half * 1.01)
        assert each["overview"]["rows_per_bin"] == 1
        half = (expected.max() - expected.min()) / 254 / 2
        np.testing.assert_allclose(read_column(data, each["overview"]["column"]), expected, atol=half * 1.01)


def test_further_results_leave_the_identity_as_it_is_so_that_notes_stay(
    tmp_path: Path, recording: ArrayRecording
) -> None:
    maps = Result("convolutions", xarray.Dataset({"conv1_mean": (("time", "conv1_channel"), np.zeros((ROWS, 4)))}))
    _, before = written(tmp_path / "before", recording)
    _, after = written(tmp_path / "after", recording, {"convolutions": maps})
    assert len(after["layers"]) == len(before["layers"]) + 1 and after["identity"] == before["identity"]


def test_components_are_known_at_every_moment_at_which_the_memory_is(tmp_path: Path) -> None:
    from retinoscope.analyses.memory.fitted_components import fitted_components, fitted_of

    draw = np.random.default_rng(2)
    memory = (draw.laplace(size=(90, 4)) @ draw.normal(size=(4, 4))).astype(np.float32)
    recording = ArrayRecording({"rnn": memory}, roles={"rnn": "memory"})
    result = fitted_components(recording, components="pca:2", window_steps=5, burn_in_steps=10)
    fitted = fitted_of(result).transform(memory)
    memory[7] = np.nan
    lacking = ArrayRecording({"rnn": memory}, roles={"rnn": "memory"})
    data, index = written(tmp_path, lacking, {"fitted_components": result})
    found = index["layers"][-1]
    assert (found["name"], found["quantity"], found["title"]) == ("components", "component", "components of rnn")
    values = read_activity(data, found["activity"])
    assert np.isnan(values[7]).all()
    np.testing.assert_allclose(np.delete(values, 7, 0), np.delete(fitted, 7, 0), atol=1e-3)


def test_arrays_that_are_nothing_but_activity(tmp_path: Path) -> None:
    data, index = written(tmp_path, ArrayRecording({"x": np.full((5, 2), np.nan), "value": np.full(5, np.nan)}))
    found = index["recording"]
    assert found["episodes"] == [{"start": 0, "stop": 5, "ending": ""}]
    assert {name for name, each in found.items() if each is None} == {
        *("seconds_per_decision", "frames", "actions", "outputs", "value", "reward", "objects")
    }
    assert found["heads"] == found["variables"] == found["events"] == []
    assert np.isnan(read_activity(data, index["layers"][0]["activity"])).all()


def test_names_stay_in_the_index_and_end_no_script(tmp_path: Path, recording: ArrayRecording) -> None:
    data, index = written(tmp_path, recording)
    assert NAME in [each["name"] for each in index["layers"]]
    assert "<" not in (data / "index.js").read_text()
    assert all("<" not in path.name and "'" not in path.name for path in data.rglob("*"))
