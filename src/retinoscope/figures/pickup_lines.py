"""Pick-ups as vertical lines over time, healing and harmful told apart by colour, line and mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from retinoscope.figures.style import colour

_KINDS: tuple[tuple[str, str, Literal["-", "--", ":"], str, float], ...] = (
    ("healing", "healing", "-", "^", 0.7),
    ("harmful", "harmful", "--", "v", 0.3),
    ("without effect", "neutral", ":", "o", 0.7),
)
"""Words, named colour, line, mark, and the height of the mark."""


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
    of_kind = (effects > 0, effects < 0, effects == 0)
    for (kind, name, line, mark, height), classes in zip(_KINDS, of_kind, strict=True):
        at = seconds[pickups[:, classes].sum(axis=1) > 0]
        if not len(at):
            continue
        for panel in panels:
            panel.vlines(
                at, 0, 1, color=line_colour or colour(name), linestyle=line, linewidth=width, alpha=0.85, zorder=1.5,
                transform=panel.get_xaxis_transform(),
            )  # fmt: skip
        marks.plot(at, np.full(len(at), height), mark, color=colour(name), clip_on=False)
        handles.append(Line2D([], [], color=colour(name), linestyle=line, marker=mark, label=kind))
    if handles:
        marks.legend(
            handles=handles,
            title="pick-ups",
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(handles),
            borderaxespad=0.1,
            handlelength=3,
        )
