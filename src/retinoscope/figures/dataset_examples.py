"""How often each component takes which value, over all steps and at the gradient step, and where the levels begin."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from retinoscope.errors import UserError
from retinoscope.figures.canvas import HARMFUL, HEALING
from retinoscope.result import Result

PER_PAGE = 16
_WIDTH, _COLUMNS = 7.5, 4
_HEADER, _ROW, _FOOTER, _LINE = 0.6, 1.4, 0.15, 0.135
_SMALL, _NORMAL = 6.5, 8.0
_HIGH, _LOW = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in (HARMFUL, HEALING))
_MIDDLE = "#e0a800"  # Okabe & Ito's orange, a little darker
_CHARACTERS_PER_LINE = 118


def dataset_examples(result: Result, page: int = 0) -> Figure:
    """Histograms of up to `PER_PAGE` components, with the thresholds of the first proportion.

    Args:
        result: from `analyses.dataset_examples`.
        page: which of the components, counted from 0.

    Raises:
        UserError: the result is of another analysis, or has no such page.
    """
    if result.analysis != "dataset_examples":
        raise UserError(
            f"result of {result.analysis!r}: is not one of dataset_examples; give the result of that analysis"
        )
    if not 0 <= page < pages(result):
        raise UserError(f"page {page}: there are pages 0 to {pages(result) - 1}; choose among these")
    data = result.data.isel(component=slice(page * PER_PAGE, (page + 1) * PER_PAGE), proportion=0)
    count = data.sizes["component"]
    rows = -(-count // _COLUMNS)
    caption = textwrap.wrap(f"{result.data.attrs['caption']} {_reading(data)}", _CHARACTERS_PER_LINE)
    bottom = _FOOTER + _LINE * len(caption)
    height = _HEADER + rows * _ROW + bottom
    figure = Figure(figsize=(_WIDTH, height))
    panel_width = (_WIDTH - 0.45) / _COLUMNS
    for place in range(count):
        row, column = divmod(place, _COLUMNS)
        left, top = 0.4 + column * panel_width, _HEADER + row * _ROW + 0.2
        box = (left / _WIDTH, 1 - (top + _ROW - 0.55) / height, (panel_width - 0.3) / _WIDTH, (_ROW - 0.55) / height)
        _draw(
            figure.add_axes(box), data.isel(component=place), column == 0, row == rows - 1 or place + _COLUMNS >= count
        )
    figure.text(0.12 / _WIDTH, 1 - 0.1 / height, _title(result), va="top", fontsize=10, weight="bold")
    handles = [
        Patch(facecolor="0.78", label="all steps"),
        Line2D([], [], color="black", linewidth=0.8, label="gradient step"),
        Line2D([], [], color=_LOW, linewidth=1.2, linestyle="--", label="low, up to here"),
        Patch(facecolor=_MIDDLE, alpha=0.5, label="middle"),
        Line2D([], [], color=_HIGH, linewidth=1.2, label="high, from here on"),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.1 / _WIDTH, 1 - 0.3 / height),
        ncols=5,
        fontsize=7,
        frameon=False,
    )
    figure.text(0.12 / _WIDTH, 0.08 / height, "\n".join(caption), va="bottom", fontsize=_NORMAL, linespacing=1.2)
    return figure


def pages(result: Result) -> int:
    """Number of pages that the components of a result fill."""
    return -(-result.data.sizes["component"] // PER_PAGE)


def _draw(axes: Axes, one: object, is_first: bool, is_last: bool) -> None:
    edges = one["edge"].values  # type: ignore[index]
    counts = one["histogram"].values.astype(float)  # type: ignore[index]
    shares = 100 * counts / counts.sum(axis=1, keepdims=True)
    axes.stairs(shares[0], edges, fill=True, color="0.78")
    axes.stairs(shares[1], edges, color="black", linewidth=0.8)
    low, high, start, end = (float(one[name]) for name in ("low", "high", "middle_from", "middle_to"))  # type: ignore[index]
    axes.axvspan(start, end, color=_MIDDLE, alpha=0.5, linewidth=0)
    axes.axvline(low, color=_LOW, linewidth=1.2, linestyle="--")
    axes.axvline(high, color=_HIGH, linewidth=1.2)
    skewness, kurtosis = (float(one[name].values[0]) for name in ("skewness", "kurtosis"))  # type: ignore[index]
    poor = " *" if str(one["cut"].item()) else ""  # type: ignore[index]
    axes.set_title(f"{int(one['component'])}{poor}", fontsize=7.5, weight="bold", loc="left", pad=2)  # type: ignore[index]
    shape = f"skew {skewness:.2g}, kurt {kurtosis:.2g}".replace("-", "−") if np.isfinite(skewness) else "constant"
    axes.set_title(shape, fontsize=_SMALL, loc="right", pad=2)
    axes.tick_params(labelsize=_SMALL, length=2, pad=1.5)
    axes.locator_params(nbins=4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(0, shares.max() * 1.05)
    if is_first:
        axes.set_ylabel("% of steps", fontsize=_SMALL, labelpad=1)
    if is_last:
        axes.set_xlabel("activation", fontsize=_SMALL, labelpad=1)


def _title(result: Result) -> str:
    title = "Activation of the components, and the levels of dataset examples"
    return title + (f" · agent {result.provenance['agent']}" if "agent" in result.provenance else "")


def _reading(data: object) -> str:
    coverage = data["coverage"]  # type: ignore[index]
    spans = []
    for scope, words in (("any_step", "at any step"), ("gradient_step", "at the gradient step")):
        values = 100 * coverage.sel(scope=scope).values
        spans.append(f"{values.min():.0f} to {values.max():.0f}% {words}")
    return (
        f"Lists hold {' and '.join(spans)} of the samples. skew, kurt: skewness and excess kurtosis over all "
        f"steps, 0 for a "
        "Gaussian. *: the proportion is a poor cut; the table says why."
    )
