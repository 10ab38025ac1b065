"""What each edited component changed, beside what random directions of the same variance change."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.canvas import HEALING
from retinoscope.result import Result

_WIDTH, _LINE, _COLUMNS = 7.5, 0.135, 3
_SMALL, _NORMAL = 6.5, 8.0
_BLUE = tuple(each / 255 for each in HEALING)
_CHARACTERS_PER_LINE = 118
_TITLES = {
    "seconds": "survival (s)",
    "healing": "healing pick-ups per episode",
    "harmful": "harmful pick-ups per episode",
}


def intervention(result: Result, effects: Sequence[Mapping[str, Any]]) -> Figure:
    """Differences from the unedited agent, by component and measure.

    Args:
        result: from `analyses.intervene`.
        effects: what `analyses.effects_of` makes of it.

    Raises:
        UserError: the result is of another analysis.
    """
    if result.analysis != "intervention":
        raise UserError(f"result of {result.analysis!r}: is not one of intervention; give the result of that analysis")
    outputs = [str(each) for each in result.data["output"].values]
    measures = [*_TITLES, *(f"actions {name}" for name in outputs)]
    rows = -(-len(measures) // _COLUMNS)
    caption = textwrap.wrap(
        f"{result.data.attrs['caption']} Blue: the component, with its interval. Grey: the mean over its random "
        f"directions, "
        "with its interval. Filled: the interval excludes zero.",
        _CHARACTERS_PER_LINE,
    )
    panel = max(0.6, 0.11 * len(effects)) + 0.25
    bottom = 0.35 + _LINE * len(caption)
    height = 0.45 + rows * (panel + 0.4) + bottom
    figure = Figure(figsize=(_WIDTH, height))
    for place, name in enumerate(measures):
        row, column = divmod(place, _COLUMNS)
        left, top = 0.055 + column * 0.32, 0.65 + row * (panel + 0.4)
        axes = figure.add_axes((left, 1 - (top + panel) / height, 0.285, panel / height))
        _draw(axes, name, effects)
        axes.set_title(_TITLES.get(name, f"share of decisions: {name.removeprefix('actions ')}"), fontsize=7.5, pad=3)
        if column == 0:
            axes.set_ylabel("component", fontsize=7, labelpad=1)
        if place >= len(measures) - _COLUMNS:
            axes.set_xlabel("difference from the unedited agent", fontsize=7, labelpad=1)
    title = f"Does it matter? {result.parameters['do']} · agent {result.provenance['agent']}"
    figure.text(0.12 / _WIDTH, 1 - 0.1 / height, title, va="top", fontsize=10, weight="bold")
    figure.text(0.12 / _WIDTH, 0.08 / height, "\n".join(caption), va="bottom", fontsize=_NORMAL, linespacing=1.2)
    return figure


def _draw(axes: Axes, name: str, effects: Sequence[Mapping[str, Any]]) -> None:
    axes.axvline(0, color="0.5", linewidth=0.6)
    for place, each in enumerate(effects):
        for which, colour, shift in (("random", "0.6", 0.18), ("difference", _BLUE, -0.18)):
            estimate, low, high = each[name][which]
            axes.plot([low, high], [place + shift] * 2, color=colour, linewidth=1.1, solid_capstyle="butt")
            filled = colour if low > 0 or high < 0 else "white"
            axes.plot(
                [estimate],
                [place + shift],
                "o",
                markersize=2.8,
                color=colour,
                markerfacecolor=filled,
                markeredgewidth=0.7,
            )
    axes.set_yticks(range(len(effects)), [str(each["component"]) for each in effects], fontsize=_SMALL)
    axes.set_ylim(len(effects) - 0.4, -0.6)
    axes.tick_params(axis="x", labelsize=_SMALL)
    axes.tick_params(length=2, pad=1.5)
    axes.locator_params(axis="x", nbins=5)
    axes.spines[["top", "right"]].set_visible(False)
