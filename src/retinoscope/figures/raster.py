"""Raster of all layers over time: one row for every unit, sorted, with pick-ups as vertical lines."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.pickup_lines import draw_pickups
from retinoscope.figures.style import colour_map, framed, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["raster"]

LIMIT = 3.0  # standard deviations at the ends of the colour map
_HEIGHT, _LEAST = 7.2, 0.55  # of all panels together and of the smallest, inches


@styled
def raster(result: Result, *, figsize: Size = None) -> Figure:
    """Draw all layers of a raster.

    Args:
        result: of the `raster` analysis.
        figsize: inches; None for what the layers need.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "raster")
    data = result.data
    layers = [str(name) for name in data["layer"].values]
    units = np.array([data.sizes[f"{layer}_unit"] for layer in layers])
    heights = np.maximum(_HEIGHT * units / units.sum(), _LEAST)
    figure = Figure(figsize=figsize or (WIDTH, heights.sum() + 1.5), layout="constrained")
    marks, *panels = figure.subplots(
        len(layers) + 1, 1, sharex=True, gridspec_kw={"height_ratios": [0.22, *heights.tolist()]}
    )
    seconds = data["seconds"].values
    half = (seconds[1] - seconds[0]) / 2
    for panel, layer in zip(panels, layers, strict=True):
        count = data.sizes[f"{layer}_unit"]
        image = panel.imshow(
            data[layer].values,
            cmap=colour_map("diverging"),
            vmin=-LIMIT,
            vmax=LIMIT,
            aspect="auto",
            interpolation="nearest",
            extent=(seconds[0] - half, seconds[-1] + half, count, 0),
        )
        kind = "channels" if layer.startswith("conv") else "units"
        panel.set_ylabel(f"{layer}\n{count} {kind}", rotation=0, ha="right", va="center")
        panel.set_yticks([])
        framed(panel)
    draw_pickups(panels, marks, seconds, data["pickups"].values, data["class_effect"].values, 0.7, shade(1))
    panels[-1].set_xlabel("time in the episode (s)")
    bar = figure.colorbar(image, ax=panels, orientation="horizontal", shrink=0.4, aspect=40, pad=0.01, extend="both")
    bar.set_ticks(np.arange(-LIMIT, LIMIT + 1).tolist())
    bar.set_label("activity, standard deviations from the unit's mean")
    titled(figure, title_of(result, "Activity of all units, sorted"))
    return figure
