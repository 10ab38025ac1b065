"""What a stimulus does to the memory, step by step."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import (
    class_legend,
    classes_of,
    colour_of,
    legend_height,
    scatter_classes,
    sides_of,
)
from retinoscope.figures.page import MARGIN, Page, Size
from retinoscope.figures.style import colour, framed, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["recurrent_response"]


@styled
def recurrent_response(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw decodability, size and history-dependence of the response by step, and its plane after the last step.

    Args:
        result: from `analyses.recurrent_response`.
        figsize: inches; None for what the content needs.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "recurrent_response")
    title = title_of(result, "Responses of the memory", str(result.parameters["dataset"]))
    page = Page(title, result.data.attrs["caption"] if caption else None, figsize)
    legend = legend_height(result, page.width - 2 * MARGIN)
    page.begin(5.2 + legend)
    grid = page.grid(2, 2, 0.6, 0.25, 0.15, 0.5 + legend, hspace=0.42, wspace=0.24)
    _decodability(page.figure.add_subplot(grid[0, 0]), result)
    _size(page.figure.add_subplot(grid[0, 1]), result)
    _history(page.figure.add_subplot(grid[1, 0]), result)
    _plane(page.figure.add_subplot(grid[1, 1]), result)
    class_legend(page.figure, result, page.width - 2 * MARGIN, page.legend_at(MARGIN, page.height - legend))
    return page.figure


def _decodability(axes: Axes, result: Result) -> None:
    data = result.data
    steps, score = data["shown_steps"].values, data["balanced"].values
    axes.fill_between(
        steps, data["chance"], data["chance_high"], color=colour("chance_band"), linewidth=0,
        label="chance, to 95th percentile",
    )  # fmt: skip
    axes.plot(steps, data["chance"], "--", color=colour("chance"), linewidth=1)
    errors = np.stack([score - data["low"].values, data["high"].values - score])
    axes.errorbar(steps, score, errors, color=shade(1), marker="o", linewidth=1, capsize=2, label="response")
    axes.set_ylim(0, 1.03)
    _label(axes, "balanced accuracy, class", "Decodable from the response")
    axes.legend(loc="center right")


def _size(axes: Axes, result: Result) -> None:
    data = result.data
    _, effects = classes_of(result)
    for number, shown in enumerate(colour_of(effects)):
        axes.plot(data["shown_steps"], data["size"][:, number], "-" if effects[number] > 0 else "--", color=shown)
    axes.set_ylim(0, None)
    _label(axes, "length / typical distance of states", f"Size by class (dashed: {sides_of(result)[0]})")


def _history(axes: Axes, result: Result) -> None:
    axes.plot(result.data["shown_steps"], result.data["history_share"], "o-", color=shade(1), linewidth=1)
    axes.set_ylim(0, 1)
    _label(axes, "share of the squared response", "Part that depends on the history")


def _plane(axes: Axes, result: Result) -> None:
    data = result.data
    scatter_classes(axes, data["score"].values, data["label"].values, result, 12)
    axes.set_xlabel(f"PC 1 ({float(data['share'][0]):.0%} of the variance)")
    axes.set_ylabel(f"PC 2 ({float(data['share'][1]):.0%})")
    axes.set_title(f"Response after {int(data['shown_steps'][-1])} steps")
    framed(axes)


def _label(axes: Axes, what: str, title: str) -> None:
    axes.set_xlabel("decisions for which the stimulus was shown")
    axes.set_ylabel(what)
    axes.set_title(title)
