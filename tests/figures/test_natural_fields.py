"""Natural fields are drawn as they are, above those of white noise, and nothing lies over anything else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.errors import UserError
from retinoscope.figures.natural_fields import natural_field_prediction, natural_fields
from retinoscope.figures.style import colour_map
from retinoscope.result import Result
from tests.figures.behaviour_results import faults_of, words_of


def planted(units: int, height: int = 5, width: int = 5, colours: int = 3) -> Result:
    random = np.random.default_rng(0)
    names = {1: ["grey"], 3: ["red", "green", "blue"]}.get(colours, list(map(str, range(colours))))
    dimensions = ("conv1_unit", "conv1_height", "conv1_width", "colour")
    fields = random.normal(size=(2, units, height, width, colours))
    r = random.uniform(-0.2, 1, units)
    r[-1] = np.nan
    data = xarray.Dataset(
        {
            "conv1": (dimensions, fields[0], {"caption": "word " * 70, "learned": "22% learned"}),
            "conv1_white_noise": (dimensions, fields[1]),
            "conv1_r": ("conv1_unit", r),
            "conv1_white_noise_r": ("conv1_unit", r - 0.1),
            "conv1_shifted_r": (("shift", "conv1_unit"), random.normal(0, 0.05, (3, units))),
        },
        coords={"conv1_unit": np.arange(units), "colour": names},
    )
    return Result("natural_fields", data, {"layers": ["conv1"]}, {"agent": "planted"})


@pytest.mark.parametrize(
    "result",
    [*[planted(units) for units in (1, 8, 40)], planted(12, 15, 20), planted(5, colours=1), planted(6, 7, 7, 4)],
    ids=lambda result: "x".join(map(str, result.data["conv1"].shape)),
)
def test_nothing_overlaps(result: Result) -> None:
    assert faults_of(natural_fields(result)) == []
    assert "22% learned" in words_of(natural_fields(result))
    assert faults_of(natural_field_prediction(result)) == []


def test_each_unit_has_its_natural_field_above_its_white_noise_field() -> None:
    result = planted(4)
    images = natural_fields(result).axes[0].images
    assert len(images) == 6, "the last unit never changed"
    assert "Units that never changed are not shown." in " ".join(words_of(natural_fields(result)).split())
    for unit in range(3):
        for place, name in enumerate(("conv1", "conv1_white_noise")):
            field, image = result.data[name].values[unit], images[2 * unit + place]
            np.testing.assert_allclose(np.asarray(image.get_array()), (1 + field / np.abs(field).max()) / 2, atol=1e-6)
        above, below = images[2 * unit].get_extent(), images[2 * unit + 1].get_extent()
        assert above[:2] == below[:2] and above[2] < below[3]


def test_of_hundreds_of_units_some_are_drawn_and_the_caption_says_which() -> None:
    figure = natural_fields(planted(300))
    assert len(figure.axes[0].images) == 2 * 96
    assert "96 of 299 units are shown, evenly spaced in their order." in " ".join(words_of(figure).split())
    assert {"0", "298"} <= {text.get_text() for text in figure.axes[0].texts}


def test_channels_that_are_no_colours_are_drawn_one_by_one_around_zero() -> None:
    result = planted(3, colours=4)
    images = natural_fields(result).axes[0].images
    assert len(images) == 2 * 2 * 4, "the last unit never changed"
    field = result.data["conv1"].values[0]
    expected = colour_map("diverging")((1 + field[..., 2] / np.abs(field).max()) / 2)
    np.testing.assert_allclose(np.asarray(images[2].get_array()), expected, atol=1e-6)


def test_another_layer_is_refused() -> None:
    with pytest.raises(UserError, match="layer 'conv2': is not in this result; it has conv1"):
        natural_fields(planted(2), "conv2")
