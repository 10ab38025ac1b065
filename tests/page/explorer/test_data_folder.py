"""Columns, activity and pictures are read back as they were given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retinoscope.page.explorer.data_folder import DataFolder, json_text, range_of
from tests.page.explorer.reading import read_activity, read_column, read_index, read_pictures


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def values() -> np.ndarray:
    drawn = np.random.default_rng(0).normal(0, 3, (531, 7)).astype(np.float32)
    drawn[:, 2] = 4.25  # never changes
    drawn[:, 3] = np.nan
    drawn[5, 0], drawn[6, 1] = np.nan, np.inf
    return drawn


def in_blocks(values: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


@pytest.mark.parametrize("chunk_rows", [3, 100, 177, 531, 1000, None])
@pytest.mark.parametrize("size", [64, 600])
def test_floats_are_read_back_to_the_last_bit(
    folder: DataFolder, values: np.ndarray, chunk_rows: int | None, size: int
) -> None:
    column = folder.column("some/values", lambda: in_blocks(values, size), chunk_rows=chunk_rows)
    assert (column["rows"], column["width"]) == values.shape
    np.testing.assert_array_equal(read_column(folder.folder, column), values.astype(np.float64))


@pytest.mark.parametrize(("encoding", "codes"), [("code8", 254), ("code16", 65534)])
def test_codes_are_within_half_a_code(folder: DataFolder, values: np.ndarray, encoding: str, codes: int) -> None:
    column = folder.column("c", values, encoding)  # type: ignore[arg-type]
    found = read_column(folder.folder, column)
    known = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    half = (np.array(column["high"]) - column["low"]) / codes / 2
    np.testing.assert_array_equal(np.isnan(found), np.isnan(known))
    assert (np.nan_to_num(np.abs(found - known)) <= half * (1 + 1e-9) + 1e-12).all()
    assert (found[:, 2] == 4.25).all()


def test_a_range_that_is_given_is_kept(folder: DataFolder) -> None:
    column = folder.column("c", np.array([[-5.0, 0.0], [0.25, 9.0]]), "code8", low=-1, high=1)
    assert (column["low"], column["high"]) == ([-1.0], [1.0])
    np.testing.assert_allclose(read_column(folder.folder, column), [[-1, 0], [0.25, 1]], atol=1 / 254)


def test_whole_numbers(folder: DataFolder) -> None:
    rows = np.array([0, 5, 100_000, 2**31 - 1])
    assert read_column(folder.folder, folder.column("a", rows, "int32"))[:, 0].tolist() == rows.tolist()
    listed = np.array([[True, False], [False, True]])
    assert read_column(folder.folder, folder.column("b", listed, "uint8")).tolist() == listed.tolist()
    with pytest.raises(ValueError, match="uint8 cannot hold"):
        folder.column("c", rows, "uint8")


def test_no_rows(folder: DataFolder) -> None:
    column = folder.column("none", np.empty((0, 3), np.float32), "code16")
    assert (column["rows"], column["width"], column["low"]) == (0, 3, [0.0, 0.0, 0.0])
    assert read_column(folder.folder, column).shape == (0, 3)
    column = folder.column("blocks", lambda: iter(()), rows=0, width=2)
    assert read_column(folder.folder, column).shape == (0, 2)


def test_a_wrong_number_of_rows_is_a_fault(folder: DataFolder, values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="531 rows were given where 530"):
        folder.column("c", lambda: in_blocks(values, 10), rows=530, width=7)


def test_chunks_are_of_a_size_that_loads_at_once(folder: DataFolder) -> None:
    column = folder.column("c", np.zeros((20_000, 40), np.float32))
    assert 250_000 <= column["chunk_rows"] * 160 <= 700_000


@pytest.mark.parametrize("rows", [531, 1])
def test_activity_is_within_half_a_code(folder: DataFolder, values: np.ndarray, rows: int) -> None:
    activity = folder.activity("layers/x", lambda: in_blocks(values[:rows], 50), rows=rows, units=7)
    found = read_activity(folder.folder, activity)
    known = np.where(np.isfinite(values[:rows]), values[:rows], np.nan)
    half = (np.array(activity["high"]) - activity["low"]) / 65534 / 2
    np.testing.assert_array_equal(np.isnan(found), np.isnan(known))
    assert (np.nan_to_num(np.abs(found - known)) <= half * (1 + 1e-9) + 1e-6).all()


def test_activity_lies_unit_by_unit_over_many_chunks(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retinoscope.page.explorer.data_folder._ACTIVITY_ROWS", 256)
    values = np.random.default_rng(1).normal(size=(600, 37)).astype(np.float32)
    activity = folder.activity("x", lambda: in_blocks(values, 100), rows=600, units=37)
    assert (activity["chunk_rows"], activity["chunk_units"]) == (256, 16)
    np.testing.assert_allclose(read_activity(folder.folder, activity), values, atol=1e-4)


def test_the_overview_shows_means_of_what_is_known(folder: DataFolder) -> None:
    values = np.random.default_rng(2).normal(size=(5000, 3))
    values[:, 2] = np.nan
    values[10, 0] = np.nan
    low, high = range_of(values, 3)
    overview = folder.overview("o", lambda: in_blocks(values, 333), rows=5000, units=3, low=low, high=high)
    per_bin = overview["rows_per_bin"]
    assert per_bin == 3
    found = read_column(folder.folder, overview["column"])
    for number in range(0, len(found), 97):
        part = values[number * per_bin : (number + 1) * per_bin, :2]
        np.testing.assert_allclose(found[number, :2], np.nanmean(part, axis=0), atol=8 / 254)
    assert np.isnan(found[:, 2]).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(7, 9), (60, 80), (700, 900)])
def test_pictures_are_read_back_to_the_last_bit(folder: DataFolder, height: int, width: int, channels: int) -> None:
    # Noise as large as that would take the encoder long.
    tiles = np.random.default_rng(3).integers(0, 256, (3, -(-height // 50), -(-width // 50), channels), np.uint8)
    images = tiles.repeat(50, axis=1).repeat(50, axis=2)[:, :height, :width] if height > 100 else None
    if images is None:
        images = np.random.default_rng(3).integers(0, 256, (3, height, width, channels), np.uint8)
    pictures = folder.pictures("p", in_blocks(images, 2), 3, height, width)
    found = read_pictures(folder.folder, pictures)
    np.testing.assert_array_equal(found, np.broadcast_to(images, found.shape))


def test_pictures_over_several_sheets(folder: DataFolder) -> None:
    images = np.random.default_rng(4).integers(0, 2, (300, 6, 5, 3), np.uint8) * 200
    pictures = folder.pictures("p", in_blocks(images, 7), 300, 6, 5)
    assert pictures["per_sheet"] == 256
    np.testing.assert_array_equal(read_pictures(folder.folder, pictures), images)
    blurred = folder.pictures("q", [images], 300, 6, 5, is_exact=False)
    assert not blurred["is_exact"] and read_pictures(folder.folder, blurred).shape == images.shape


def test_any_name_becomes_a_path_of_its_own(folder: DataFolder) -> None:
    names = ["layers/Conv1", "layers/conv1", "</script><b>", "../../up", "ö", "ü", "a b", "a-b", "/"]
    paths = [folder.column(name, np.arange(3))["path"] for name in names]
    assert len(set(paths)) == len(names)
    assert all(
        part and set(part) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for p in paths for part in p.split("/")
    )
    assert {p.parent for p in folder.folder.parent.iterdir()} == {folder.folder.parent}


def test_the_index_is_script_and_data_alike(folder: DataFolder) -> None:
    content = {
        "title": "</script><!-- & \u2028 ö",
        "number": np.float32(1.5),
        "nan": float("nan"),
        "many": np.arange(3),
    }
    folder.index(content)
    text = (folder.folder / "index.js").read_text()
    assert not set("<&\u2028") & set(text)
    assert read_index(folder.folder) == content | {"number": 1.5, "nan": None, "many": [0, 1, 2]}
    assert [path.name for path in folder.folder.iterdir()] == ["index.js"]
    assert json_text("</") == '"\\u003c/"'
