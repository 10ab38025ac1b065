"""The receptive field figure: shows every unit on the stated scale, and nothing lies over anything else."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from retinoscope.analyses.early_vision.receptive_fields import receptive_fields as measure
from retinoscope.errors import UserError
from retinoscope.figures.receptive_fields import receptive_fields, receptive_fields_all
from retinoscope.figures.style import colour_map
from retinoscope.result import Result, load_result
from tests.figures.behaviour_results import faults_of
from tests.synthetic import gabor_policy, small_policy


def planted(units: int, height: int = 5, width: int = 5, colours: int = 3) -> Result:
    fields = np.random.default_rng(0).normal(size=(units, height, width, colours)) * 1e-4
    names = {1: ["grey"], 3: ["red", "green", "blue"]}.get(colours, list(map(str, range(colours))))
    data = xarray.Dataset(
        {
            "conv1": (("conv1_unit", "conv1_height", "conv1_width", "colour"), fields, {"caption": "word " * 70}),
            "conv1_reliability": ("conv1_unit", np.full(units, 0.9996)),
        },
        coords={"conv1_unit": np.arange(units) + 100, "colour": names},
    )
    return Result("receptive_fields", data, {"layers": ["conv1"]}, {"agent": "planted"})


def drawn_texts(figure: Figure) -> list:
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.canvas.draw()
    return [text for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize(
    "result",
    [
        *[planted(units) for units in (1, 4, 8, 16, 32, 64)],
        planted(8, 60, 80),
        *[planted(units, colours=1) for units in (3, 16)],
    ],
    ids=lambda result: "x".join(map(str, result.data["conv1"].shape)),
)
def test_no_text_lies_over_text_or_maps_or_leaves_the_page(result):
    figure = receptive_fields(result)
    assert faults_of(figure) == []
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text().strip()]
    words = np.array([text.get_window_extent().shrunk(1, 0.8).extents for text in texts]).T[:, :, None]
    tiles = np.array([image.get_window_extent().shrunk(0.9, 0.98).extents for image in figure.axes[0].images]).T
    is_over = (words[0] <= tiles[2]) & (tiles[0] <= words[2]) & (words[1] <= tiles[3]) & (tiles[1] <= words[3])
    assert [texts[number].get_text() for number in np.flatnonzero(is_over.any(axis=1))] == []


def test_every_unit_has_a_composite_around_mid_grey_and_three_planes_around_zero():
    result = planted(4)
    fields = result.data["conv1"].values
    images = [np.asarray(image.get_array()) for image in receptive_fields(result, "conv1").axes[0].images]
    assert len(images) == 4 * 4
    for unit, field in enumerate(fields):
        scale = np.abs(field).max()
        np.testing.assert_allclose(images[4 * unit], 0.5 + field / (2 * scale), atol=1e-6)
        for plane in range(3):
            expected = colour_map("diverging")(matplotlib.colors.Normalize(-scale, scale)(field[..., plane]))
            # The colour map has 256 steps; rounding may choose the neighbour.
            np.testing.assert_allclose(images[4 * unit + 1 + plane], expected, atol=0.03)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, -1), (-1, 0), (-1, -1)])
@pytest.mark.parametrize("colours", [1, 3])
def test_a_field_with_one_bright_corner_is_rendered_with_that_corner_bright(row, column, colours):
    result = planted(2, 6, 8, colours)
    result.data["conv1"].values[...] = 0
    result.data["conv1"].values[1, row, column] = 1.0
    figure = receptive_fields(result)
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.canvas.draw()
    page = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    tiles = figure.axes[0].images[len(figure.axes[0].images) // 2 :]  # of the second unit
    assert len(tiles) == (4 if colours == 3 else 1)
    for number, tile in enumerate(tiles):
        box = tile.get_window_extent()
        height, width = abs(box.height) / 6, abs(box.width) / 8
        # The middle of every pixel of the field, counted from the upper left corner of the tile; the page too.
        rows = (len(page) - (box.ymax - (np.arange(6) + 0.5) * height)).astype(int)
        columns = (box.xmin + (np.arange(8) + 0.5) * width).astype(int)
        shown = page[rows][:, columns]
        is_other = (np.abs(shown - shown[2, 3]) > 40).any(axis=-1)
        expected = np.zeros((6, 8), bool)
        expected[row, column] = True
        np.testing.assert_array_equal(is_other, expected)
        if colours == 1 or number:  # planes: red is above zero
            assert shown[row, column, 0] > shown[row, column, 2] + 50


def test_text_states_number_reliability_and_scale():
    result = planted(4)
    words = " ".join(text.get_text() for text in drawn_texts(receptive_fields(result)))
    for unit in range(4):
        scale = np.abs(result.data["conv1"].values[unit]).max()
        assert f"{100 + unit}" in words
        assert f"±{scale * 1e4:.1f}×10⁻⁴" in words
    assert "r 0.999" in words and "r 1.000" not in words  # never rounded up
    assert "Receptive fields of conv1 · agent planted" in words


def test_a_unit_that_never_answered_is_said_to_be_silent():
    result = planted(4)
    result.data["conv1"].values[1] = 0
    result.data["conv1_reliability"].values[1:3] = np.nan  # the other has a field, of answers in one half alone
    words = [text.get_text() for text in drawn_texts(receptive_fields(result))]
    assert words.count("never answered") == words.count("too few answers") == 1


def test_all_layers_of_a_measured_and_reloaded_result_are_drawn(tmp_path):
    measured = measure(small_policy(), units={"rnn": [1]})
    figures = receptive_fields_all(load_result(measured.save(tmp_path / "result.nc")))
    assert list(figures) == ["conv1", "conv2", "conv3", "rnn"]
    assert len(figures["rnn"].axes[0].images) == 4


def test_the_caption_states_method_stimuli_noise_patch_and_reliability():
    policy, _ = gabor_policy()
    result = measure(policy, layers="conv1", method="noise", max_stimuli=3_000)
    words = " ".join(text.get_text() for text in drawn_texts(receptive_fields(result))).replace("\n", " ")
    median = np.floor(1000 * np.median(result.data["conv1_reliability"])) / 1000
    for fact in (
        "Noise-weighted average of activity over 3,000 white-noise stimuli (mean 60, σ 20 pixel units)",
        "patches of 7 × 7 pixels, stride 2; n = 6 units",
        f"median {median:.3f}",
        "Scale: the largest absolute weight of the unit",
    ):
        assert fact in words


def test_another_result_or_layer_is_refused():
    with pytest.raises(UserError, match="'conv7'"):
        receptive_fields(planted(2), "conv7")
    with pytest.raises(UserError, match="'simulation'"):
        receptive_fields(Result("simulation", xarray.Dataset()))


STACKS = {
    "grey": ["grey 3 frames ago", "grey 2 frames ago", "grey 1 frames ago", "grey"],
    "three of grey": ["grey 2 frames ago", "grey 1 frames ago", "grey"],
    "colours": [
        f"{colour} {age} frames ago" if age else colour
        for age in range(3, -1, -1)
        for colour in ("red", "green", "blue")
    ],
}


@pytest.mark.parametrize("names", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("units", [2, 64])
def test_channels_of_stacked_frames_are_numbered_and_named_in_the_caption(names, units):
    result = planted(units, 6, 6, len(names))
    result = Result("receptive_fields", result.data.assign_coords(colour=names), result.parameters, result.provenance)
    figure = receptive_fields(result)
    assert faults_of(figure) == []
    assert len(figure.axes[0].images) == units * len(names)  # no colour composite
    words = " ".join(text.get_text() for text in drawn_texts(figure)).replace("\n", " ")
    assert ", ".join(f"({number}) {name}" for number, name in enumerate(names, start=1)) in words


def test_of_fields_much_smaller_than_what_was_shown_their_part_is_drawn():
    result = planted(4, 30, 40)
    result.data["conv1"].attrs |= {"drawn_top": 3, "drawn_bottom": 12, "drawn_left": 20, "drawn_right": 27}
    images = [np.asarray(image.get_array()) for image in receptive_fields(result, "conv1").axes[0].images]
    field = result.data["conv1"].values[2, 3:12, 20:27]
    np.testing.assert_allclose(images[4 * 2], 0.5 + field / (2 * np.abs(field).max()), atol=1e-6)
