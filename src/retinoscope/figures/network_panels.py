"""What figures of units in several networks share: a row of panels by layer, the agent before what learned nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.figures.page import MARGIN, Page, Size
from retinoscope.figures.style import colour, series, shade

# Inches on paper.
_ROW, _HEADING, _PANEL, _LEGEND = 1.76, 0.3, 1.02, 0.3
_LEFTS = (0.5, 2.33, 4.16, 5.99)
_WIDE = 1.36

MOST_SELECTIVE = 4
"""So many units of the agent have a curve."""
_NETWORKS = ("trained", "first", "redrawn")
_SAID = {"trained": "this agent", "first": "first checkpoint of its run", "redrawn": "weights drawn anew"}

Draw = Callable[[Axes, xarray.Dataset], None]


def rows_of_layers(title: str, says: str | None, figsize: Size, data: xarray.Dataset, panels: Sequence[Draw]) -> Figure:
    """Every layer's four panels beside each other.

    Args:
        title: of the page.
        says: its caption, if it carries one.
        figsize: inches; None for what the layers need.
        data: of a Result over (network, unit).
        panels: each draws one, given the units of a layer.
    """
    page = Page(title, says, figsize)
    layers = [str(each) for each in data["layer"].values]
    page.begin(_LEGEND + _ROW * len(layers))
    scale = page.height / (_LEGEND + _ROW * len(layers))
    _legend(page, data)
    for number, layer in enumerate(layers):
        top = scale * (_LEGEND + number * _ROW)
        here = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
        answering = int(data["answering"].sel(layer=layer, network="trained"))
        page.heading(MARGIN, top, f"{layer}: {answering} of {int(data['measured'].sel(layer=layer))} units answer")
        wide = _WIDE * page.width / 7.5
        for left, draw in zip(_LEFTS, panels, strict=True):
            draw(page.axes(left * page.width / 7.5, top + _HEADING * scale, wide, scale * _PANEL), here)
    return page.figure


def _legend(page: Page, data: xarray.Dataset) -> None:
    inks, there = inks_of_networks(), rows_of_networks(data)
    marks = {"trained": "o", "first": "^", "redrawn": "."}
    handles = [
        Line2D([], [], color=inks[name], marker=marks[name], markersize=4, label=_SAID[name])
        for name in _NETWORKS
        if len(there[name])
    ]
    page.figure.legend(handles=handles, ncols=3, **page.legend_at(MARGIN, 0.0))


def inks_of_networks() -> dict[str, str]:
    """The colour of each kind of network."""
    return {"trained": _ink(4), "first": _ink(1), "redrawn": colour("chance")}


def _ink(number: int) -> str:
    """A colour of the style's cycle, which may be shorter."""
    shades = series()
    return shades[number % len(shades)]


def rows_of_networks(data: xarray.Dataset) -> dict[str, np.ndarray]:
    """Numbers of the networks of each kind."""
    names = [str(each).partition(" ")[0] for each in data["network"].values]
    return {kind: np.array([number for number, name in enumerate(names) if name == kind], int) for kind in _NETWORKS}


def values_of(data: xarray.Dataset, name: str, kind: str) -> np.ndarray:
    """Values of the units of all networks of a kind, NaN included."""
    values: np.ndarray = data[name].values[rows_of_networks(data)[kind]]
    return values.reshape(-1, *values.shape[2:])


def curves_of_most_selective(axes: Axes, data: xarray.Dataset, by: str, along: str, end: float) -> None:
    """Strength relative to the largest, of the most selective units, behind them that of every redrawn network.

    Args:
        axes: to draw into.
        data: units of a layer.
        by: the variable that says how selective they are.
        along: the coordinate, in degrees; `ALONG_curve` is the variable.
        end: degrees, where the curve has come back to its beginning.
    """
    x, selectivity = np.append(data[along].values, end), data[by].values

    def draw(network: int, unit: int, **how: object) -> None:
        curve = data[f"{along}_curve"].values[network, unit]
        axes.plot(x, np.append(curve, curve[0]) / np.nanmax(curve), **how)  # type: ignore[arg-type]

    for network in rows_of_networks(data)["redrawn"]:
        if np.isfinite(selectivity[network]).any():
            draw(network, int(np.nanargmax(selectivity[network])), color=shade(0.3), linewidth=0.7, zorder=1)
    order = np.argsort(-np.nan_to_num(selectivity[0], nan=-1))
    chosen = [int(each) for each in order[:MOST_SELECTIVE] if np.isfinite(selectivity[0, each])]
    for place, (unit, number) in enumerate(zip(chosen, (4, 5, 3, 6), strict=False)):
        draw(0, unit, color=_ink(number), linewidth=1.1, zorder=2)
        axes.text(
            0.02 + 0.25 * place, 1.01, f"{int(data['unit_number'][unit])}", transform=axes.transAxes,
            color=_ink(number), fontsize="small", va="bottom",
        )  # fmt: skip
    axes.set(xlim=(0, end), ylim=(0, 1.04), xlabel=f"{along} (degrees)", ylabel="relative strength")
    axes.set_xticks(np.linspace(0, end, 5))
    axes.set_yticks([0, 0.5, 1])


def scatter_of_units(axes: Axes, data: xarray.Dataset, x: str, y: str) -> None:
    """Every unit of every network as a point.

    Args:
        axes: to draw into.
        data: units of a layer.
        x: name of a variable.
        y: likewise.
    """
    inks = inks_of_networks()
    how = {"redrawn": (".", 9, 0.5), "first": ("^", 9, 0.7), "trained": ("o", 10, 0.8)}
    for kind, (marker, size, alpha) in how.items():
        axes.scatter(
            values_of(data, x, kind), values_of(data, y, kind), s=size, marker=marker, color=inks[kind], alpha=alpha,
            linewidths=0,
        )  # fmt: skip
    axes.set_xscale("log")


def shares_of_units(axes: Axes, data: xarray.Dataset, name: str, edges: np.ndarray) -> None:
    """Share of the units that answer in every bin.

    Args:
        axes: to draw into.
        data: units of a layer.
        name: of the variable.
        edges: of the bins; what lies beyond is counted in the last.
    """
    inks = inks_of_networks()
    for kind, line in (("redrawn", 1.0), ("first", 1.0), ("trained", 1.4)):
        values = values_of(data, name, kind)
        known = np.clip(values[np.isfinite(values)], edges[0], edges[-1])
        if len(known):
            shares = np.histogram(known, edges)[0] / len(known)
            axes.stairs(shares, edges, color=inks[kind], linewidth=line, fill=False)
            if kind == "trained":
                axes.stairs(shares, edges, color=inks[kind], alpha=0.2, fill=True)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", nbins=4)
    axes.set_ylabel("share of units")
