"""Every pixel of an activation movie is where and what it has to be."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.errors import UserError
from retinoscope.figures import canvas
from retinoscope.figures.activation_movies import (
    MovieLayout,
    activation_frames,
    colour_indices,
    colour_table,
    movie_layout,
)
from retinoscope.figures.style import colour_map
from retinoscope.result import Result

ROWS, COLUMNS = 5, 7


def planted(channels: int = 6, frames: int = 4) -> tuple[Result, xarray.Dataset]:
    random = np.random.default_rng(0)
    maps = random.normal(size=(frames, channels, ROWS, COLUMNS)).astype(np.float32)
    pixels = random.integers(0, 256, (frames, 60, 80, 3), dtype=np.uint8)
    scale = np.linspace(0.5, 3, channels)
    scale[1] = 0.0
    data = xarray.Dataset(
        {"conv1_scale": ("conv1_channel", scale, {"rows": ROWS, "columns": COLUMNS})},
        attrs={"seconds_per_decision": 4 / 35, "clock_units": "s"},
    )
    block = xarray.Dataset(
        {"pixels": (("time", "height", "width", "channel"), pixels), "conv1": (("time", "c", "row", "column"), maps)},
        coords={"episode": ("time", [0, 0, 1, 1]), "step": ("time", [5, 6, 0, 1])},
    )
    return Result("activation_movies", data, {"layers": ["conv1"]}, {"agent": "planted"}), block


def test_colours_diverge_from_zero_and_end_at_the_scale() -> None:
    table = colour_table().astype(int)
    assert (table[128] >= 240).all()
    assert table[255, 0] > table[255, 2] + 50 and table[1, 2] > table[1, 0] + 50  # red above, blue below
    indices = colour_indices(np.array([[[0.0, 2.0, -2.0, 9.0, -9.0, 1.0]]]), np.array([2.0]))
    assert indices.ravel().tolist() == [128, 255, 1, 255, 1, 192]
    assert (colour_indices(np.ones((1, 2, 2)), np.array([0.0])) == 128).all()  # a silent filter is white


def test_a_filter_that_hardly_ever_answers_is_drawn_as_silent() -> None:
    maps = np.array([[[0.0, 1e-45], [3e-42, -1e-44]], [[0.0, 1.0], [2.0, -1.0]]], np.float32)
    indices = colour_indices(maps, np.array([1e-44, 1e-36]))
    assert (indices[0] == 128).all()
    np.testing.assert_array_equal(indices[1], [[128, 255], [255, 1]])


def test_every_unit_is_a_block_of_the_colour_matplotlib_gives_it() -> None:
    result, block = planted()
    layout = movie_layout(result, "conv1", (60, 80))
    frames = list(activation_frames(result, [block], "conv1"))
    assert len(frames) == 4
    factor, scale = layout.map_factor, result.data["conv1_scale"].values
    for number in range(6):
        row, column = divmod(number, layout.columns)
        top = layout.top + row * layout.cell_height + layout.label
        left = layout.maps_left + column * layout.cell_width
        shown = frames[2][top : top + ROWS * factor, left : left + COLUMNS * factor].astype(int)
        relative = block["conv1"].values[2, number] / scale[number] if scale[number] else np.zeros((ROWS, COLUMNS))
        expected = colour_map("diverging")(np.clip((1 + relative) / 2, 0, 1))[..., :3] * 255
        blocks = shown.reshape(ROWS, factor, COLUMNS, factor, 3)
        assert (blocks == blocks[:, :1, :, :1]).all()
        # One step of the table is 1/127 of the scale: at most 5 levels of a colour.
        assert np.abs(blocks[:, 0, :, 0] - expected).max() <= 6


def test_the_observation_is_enlarged_beside_the_maps() -> None:
    result, block = planted()
    layout = movie_layout(result, "conv1", (60, 80))
    frame = next(activation_frames(result, [block], "conv1"))
    top, left, factor = layout.top + layout.label, layout.view_left, layout.view_factor
    view = frame[top : top + 60 * factor, left : left + 80 * factor]
    np.testing.assert_array_equal(view, canvas.enlarge(block["pixels"].values[0], factor))


def test_the_scale_holds_for_all_frames_and_frames_are_independent() -> None:
    result, block = planted()
    block["conv1"][3] = block["conv1"][0] * 2
    one, *_, last = activation_frames(result, [block.isel(time=slice(0, 1)), block.isel(time=slice(1, 4))], "conv1")
    layout = movie_layout(result, "conv1", (60, 80))
    area = (slice(layout.top, layout.height - 60), slice(layout.maps_left, layout.width))
    assert not np.array_equal(one[area], last[area])
    background = one.copy()
    background[...] = 0
    assert one.any() and one is not last


def test_the_time_is_written_on_every_frame() -> None:
    result, block = planted()
    block["conv1"][1:], block["pixels"][1:] = block["conv1"][0], block["pixels"][0]
    frames = list(activation_frames(result, [block], "conv1"))
    layout = movie_layout(result, "conv1", (60, 80))
    below = layout.top + layout.label + 60 * layout.view_factor
    assert all(not np.array_equal(frames[0], other) for other in frames[1:])
    frames[0][below:, : layout.maps_left] = frames[1][below:, : layout.maps_left]
    np.testing.assert_array_equal(frames[0], frames[1])


@pytest.mark.parametrize(
    ("maps", "rows", "columns"), [(1, 28, 38), (8, 12, 17), (16, 28, 38), (64, 20, 20), (256, 40, 60), (3, 1, 1)]
)
def test_nothing_overlaps_whatever_the_layer(maps: int, rows: int, columns: int) -> None:
    layout = MovieLayout.of((60, 80), maps, rows, columns)
    assert layout.width % 2 == layout.height % 2 == 0 and layout.map_factor >= 1
    assert layout.rows * layout.columns >= maps
    assert (
        layout.cell_width > columns * layout.map_factor
        and layout.cell_height >= rows * layout.map_factor + layout.label
    )
    assert layout.maps_left + layout.columns * layout.cell_width <= layout.width
    assert layout.top + layout.rows * layout.cell_height <= layout.height - 40
    assert layout.view_left + 80 * layout.view_factor < layout.maps_left
    if maps == 16:
        assert 1.4 < layout.width / layout.height < 2.0


@pytest.mark.parametrize(("maps", "rows", "columns"), [(16, 28, 38), (8, 12, 17), (16, 8, 13), (64, 20, 20), (3, 1, 1)])
@pytest.mark.parametrize("view", [(60, 80), (84, 84), (120, 160)])
def test_units_and_pixels_lie_on_multiples_of_their_size(
    view: tuple[int, int], maps: int, rows: int, columns: int
) -> None:
    layout = MovieLayout.of(view, maps, rows, columns)
    step = max(4, layout.map_factor)
    top = layout.top + layout.label
    for place in (top, layout.maps_left, layout.cell_width, layout.cell_height):
        assert place % step == 0
    assert top % layout.view_factor == layout.view_left % layout.view_factor == 0


def test_other_results_are_refused() -> None:
    result, block = planted()
    with pytest.raises(UserError, match="'conv9'"):
        activation_frames(result, [block], "conv9")
    with pytest.raises(UserError, match="'raster'"):
        activation_frames(Result("raster", result.data), [block], "conv1")
