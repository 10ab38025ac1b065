"""What the version before saved still opens: Results are read and drawn, recordings are read and analysed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.analyses.drawing import FigureDrawing
from retinoscope.analyses.registry import analysis
from retinoscope.page.products import OMITTED, drawings_of
from retinoscope.result import load_result

SAVED = Path(__file__).parent / "data" / "version_0_1"
RESULTS = sorted(SAVED.glob("*.nc"))


def test_there_are_such_results() -> None:
    assert len(RESULTS) == 13


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_result_of_then_is_read_and_drawn(path: Path) -> None:
    result = load_result(path)
    assert result.analysis == path.stem, "it keeps the name it was saved under"
    assert analysis(result.analysis).name in (path.stem, "episode_attribution")
    drawings = drawings_of(result)
    assert drawings
    if OMITTED in result.data.attrs:
        assert drawings[0].text.strip() == result.data.attrs[OMITTED]
    for each in drawings:
        assert each.title and each.caption
        if isinstance(each, FigureDrawing):
            assert any(axes.has_data() for axes in each.draw().axes), each.name


def test_a_result_of_then_is_saved_as_one_of_now(tmp_path: Path) -> None:
    before = load_result(SAVED / "raster.nc")
    again = load_result(before.save(tmp_path / "raster.nc"))
    assert again.data.identical(before.data) and again.parameters == before.parameters


def test_a_result_of_a_later_version_is_refused(tmp_path: Path) -> None:
    import h5py

    from retinoscope.errors import UserError
    from retinoscope.result import SCHEMA_VERSION

    path = load_result(SAVED / "raster.nc").save(tmp_path / "raster.nc")
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION + 1
    with pytest.raises(UserError, match=f"is a result of schema {SCHEMA_VERSION + 1}.*install a newer one"):
        load_result(path)


def test_a_recording_of_then_is_read_and_analysed() -> None:
    recording = retinoscope.open(SAVED / "recording.zarr")
    assert recording.frames == 24 and recording.attributes["complete"]
    rows = recording.rows()
    assert rows["observation"].shape == (24, 60, 80, 3) and np.isfinite(rows["fc"].values).all()
    result = retinoscope.analyses.simulation(recording)
    np.testing.assert_array_equal(result.data["observation"].values, rows["observation"].values)
