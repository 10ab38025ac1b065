"""Raster of all layers over time: one row for every unit, sorted, with pick-ups as vertical lines."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.pickup_lines import draw_pickups
from retinoscope.result import Result

WIDTH = 7.5  # inches
LIMIT = 3.0  # standard deviations at the ends of the colour map
_HEIGHT, _LEAST = 7.2, 0.55  # of all panels together and of the smallest, inches
_SMALL, _NORMAL = 7, 8


def raster(result: Result) -> Figure:
    """Draw all layers of a raster.

    Raises:
        UserError: the result is of another analysis.
    """
    if result.analysis != "raster":
        raise UserError(f"result of {result.analysis!r}: is not one of raster; give the result of that analysis")
    data = result.data
    layers = [str(name) for name in data["layer"].values]
    units = np.array([data.sizes[f"{layer}_unit"] for layer in layers])
    heights = np.maximum(_HEIGHT * units / units.sum(), _LEAST)
    figure = Figure(figsize=(WIDTH, heights.sum() + 1.5), layout="constrained")
    marks, *panels = figure.subplots(
        len(layers) + 1, 1, sharex=True, gridspec_kw={"height_ratios": [0.22, *heights.tolist()]}
    )
    seconds = data["seconds"].values
    half = (seconds[1] - seconds[0]) / 2
    for panel, layer in zip(panels, layers, strict=True):
        count = data.sizes[f"{layer}_unit"]
        image = panel.imshow(
            data[layer].values,
            cmap="RdBu_r",
            vmin=-LIMIT,
            vmax=LIMIT,
            aspect="auto",
            interpolation="nearest",
            extent=(seconds[0] - half, seconds[-1] + half, count, 0),
        )
        kind = "channels" if layer.startswith("conv") else "units"
        panel.set_ylabel(f"{layer}\n{count} {kind}", fontsize=_NORMAL, rotation=0, ha="right", va="center")
        panel.set_yticks([])
        panel.tick_params(labelsize=_SMALL, length=2)
    draw_pickups(panels, marks, seconds, data["pickups"].values, data["class_effect"].values, 0.7, "black")
    panels[-1].set_xlabel("time in the episode (s)", fontsize=_NORMAL)
    bar = figure.colorbar(image, ax=panels, orientation="horizontal", shrink=0.4, aspect=40, pad=0.01, extend="both")
    bar.set_label("activity, standard deviations from the unit's mean", fontsize=_NORMAL)
    bar.ax.tick_params(labelsize=_SMALL, length=2)
    of = f" · agent {result.provenance['agent']}" if "agent" in result.provenance else ""
    figure.suptitle(f"Activity of all units, sorted{of}", fontsize=10, weight="bold", x=0.01, ha="left")
    return figure
