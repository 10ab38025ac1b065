"""Tuning to gratings: for every layer its most selective units, selectivity, simple or complex, and colour."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator

from retinoscope.figures.page import MARGIN, Page, Size
from retinoscope.figures.style import colour, require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["tuning_to_gratings"]

# Inches on paper.
_ROW, _HEADING, _PANEL, _LEGEND = 1.76, 0.3, 1.02, 0.3
_LEFTS = (0.5, 2.33, 4.16, 5.99)
_WIDE = 1.36

_MOST_SELECTIVE = 4
_NETWORKS = ("trained", "first", "redrawn")
_SAID = {"trained": "this agent", "first": "first checkpoint of its run", "redrawn": "weights drawn anew"}


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
    data, page = (
        result.data,
        Page(title_of(result, "Tuning to gratings"), _says(result.data) if caption else None, figsize),
    )
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
        panels = [page.axes(left * page.width / 7.5, top + _HEADING * scale, wide, scale * _PANEL) for left in _LEFTS]
        _curves(panels[0], here)
        _selectivity(panels[1], here)
        _modulation(panels[2], here)
        (_colours if "colour_index" in here else _contrasts)(panels[3], here)
    return page.figure


def _says(data: xarray.Dataset) -> str:
    last = (
        "colour index, −1 luminance alone, 1 opponent colours alone"
        if "colour_index" in data
        else "median strength by contrast, relative to that at the highest"
    )
    grey = " (grey: of each redrawn network the most selective one)" if len(_rows(data)["redrawn"]) else ""
    return (
        f"{data.attrs['caption']} From left to right: strength by orientation, at the preferred frequency, of the "
        f"{_MOST_SELECTIVE} most selective units, whose numbers stand above{grey}; "
        "selectivity, 1 − circular variance, of every unit at its preferred frequency (dotted: median "
        f"over units of what shuffled answers reach in 5%); F1/F0, above 1 simple, below 1 complex; {last}."
    )


def _inks() -> dict[str, str]:
    return {"trained": _ink(4), "first": _ink(1), "redrawn": colour("chance")}


def _ink(number: int) -> str:
    """A colour of the style's cycle, which may be shorter."""
    shades = series()
    return shades[number % len(shades)]


def _legend(page: Page, data: xarray.Dataset) -> None:
    inks, there = _inks(), _rows(data)
    marks = {"trained": "o", "first": "^", "redrawn": "."}
    handles = [
        Line2D([], [], color=inks[name], marker=marks[name], markersize=4, label=_SAID[name])
        for name in _NETWORKS
        if len(there[name])
    ]
    page.figure.legend(handles=handles, ncols=3, **page.legend_at(MARGIN, 0.0))


def _rows(data: xarray.Dataset) -> dict[str, np.ndarray]:
    """Numbers of the networks of each kind."""
    names = [str(each).partition(" ")[0] for each in data["network"].values]
    return {kind: np.array([number for number, name in enumerate(names) if name == kind], int) for kind in _NETWORKS}


def _of(data: xarray.Dataset, name: str, kind: str) -> np.ndarray:
    """Values of the units of all networks of a kind, NaN included."""
    values: np.ndarray = data[name].values[_rows(data)[kind]]
    return values.reshape(-1, *values.shape[2:])


def _curves(axes: Axes, data: xarray.Dataset) -> None:
    orientation = np.append(data["orientation"].values, 180.0)
    selectivity = data["orientation_selectivity"].values

    def draw(network: int, unit: int, **how: object) -> None:
        curve = data["orientation_curve"].values[network, unit]
        axes.plot(orientation, np.append(curve, curve[0]) / np.nanmax(curve), **how)  # type: ignore[arg-type]

    for network in _rows(data)["redrawn"]:
        if np.isfinite(selectivity[network]).any():
            draw(network, int(np.nanargmax(selectivity[network])), color=shade(0.3), linewidth=0.7, zorder=1)
    order = np.argsort(-np.nan_to_num(selectivity[0], nan=-1))
    chosen = [int(each) for each in order[:_MOST_SELECTIVE] if np.isfinite(selectivity[0, each])]
    inks = [_ink(number) for number in (4, 5, 3, 6)]
    for place, (unit, ink) in enumerate(zip(chosen, inks, strict=False)):
        draw(0, unit, color=ink, linewidth=1.1, zorder=2)
        axes.text(
            0.02 + 0.25 * place, 1.01, f"{int(data['unit_number'][unit])}", transform=axes.transAxes, color=ink,
            fontsize="small", va="bottom",
        )  # fmt: skip
    axes.set(xlim=(0, 180), ylim=(0, 1.04), xlabel="orientation (degrees)", ylabel="relative strength")
    axes.set_xticks([0, 45, 90, 135, 180])
    axes.set_yticks([0, 0.5, 1])


def _selectivity(axes: Axes, data: xarray.Dataset) -> None:
    inks = _inks()
    how = {"redrawn": (".", 9, 0.5), "first": ("^", 9, 0.7), "trained": ("o", 10, 0.8)}
    for kind in ("redrawn", "first", "trained"):
        marker, size, alpha = how[kind]
        axes.scatter(
            _of(data, "preferred_frequency", kind), _of(data, "orientation_selectivity", kind), s=size, marker=marker,
            color=inks[kind], alpha=alpha, linewidths=0,
        )  # fmt: skip
    chance = _of(data, "chance_selectivity", "trained")
    if np.isfinite(chance).any():
        axes.axhline(float(np.nanmedian(chance)), color=colour("chance"), linestyle=":", linewidth=1)
    low, high = float(data["frequency"][0]), float(data["frequency"][-1])
    axes.set_xscale("log")
    ticks = [each for each in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if low * 0.9 <= each <= high * 1.1]
    axes.set_xticks(ticks if len(ticks) < 5 else ticks[::-2][::-1], minor=False)
    axes.set_xticklabels([f"{each:g}" for each in axes.get_xticks()])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlim=(low / 1.15, high * 1.15), ylim=(0, 1.02), xlabel="preferred cycles per pixel", ylabel="selectivity")
    axes.set_yticks([0, 0.5, 1])


def _modulation(axes: Axes, data: xarray.Dataset) -> None:
    _shares(axes, data, "modulation", np.linspace(0, 2, 17))
    axes.axvline(1, color=shade(0.5), linestyle="--", linewidth=0.8)
    axes.set(xlabel="modulation F1/F0", xticks=[0, 0.5, 1, 1.5, 2])


def _colours(axes: Axes, data: xarray.Dataset) -> None:
    _shares(axes, data, "colour_index", np.linspace(-1, 1, 17))
    axes.axvline(0, color=shade(0.5), linestyle="--", linewidth=0.8)
    axes.set(xlabel="colour index", xticks=[-1, -0.5, 0, 0.5, 1])


def _shares(axes: Axes, data: xarray.Dataset, name: str, edges: np.ndarray) -> None:
    """Share of the units that answer in every bin."""
    inks = _inks()
    for kind, line in (("redrawn", 1.0), ("first", 1.0), ("trained", 1.4)):
        values = _of(data, name, kind)
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


def _contrasts(axes: Axes, data: xarray.Dataset) -> None:
    inks, contrast = _inks(), data["contrast"].values
    for kind in ("redrawn", "first", "trained"):
        curves = _of(data, "contrast_curve", kind)
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
