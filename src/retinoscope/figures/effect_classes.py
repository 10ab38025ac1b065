"""Classes coloured and marked by their effect on health, the same way in every figure.

Harmful classes are vermillion triangles, healing ones blue circles, the darker the larger the effect: readable with any
colour vision, and by shape and order without colour.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.errors import UserError
from retinoscope.result import Result

Colour = tuple[float, float, float]
HEALS: Colour = (0.0, 0.26, 0.5)
HARMS: Colour = (0.55, 0.16, 0.0)
HEALS_LITTLE: Colour = (0.45, 0.71, 0.93)
HARMS_LITTLE: Colour = (0.96, 0.66, 0.36)
NEUTRAL: Colour = (0.45, 0.45, 0.45)
SMALL, NORMAL, WIDTH = 7.0, 8.0, 7.5
_HEALING_MARKERS, _HARMFUL_MARKERS = "osDpPhH8X", "v^<>d*"  # filled ones: lines alone are hardly seen


def colour_of(effects: np.ndarray) -> list[Colour]:
    """One colour for each class."""
    largest = max(float(np.abs(effects).max()), 1e-9)
    found: list[Colour] = []
    for effect in effects:
        pale, dark = (HEALS_LITTLE, HEALS) if effect > 0 else (HARMS_LITTLE, HARMS)
        share = abs(float(effect)) / largest
        mixed = tuple(p + (d - p) * share for p, d in zip(pale, dark, strict=True))
        found.append((mixed[0], mixed[1], mixed[2]) if effect else NEUTRAL)
    return found


def marker_of(names: list[str], effects: np.ndarray) -> list[str]:
    """One marker for each class: its name where that is a single letter or digit, else a shape."""
    if all(len(name) == 1 and name.isalnum() for name in names):
        return [f"${name}$" for name in names]
    heal, harm = iter(_HEALING_MARKERS * 8), iter(_HARMFUL_MARKERS * 8)
    return [next(heal) if effect > 0 else next(harm) for effect in effects]


def titles_of(names: list[str], effects: np.ndarray) -> list[str]:
    """`7 (+20)`: name and effect."""
    return [f"{name} ({int(effect):+d})" for name, effect in zip(names, effects, strict=True)]


def classes_of(result: Result) -> tuple[list[str], np.ndarray]:
    """Names and effects, from the most harmful to the most healing."""
    return [str(name) for name in result.data["class"].values], result.data["effect"].values


def scatter_classes(axes: Axes, points: np.ndarray, labels: np.ndarray, result: Result, size: float = 14.0) -> None:
    """Points (image, 2) by class, drawn in an order in which no class covers the others."""
    names, effects = classes_of(result)
    colours, markers = colour_of(effects), marker_of(names, effects)
    parts = 8
    for part in range(parts):  # in turn, so that the last class does not lie above all others
        for label in range(len(names)):
            chosen = np.flatnonzero(labels == label)[part::parts]
            x, y = points[chosen].T
            axes.scatter(x, y, s=size, color=colours[label], marker=markers[label], linewidths=0.2)


def class_legend(figure: Figure, result: Result, left: float, bottom: float, columns: int) -> None:
    """A legend with every class's marker, colour and effect."""
    names, effects = classes_of(result)
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=colour, markersize=6, label=title)
        for marker, colour, title in zip(
            marker_of(names, effects), colour_of(effects), titles_of(names, effects), strict=True
        )
    ]
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(left, bottom),
        ncols=columns,
        fontsize=SMALL,
        frameon=False,
        handletextpad=0.2,
        columnspacing=1.2,
        title="class (effect on health), from harmful to healing",
        title_fontsize=SMALL,
    )


def require(result: Result, analysis: str) -> None:
    """Refuse the result of another analysis."""
    if result.analysis != analysis:
        raise UserError(f"result of {result.analysis!r}: is not one of {analysis}; give the result of that analysis")


def title_of(result: Result, what: str) -> str:
    """What is shown, of which agent and set."""
    return f"{what} · agent {result.provenance['agent']} · {result.parameters['dataset']}"
