"""What the explorer shows of tuning to gratings or to motion: curves and numbers of every unit that was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class TuningPanels:
    """What is shown of a Result over (network, unit): a table of all layers, and of every layer curves and numbers.

    Attributes:
        title: of the analysis.
        to: what units are tuned to, in one word.
        curves: titles of x by coordinate; `NAME_curve` is the variable.
        numbers: names of variables, shown as far as they are there.
    """

    title: str
    to: str
    curves: Mapping[str, str]
    numbers: Sequence[str]

    def of(self, result: Result) -> list[Panel]:
        """The panels of this Result."""
        data, caption = result.data, str(result.data.attrs["caption"])
        table = table_of(data)
        shown = (f"{self.title}: trained and untrained", table.caption, table.columns, table.rows)
        found: list[Panel] = [table_panel(TableDrawing(result.analysis, *shown))]
        for layer in map(str, data["layer"].values):
            here = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
            name, title = f"{result.analysis}_{layer}", f"Tuning of {layer}"
            for each, x_title in self.curves.items():
                of_curve = (f"{name}_{each}", f"{title} to {each}", caption, layer)
                x = data[each].values
                found.append(UnitCurvesPanel(*of_curve, x, x_title, "answer (activity)", _curves(here, each)))
            units = here["unit_number"].values
            of_trained = here.sel(network="trained")
            numbers = tuple(
                UnitNumber(
                    each, str(about["long_name"]), _units(about["units"]), by_unit(of_trained[each].values, units)
                )
                for each in self.numbers
                if each in here and (about := here[each].attrs)
            )
            found.append(UnitNumbersPanel(name, f"{title} to {self.to}, in numbers", caption, layer, numbers))
        return found


GRATINGS = TuningPanels(
    "Tuning to gratings",
    "gratings",
    {
        "orientation": "orientation, 0 upright, anticlockwise (degrees)",
        "frequency": "spatial frequency (cycles per pixel)",
        "contrast": "contrast (amplitude over grey level)",
    },
    (
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
    ),
)


def _curves(here: xarray.Dataset, name: str) -> tuple[UnitCurve, ...]:
    """Of the agent, and grey beside it the same units before training, where these are known."""
    units, answers = here["unit_number"].values, here[f"{name}_curve"]
    curves = [UnitCurve("agent", "neutral", by_unit(answers.sel(network="trained").values, units))]
    if "first" in here["network"].values:
        curves.append(UnitCurve("before training", "chance", by_unit(answers.sel(network="first").values, units)))
    return tuple(curves)


def _units(units: str) -> str:
    return "" if units == "1" else units
