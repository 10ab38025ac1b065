"""The figure of tuning to motion: a row for every layer, what was planted in it, and nothing over anything else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.analyses.early_vision.grating_comparison import comparison, table_of
from retinoscope.analyses.early_vision.tuning_to_motion import INDICES
from retinoscope.errors import UserError
from retinoscope.figures.tuning_to_motion import tuning_to_motion
from retinoscope.result import Result
from tests.figures.behaviour_results import faults_of

NETWORKS = ("trained", "first", "redrawn 1", "redrawn 2")


def planted(layers: int = 3, units: int = 12, networks: tuple[str, ...] = NETWORKS) -> Result:
    random = np.random.default_rng(0)
    shape = (len(networks), layers * units)
    about = {"long_name": "an index"}
    ranges = {
        "strength": (0, 1),
        "classic_direction_selectivity": (0, 1),
        "direction_selectivity": (0, 1),
        "motion_index": (-1, 1),
        "preferred_speed": (0.2, 12),
        "preferred_rate": (0.06, 0.25),
        "preferred_frequency": (0.02, 0.5),
    }
    data = xarray.Dataset(
        {name: (("network", "unit"), random.uniform(*limits, shape), about) for name, limits in ranges.items()},
        coords={
            "network": list(networks),
            "unit_layer": ("unit", np.repeat([f"conv{number + 1}" for number in range(layers)], units)),
            "unit_number": ("unit", np.arange(layers * units) % units + 120),
            "layer": [f"conv{number + 1}" for number in range(layers)],
            "direction": np.arange(16) * 22.5,
        },
        attrs={"caption": "word " * 90},
    )
    data["direction_curve"] = (("network", "unit", "direction"), random.uniform(0, 2, (*shape, 16)))
    data = data.merge(comparison(data, INDICES)).assign_attrs(data.attrs)
    return Result("tuning_to_motion", data, {}, {"agent": "planted"})


@pytest.mark.parametrize(
    "result",
    [planted(1, 1), planted(3), planted(9, 40), planted(2, networks=("trained",))],
    ids=["one unit", "three layers", "nine layers", "trained alone"],
)
def test_nothing_lies_over_anything_else_or_leaves_the_page(result):
    assert faults_of(tuning_to_motion(result)) == []


def test_the_units_that_are_most_selective_for_direction_are_drawn_and_close_their_circle():
    result = planted()
    panel = tuning_to_motion(result, caption=False).axes[0]
    here = result.data.isel(unit=slice(0, 12))
    order = np.argsort(-here["classic_direction_selectivity"].values[0])[:4]
    assert [text.get_text() for text in panel.texts] == [str(120 + unit) for unit in order]
    drawn = [line for line in panel.lines if line.get_zorder() == 2]
    for unit, line in zip(order, drawn, strict=True):
        curve = here["direction_curve"].values[0, unit]
        np.testing.assert_allclose(line.get_ydata(), np.append(curve, curve[0]) / curve.max())
        assert line.get_xdata()[-1] == 360


def test_every_unit_has_its_point_and_shares_are_of_the_units_that_answer():
    result = planted()
    result.data["motion_index"].values[0, :6] = np.nan
    axes = tuning_to_motion(result, caption=False).axes
    here = result.data.isel(unit=slice(0, 12))
    for rows, points in zip(([2, 3], [1], [0]), axes[1].collections, strict=True):
        expected = [here[name].values[rows].ravel() for name in ("preferred_speed", "classic_direction_selectivity")]
        np.testing.assert_allclose(np.asarray(points.get_offsets()), np.stack(expected, axis=1))
    filled = next(patch for patch in axes[3].patches if patch.get_fill())
    shares, edges, _ = filled.get_data()
    np.testing.assert_allclose(shares, np.histogram(here["motion_index"].values[0, 6:], edges)[0] / 6)


def test_the_table_has_a_row_for_every_layer_and_index_and_says_nothing_of_other_indices():
    table = table_of(planted().data)
    assert len(table.rows) == 3 * len(INDICES) and "bandwidths" not in table.caption


def test_another_result_is_refused():
    with pytest.raises(UserError, match="'simulation'"):
        tuning_to_motion(Result("simulation", xarray.Dataset()))
