"""Exports hold the same arrays as the recording, in the same types, and other programs find no fault with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray

import retinoscope
from retinoscope.errors import UserError
from retinoscope.exports import described
from retinoscope.rollouts import Recording
from retinoscope.worlds.declaration import Declaration
from tests.exports.recordings import LENGTHS, assert_same_columns, everything, in_nwb, same


def faults(path: Path) -> list[str]:
    """What validators call wrong, or critical."""
    from nwbinspector import Importance, inspect_nwbfile
    from pynwb import validate

    least = Importance.CRITICAL.value
    critical = [each.message for each in inspect_nwbfile(nwbfile_path=path) if each.importance.value >= least]
    return [*map(str, validate(path=str(path))), *critical]


@pytest.fixture(params=[False, True], ids=["choices", "numbers"])
def recording(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.setattr(described, "BLOCK_BYTES", 200)  # so that everything is written in several blocks
    return everything(continuous=request.param)


def test_nwb_holds_every_array_and_validators_find_no_fault(recording: Recording, tmp_path: Path) -> None:
    path = retinoscope.export(recording, "nwb", tmp_path / "session.nwb")
    assert_same_columns(recording, in_nwb(path))
    assert faults(path) == []


def test_nwb_holds_episodes_events_objects_and_what_it_is(tmp_path: Path) -> None:
    from pynwb import NWBHDF5IO

    recording = everything()
    path = retinoscope.export(recording, "nwb", tmp_path / "session.nwb")
    with NWBHDF5IO(path, "r") as opened:
        file = opened.read()
        trials = file.trials.to_dataframe()
        starts = np.cumsum([0, *LENGTHS]) * 0.125
        assert (
            trials["start_time"].tolist() == starts[:-1].tolist()
            and trials["stop_time"].tolist() == starts[1:].tolist()
        )
        assert trials["terminated"].tolist() == [True, False, True, False]
        assert trials["truncated"].tolist() == [False, True, False, False]
        counts = recording.rows()["events"].values
        assert sorted(file.events) == ["event crash  wall", "event food   red"]
        food = file.events["event food   red"]
        rows = np.flatnonzero(counts[:, 0])
        assert food["timestamp"][:].tolist() == (rows * 0.125).tolist()
        assert food["count"][:].tolist() == counts[rows, 0].tolist()
        objects = file.processing["behavior"]["objects_in_view"].to_dataframe()
        wanted = [(row, each) for row, seen in enumerate(recording.objects()) for each in seen]
        assert objects["row"].tolist() == [row for row, _ in wanted]
        assert all(same(box, each["box"]) for box, (_, each) in zip(objects["box"], wanted, strict=True))
        assert file.processing["behavior"]["position of place"]["place"].description.endswith("xy: x, y.")
        said = json.loads(str(file.scratch["recording"].data))
    assert said["attributes"]["agent"] == "planted" and "Row t holds one decision" in said["notes"]
    assert Declaration.from_json(said["world"]) == recording.world


@pytest.mark.engine
def test_a_store_is_exported_as_it_is(small_recording: Recording, tmp_path: Path) -> None:
    path = retinoscope.export(small_recording.path, "nwb", tmp_path / "session.nwb")
    assert_same_columns(small_recording, in_nwb(path))
    assert faults(path) == []


def test_npz_holds_every_array(recording: Recording, tmp_path: Path) -> None:
    path = retinoscope.export(recording, "npz", tmp_path / "a.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert_same_columns(recording, {name: arrays[name] for name in arrays.files})
        rows = recording.rows()
        assert same(arrays["episode"], rows["episode"].values) and same(arrays["step"], rows["step"].values)
        assert arrays["episode_rows"].tolist() == [[0, 5], [5, 6], [6, 13], [13, 17]]
        assert json.loads(str(arrays["recording"]))["attributes"]["agent"] == "planted"


def test_a_dataset_reads_what_it_is_asked_for(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int, tuple[str, ...]]] = []
    really = recording.rows

    def rows(start: int = 0, stop: int | None = None, names: object = None) -> xarray.Dataset:
        asked.append((start, recording.frames if stop is None else stop, tuple(names or ())))  # type: ignore[arg-type]
        return really(start, stop, names)  # type: ignore[arg-type]

    monkeypatch.setattr(recording, "rows", rows)
    data, whole = recording.to_xarray(), really()
    asked.clear()
    assert same(data["observation"][3:9:2, 1, :, 0].values, whole["observation"].values[3:9:2, 1, :, 0])
    assert same(data["rnn"].isel(time=[9, 2]).values, whole["rnn"].values[[9, 2]])
    assert same(data["value"][-1].values, whole["value"].values[-1])
    assert same(data["value"][5:5].values, whole["value"].values[5:5])
    assert [(first, last) for first, last, _ in asked[:3]] == [(3, 8), (2, 10), (16, 17)] and len(asked) == 3
    assert data.sizes == whole.sizes and set(data.coords) == set(whole.coords)
    data.to_netcdf(tmp_path / "data.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "data.nc", engine="h5netcdf") as again:
        assert all(same(again[name].values, whole[name].values) for name in ("value", "observation", "rnn"))
        assert again.attrs["agent"] == "planted"


def test_what_is_there_is_kept_and_failures_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, place = everything(), tmp_path / "a.npz"
    place.write_text("mine")
    with pytest.raises(UserError, match=r"a\.npz: is there already; choose another place, or overwrite it"):
        retinoscope.export(recording, "npz", place)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recording, "objects", fail)
    monkeypatch.setattr(recording, "blocks", fail)
    with pytest.raises(KeyboardInterrupt):
        retinoscope.export(recording, "npz", place, overwrite=True)
    assert place.read_text() == "mine" and list(tmp_path.iterdir()) == [place]
    monkeypatch.undo()
    retinoscope.export(recording, "npz", place, overwrite=True)
    assert list(tmp_path.iterdir()) == [place] and place.stat().st_size > 1000


def test_what_cannot_be_exported_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="export to 'nbw': unknown; did you mean 'nwb'"):
        retinoscope.export(everything(), "nbw", tmp_path / "a")
    monkeypatch.setitem(__import__("sys").modules, "minari", None)
    with pytest.raises(UserError, match=r"pip install 'retinoscope\[minari\]', of minari in an environment without"):
        retinoscope.export(everything(), "minari", tmp_path / "a")
