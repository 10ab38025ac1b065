"""What the explorer shows of the tuning to gratings: curves and numbers of every unit that was asked."""

from __future__ import annotations

import numpy as np
import xarray

from retinoscope.analyses.drawing import TableDrawing
from retinoscope.analyses.early_vision.grating_comparison import table_of
from retinoscope.analyses.exploring import (
    Panel,
    UnitCurve,
    UnitCurvesPanel,
    UnitNumber,
    UnitNumbersPanel,
    by_unit,
    table_panel,
)
from retinoscope.result import Result

_CURVES = {
    "orientation": "orientation, 0 upright, anticlockwise (degrees)",
    "frequency": "spatial frequency (cycles per pixel)",
    "contrast": "contrast (amplitude over grey level)",
}
_NUMBERS = (
    "orientation_selectivity",
    "chance_selectivity",
    "classic_orientation_selectivity",
    "preferred_orientation",
    "orientation_half_width",
    "preferred_frequency",
    "preferred_frequency_per_degree",
    "bandwidth",
    "modulation",
    "half_saturation",
    "contrast_exponent",
    "colour_index",
    "strength",
)


def panels(result: Result) -> list[Panel]:
    """Of a Result of `tuning_to_gratings`: of every layer three curves and the numbers; and the table of all layers."""
    data, caption = result.data, str(result.data.attrs["caption"])
    table = table_of(data)
    found: list[Panel] = [
        table_panel(
            TableDrawing(
                "tuning_to_gratings",
                "Tuning to gratings: trained and untrained",
                table.caption,
                table.columns,
                table.rows,
            )
        )
    ]
    for layer in map(str, data["layer"].values):
        here = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
        name, title = f"tuning_to_gratings_{layer}", f"Tuning of {layer}"
        for each, x_title in _CURVES.items():
            x = data[each].values
            curves = _curves(here, each)
            of_curve = (f"{name}_{each}", f"{title} to {each}", caption, layer)
            found.append(UnitCurvesPanel(*of_curve, x, x_title, "answer (activity)", curves))
        units = here["unit_number"].values
        of_trained = here.sel(network="trained")
        numbers = tuple(
            UnitNumber(each, str(about["long_name"]), _units(about["units"]), by_unit(of_trained[each].values, units))
            for each in _NUMBERS
            if each in here and (about := here[each].attrs)
        )
        found.append(UnitNumbersPanel(name, f"{title} to gratings, in numbers", caption, layer, numbers))
    return found


def _curves(here: xarray.Dataset, name: str) -> tuple[UnitCurve, ...]:
    """Of the agent, and grey beside it the same units before training, where these are known."""
    units, answers = here["unit_number"].values, here[f"{name}_curve"]
    curves = [UnitCurve("agent", "neutral", by_unit(answers.sel(network="trained").values, units))]
    if "first" in here["network"].values:
        curves.append(UnitCurve("before training", "chance", by_unit(answers.sel(network="first").values, units)))
    return tuple(curves)


def _units(units: str) -> str:
    return "" if units == "1" else units
