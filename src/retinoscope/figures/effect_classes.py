"""Classes coloured and marked by their effect on the agent, the same way in every figure.

Bad classes are vermillion triangles, good ones blue circles, the darker the larger the effect: readable with any colour
vision, and by shape and order without colour.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import IdentityTransform

from retinoscope.figures.page import line_height, points, text_width
from retinoscope.figures.style import colour, rc
from retinoscope.figures.words import words_of
from retinoscope.result import Result

_GOOD_MARKERS, _BAD_MARKERS = "osDpPhH8X", "v^<>d*"  # filled ones: lines alone are hardly seen


def colour_of(effects: np.ndarray) -> list[str]:
    """One colour for each class."""
    largest = max(float(np.abs(effects).max(initial=0.0)), 1e-9)
    found = []
    for effect in effects:
        kind = "positive" if effect > 0 else "negative"
        pale, dark = (np.array(to_rgb(colour(f"{kind}_{end}"))) for end in ("pale", "dark"))
        found.append(to_hex(pale + (dark - pale) * abs(float(effect)) / largest) if effect else colour("neutral"))
    return found


def marker_of(names: list[str], effects: np.ndarray) -> list[str]:
    """One marker for each class: its name where that is a single letter or digit, else a shape."""
    if all(len(name) == 1 and name.isalnum() for name in names):
        return [f"${name}$" for name in names]
    good, bad = iter(_GOOD_MARKERS * 8), iter(_BAD_MARKERS * 8)
    return [next(good) if effect > 0 else next(bad) for effect in effects]


def marker_size() -> float:
    """Of the marks in a legend, points."""
    return 0.75 * points("legend.fontsize")


def titles_of(names: list[str], effects: np.ndarray) -> list[str]:
    """`7 (+20)`: name and effect."""
    return [f"{name} ({effect:+g})".replace("-", "−") for name, effect in zip(names, effects, strict=True)]


def degrees(bearing: float) -> str:
    """A bearing with its sign, right positive."""
    return f"{bearing:+g}°".replace("-", "−") if bearing else "0°"


def classes_of(result: Result) -> tuple[list[str], np.ndarray]:
    """Names and effects, from the worst to the best."""
    return [str(name) for name in result.data["class"].values], result.data["effect"].values


def sides_of(result: Result) -> tuple[str, str]:
    """What bad and good classes are called: as the effects of the Result say it, or the words of its world."""
    about, words = result.data["effect"].attrs, words_of(result.data)
    return about.get("negative") or words.negative or "bad", about.get("positive") or words.positive or "good"


def effect_title(result: Result) -> str:
    """What the effects are, "effect on health"."""
    return str(result.data["effect"].attrs.get("long_name", "effect"))


def scatter_classes(axes: Axes, points: np.ndarray, labels: np.ndarray, result: Result, size: float = 14.0) -> None:
    """Points (image, 2) by class, drawn in random order, so that no class covers the others; size in square points."""
    names, effects = classes_of(result)
    shades, markers = np.array(colour_of(effects)), [MarkerStyle(each) for each in marker_of(names, effects)]
    shapes = [marker.get_path().transformed(marker.get_transform()) for marker in markers]
    order = np.random.default_rng(0).permutation(len(labels))
    collection = PathCollection(
        [shapes[label] for label in labels[order]],
        sizes=[size],
        offsets=points[order],
        offset_transform=axes.transData,
        facecolors=shades[labels[order]].tolist(),
        edgecolors=shades[labels[order]].tolist(),
        linewidths=0.2,
    )
    collection.set_transform(IdentityTransform())
    axes.add_collection(collection)
    axes.autoscale_view()


def class_legend(figure: Figure, result: Result, width: float, place: dict[str, Any]) -> None:
    """A legend with every class's marker, colour and effect.

    Args:
        figure: that it belongs to.
        result: with its classes.
        width: that there is, inches.
        place: what `Page.legend_at` says.
    """
    names, effects = classes_of(result)
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=shade, markersize=marker_size(), label=title)
        for marker, shade, title in zip(
            marker_of(names, effects), colour_of(effects), titles_of(names, effects), strict=True
        )
    ]
    figure.legend(
        handles=handles,
        ncols=_columns(result, width),
        handletextpad=0.2,
        title="class ({}), from {} to {}".format(effect_title(result), *sides_of(result)),
        alignment="left",
        **place,
    )


def legend_height(result: Result, width: float) -> float:
    """Of the legend of classes, inches."""
    rows = -(-result.data.sizes["class"] // _columns(result, width))
    return 1.55 * line_height(points("legend.fontsize")) * (rows + 1) + 0.1


def _columns(result: Result, width: float) -> int:
    size = points("legend.fontsize")
    widest = max(text_width(title, size) for title in titles_of(*classes_of(result)))
    # In units of the letters: handle, its distance from the text, and the distance between columns.
    beside = sum(rc[f"legend.{name}"] for name in ("handlelength", "columnspacing")) + 0.2
    return max(1, min(result.data.sizes["class"], 6, int(width / (widest + beside * size / 72))))
