"""Components of two memories, one to one: how alike their time courses are."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import Size, panel
from retinoscope.figures.style import require, series, shade, styled
from retinoscope.result import Result

__all__ = ["matched_components"]

_KINDS = {
    "agents": "two trainings",
    "learned": "agent, what it began with",
    "untrained": "what they began with",
    "redrawn": "weights drawn anew",
}
_STYLES = {"agents": "-", "learned": "-", "untrained": "--", "redrawn": "-."}


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
    data, shades = result.data, series()
    colours = {"agents": shades[0], "learned": shades[1], "untrained": shade(0.7), "redrawn": shade(0.45)}
    for kind, words in _KINDS.items():
        chosen = np.flatnonzero(data["pair_kind"].values == kind)
        if not len(chosen):
            continue
        r = -np.sort(-np.nan_to_num(np.abs(data["correlation"].values[chosen])), axis=1)
        at = np.arange(1, r.shape[1] + 1)
        for each in r if len(r) > 1 else []:
            axes.plot(at, each, color=colours[kind], linestyle=_STYLES[kind], linewidth=0.5, alpha=0.6)
        label = f"{words} (n = {len(chosen)})"
        axes.plot(
            at, r.mean(axis=0), color=colours[kind], linestyle=_STYLES[kind], marker=".", linewidth=1.6, label=label
        )
        chance = data["chance"].values[chosen]
        if np.isfinite(chance).any():
            axes.axhline(float(np.nanmean(chance)), color=colours[kind], linewidth=0.9, linestyle=(0, (1, 3)))
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("pair of components, from the most to the least alike")
    axes.set_ylabel("|r| of their time courses")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawn
