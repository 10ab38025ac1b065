"""Components of the memory: how stable they are, how many there are, and what goes with them."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.canvas import HARMFUL, HEALING
from retinoscope.result import Result

MAP = "RdBu_r"
_WIDTH, _LINE = 7.5, 0.135
_SMALL, _NORMAL = 6.5, 8.0
_BLUE, _RED = (tuple(each / 255 for each in colour) for colour in (HEALING, HARMFUL))
_CHARACTERS_PER_LINE = 118


def components(result: Result) -> Figure:
    """Stability of each component, the spectrum, and the sweep over how many components there are.

    Args:
        result: from `analyses.components`.

    Raises:
        UserError: the result is of another analysis.
    """
    _require(result)
    data = result.data
    caption = textwrap.wrap(data.attrs["caption"], _CHARACTERS_PER_LINE)
    height = 4.9 + _LINE * len(caption)
    figure = Figure(figsize=(_WIDTH, height))
    bottom = 0.15 + _LINE * len(caption)
    is_swept = "kept" in data
    _draw_stability(figure.add_axes((0.075, (bottom + 2.45) / height, 0.9, 1.75 / height)), result)
    if is_swept:
        _draw_spectrum(figure.add_axes((0.075, (bottom + 0.4) / height, 0.4, 1.45 / height)), result)
        _draw_sweep(figure.add_axes((0.575, (bottom + 0.4) / height, 0.4, 1.45 / height)), result)
    title = "Components of the memory" + (
        f" · agent {result.provenance['agent']}" if "agent" in result.provenance else ""
    )
    figure.text(0.12 / _WIDTH, 1 - 0.1 / height, title, va="top", fontsize=10, weight="bold")
    figure.text(0.12 / _WIDTH, 0.08 / height, "\n".join(caption), va="bottom", fontsize=_NORMAL, linespacing=1.2)
    return figure


def component_correlates(result: Result) -> Figure:
    """Correlations of each component with what the agent did and saw.

    Args:
        result: from `analyses.components`, of a recording.

    Raises:
        UserError: the result is of another analysis, or not of a recording.
    """
    _require(result)
    if "correlation" not in result.data:
        raise UserError(
            "result of components: is not of a recording; there is nothing beside the activity to correlate with"
        )
    data = result.data
    values = data["correlation"].values
    names = [str(each) for each in data["quantity"].values]
    reading = (
        " Dots: above chance, and the interval excludes zero. Grey: one of the two never changes. Actions: 1 "
        "where taken, "
        "else 0; in view: number of objects; distance in map units."
    )
    caption = textwrap.wrap(data.attrs["correlation_caption"] + reading, _CHARACTERS_PER_LINE)
    panel = 0.2 * len(names)
    bottom = 0.6 + _LINE * len(caption)
    height = 0.45 + panel + bottom
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_axes((0.17, bottom / height, 0.7, panel / height))
    limit = float(np.nanmax(np.abs(values), initial=1e-9))
    axes.set_facecolor("0.85")
    image = axes.imshow(values.T, cmap=MAP, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    low, high, chance = (data[f"correlation_{name}"].values for name in ("low", "high", "chance"))
    is_there = (np.abs(values) > chance[:, None]) & ~((low <= 0) & (high >= 0))
    is_there &= np.isfinite(low)
    column, row = np.nonzero(is_there)
    dark = np.abs(values[column, row]) > 0.6 * limit
    axes.scatter(column, row, s=5, c=np.where(dark[:, None], (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), linewidths=0)
    axes.set_yticks(range(len(names)), names, fontsize=_SMALL + 0.5)
    axes.set_xticks(range(len(values)), data["component"].values, fontsize=_SMALL + 0.5)
    axes.set_xlabel("component", fontsize=_NORMAL, labelpad=2)
    axes.tick_params(length=2, pad=1.5)
    bar = figure.colorbar(image, cax=figure.add_axes((0.895, bottom / height, 0.02, panel / height)))
    bar.set_label("correlation", fontsize=_NORMAL, labelpad=1)
    bar.ax.tick_params(labelsize=_SMALL, length=2)
    title = "What goes with each component" + (
        f" · agent {result.provenance['agent']}" if "agent" in result.provenance else ""
    )
    figure.text(0.12 / _WIDTH, 1 - 0.1 / height, title, va="top", fontsize=10, weight="bold")
    figure.text(0.12 / _WIDTH, 0.08 / height, "\n".join(caption), va="bottom", fontsize=_NORMAL, linespacing=1.2)
    return figure


def _draw_stability(axes: Axes, result: Result) -> None:
    data = result.data
    index, is_stable = data["stability"].values, data["is_stable"].values
    places = np.arange(len(index))
    axes.bar(places[is_stable], index[is_stable], color=_BLUE, width=0.7, label="stable")
    axes.bar(places[~is_stable], index[~is_stable], color="0.72", width=0.7, label="not stable")
    axes.axhline(
        result.parameters["stable_from"], color="black", linewidth=0.8, linestyle="--", label="stable from here"
    )
    chance = float(data["stability_chance"])
    if np.isfinite(chance):
        axes.axhline(chance, color=_RED, linewidth=1, linestyle=":", label="Gaussian noise reaches")
    every = max(1, len(places) // 32)
    axes.set_xticks(places[::every], data["component"].values[::every])
    axes.set_ylim(min(0, float(np.nanmin(index, initial=0))), 1.0)
    axes.set_xlim(-0.6, len(places) - 0.4)
    _label(axes, "component", "stability index")
    axes.legend(fontsize=_SMALL, ncols=4, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)


def _draw_spectrum(axes: Axes, result: Result) -> None:
    data = result.data
    values, chance = data["eigenvalue"].values, data["eigenvalue_chance"].values
    dimension = np.arange(1, len(values) + 1)
    axes.plot(dimension, values, color=_BLUE, marker="o", markersize=2, linewidth=0.8, label="eigenvalue")
    axes.plot(dimension, chance, color=_RED, linewidth=1, linestyle=":", label="95% of permuted data")
    axes.axvline(data.sizes["component"] + 0.5, color="black", linewidth=0.8, linestyle="--", label="kept, up to here")
    axes.set_yscale("log")
    axes.set_ylim(max(float(values[values > 0].min()), 1e-3) / 1.5, float(values.max()) * 1.5)
    _label(axes, "principal component", "variance (of one unit)")
    axes.legend(fontsize=_SMALL, frameon=False)


def _draw_sweep(axes: Axes, result: Result) -> None:
    data = result.data
    kept = data["kept"].values
    axes.plot(
        kept,
        data["sweep_explained"].values,
        color="0.45",
        marker="s",
        markersize=3,
        linewidth=0.8,
        label="variance kept",
    )
    axes.plot(
        kept,
        data["sweep_stability"].values,
        color=_BLUE,
        marker="o",
        markersize=3,
        linewidth=0.8,
        label="median stability",
    )
    axes.set_ylim(0, 1.05)
    axes.margins(x=0.12)
    counts = data["sweep_stable"].values
    axes.set_xticks(kept, [f"{each}\n({count})" for each, count in zip(kept, counts, strict=True)])
    _label(axes, "number of components (of them stable)", "share, index")
    axes.legend(fontsize=_SMALL, frameon=False, loc="lower right")


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=_NORMAL, labelpad=1)
    axes.set_ylabel(y, fontsize=_NORMAL, labelpad=2)
    axes.tick_params(labelsize=_SMALL + 0.5, length=2, pad=1.5)
    axes.spines[["top", "right"]].set_visible(False)


def _require(result: Result) -> None:
    if result.analysis != "components":
        raise UserError(f"result of {result.analysis!r}: is not one of components; give the result of that analysis")
