"""The figure of the structure of fields: every field beside its fit, best first, and nothing over anything else."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import xarray

from retinoscope.analyses.early_vision.field_structure_drawings import caption_of, drawings
from retinoscope.errors import UserError
from retinoscope.figures.field_structure import field_structure
from retinoscope.figures.style import colour_map
from retinoscope.result import Result
from retinoscope.statistics.field_structure import KINDS
from tests.figures.behaviour_results import faults_of, words_of

NETWORKS = ("trained", "first", "redrawn 1")


@functools.cache
def planted(units: int = 8, height: int = 7, width: int = 7, draws: int = 3) -> Result:
    """One layer, whose fields are noise and whose numbers are drawn; the last unit never answered."""
    random = np.random.default_rng(0)
    table = ("network", "unit")
    shape = (len(NETWORKS), units)
    r2 = random.uniform(0.05, 0.95, shape)
    r2[:, -1] = np.nan
    names = (
        "r2_gabor",
        "r2_difference_of_gaussians",
        "p_shuffled",
        "p_smooth_noise",
        "p_random_phases",
        "size",
        "orientation_index",
    )
    names += ("orientation", "lindsey_ratio", "lindsey_ratio_shuffled", "centre_surround", "colour_share")
    kinds = np.array(KINDS)[np.arange(np.prod(shape)).reshape(shape) % 5]
    patch = ("network", "conv1_unit", "conv1_row", "conv1_column")
    fields = random.normal(size=(len(NETWORKS), units, height, width)) * 1e-4
    count = np.array([[[(row[:-1] == kind).sum() for kind in KINDS]] for row in kinds])
    variables = {
        **{name: (table, random.uniform(size=shape)) for name in (*names, "colour_opponency")},
        "r2": (table, r2),
        "kind": (table, kinds),
        "shape": (table, np.array(KINDS[:3])[np.arange(np.prod(shape)).reshape(shape) % 3]),
        "is_reliable": (table, random.uniform(size=shape) > 0.5),
        "r2_shuffled": ((*table, "surrogate"), random.uniform(size=(*shape, 4))),
        "r2_smooth_noise": ((*table, "surrogate"), random.uniform(size=(*shape, 4))),
        "r2_random_phases": ((*table, "surrogate"), random.uniform(size=(*shape, 4))),
        "r2_untrained": (("draw", "unit"), random.uniform(0, 0.4, (draws, units))),
        "median_r2": (("network", "layer"), random.uniform(size=(len(NETWORKS), 1))),
        "median_r2_untrained": (("draw", "layer"), random.uniform(size=(draws, 1))),
        "untrained_95": ("layer", [0.38 if draws else np.nan]),
        "share_above_untrained": (("network", "layer"), np.full((len(NETWORKS), 1), 0.5 if draws else np.nan)),
        "count": (("network", "layer", "kind_of_field"), count),
        "silent": (("network", "layer"), np.ones((len(NETWORKS), 1), int)),
        "conv1_field": (patch, fields, {"binned": 2, "units_measured": units + 3, "learned": "22% learned"}),
        "conv1_fit": (patch, fields / 2),
        "conv1_colours": (("network", "conv1_unit", "colour"), random.normal(size=(len(NETWORKS), units, 3))),
    }
    coordinates = {
        "network": list(NETWORKS),
        "unit_layer": ("unit", ["conv1"] * units),
        "unit_number": ("unit", np.arange(units) + 100),
        "layer": ["conv1"],
        "colour": ["red", "green", "blue"],
        "kind_of_field": list(KINDS),
    }
    data = xarray.Dataset(variables, coords=coordinates)
    data["conv1_field"].attrs["caption"] = caption_of(data, "conv1", {}, "")
    return Result("field_structure", data, {"layers": ["conv1"]}, {"agent": "planted"})


@pytest.mark.parametrize(
    ("units", "size", "draws"), [(2, (7, 7), 0), (8, (5, 5), 3), (16, (15, 20), 20), (32, (9, 9), 4)]
)
def test_no_text_lies_over_text_or_leaves_the_page(units, size, draws):
    assert faults_of(field_structure(planted(units, *size, draws))) == []


def test_every_field_stands_beside_its_fit_the_best_first():
    result = planted()
    images = [np.asarray(image.get_array()) for image in field_structure(result, "conv1").axes[0].images]
    assert len(images) == 2 * 8
    data = result.data.sel(network="trained")
    best = int(np.nanargmax(data["r2"].values))
    field = data["conv1_field"].values[best]
    scale = np.abs(field).max()
    for image, shown in zip(images[:2], (field, field / 2), strict=True):
        np.testing.assert_allclose(image, colour_map("diverging")((1 + shown / scale) / 2), atol=0.03)
    last = data["conv1_fit"].values[-1] / np.abs(data["conv1_field"].values[-1]).max()
    np.testing.assert_allclose(images[-1], colour_map("diverging")((1 + last) / 2), atol=0.03)
    assert "silent" in words_of(field_structure(result))


def test_the_caption_says_over_how_much_and_what_was_averaged():
    says = planted().data["conv1_field"].attrs["caption"]
    for part in ("n = 8 of 11 units", "means of 2 × 2 pixels", "3 untrained networks", "50% of the agent's", "1 never"):
        assert part in says


def test_the_table_has_a_row_for_every_unit_and_no_column_of_what_is_not_known():
    *figures, table = drawings(planted())
    assert [each.name for each in figures] == ["field_structure_conv1"]
    assert len(table.rows) == 8 and "size (pixels)" in table.columns and "size (degrees)" not in table.columns


def test_another_result_or_layer_is_refused():
    with pytest.raises(UserError, match="it has conv1"):
        field_structure(planted(), "conv7")
    with pytest.raises(UserError, match="field_structure"):
        field_structure(Result("simulation", xarray.Dataset()))
