"""How often each component takes which value, over all steps and at the gradient step, and where the levels begin."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from retinoscope.errors import UserError
from retinoscope.figures.page import MARGIN, Page, Size, line_height, points
from retinoscope.figures.style import colour, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["dataset_examples"]

PER_PAGE = 16
_COLUMNS, _ROW = 4, 1.4


@styled
def dataset_examples(result: Result, page: int = 0, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Histograms of up to `PER_PAGE` components, with the thresholds of the first proportion.

    Args:
        result: from `analyses.dataset_examples`.
        page: which of the components, counted from 0.
        figsize: inches; None for what the components need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or has no such page.
    """
    require(result, "dataset_examples")
    if not 0 <= page < pages(result):
        raise UserError(f"page {page}: there are pages 0 to {pages(result) - 1}; choose among these")
    data = result.data.isel(component=slice(page * PER_PAGE, (page + 1) * PER_PAGE), proportion=0)
    count = data.sizes["component"]
    rows = -(-count // _COLUMNS)
    title = title_of(result, "Activation of the components, and the levels of dataset examples")
    sheet = Page(title, f"{result.data.attrs['caption']} {_reading(data)}" if caption else None, figsize)
    legend = 2 * line_height(points("legend.fontsize"))
    sheet.begin(legend + rows * _ROW + 0.15)
    row = (sheet.height - legend - 0.15) / rows
    grid = sheet.grid(rows, _COLUMNS, 0.45, legend + 0.22, 0.15, 0.42, hspace=0.55 / max(row - 0.55, 0.1), wspace=0.25)
    for place in range(count):
        axes = sheet.figure.add_subplot(grid[divmod(place, _COLUMNS)])
        _draw(axes, data.isel(component=place))
        if place % _COLUMNS == 0:
            axes.set_ylabel("% of steps")
        if place + _COLUMNS >= count:
            axes.set_xlabel("activation")
    handles = [
        Patch(facecolor=shade(0.22), label="all steps"),
        Line2D([], [], color=shade(1), linewidth=0.8, label="gradient step"),
        Line2D([], [], color=colour("positive"), linestyle="--", label="low, up to here"),
        Patch(facecolor=colour("middle"), alpha=0.5, label="middle"),
        Line2D([], [], color=colour("negative"), label="high, from here on"),
    ]
    sheet.figure.legend(handles=handles, ncols=5, **sheet.legend_at(MARGIN, 0))
    return sheet.figure


def pages(result: Result) -> int:
    """Number of pages that the components of a result fill."""
    return -(-result.data.sizes["component"] // PER_PAGE)


def _draw(axes: Axes, one: xarray.Dataset) -> None:
    edges = one["edge"].values
    counts = one["histogram"].values.astype(float)
    shares = 100 * counts / counts.sum(axis=1, keepdims=True)
    axes.stairs(shares[0], edges, fill=True, color=shade(0.22))
    axes.stairs(shares[1], edges, color=shade(1), linewidth=0.8)
    low, high, start, end = (float(one[name]) for name in ("low", "high", "middle_from", "middle_to"))
    axes.axvspan(start, end, color=colour("middle"), alpha=0.5, linewidth=0)
    axes.axvline(low, color=colour("positive"), linestyle="--")
    axes.axvline(high, color=colour("negative"))
    skewness, kurtosis = (float(one[name].values[0]) for name in ("skewness", "kurtosis"))
    poor = " *" if str(one["cut"].item()) else ""
    axes.set_title(f"{int(one['component'])}{poor}", weight="bold", pad=2)
    shape = f"skew {skewness:.2g}, kurt {kurtosis:.2g}".replace("-", "−") if np.isfinite(skewness) else "constant"
    axes.set_title(shape, fontsize="small", loc="right", pad=2)
    axes.locator_params(nbins=4)
    axes.set_ylim(0, shares.max() * 1.05)


def _reading(data: xarray.Dataset) -> str:
    coverage = data["coverage"]
    spans = []
    for scope, words in (("any_step", "at any step"), ("gradient_step", "at the gradient step")):
        values = 100 * coverage.sel(scope=scope).values
        spans.append(f"{values.min():.0f} to {values.max():.0f}% {words}")
    return (
        f"Lists hold {' and '.join(spans)} of the samples. skew, kurt: skewness and excess kurtosis over all steps, 0 "
        "for a Gaussian. *: the proportion is a poor cut; the table says why."
    )
