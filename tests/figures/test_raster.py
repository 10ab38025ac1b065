"""The raster shows every unit on a scale centred on zero, and pick-ups that are told apart without colour."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_hex

from retinoscope.errors import UserError
from retinoscope.figures.raster import raster
from retinoscope.result import Result
from tests.figures.behaviour_results import event_lines, raster_result


def test_every_unit_is_a_row_on_one_scale_centred_on_zero() -> None:
    result = raster_result()
    panels = [panel for panel in raster(result).axes if panel.images]
    for panel, layer in zip(panels, result.data["layer"].values, strict=True):
        (image,) = panel.images
        np.testing.assert_array_equal(np.asarray(image.get_array()), result.data[str(layer)].values)
        assert image.get_clim() == (-3.0, 3.0) and image.get_cmap().name == "RdBu_r"
        left, right, bottom, top = image.get_extent()
        assert (left, right, bottom, top) == pytest.approx((2.95, 8.95, result.data.sizes[f"{layer}_unit"], 0))


def test_pick_ups_are_lines_through_every_layer_with_marks_above() -> None:
    figure = raster(raster_result())
    panels = [panel for panel in figure.axes if panel.images]
    for panel in panels:
        assert event_lines(panel) == [(3.5, "-"), (6.0, "-"), (4.2, "--"), (6.1, "--"), (7.0, "--"), (5.0, ":")]
        assert {to_hex(collection.get_color()[0]) for collection in panel.collections} == {"#000000"}
    assert [mark.get_marker() for mark in figure.axes[0].lines] == ["^", "v", "o"]


def test_another_result_is_refused() -> None:
    with pytest.raises(UserError, match="'simulation'"):
        raster(Result("simulation", xarray.Dataset()))
