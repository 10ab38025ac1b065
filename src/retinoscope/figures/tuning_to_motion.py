"""Tuning to motion: for every layer its most selective units, preferred speeds, and moving against standing stripes."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from retinoscope.figures.network_panels import (
    MOST_SELECTIVE,
    curves_of_most_selective,
    rows_of_layers,
    rows_of_networks,
    scatter_of_units,
    shares_of_units,
)
from retinoscope.figures.page import Size
from retinoscope.figures.style import require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["tuning_to_motion"]

_SPEEDS = (0.01, 0.1, 1.0, 10.0, 100.0)


@styled
def tuning_to_motion(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw a row of panels for every layer.

    From left to right: strength by direction of the units that are most selective for it, relative to the largest,
    with the most selective unit of every redrawn network in grey; direction selectivity and preferred speed of every
    unit; the share of units by direction selectivity; and by motion index.

    Args:
        result: from `analyses.tuning_to_motion`.
        figsize: inches; None for what the layers need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "tuning_to_motion")
    says = _says(result.data) if caption else None
    panels = (_curves, _speeds, _selectivity, _motion)
    return rows_of_layers(title_of(result, "Tuning to motion"), says, figsize, result.data, panels)


def _says(data: xarray.Dataset) -> str:
    grey = " (grey: of each redrawn network the most selective one)" if len(rows_of_networks(data)["redrawn"]) else ""
    return (
        f"{data.attrs['caption']} From left to right: strength by direction (0 to the right, 90 upwards) of the "
        f"{MOST_SELECTIVE} units that are most selective for it, whose numbers stand above{grey}; direction "
        "selectivity, (preferred − opposite) / (preferred + opposite), of every unit at its preferred speed; the same "
        "as shares of units; motion index, −1 for stripes that stand still alone, 1 for moving ones alone."
    )


def _curves(axes: Axes, data: xarray.Dataset) -> None:
    curves_of_most_selective(axes, data, "classic_direction_selectivity", "direction", 360.0)


def _speeds(axes: Axes, data: xarray.Dataset) -> None:
    scatter_of_units(axes, data, "preferred_speed", "classic_direction_selectivity")
    known = data["preferred_speed"].values
    known = known[np.isfinite(known)]
    low, high = (known.min() / 1.3, known.max() * 1.3) if len(known) else (0.1, 10.0)
    ticks = [each for each in _SPEEDS if low <= each <= high]
    axes.set_xticks(ticks, [f"{each:g}" for each in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlim=(low, high), ylim=(-0.02, 1.02), xlabel="speed (pixels per decision)", ylabel="selectivity")
    axes.set_yticks([0, 0.5, 1])


def _selectivity(axes: Axes, data: xarray.Dataset) -> None:
    shares_of_units(axes, data, "classic_direction_selectivity", np.linspace(0, 1, 17))
    axes.set(xlabel="direction selectivity", xticks=[0, 0.5, 1])


def _motion(axes: Axes, data: xarray.Dataset) -> None:
    shares_of_units(axes, data, "motion_index", np.linspace(-1, 1, 17))
    axes.axvline(0, color=shade(0.5), linestyle="--", linewidth=0.8)
    axes.set(xlabel="motion index", xticks=[-1, -0.5, 0, 0.5, 1])
