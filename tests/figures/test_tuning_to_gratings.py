"""The figure of tuning to gratings: a row for every layer, what was planted in it, and nothing over anything else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.analyses.early_vision.grating_comparison import comparison, table_of
from retinoscope.errors import UserError
from retinoscope.figures.tuning_to_gratings import tuning_to_gratings
from retinoscope.result import Result
from tests.figures.behaviour_results import faults_of, words_of

NETWORKS = ("trained", "first", "redrawn 1", "redrawn 2")


def planted(layers: int = 3, units: int = 12, colours: bool = True, networks: tuple[str, ...] = NETWORKS) -> Result:
    random = np.random.default_rng(0)
    count, shape = layers * units, (len(networks), layers * units)
    orientations, frequencies = np.arange(18) * 10.0, np.geomspace(0.0125, 0.5, 12)
    about = {"long_name": "an index"}

    def values(low: float, high: float) -> tuple:
        return ("network", "unit"), random.uniform(low, high, shape), about

    data = xarray.Dataset(
        {
            "strength": values(0, 1),
            "preferred_frequency": values(0.02, 0.5),
            "orientation_selectivity": values(0, 1),
            "chance_selectivity": values(0.1, 0.2),
            "modulation": values(0, 2),
            "half_saturation": (("network", "unit"), np.full(shape, np.nan), about),
            "orientation_curve": (("network", "unit", "orientation"), random.uniform(0, 2, (*shape, 18))),
            "contrast_curve": (("network", "unit", "contrast"), np.sort(random.uniform(0, 2, (*shape, 8)))),
        },
        coords={
            "network": list(networks),
            "unit_layer": ("unit", np.repeat([f"conv{number + 1}" for number in range(layers)], units)),
            "unit_number": ("unit", np.arange(count) % units + 120),
            "layer": [f"conv{number + 1}" for number in range(layers)],
            "orientation": orientations,
            "frequency": frequencies,
            "contrast": np.geomspace(1 / 32, 1, 8),
        },
        attrs={"caption": "word " * 90},
    )
    if colours:
        data["colour_index"] = values(-1, 1)
    return Result("tuning_to_gratings", data.merge(comparison(data)).assign_attrs(data.attrs), {}, {"agent": "planted"})


@pytest.mark.parametrize(
    "result",
    [planted(1, 1), planted(3), planted(9, 40), planted(2, colours=False), planted(2, networks=("trained",))],
    ids=["one unit", "three layers", "nine layers", "grey", "trained alone"],
)
def test_nothing_lies_over_anything_else_or_leaves_the_page(result):
    assert faults_of(tuning_to_gratings(result)) == []


def test_the_most_selective_units_are_drawn_with_their_numbers_relative_to_their_largest():
    result = planted()
    panel = tuning_to_gratings(result, caption=False).axes[0]
    here = result.data.isel(unit=slice(0, 12))
    order = np.argsort(-here["orientation_selectivity"].values[0])[:4]
    numbers = [text.get_text() for text in panel.texts]
    assert numbers == [str(120 + unit) for unit in order]
    drawn = [line.get_ydata() for line in panel.lines if line.get_zorder() == 2]
    for unit, line in zip(order, drawn, strict=True):
        curve = here["orientation_curve"].values[0, unit]
        np.testing.assert_allclose(line[:-1], curve / curve.max())
        assert line[-1] == line[0]
    assert sum(line.get_zorder() == 1 for line in panel.lines) == 2  # one for each redrawn network


def test_every_unit_of_every_network_has_its_point():
    result = planted()
    figure = tuning_to_gratings(result, caption=False)
    offsets = [np.asarray(each.get_offsets()) for each in figure.axes[5].collections]  # conv2
    here = result.data.isel(unit=slice(12, 24))
    for rows, found in zip(([2, 3], [1], [0]), offsets, strict=True):
        expected = [here[name].values[rows].ravel() for name in ("preferred_frequency", "orientation_selectivity")]
        np.testing.assert_allclose(found, np.stack(expected, axis=1))


def test_histograms_are_shares_of_the_units_that_answer():
    result = planted()
    result.data["modulation"].values[0, :6] = np.nan
    panel = tuning_to_gratings(result, caption=False).axes[2]
    filled = next(patch for patch in panel.patches if patch.get_fill())
    shares, edges, _ = filled.get_data()
    expected = np.histogram(result.data["modulation"].values[0, 6:12], edges)[0] / 6
    np.testing.assert_allclose(shares, expected)


def test_an_agent_without_colours_has_its_contrast_response_instead():
    result = planted(1, colours=False)
    result.data["contrast_curve"].values[0, :2] = [[np.nan] * 8, [0.0] * 8]
    panel = tuning_to_gratings(result, caption=False).axes[3]
    curves = result.data["contrast_curve"].values[0, 2:]
    np.testing.assert_allclose(panel.lines[-1].get_ydata(), np.median(curves / curves[:, -1:], axis=0))
    assert "median strength by contrast" in words_of(tuning_to_gratings(result)).replace("\n", " ")


def test_the_table_has_a_row_for_every_layer_and_index():
    data = planted().data
    table = table_of(data)
    assert len(table.rows) == 3 * data.sizes["index"]
    assert {len(row) for row in table.rows} == {len(table.columns)}
    first = table.rows[list(data["index"].values).index("orientation_selectivity")]
    values = data["orientation_selectivity"].values[:, :12]
    low, high = sorted(np.median(values[2:], axis=1))
    assert first[2:6] == (12, f"{np.median(values[0]):.3g}", f"{np.median(values[1]):.3g}", f"{low:.3g} to {high:.3g}")
    assert first[6] == f"{100 * (values[2:] < np.median(values[0])).mean():.0f}"
    silent = table.rows[list(data["index"].values).index("half_saturation")]
    assert silent[3:] == ("–", "–", "–", "–")


def test_another_result_is_refused():
    with pytest.raises(UserError, match="'simulation'"):
        tuning_to_gratings(Result("simulation", xarray.Dataset()))
