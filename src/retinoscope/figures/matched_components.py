"""Components of two memories, one to one: how alike their time courses are."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import Size, panel
from retinoscope.figures.pairs_of_networks import draw_alike
from retinoscope.figures.style import require, styled
from retinoscope.result import Result

__all__ = ["matched_components"]


@styled
def matched_components(result: Result, *, ax: Axes | None = None, figsize: Size = None) -> Figure | Axes:
    """Draw how alike paired components are, for every kind of pair.

    Args:
        result: from `analyses.matched_components`.
        ax: axes of yours to draw into.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "matched_components")
    axes, drawn = panel(ax, figsize, (5.2, 3.2))
    data = result.data
    draw_alike(axes, data["pair_kind"].values, data["correlation"].values, data["chance"].values)
    axes.set_xlabel("pair of components, from the most to the least alike")
    axes.set_ylabel("|r| of their time courses")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawn
