"""What each edited component changed, beside what random directions of the same variance change."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.errors import UserError
from retinoscope.figures.page import Page, Size
from retinoscope.figures.style import colour, colours, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["intervention", "intervention_doses"]

_COLUMNS = 3
_MOST_TARGETS = 8
_MARKERS = "os^Dv<>Xp"
_DOSES = (
    "Lines: the difference from the unedited agent at each dose, with its interval. Grey: the mean over the random "
    "directions of the same size, with its interval."
)
_READING = (
    "Blue: the component, with its interval. Grey: the mean over its random directions, with its interval. Filled: the "
    "interval excludes zero."
)


@styled
def intervention(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Differences from the unedited agent, by component and measure.

    Args:
        result: from `analyses.intervention`.
        figsize: inches; None for what the components need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or of an earlier version, which did not keep the differences.
    """
    require(result, "intervention")
    if "difference" not in result.data:
        raise UserError("result of intervention: holds no differences, as those of earlier versions; make it again")
    titles = _titles(result.data)
    rows, count = -(-len(titles) // _COLUMNS), result.data.sizes["edited"]
    page = Page(
        title_of(result, f"Does it matter? {result.parameters['do']}"),
        f"{result.data.attrs['caption']} {_READING}" if caption else None,
        figsize,
    )
    panel, between = max(0.6, 0.125 * count) + 0.25, 0.42
    page.begin(rows * (panel + between) + 0.2)
    tall = max((page.height - 0.2) / rows - between, 0.1)
    grid = page.grid(rows, _COLUMNS, 0.5, 0.22, 0.15, 0.4, hspace=between / tall, wspace=0.15)
    for place, (name, title) in enumerate(titles.items()):
        axes = page.figure.add_subplot(grid[divmod(place, _COLUMNS)])
        _draw(axes, result.data.sel(measure=name))
        axes.set_title(title)
        if place % _COLUMNS == 0:
            axes.set_ylabel("component" if (result.data["edited"].values >= 0).all() else "direction")
        if place >= len(titles) - _COLUMNS:
            axes.set_xlabel("difference from the unedited agent")
    return page.figure


@styled
def intervention_doses(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Differences from the unedited agent over doses, a panel for each measure and a line for each direction.

    Args:
        result: from `analyses.intervention`, of several doses.
        figsize: inches; None for what the measures need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or of one dose.
    """
    require(result, "intervention")
    data = result.data
    if "edited_dose" not in data.coords or len(np.unique(data["edited_dose"].values)) < 2:
        raise UserError("result of intervention: is of one dose; draw figures.intervention of it")
    titles = _titles(data)
    targets = np.unique(data["edited_target"].values)
    shown = targets[:_MOST_TARGETS]
    inks = colours("many")
    reading = _DOSES + ("" if len(shown) == len(targets) else f" Of {len(targets)} directions the first {len(shown)}.")
    page = Page(
        title_of(result, f"Does it matter, and how much? {result.parameters['do']}"),
        f"{data.attrs['caption']} {reading}" if caption else None,
        figsize,
    )
    rows = -(-len(titles) // _COLUMNS)
    legend = 0.3 + 0.17 * (-(-(len(shown) + 1) // 4) - 1)
    page.begin(rows * 1.75 + legend + 0.1)
    tall = (page.height - legend - 0.1) / rows - 0.72
    wide = (page.width - 0.15) / _COLUMNS
    for place, (name, title) in enumerate(titles.items()):
        row, column = divmod(place, _COLUMNS)
        axes = page.axes(0.5 + column * wide, 0.25 + row * (tall + 0.72), wide - 0.62, tall)
        axes.axhline(0, color=shade(0.5), linewidth=0.6)
        at = data.sel(measure=name)
        for number, target in enumerate(shown):
            one = at.isel(edited=np.flatnonzero(at["edited_target"].values == target))
            one = one.isel(edited=np.argsort(one["edited_dose"].values, kind="stable"))
            for variable, ink in (("random_difference", shade(0.45)), ("difference", inks[number % len(inks)])):
                estimate, low, high = (one[f"{variable}{end}"].values for end in ("", "_low", "_high"))
                axes.fill_between(one["edited_dose"], low, high, color=ink, alpha=0.15, linewidth=0)
                marker = _MARKERS[number % len(_MARKERS)] if variable == "difference" else ""
                axes.plot(one["edited_dose"], estimate, color=ink, linewidth=1.1, marker=marker, markersize=3)
        axes.set_title(title)
        axes.locator_params(nbins=5)
        if place >= len(titles) - _COLUMNS:
            axes.set_xlabel("dose (s.d.)")
        if column == 0:
            axes.set_ylabel("difference")
    handles = [
        Line2D([], [], color=inks[each % len(inks)], marker=_MARKERS[each % len(_MARKERS)], markersize=3,
               label=_name_of(data, target))
        for each, target in enumerate(shown)
    ]  # fmt: skip
    handles.append(Line2D([], [], color=shade(0.45), label="random directions of its size"))
    page.figure.legend(handles=handles, ncols=4, **page.legend_at(0.5, page.height - legend + 0.08))
    return page.figure


def _name_of(data: xarray.Dataset, target: int) -> str:
    """Of a direction, without its dose."""
    place = int(np.flatnonzero(data["edited_target"].values == target)[0])
    name, dose = str(data["edited_name"].values[place]), float(data["edited_dose"].values[place])
    return name.removesuffix(f" {dose:+g}").replace(":", " ")


def _titles(data: xarray.Dataset) -> dict[str, str]:
    """Titles of the panels, by measure; the measures themselves in Results of earlier versions."""
    measures = [str(each) for each in data["measure"].values]
    if "panel" in data.coords:
        return {name: str(title) for name, title in zip(measures, data["panel"].values, strict=True) if str(title)}
    return {name: name for name in measures if " " not in name or name.startswith("actions ")}


def _draw(axes: Axes, data: xarray.Dataset) -> None:
    axes.axvline(0, color=shade(0.5), linewidth=0.6)
    numbers = data["edited"].values
    for name, ink, shift in (
        ("random_difference", shade(0.45), 0.18),
        ("difference", colour("positive"), -0.18),
    ):
        estimate, low, high = (data[f"{name}{end}"].values for end in ("", "_low", "_high"))
        places = np.arange(len(numbers)) + shift
        axes.hlines(places, low, high, color=ink, linewidth=1.1)
        is_there = (low > 0) | (high < 0)
        faces = [ink if each else shade(0) for each in is_there]
        axes.scatter(estimate, places, s=8, facecolors=faces, edgecolors=ink, linewidths=0.7, zorder=3)
    names = [
        str(number) if number >= 0 else _name_of(data, int(data["edited_target"][place]))
        for place, number in enumerate(numbers)
    ]
    axes.set_yticks(range(len(numbers)), names)
    axes.set_ylim(len(numbers) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=5)
