"""Tuning to gratings: for every layer its most selective units, selectivity, simple or complex, and colour."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from retinoscope.figures.network_panels import (
    MOST_SELECTIVE,
    curves_of_most_selective,
    inks_of_networks,
    rows_of_layers,
    rows_of_networks,
    scatter_of_units,
    shares_of_units,
    values_of,
)
from retinoscope.figures.page import Size
from retinoscope.figures.style import colour, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["tuning_to_gratings"]


@styled
def tuning_to_gratings(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw a row of panels for every layer.

    From left to right: strength by orientation of the most selective units, relative to the largest, with the most
    selective unit of every redrawn network in grey; selectivity and preferred frequency of every unit; modulation
    F1/F0; and the colour index, or the contrast response of an agent that sees no colours.

    Args:
        result: from `analyses.tuning_to_gratings`.
        figsize: inches; None for what the layers need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "tuning_to_gratings")
    data = result.data
    last = _colours if "colour_index" in data else _contrasts
    says = _says(data) if caption else None
    panels = (_curves, _selectivity, _modulation, last)
    return rows_of_layers(title_of(result, "Tuning to gratings"), says, figsize, data, panels)


def _says(data: xarray.Dataset) -> str:
    last = (
        "colour index, −1 luminance alone, 1 opponent colours alone"
        if "colour_index" in data
        else "median strength by contrast, relative to that at the highest"
    )
    grey = " (grey: of each redrawn network the most selective one)" if len(rows_of_networks(data)["redrawn"]) else ""
    return (
        f"{data.attrs['caption']} From left to right: strength by orientation, at the preferred frequency, of the "
        f"{MOST_SELECTIVE} most selective units, whose numbers stand above{grey}; "
        "selectivity, 1 − circular variance, of every unit at its preferred frequency (dotted: median "
        f"over units of what shuffled answers reach in 5%); F1/F0, above 1 simple, below 1 complex; {last}."
    )


def _curves(axes: Axes, data: xarray.Dataset) -> None:
    curves_of_most_selective(axes, data, "orientation_selectivity", "orientation", 180.0)


def _selectivity(axes: Axes, data: xarray.Dataset) -> None:
    scatter_of_units(axes, data, "preferred_frequency", "orientation_selectivity")
    chance = values_of(data, "chance_selectivity", "trained")
    if np.isfinite(chance).any():
        axes.axhline(float(np.nanmedian(chance)), color=colour("chance"), linestyle=":", linewidth=1)
    low, high = float(data["frequency"][0]), float(data["frequency"][-1])
    ticks = [each for each in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if low * 0.9 <= each <= high * 1.1]
    axes.set_xticks(ticks if len(ticks) < 5 else ticks[::-2][::-1], minor=False)
    axes.set_xticklabels([f"{each:g}" for each in axes.get_xticks()])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlim=(low / 1.15, high * 1.15), ylim=(0, 1.02), xlabel="preferred cycles per pixel", ylabel="selectivity")
    axes.set_yticks([0, 0.5, 1])


def _modulation(axes: Axes, data: xarray.Dataset) -> None:
    shares_of_units(axes, data, "modulation", np.linspace(0, 2, 17))
    axes.axvline(1, color=shade(0.5), linestyle="--", linewidth=0.8)
    axes.set(xlabel="modulation F1/F0", xticks=[0, 0.5, 1, 1.5, 2])


def _colours(axes: Axes, data: xarray.Dataset) -> None:
    shares_of_units(axes, data, "colour_index", np.linspace(-1, 1, 17))
    axes.axvline(0, color=shade(0.5), linestyle="--", linewidth=0.8)
    axes.set(xlabel="colour index", xticks=[-1, -0.5, 0, 0.5, 1])


def _contrasts(axes: Axes, data: xarray.Dataset) -> None:
    inks, contrast = inks_of_networks(), data["contrast"].values
    for kind in ("redrawn", "first", "trained"):
        curves = values_of(data, "contrast_curve", kind)
        known = curves[curves[:, -1] > 0]  # silent ones are NaN
        if len(known):
            relative = known / known[:, -1:]
            axes.plot(contrast, np.median(relative, axis=0), color=inks[kind], marker=".", markersize=3)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([contrast[0], contrast[-1]], [f"{contrast[0]:.2g}", f"{contrast[-1]:.2g}"])
    axes.set(xlabel="contrast", ylabel="relative strength")
    axes.set_ylim(bottom=0)
