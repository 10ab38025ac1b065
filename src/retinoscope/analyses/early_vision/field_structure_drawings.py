"""What is drawn of `field_structure`, and what its captions say."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, UnitNumber, UnitNumbersPanel, by_unit, table_panel
from retinoscope.result import Result

_KINDS = (
    "Not structured: R² below 0.5, or no higher than that of the field's shuffled pixels; smooth: no higher than that "
    "of noise as smooth as the field, most like what stands in brackets (p ≥ 0.0005; random phases, with the field's "
    "own spectrum, take no part); blob: less than a fifth of the fit's absolute weights have the rarer sign; else "
    "centre-surround or oriented, as the difference of Gaussians or the Gabor fits better."
)
_NUMBERS_OF_A_FIT = 8  # six of the shape, and two amplitudes
_SURROGATES = {
    "r2_shuffled": "shuffled pixels",
    "r2_smooth_noise": "smooth noise",
    "r2_random_phases": "random phases",
}
_COLUMNS = (
    "layer",
    "unit",
    "kind",
    "shape",
    "either half says so",
    "R² Gabor",
    "R² difference of Gaussians",
    "p shuffled",
    "p smooth noise",
    "p random phases",
    "size (pixels)",
    "size (degrees)",
    "orientation index",
    "orientation (degrees)",
    "Lindsey's ratio",
    "of shuffled pixels",
    "surround (0 to 1)",
    "colour × space (share)",
    "colour opponency",
)
_NUMBERS = (
    "r2_gabor",
    "r2_difference_of_gaussians",
    "p_shuffled",
    "p_smooth_noise",
    "p_random_phases",
    "size",
    "size_degrees",
    "orientation_index",
    "orientation",
    "lindsey_ratio",
    "lindsey_ratio_shuffled",
    "centre_surround",
    "colour_share",
    "colour_opponency",
)


def caption_of(data: xarray.Dataset, layer: str, said: Mapping[str, Any], note: str) -> str:
    """What was measured of a layer, over how much, and what untrained fields and surrogates give."""
    fields = data[f"{layer}_field"]
    _, units, height, width = fields.shape
    found = data.sel(layer=layer, network="trained")
    is_there = data["unit_layer"].values == layer
    binned, all_units = int(fields.attrs["binned"]), int(fields.attrs["units_measured"])
    of_all = f" of {all_units}" if all_units > units else ""
    means = f", means of {binned} × {binned} pixels" if binned > 1 else ""
    silent = int(found["silent"])
    draws = int(np.isfinite(data["median_r2_untrained"].sel(layer=layer)).sum())
    medians = [f"agent {float(found['median_r2']):.2f}"]
    if "first" in data["network"].values:
        medians.append(f"before training {float(data['median_r2'].sel(layer=layer, network='first')):.2f}")
    if draws:
        low, high = np.nanpercentile(data["median_r2_untrained"].sel(layer=layer), (0, 100))
        medians.append(f"{draws} untrained networks {low:.2f} to {high:.2f}")
    for name, words in _SURROGATES.items():
        medians.append(f"{words} {np.nanmedian(data[name].sel(network='trained').values[is_there]):.2f}")
    colours, through = "", ""
    if data.sizes["colour"] > 1:
        through = ", seen through its own colour vector (singular value decomposition; as a small square, grey is zero)"
        share = np.nanmedian(data["colour_share"].sel(network="trained").values[is_there])
        colours = f"That one product of colour and space holds {100 * share:.0f}% of the squared weights (median)."
    above = ""
    if np.isfinite(found["share_above_untrained"]):
        above = (
            f"{100 * float(found['share_above_untrained']):.0f}% of the agent's fields lie above the 95th percentile "
            f"of untrained ones, {float(found['untrained_95']):.2f}."
        )
    sentences = [
        f"n = {units}{of_all} units of {layer}, {height} × {width} weights each{means}, sorted by R². Left: the "
        f"field's pattern in space{through}; right: the better of a Gabor and a difference of Gaussians, both with "
        f"sign and {_NUMBERS_OF_A_FIT} numbers, fitted to one half of the stimuli. R²: share of the squared weights of "
        "the other half that it explains, mean of both directions.",
        f"{_NUMBERS_OF_A_FIT} numbers explain most of {height * width} weights, whatever these are: only what exceeds "
        "shuffled pixels counts."
        if height * width < 3 * _NUMBERS_OF_A_FIT
        else "",
        colours,
        f"Medians: {', '.join(medians)}.",
        above,
        _KINDS,
        f"{silent} never answered." if silent else "",
        note,
    ]
    return " ".join(filter(None, sentences))


def drawings(result: Result) -> list[Drawing]:
    """A figure for every layer, and a table of all units."""
    from retinoscope import figures

    drawn: list[Drawing] = [
        FigureDrawing(
            f"field_structure_{layer}",
            f"Structure of the fields of {layer}",
            result.data[f"{layer}_field"].attrs["caption"],
            functools.partial(figures.field_structure, result, layer),
            says_caption=True,
        )
        for layer in result.parameters["layers"]
    ]
    return [*drawn, _table(result.data.sel(network="trained"))]


def panels(result: Result) -> list[Panel]:
    """Numbers of every unit, layer by layer, and the table, which says in words what each field is."""
    data = result.data.sel(network="trained")
    found: list[Panel] = [table_panel(_table(data))]
    for layer in result.parameters["layers"]:
        of_layer = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
        units = of_layer["unit_number"].values
        numbers = tuple(
            UnitNumber(
                name, str(of_layer[name].attrs["long_name"]), _units(of_layer[name]), by_unit(of_layer[name], units)
            )
            for name in ("r2", *_NUMBERS)
            if name in of_layer
        )
        caption = str(result.data[f"{layer}_field"].attrs["caption"])
        title = f"Structure of the fields of {layer}"
        found.append(UnitNumbersPanel(f"field_structure_{layer}", title, caption, layer, numbers))
    return found


def _units(values: xarray.DataArray) -> str:
    units = str(values.attrs["units"])
    return "" if units == "1" else units


def _table(data: xarray.Dataset) -> TableDrawing:
    names = [name for name in _NUMBERS if name in data]
    columns = tuple(
        each for each, name in zip(_COLUMNS, (*[""] * 5, *_NUMBERS), strict=True) if not name or name in names
    )
    rows = [
        (
            str(data["unit_layer"].values[unit]),
            int(data["unit_number"].values[unit]),
            str(data["kind"].values[unit]),
            str(data["shape"].values[unit]),
            "yes" if data["is_reliable"].values[unit] else "no",
            *(_number(float(data[name].values[unit]), name) for name in names),
        )
        for unit in range(data.sizes["unit"])
    ]
    caption = (
        "One row for every unit of the agent. Surround: of the fitted difference of Gaussians, which says something "
        "only where that fits. Lindsey's ratio (Lindsey et al. 2019) cannot tell centre-surround from noise: beside it "
        "that of the same weights shuffled. Orientation index: 0 for blobs, centre-surround and white noise, 1 for "
        "stripes."
    )
    return TableDrawing("field_structure", "Structure of every field, in numbers", caption, columns, tuple(rows))


def _number(value: float, name: str) -> str:
    if not np.isfinite(value):
        return "–"
    if name.startswith("p_"):
        return f"{value:.1e}" if value < 0.001 else f"{value:.3f}"
    return f"{value:.0f}" if name == "orientation" else f"{value:.2f}"
