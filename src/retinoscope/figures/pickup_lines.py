"""Pick-ups as vertical lines over time, healing and hurting told apart by colour, line and mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

# Okabe & Ito's blue and a darkened vermillion, as in the movies.
HEALING, HURTING, NEUTRAL = "#00629e", "#b04200", "#686c73"
_KINDS: tuple[tuple[str, str, Literal["-", "--", ":"], str], ...] = (
    ("healing", HEALING, "-", "^"),
    ("hurting", HURTING, "--", "v"),
    ("without effect", NEUTRAL, ":", "o"),
)


def draw_pickups(
    panels: Sequence[Axes],
    marks: Axes,
    seconds: np.ndarray,
    pickups: np.ndarray,
    effects: np.ndarray,
    width: float,
    line_colour: str = "",
) -> None:
    """Draw a line through every panel and a mark above it for every pick-up, and a legend of the kinds there are.

    Args:
        panels: share the axis of time with `marks`.
        marks: an empty panel above the others.
        seconds: (time,).
        pickups: (time, class) counts.
        effects: (class,) change of health.
        width: of the lines, points.
        line_colour: of all lines, where those of the kinds would be lost on a map; none for that of the kind.
    """
    marks.set_ylim(0, 1)
    marks.set_axis_off()
    handles = []
    for (kind, colour, line, mark), classes in zip(_KINDS, (effects > 0, effects < 0, effects == 0), strict=True):
        at = seconds[pickups[:, classes].sum(axis=1) > 0]
        if not len(at):
            continue
        for panel in panels:
            for second in at:
                panel.axvline(
                    second, color=line_colour or colour, linestyle=line, linewidth=width, alpha=0.85, zorder=1.5
                )
        height = 0.3 if kind == "hurting" else 0.7
        marks.plot(at, np.full(len(at), height), mark, color=colour, markersize=4, clip_on=False)
        handles.append(
            Line2D([], [], color=colour, linestyle=line, marker=mark, markersize=4, linewidth=1.2, label=kind)
        )
    if handles:
        marks.legend(
            handles=handles,
            title="pick-ups",
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(handles),
            frameon=False,
            fontsize=7,
            title_fontsize=7,
            borderaxespad=0.1,
            handlelength=3,
        )
