"""Components of the memory: how stable they are, how many there are, and what goes with them."""

from __future__ import annotations

from typing import overload

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.page import Page, Size, line_height, panel, points, text_width
from retinoscope.figures.style import colour, colour_map, framed, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["component_correlates", "components"]

_READING = "Dots: above chance, and the interval excludes zero. Grey: one of the two never changes."


@styled
def components(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Stability of each component, the spectrum, and the sweep over how many components there are.

    Args:
        result: from `analyses.components`.
        figsize: inches; None for the usual size.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "components")
    is_swept = "kept" in result.data
    page = Page(
        title_of(result, "Components of the memory"), result.data.attrs["caption"] if caption else None, figsize
    )
    page.begin(4.5 if is_swept else 2.4)
    rows = 2 if is_swept else 1
    grid = page.grid(rows, 2, 0.6, 0.1, 0.15, 0.45, hspace=0.35, wspace=0.2, height_ratios=(1.1, 1)[:rows])
    _draw_stability(page.figure.add_subplot(grid[0, :]), result)
    if is_swept:
        _draw_spectrum(page.figure.add_subplot(grid[1, 0]), result)
        _draw_sweep(page.figure.add_subplot(grid[1, 1]), result)
    return page.figure


@overload
def component_correlates(result: Result, *, ax: None = None, figsize: Size = None, caption: bool = True) -> Figure: ...
@overload
def component_correlates(result: Result, *, ax: Axes, figsize: Size = None, caption: bool = True) -> Axes: ...


@styled
def component_correlates(
    result: Result, *, ax: Axes | None = None, figsize: Size = None, caption: bool = True
) -> Figure | Axes:
    """Correlations of each component with what the agent did and saw.

    Args:
        result: from `analyses.components`, of a recording.
        ax: axes to draw into, which are then returned, without title and caption; None for a figure.
        figsize: of the figure, inches; None for what the quantities need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or not of a recording.
    """
    require(result, "components")
    if "correlation" not in result.data:
        raise UserError(
            "result of components: is not of a recording; there is nothing beside the activity to correlate with"
        )
    if ax is not None:
        axes, drawn = panel(ax, figsize, (0, 0))
        _draw_correlates(axes, None, result)
        return drawn
    says = f"{result.data.attrs['correlation_caption']} {_READING}" if caption else None
    page = Page(title_of(result, "What goes with each component"), says, figsize)
    size = points("ytick.labelsize")
    names = [str(each) for each in result.data["quantity"].values]
    page.begin(1.85 * line_height(size) * len(names) + 0.5)
    left = max(text_width(name, size) for name in names) + 0.2
    width, height = page.width - left - 0.85, page.height - 0.5
    _draw_correlates(page.axes(left, 0.05, width, height), page.axes(left + width + 0.12, 0.05, 0.15, height), result)
    return page.figure


def _draw_correlates(axes: Axes, bar_axes: Axes | None, result: Result) -> None:
    data = result.data
    values, names = data["correlation"].values, [str(each) for each in data["quantity"].values]
    limit = float(np.nanmax(np.abs(values), initial=1e-9))
    axes.set_facecolor(shade(0.15))
    shades = colour_map("diverging")
    image = axes.imshow(values.T, cmap=shades, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    framed(axes)
    low, high, chance = (data[f"correlation_{name}"].values for name in ("low", "high", "chance"))
    is_there = (np.abs(values) > chance[:, None]) & ~((low <= 0) & (high >= 0))
    is_there &= np.isfinite(low)
    column, row = np.nonzero(is_there)
    dark = np.abs(values[column, row]) > 0.6 * limit
    axes.scatter(column, row, s=5, c=np.where(dark[:, None], (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), linewidths=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(values)), data["component"].values)
    axes.set_xlabel("component")
    bar = axes.figure.colorbar(image, ax=axes, cax=bar_axes)
    bar.set_label("correlation")


def _draw_stability(axes: Axes, result: Result) -> None:
    data = result.data
    index, is_stable = data["stability"].values, data["is_stable"].values
    places = np.arange(len(index))
    for chosen, shown, label in ((is_stable, colour("positive"), "stable"), (~is_stable, shade(0.28), "not stable")):
        if chosen.any():
            axes.bar(places[chosen], index[chosen], color=shown, width=0.7, label=label)
    axes.axhline(
        result.parameters["stable_from"], color=shade(1), linewidth=0.8, linestyle="--", label="stable from here"
    )
    chance = float(data["stability_chance"])
    if np.isfinite(chance):
        axes.axhline(chance, color=colour("negative"), linewidth=1, linestyle=":", label="Gaussian noise reaches")
    every = max(1, len(places) // 32)
    axes.set_xticks(places[::every], data["component"].values[::every])
    axes.set_ylim(min(0, float(np.nanmin(index, initial=0))), 1.0)
    axes.set_xlim(-0.6, len(places) - 0.4)
    _label(axes, "component", "stability index")
    axes.legend(ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)


def _draw_spectrum(axes: Axes, result: Result) -> None:
    data = result.data
    values, chance = data["eigenvalue"].values, data["eigenvalue_chance"].values
    dimension = np.arange(1, len(values) + 1)
    axes.plot(dimension, values, color=colour("positive"), marker="o", markersize=2, linewidth=0.8, label="eigenvalue")
    axes.plot(dimension, chance, color=colour("negative"), linewidth=1, linestyle=":", label="95% of permuted data")
    axes.axvline(data.sizes["component"] + 0.5, color=shade(1), linewidth=0.8, linestyle="--", label="kept, up to here")
    axes.set_yscale("log")
    axes.set_ylim(max(float(values[values > 0].min()), 1e-3) / 1.5, float(values.max()) * 1.5)
    _label(axes, "principal component", "variance (of one unit)")
    axes.legend()


def _draw_sweep(axes: Axes, result: Result) -> None:
    data = result.data
    kept = data["kept"].values
    axes.plot(
        kept,
        data["sweep_explained"].values,
        color=shade(0.55),
        marker="s",
        markersize=3,
        linewidth=0.8,
        label="variance kept",
    )
    axes.plot(
        kept,
        data["sweep_stability"].values,
        color=colour("positive"),
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
    axes.legend(loc="lower right")


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
