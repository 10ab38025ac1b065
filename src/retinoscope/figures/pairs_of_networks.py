"""How pairs of networks look in every figure that compares some: what each kind is called, and curves of how alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from retinoscope.figures.style import series, shade

__all__: list[str] = []

KINDS = {
    "agents": "two trainings",
    "untrained": "what they began with",
    "redrawn": "weights drawn anew",
    "learned": "agent, what it began with",
}
_STYLES = {"agents": "-", "learned": "-", "untrained": "--", "redrawn": "-."}


def draw_alike(axes: Axes, kinds: np.ndarray, correlation: np.ndarray, chance: np.ndarray) -> None:
    """Curves from the most to the least alike: each pair of networks thin, the mean of each kind thick, chance dotted.

    Args:
        axes: to draw into.
        kinds: (pair,) of networks.
        correlation: (pair, member) of what was matched, with any sign; NaN where there is none.
        chance: (pair,) the highest by chance. What is alike by chance differs by kind: each has a level of its own.
    """
    shades = series()
    colours = {"agents": shades[0], "learned": shades[1], "untrained": shade(0.7), "redrawn": shade(0.45)}
    for kind, words in KINDS.items():
        chosen = np.flatnonzero(kinds == kind)
        if not len(chosen):
            continue
        r = -np.sort(-np.nan_to_num(np.abs(correlation[chosen])), axis=1)
        at = np.arange(1, r.shape[1] + 1)
        line: dict[str, Any] = {"color": colours[kind], "linestyle": _STYLES[kind]}
        for each in r if len(r) > 1 else []:
            axes.plot(at, each, linewidth=0.5, alpha=0.6, **line)
        axes.plot(at, r.mean(axis=0), linewidth=1.6, label=f"{words} (n = {len(chosen)})", **line)
        if np.isfinite(chance[chosen]).any():
            axes.axhline(float(np.nanmean(chance[chosen])), color=colours[kind], linewidth=0.9, linestyle=(0, (1, 3)))
    axes.set_ylim(0, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
