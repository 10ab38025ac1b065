"""Principal components: scree plots with their dimensions, maps of the first two, and the first over time."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.errors import UserError
from retinoscope.figures.event_marks import draw_events, time_label
from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour, colour_map, require, shade, styled, title_of
from retinoscope.figures.tracks import Track, draw_track, tracks_of
from retinoscope.figures.words import shortened
from retinoscope.result import Result

__all__ = ["principal_components", "principal_components_map", "principal_components_time"]

_PER_ROW = 3


@styled
def principal_components(result: Result, *, figsize: Size = None) -> Figure:
    """Scree plot of every layer: share of variance by component, the participation ratio, and both by chance.

    Args:
        result: of the `principal_components` analysis.
        figsize: inches; None for what the layers need.

    Raises:
        UserError: the result is of another analysis.
    """
    data = _data(result)
    layers = [str(name) for name in data["layer"].values]
    rows = -(-len(layers) // _PER_ROW)
    figure = Figure(figsize=figsize or (WIDTH, 2.2 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, min(_PER_ROW, len(layers)), sharex=True, sharey=True, squeeze=False).ravel()
    for panel, layer in zip(panels, layers, strict=False):
        _scree(panel, data.sel(layer=layer), layer)
    for panel in panels[max(0, len(layers) - _PER_ROW) : len(layers)]:
        panel.set_xlabel("component")
    for panel in panels[len(layers) :]:
        panel.set_axis_off()
    titled(figure, title_of(result, "Principal components of activity"))
    handles = [
        Line2D([], [], color=shade(0.9), marker=".", markersize=3, linewidth=0.8, label="measured"),
        Line2D(
            [], [], color=colour("chance"), linestyle="--", linewidth=1, label="by chance: the same units, unrelated"
        ),
        Line2D([], [], color=colour("positive"), linewidth=1, label="participation ratio, 95% interval"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    figure.supylabel("share of the total variance")
    return figure


@styled
def principal_components_map(result: Result, *, figsize: Size = None) -> Figure:
    """First against second component of stored layers, coloured by the critic's value or another number.

    Args:
        result: of the `principal_components` analysis.
        figsize: inches; None for what the layers need.

    Raises:
        UserError: the result is of another analysis, or has no dense or recurrent layer.
    """
    data = _data(result)
    if "map_value" not in data:
        raise UserError("principal components: this result has no dense or recurrent layer to map")
    layers = [str(name) for name in data["mapped_layer"].values]
    rows = -(-len(layers) // _PER_ROW)
    across = -(-len(layers) // rows)
    figure = Figure(figsize=figsize or (WIDTH, 0.8 + rows * 6.4 / max(across, 2)), layout="constrained")
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    coloured = data["map_value"] if data.attrs["map_of"] else data["map_count"].where(data["map_count"] > 0)
    low, high = np.nanpercentile(coloured.values, (1, 99))
    for panel in panels[len(layers) :]:
        panel.set_axis_off()
    for panel, layer in zip(panels, layers, strict=False):
        at = data.sel(mapped_layer=layer)
        image = panel.pcolormesh(
            at["map_first"], at["map_second"], coloured.sel(mapped_layer=layer),
            cmap=colour_map("sequential"), vmin=low, vmax=high, rasterized=True,
        )  # fmt: skip
        share = data["variance_share"].sel(layer=layer).values
        panel.set_title(shortened(layer, 36))
        panel.set_xlabel(f"first component ({share[0]:.0%} of the variance)")
        panel.set_ylabel(f"second component ({share[1]:.0%})")
    bar = figure.colorbar(image, ax=panels, shrink=0.8, pad=0.01, extend="both")
    bar.set_label(_coloured_by(data))
    titled(figure, title_of(result, "First two principal components"))
    return figure


@styled
def principal_components_time(result: Result, *, figsize: Size = None) -> Figure:
    """First components over a stretch of time, with the value, numbers of the world and events.

    Args:
        result: of the `principal_components` analysis.
        figsize: inches; None for what the traces need.

    Raises:
        UserError: the result is of another analysis, or has no first components over time.
    """
    data = _data(result)
    if "score" not in data:
        raise UserError("principal components: this result has no first components over time")
    first, *more = [
        Track(f"{shortened(str(layer), 16)}\n1st component", data["score"].sel(scored_layer=layer).values)
        for layer in data["scored_layer"].values
    ]
    tracks = tracks_of(data)
    # The value stands next to what is compared with it.
    traces = [first, *tracks[:1], *more, *tracks[1:]]
    figure = Figure(figsize=figsize or (WIDTH, 1.05 * len(traces) + 1.2), layout="constrained")
    marks, *panels = figure.subplots(
        len(traces) + 1, 1, sharex=True, gridspec_kw={"height_ratios": [0.25, *[1] * len(traces)]}
    )
    seconds = data["seconds"].values
    for panel, track in zip(panels, traces, strict=True):
        draw_track(panel, data, track)
    draw_events(panels, marks, data, 0.9)
    panels[-1].set_xlabel(time_label(data))
    panels[-1].set_xlim(seconds[0], seconds[-1])
    figure.align_ylabels(panels)
    titled(figure, title_of(result, "First principal components in time"))
    return figure


def _coloured_by(data: xarray.Dataset) -> str:
    """What the colours of a map are."""
    name = data.attrs["map_of"]
    if data.attrs["sign"] == "value":
        return "critic's value, mean in the bin"
    return f"{name}, mean in the bin" if name else "decisions in the bin"


def _scree(panel: Axes, data: xarray.Dataset, layer: str) -> None:
    component = data["component"].values
    share, chance = data["variance_share"].values, data["variance_share_chance"].values
    ratio, low, high, by_chance = (
        float(data[f"participation_ratio{each}"]) for each in ("", "_low", "_high", "_chance")
    )
    panel.plot(component, chance, linestyle="--", color=colour("chance"), linewidth=1)
    panel.plot(component, share, marker=".", markersize=3, color=shade(0.9), linewidth=0.8)
    panel.set_yscale("log")
    panel.set_ylim(None, 1.0)
    if ratio <= component[-1]:
        panel.axvline(ratio, color=colour("positive"), linewidth=1)
        if np.isfinite(low):
            panel.axvspan(low, min(high, component[-1]), color=colour("positive"), alpha=0.2, linewidth=0)
    interval = f" ({low:.1f} to {high:.1f})" if np.isfinite(low) else ""
    units = int(data["units"])
    panel.set_title(f"{shortened(layer, 24)}, {units:,} units")
    says = f"participation ratio {ratio:.1f}{interval}\nby chance {by_chance:,.0f}"
    panel.text(
        0.97, 0.96, says, transform=panel.transAxes, ha="right", va="top", fontsize="small", color=colour("positive"),
        zorder=5,
    ).set_bbox({"facecolor": shade(0), "edgecolor": "none", "pad": 1.5})  # fmt: skip


def _data(result: Result) -> xarray.Dataset:
    require(result, "principal_components")
    return result.data
