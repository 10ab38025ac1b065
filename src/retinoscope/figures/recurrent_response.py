"""What a stimulus does to the memory, step by step."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import (
    NORMAL,
    SMALL,
    WIDTH,
    class_legend,
    classes_of,
    colour_of,
    require,
    scatter_classes,
    title_of,
)
from retinoscope.result import Result


def recurrent_response(result: Result) -> Figure:
    """Draw decodability, size and history-dependence of the response by step, and its plane after the last step.

    Args:
        result: from `analyses.recurrent_response`.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "recurrent_response")
    figure = Figure(figsize=(WIDTH, 6.9))
    grid = figure.add_gridspec(2, 2, left=0.09, right=0.98, top=0.91, bottom=0.27, hspace=0.42, wspace=0.24)
    _decodability(figure.add_subplot(grid[0, 0]), result)
    _size(figure.add_subplot(grid[0, 1]), result)
    _history(figure.add_subplot(grid[1, 0]), result)
    _plane(figure.add_subplot(grid[1, 1]), result)
    class_legend(figure, result, 0.08, 0.115, 5)
    figure.text(0.02, 0.98, title_of(result, "Responses of the memory"), fontsize=10, weight="bold", va="top")
    caption = textwrap.fill(result.data.attrs["caption"], 125)
    figure.text(0.02, 0.012, caption, fontsize=SMALL, va="bottom", linespacing=1.2)
    return figure


def _decodability(axes: Axes, result: Result) -> None:
    data = result.data
    steps, score = data["shown_steps"].values, data["balanced"].values
    axes.fill_between(steps, data["chance"], data["chance_high"], color="0.85", label="chance, to 95th percentile")
    axes.plot(steps, data["chance"], "--", color="0.35", linewidth=1)
    errors = np.stack([score - data["low"].values, data["high"].values - score])
    axes.errorbar(
        steps, score, errors, color="black", marker="o", markersize=4, linewidth=1, capsize=2, label="response"
    )
    axes.set_ylim(0, 1.03)
    _label(axes, "balanced accuracy, class", "Decodable from the response")
    axes.legend(fontsize=6.5, frameon=False, loc="center right")


def _size(axes: Axes, result: Result) -> None:
    data = result.data
    _, effects = classes_of(result)
    for number, colour in enumerate(colour_of(effects)):
        axes.plot(
            data["shown_steps"],
            data["size"][:, number],
            "-" if effects[number] > 0 else "--",
            color=colour,
            linewidth=1.2,
        )
    axes.set_ylim(0, None)
    _label(axes, "length / typical distance of states", "Size by class (dashed: harmful)")


def _history(axes: Axes, result: Result) -> None:
    axes.plot(result.data["shown_steps"], result.data["history_share"], "o-", color="black", markersize=4, linewidth=1)
    axes.set_ylim(0, 1)
    _label(axes, "share of the squared response", "Part that depends on the history")


def _plane(axes: Axes, result: Result) -> None:
    data = result.data
    scatter_classes(axes, data["score"].values, data["label"].values, result, 12)
    axes.set_xlabel(f"PC 1 ({float(data['share'][0]):.0%} of the variance)", fontsize=SMALL)
    axes.set_ylabel(f"PC 2 ({float(data['share'][1]):.0%})", fontsize=SMALL)
    axes.set_title(f"Response after {int(data['shown_steps'][-1])} steps", fontsize=NORMAL, loc="left")
    axes.tick_params(labelsize=SMALL)


def _label(axes: Axes, what: str, title: str) -> None:
    axes.set_xlabel("decisions for which the stimulus was shown", fontsize=SMALL)
    axes.set_ylabel(what, fontsize=SMALL)
    axes.set_title(title, fontsize=NORMAL, loc="left")
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
