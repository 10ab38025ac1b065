"""What each edited component changed, beside what random directions of the same variance change."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.page import Page, Size
from retinoscope.figures.style import colour, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["intervention"]

_COLUMNS = 3
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
            axes.set_ylabel("component")
        if place >= len(titles) - _COLUMNS:
            axes.set_xlabel("difference from the unedited agent")
    return page.figure


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
    axes.set_yticks(range(len(numbers)), [str(number) for number in numbers])
    axes.set_ylim(len(numbers) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=5)
