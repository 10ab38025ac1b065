"""Principal components: scree plots with their dimensions, maps of the first two by value, and the first over time."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.errors import UserError
from retinoscope.figures.pickup_lines import draw_pickups
from retinoscope.result import Result

WIDTH = 7.5  # inches
INK, CHANCE, RATIO = "#202124", "#686c73", "#00629e"
_SMALL, _NORMAL = 7, 8
_PER_ROW = 3


def principal_components(result: Result) -> Figure:
    """Scree plot of every layer: share of variance by component, the participation ratio, and both by chance.

    Raises:
        UserError: the result is of another analysis.
    """
    data = _data(result)
    layers = [str(name) for name in data["layer"].values]
    rows = -(-len(layers) // _PER_ROW)
    figure = Figure(figsize=(WIDTH, 2.2 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, min(_PER_ROW, len(layers)), sharex=True, sharey=True, squeeze=False).ravel()
    for panel, layer in zip(panels, layers, strict=False):
        _scree(panel, data.sel(layer=layer), layer)
    for panel in panels[max(0, len(layers) - _PER_ROW) : len(layers)]:
        panel.set_xlabel("component", fontsize=_NORMAL)
    for panel in panels[len(layers) :]:
        panel.set_axis_off()
    figure.suptitle(f"Principal components of activity{_of(result)}", fontsize=10, weight="bold")
    handles = [
        Line2D([], [], color=INK, marker=".", markersize=3, linewidth=0.8, label="measured"),
        Line2D([], [], color=CHANCE, linestyle="--", linewidth=1, label="by chance: the same units, unrelated"),
        Line2D([], [], color=RATIO, linewidth=1, label="participation ratio, 95% interval"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=_SMALL)
    figure.supylabel("share of the total variance", fontsize=_NORMAL)
    return figure


def principal_components_map(result: Result) -> Figure:
    """First against second component of dense and recurrent layers, coloured by the critic's value.

    Raises:
        UserError: the result is of another analysis, or has no dense or recurrent layer.
    """
    data = _data(result)
    if "map_value" not in data:
        raise UserError("principal components: this result has no dense or recurrent layer to map")
    layers = [str(name) for name in data["mapped_layer"].values]
    figure = Figure(figsize=(WIDTH, 0.8 + 6.4 / max(len(layers), 2)), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    low, high = np.nanpercentile(data["map_value"].values, (1, 99))
    for panel, layer in zip(panels, layers, strict=True):
        at = data.sel(mapped_layer=layer)
        image = panel.pcolormesh(
            at["map_first"], at["map_second"], at["map_value"], cmap="viridis", vmin=low, vmax=high, rasterized=True
        )
        share = data["variance_share"].sel(layer=layer).values
        panel.set_title(layer, fontsize=9, loc="left")
        panel.set_xlabel(f"first component ({share[0]:.0%} of the variance)", fontsize=_NORMAL)
        panel.set_ylabel(f"second component ({share[1]:.0%})", fontsize=_NORMAL)
        _tidy(panel)
    bar = figure.colorbar(image, ax=panels, shrink=0.8, pad=0.01, extend="both")
    bar.set_label("critic's value, mean in the bin", fontsize=_NORMAL)
    bar.ax.tick_params(labelsize=_SMALL)
    figure.suptitle(f"First two principal components{_of(result)}", fontsize=10, weight="bold")
    return figure


def principal_components_time(result: Result) -> Figure:
    """First components over a stretch of time, with value, health and pick-ups.

    Raises:
        UserError: the result is of another analysis, or has no first components over time.
    """
    data = _data(result)
    if "score" not in data:
        raise UserError("principal components: this result has no first components over time")
    traces = [
        (f"{layer}\n1st component", data["score"].sel(scored_layer=layer).values)
        for layer in data["scored_layer"].values
    ]
    traces += [("critic's\nvalue", data["value"].values), ("health\n(points)", data["health"].values)]
    # Value stands next to what is compared with it.
    traces = [traces[0], traces[-2], *traces[1:-2], traces[-1]]
    figure = Figure(figsize=(WIDTH, 1.05 * len(traces) + 1.2), layout="constrained")
    marks, *panels = figure.subplots(
        len(traces) + 1, 1, sharex=True, gridspec_kw={"height_ratios": [0.25, *[1] * len(traces)]}
    )
    seconds = data["seconds"].values
    for panel, (name, values) in zip(panels, traces, strict=True):
        panel.plot(seconds, values, color=INK, linewidth=0.9)
        panel.set_ylabel(name, fontsize=_NORMAL)
        _tidy(panel)
    draw_pickups(panels, marks, seconds, data["pickups"].values, data["class_effect"].values, 0.9)
    panels[-1].set_xlabel("time in the episode (s)", fontsize=_NORMAL)
    panels[-1].set_xlim(seconds[0], seconds[-1])
    figure.align_ylabels(panels)
    figure.suptitle(f"First principal components in time{_of(result)}", fontsize=10, weight="bold", x=0.01, ha="left")
    return figure


def _scree(panel: Axes, data: xarray.Dataset, layer: str) -> None:
    component = data["component"].values
    share, chance = data["variance_share"].values, data["variance_share_chance"].values
    ratio, low, high, by_chance = (
        float(data[f"participation_ratio{each}"]) for each in ("", "_low", "_high", "_chance")
    )
    panel.plot(component, chance, linestyle="--", color=CHANCE, linewidth=1)
    panel.plot(component, share, marker=".", markersize=3, color=INK, linewidth=0.8)
    panel.set_yscale("log")
    panel.set_ylim(None, 1.0)
    if ratio <= component[-1]:
        panel.axvline(ratio, color=RATIO, linewidth=1)
        if np.isfinite(low):
            panel.axvspan(low, high, color=RATIO, alpha=0.2, linewidth=0)
    interval = f" ({low:.1f} to {high:.1f})" if np.isfinite(low) else ""
    units = int(data["units"])
    panel.set_title(f"{layer}, {units:,} units", fontsize=_NORMAL, loc="left")
    says = f"participation ratio {ratio:.1f}{interval}\nby chance {by_chance:,.0f}"
    panel.text(
        0.97, 0.96, says, transform=panel.transAxes, ha="right", va="top", fontsize=_SMALL, color=RATIO, zorder=5
    ).set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
    _tidy(panel)


def _tidy(panel: Axes) -> None:
    panel.tick_params(labelsize=_SMALL, length=2)
    panel.spines[["top", "right"]].set_visible(False)


def _of(result: Result) -> str:
    return f" · agent {result.provenance['agent']}" if "agent" in result.provenance else ""


def _data(result: Result) -> xarray.Dataset:
    if result.analysis != "principal_components":
        raise UserError(
            f"result of {result.analysis!r}: is not one of principal_components; give the result of that analysis"
        )
    return result.data
