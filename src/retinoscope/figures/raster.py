"""Raster of all layers over time: one row for every unit, sorted, with tracks above and events as vertical lines."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from retinoscope.figures.event_marks import draw_events, time_label
from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour_map, framed, require, styled, title_of
from retinoscope.figures.tracks import draw_track, tracks_of
from retinoscope.figures.words import shortened
from retinoscope.result import Result

__all__ = ["raster"]

LIMIT = 3.0  # standard deviations at the ends of the colour map
_HEIGHT, _LEAST, _TRACK = 7.2, 0.55, 0.42  # of all layers together, of the smallest, and of a track, inches


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
    tracks = tracks_of(data)
    ratios = [0.22, *[_TRACK] * len(tracks), *heights.tolist()]
    figure = Figure(figsize=figsize or (WIDTH, sum(ratios) + 1.3), layout="constrained")
    marks, *others = figure.subplots(len(ratios), 1, sharex=True, gridspec_kw={"height_ratios": ratios})
    above, panels = others[: len(tracks)], others[len(tracks) :]
    for axes, track in zip(above, tracks, strict=True):
        draw_track(axes, data, track)
        axes.set_ylabel(track.label, rotation=0, ha="right", va="center")
        axes.locator_params(axis="y", nbins=2)
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
        kind = "channels" if bool(data["is_map"].sel(layer=layer)) else "units"
        panel.set_ylabel(f"{shortened(layer, 20)}\n{count} {kind}", rotation=0, ha="right", va="center")
        panel.set_yticks([])
        framed(panel)
    draw_events(above, marks, data, 0.7, panels)
    panels[-1].set_xlabel(time_label(data))
    bar = figure.colorbar(image, ax=panels, orientation="horizontal", shrink=0.4, aspect=40, pad=0.01, extend="both")
    bar.set_ticks(np.arange(-LIMIT, LIMIT + 1).tolist())
    bar.set_label("activity, standard deviations from the unit's mean")
    titled(figure, title_of(result, "Activity of all units, sorted"))
    return figure
