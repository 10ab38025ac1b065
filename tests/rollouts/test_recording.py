"""Reading a recording: any span of rows, labels, damage; and the replay self-test."""

from __future__ import annotations

import json
import shutil
import warnings

import numpy as np
import pytest
import xarray
import zarr

from retinoscope.errors import UserError
from retinoscope.rollouts import open_recording, record, replay_error
from tests.rollouts.recordings import SEED, small_agent


@pytest.fixture
def copy(small_recording, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(small_recording.path, tmp_path / "copy.zarr")


def test_any_span_is_the_same_part_of_the_whole(small_recording):
    whole, objects = small_recording.rows(), small_recording.objects()
    chance = np.random.default_rng(0)
    spans = [(0, 0), (300, 300), (0, 300), (10, 33), (99, 101), (15, 17), *np.sort(chance.integers(0, 301, (20, 2)))]
    for start, stop in spans:
        xarray.testing.assert_identical(small_recording.rows(start, stop), whole.isel(time=slice(start, stop)))
        found = small_recording.objects(start, stop)
        assert len(found) == stop - start
        for ours, theirs in zip(found, objects[start:stop], strict=True):
            assert [each["distance"] for each in ours] == [each["distance"] for each in theirs]
            assert [each["distance"] for each in ours] == sorted(each["distance"] for each in ours)


def test_blocks_add_up_to_the_whole(small_recording):
    blocks = list(small_recording.blocks(70, ["logits", "action"]))
    assert [block.sizes["time"] for block in blocks] == [70, 70, 70, 70, 20]
    whole = small_recording.rows(names=["logits", "action"])
    xarray.testing.assert_identical(xarray.concat(blocks, "time"), whole)


def test_variables_have_the_dimensions_types_and_labels_that_are_promised(small_recording):
    rows = small_recording.rows(0, 7)
    promised = {
        "observation": (("height", "width", "channel"), (60, 80, 3), np.uint8),
        "state_entering": (("rnn_unit",), (8,), np.float32),
        "fc": (("fc_unit",), (16,), np.float32),
        "rnn": (("rnn_unit",), (8,), np.float32),
        "logits": (("output",), (6,), np.float32),
        "value": ((), (), np.float32),
        "action": (("head",), (2,), np.int8),
        "health": ((), (), np.float32),
        "position": (("axis",), (2,), np.float32),
        "angle": ((), (), np.float32),
        "reward": ((), (), np.float32),
        "terminated": ((), (), np.bool_),
        "truncated": ((), (), np.bool_),
        "events": (("event",), (2,), np.uint8),
        "object_count": ((), (), np.uint16),
    }
    assert set(rows.data_vars) == set(promised)
    for name, (dimensions, shape, dtype) in promised.items():
        assert rows[name].dims == ("time", *dimensions)
        assert rows[name].shape == (7, *shape)
        assert rows[name].dtype == dtype
        assert rows[name].attrs["long_name"]
    assert rows["angle"].attrs["units"] == "degrees"
    assert rows["output"].to_numpy().tolist()[:4] == ["turn none", "turn left", "turn right", "move none"]
    assert rows["event"].to_numpy().tolist() == ["blue", "red"]
    assert small_recording.rows(0, 1, ["value"]).sizes == {"time": 1}


def test_attributes_say_who_played_where_and_with_what(small_recording, small_recording_arena):
    attributes = small_recording.attributes
    assert attributes["agent"] == "small-0"
    assert attributes["checkpoint_sha256"] == "0" * 64
    assert attributes["world_sha256"] == small_recording_arena.sha256
    assert small_recording.world.source == small_recording_arena.scenario.to_yaml()
    assert (attributes["seed"], attributes["schema_version"], attributes["complete"]) == (SEED, 2, True)
    assert attributes["layers"] == {"fc": 16, "rnn": 8}
    assert list(attributes["action_heads"]) == ["turn", "move"]
    assert {"python", "numpy", "torch", "vizdoom", "zarr"} <= set(attributes["versions"])
    json.dumps(attributes)


def test_zarr_itself_can_read_it(small_recording):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group = zarr.open_group(small_recording.path, mode="r")
        assert dict(group.members())["logits"].metadata.dimension_names == ("environment", "step", "output")
    stored = group["observation"][1, :100]
    np.testing.assert_array_equal(stored, small_recording.rows(100, 200)["observation"])


def test_rows_and_variables_that_do_not_exist_are_refused(small_recording):
    for start, stop in ((-1, 5), (5, 4), (0, 301)):
        with pytest.raises(UserError, match="has rows 0 to 300"):
            small_recording.rows(start, stop)
        with pytest.raises(UserError, match="has rows 0 to 300"):
            small_recording.objects(start, stop)
    with pytest.raises(UserError, match="has no variable 'conv1'; choose from observation, "):
        small_recording.rows(0, 1, ["conv1"])
    with pytest.raises(UserError, match="0 rows is no block"):
        next(small_recording.blocks(0))


def test_what_is_not_a_recording_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no recording"):
        open_recording(tmp_path / "missing.zarr")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="is not a recording"):
        open_recording(tmp_path / "folder")
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    with pytest.raises(UserError, match="is not a recording"):
        open_recording(tmp_path / "other.zarr")


def change_index(path, change):
    metadata = json.loads((path / "zarr.json").read_text())
    change(metadata["attributes"])
    (path / "zarr.json").write_text(json.dumps(metadata))


def test_a_changed_index_is_noticed(copy):
    change_index(copy, lambda attributes: attributes["index"].update(steps=90))
    with pytest.raises(UserError, match=r"zarr\.json does not match its checksum"):
        open_recording(copy)


def test_a_truncated_index_is_noticed(copy):
    (copy / "zarr.json").write_text((copy / "zarr.json").read_text()[:100])
    with pytest.raises(UserError, match="is not a recording"):
        open_recording(copy)


def test_another_schema_version_is_refused(copy, monkeypatch):
    monkeypatch.setattr("retinoscope.rollouts.stored_recording.WITHOUT_FRAMES", 1)
    with pytest.raises(UserError, match="has schema version 2, this retinoscope reads versions 1 to 1"):
        open_recording(copy)


@pytest.mark.parametrize("name", ["observation", "terminated", "logits"])
def test_a_missing_file_is_noticed(copy, name):
    next(file for file in (copy / name / "c").rglob("*") if file.is_file()).unlink()
    with pytest.raises(UserError, match=f"is damaged, block . of {name} is missing"):
        open_recording(copy)


@pytest.mark.parametrize("name", ["observation", "terminated", "logits"])
@pytest.mark.parametrize("damage", ["a changed byte", "a cut"])
def test_a_damaged_file_is_noticed_when_it_is_read(copy, name, damage):
    file = next(file for file in sorted((copy / name / "c").rglob("*")) if file.is_file())
    content = bytearray(file.read_bytes())
    content[len(content) // 4] ^= 1
    file.write_bytes(content if damage == "a changed byte" else content[: len(content) // 2])
    with pytest.raises(UserError, match=f"is damaged, {name} cannot be read"):
        open_recording(copy).rows(names=[name])


def test_replay_gives_what_was_stored(small_recording):
    report = replay_error(small_recording, small_agent(), rows=range(300))
    assert report.holds
    assert report.rows == 300
    assert set(report.maximum_difference) == {"fc", "rnn", "logits", "value", "state_leaving", "state_at_start"}
    assert all(report.correlation[name] > 0.999999 for name in ("fc", "rnn", "logits", "value", "state_leaving"))
    assert report.maximum_difference["state_at_start"] == 0
    assert replay_error(small_recording, small_agent(), rows=64).rows == 64


def test_replay_with_another_network_does_not_hold(small_recording):
    report = replay_error(small_recording, small_agent(1))
    assert not report.holds
    assert set(report.failures) == {"fc", "rnn", "logits", "value", "state_leaving"}
    with pytest.raises(UserError, match="was recorded with layers"):
        replay_error(small_recording, small_agent(hidden_size=17))


@pytest.mark.parametrize(
    ("name", "row", "change", "failure"),
    [
        ("observation", 40, 60, "fc"),
        ("fc", 40, 0.01, "fc"),
        ("logits", 40, 0.01, "logits"),
        ("value", 40, np.nan, "value"),
        ("state_entering", 40, 0.1, "state_leaving"),
        ("state_entering", 0, 1e-6, "state_at_start"),
    ],
)
def test_replay_finds_one_changed_row(copy, name, row, change, failure):
    array = zarr.open_group(copy, mode="r+")[name]
    array[0, row] = array[0, row] + np.array(change, array.dtype)
    report = replay_error(open_recording(copy), small_agent(), rows=range(300))
    assert failure in report.failures


def test_replay_finds_columns_that_are_one_row_apart(copy):
    """The system this one follows stored two moments in one row."""
    array = zarr.open_group(copy, mode="r+")["rnn"]
    values = array[:]
    array[:, 1:] = values[:, :-1]
    assert "rnn" in replay_error(open_recording(copy), small_agent()).failures


def test_a_failed_self_test_is_a_fault_of_ours_and_the_recording_is_not_complete(
    small_recording_arena, tmp_path, monkeypatch
):
    monkeypatch.setattr("retinoscope.rollouts.replay.TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match="the self-test failed: .* fc by"):
        record(small_agent(), small_recording_arena, frames=20, out=tmp_path / "a.zarr")
    assert not open_recording(tmp_path / "a.zarr").attributes["complete"]
    monkeypatch.undo()
    assert record(small_agent(), small_recording_arena, frames=20, out=tmp_path / "a.zarr").attributes["complete"]


@pytest.mark.parametrize("row", [3, 17, 39])
def test_one_wrong_row_anywhere_and_the_recording_is_not_complete(small_recording_arena, tmp_path, monkeypatch, row):
    settings = {"frames": 40, "out": tmp_path / "a.zarr", "environments": 1, "workers": 1}
    with monkeypatch.context() as patch:
        patch.setattr("retinoscope.rollouts.replay.TOLERANCE", -1.0)  # so that it is left without its mark
        with pytest.raises(RuntimeError, match="the self-test failed"):
            record(small_agent(), small_recording_arena, **settings)
    logits = zarr.open_group(tmp_path / "a.zarr", mode="r+")["logits"]
    logits[0, row] = logits[0, row] + 1
    with pytest.raises(RuntimeError, match="the self-test failed: .* logits by 1"):
        record(small_agent(), small_recording_arena, **settings)
    assert not open_recording(tmp_path / "a.zarr").attributes["complete"]
