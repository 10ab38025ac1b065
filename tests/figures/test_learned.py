"""The figure of how much was learned: it shows every layer and unit where they are, whatever the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import xarray

from retinoscope.analyses.early_vision.learned_drawings import drawings
from retinoscope.errors import UserError
from retinoscope.figures.learned import learned
from retinoscope.result import Result
from tests.figures.behaviour_results import faults_of, words_of

LAYERS = ("conv1", "conv2", "conv3", "fc", "rnn", "value", "policy")


def planted(
    layers: Sequence[str] = LAYERS, fields: Sequence[str] = LAYERS[:3], frames: Sequence[float] = (0, 1e6, 5e6)
) -> Result:
    """Layers of which, at the end, the first learned least."""
    shape = (len(frames), len(layers))
    share = np.outer(np.linspace(0, 1, len(frames)), np.linspace(0.05, 0.95, len(layers)))
    table = ("checkpoint", "layer")
    overlap = 1 - 0.8 * share
    overlap[:, 4] = np.nan  # reads all of its input
    variables: dict[str, Any] = {
        "correlation": (table, np.sqrt(1 - share)),
        "share_learned": (table, share),
        "norm_growth": (table, np.linspace(1, 2.5, np.prod(shape)).reshape(shape)),
        "subspace_overlap": (table, overlap),
        "subspace_overlap_by_chance": ("layer", np.full(len(layers), 0.1)),
        "untrained_unit_low": ("layer", np.full(len(layers), -0.2)),
        "untrained_unit_high": ("layer", np.full(len(layers), 0.2)),
        "untrained_correlation_low": ("layer", np.full(len(layers), -0.05)),
        "untrained_correlation_high": ("layer", np.full(len(layers), 0.05)),
    }
    for number, name in enumerate(layers):
        variables[f"{name}_correlation"] = (f"{name}_weights", np.linspace(-0.6, 0.9, 5 + number))
    for name in fields:
        variables[f"{name}_field_correlation"] = (f"{name}_unit", np.array([0.9, -0.8, np.nan, 0.4]))
        variables[f"{name}_field_corrected"] = (f"{name}_unit", np.array([0.95, -0.85, np.nan, 0.45]))
        variables[f"{name}_field_chance"] = ("end", [-0.3, 0.25])
    data = xarray.Dataset(
        variables,
        coords={"layer": list(layers), "frames_trained": ("checkpoint", list(frames))},
        attrs={"summary": "conv1 5%, conv2 20%, conv3 35% learned: mostly", "this": 2, "caption": "word " * 100},
    )
    return Result("learned", data, {"layers_drawn": list(layers), "fields_of": list(fields)}, {"agent": "planted"})


def test_every_unit_and_layer_stands_where_it_was_measured() -> None:
    result = planted()
    weights, fields, share, norms, overlap = learned(result).axes
    dots = [line for line in weights.lines if line.get_marker() == "."]
    for place, (name, line) in enumerate(zip(LAYERS, dots, strict=True)):
        np.testing.assert_allclose(line.get_ydata(), result.data[f"{name}_correlation"])
        assert abs(np.mean(np.asarray(line.get_xdata())) - place) < 1e-9
    bars = [each.get_segments()[0][0, 1] for each in weights.collections if hasattr(each, "get_segments")]
    np.testing.assert_allclose(bars, result.data["correlation"][2])
    assert [each.get_text() for each in weights.texts] == ["5%", "20%", "35%", "50%", "65%", "80%", "95%"]
    medians = [each.get_segments()[0][0, 1] for each in fields.collections if hasattr(each, "get_segments")]
    np.testing.assert_allclose(medians, 0.4)
    assert fields.get_ylim()[0] < -0.8, "fields of the opposite sign are not cut off"
    for axes, what, factor in (
        (share, "share_learned", 100),
        (norms, "norm_growth", 1),
        (overlap, "subspace_overlap", 1),
    ):
        lines = {line.get_label(): line for line in axes.lines}
        for name in LAYERS:
            np.testing.assert_allclose(lines[name].get_ydata(), factor * result.data[what].sel(layer=name))
            np.testing.assert_allclose(lines[name].get_xdata(), [0, 1, 5])
        assert axes.get_ylim()[1] > np.nanmax(factor * result.data[what].values)
    assert "conv1 5%, conv2 20%" in words_of(learned(result))


@pytest.mark.parametrize(
    "result",
    [
        planted(fields=()),
        planted([f"module.layers.{number}.convolution" for number in range(13)], ()),
        planted([f"block{number}.conv" for number in range(9)], [f"block{number}.conv" for number in range(4)]),
        planted(frames=(0, 0.0, float("nan"))),
        planted(frames=np.linspace(0, 3e7, 60)),
    ],
    ids=["no fields", "many layers", "long names", "frames not known", "many checkpoints"],
)
def test_nothing_lies_over_anything_else(result: Result) -> None:
    assert faults_of(learned(result)) == []


def test_of_long_names_the_end_is_kept() -> None:
    names = [f"module.layers.{number}.convolution" for number in range(3)]
    (axes, *_) = learned(planted([*names, "fc", "rnn"], ())).axes
    drawn = [each.get_text() for each in axes.get_xticklabels()]
    assert len(set(drawn)) == 5 and all(
        name.endswith(each.removeprefix("…")) for name, each in zip(names, drawn, strict=False)
    )


def test_the_table_has_a_row_for_every_layer() -> None:
    _, table = drawings(planted())
    rows = {row[0]: row for row in table.rows}
    assert list(rows) == list(LAYERS)
    assert rows["conv2"][1:4] == ("20%: mostly the initialisation", "0.894 (untrained -0.05 to 0.05)", rows["conv2"][3])
    assert rows["rnn"][4] == "reads all of its input" and rows["conv1"][5] == "0.450" and rows["fc"][5] == ""


def test_results_of_other_analyses_are_refused() -> None:
    with pytest.raises(UserError, match="is not one of learned"):
        learned(Result("raster", xarray.Dataset()))
