"""What an agent does before each class: violins, the plane of its logits, and how it depends on the place."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
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

_HALO = [patheffects.withStroke(linewidth=2.5, foreground="white")]


def action_given_stimulus(result: Result) -> Figure:
    """Draw P(action | class) as violins, the plane of the logits, and the summary by checkpoint.

    Args:
        result: from `analyses.action_given_stimulus`.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "action_given_stimulus")
    figure = Figure(figsize=(WIDTH, 8.2))
    upper = figure.add_gridspec(2, 2, left=0.08, right=0.98, top=0.93, bottom=0.49, hspace=0.36, wspace=0.16)
    for number, action in enumerate(result.data["action"].values):
        _violins(figure.add_subplot(upper[divmod(number, 2)]), result, str(action), number >= 2)
    lower = figure.add_gridspec(1, 2, left=0.08, right=0.98, top=0.40, bottom=0.21, wspace=0.3, width_ratios=(1.1, 1))
    _logits(figure.add_subplot(lower[0]), result)
    _summary(figure.add_subplot(lower[1]), result)
    class_legend(figure, result, 0.07, 0.085, 5)
    figure.text(0.02, 0.98, title_of(result, "Actions given a stimulus"), fontsize=10, weight="bold", va="top")
    figure.text(0.02, 0.012, textwrap.fill(_caption(result), 125), fontsize=SMALL, va="bottom", linespacing=1.2)
    return figure


def action_given_stimulus_by_place(result: Result) -> Figure:
    """Draw how the summary and the classes' own actions depend on where the stimulus is.

    Args:
        result: from `analyses.action_given_stimulus`, shown in the arena.

    Raises:
        UserError: the result is of another analysis, or the images were pasted.
    """
    require(result, "action_given_stimulus")
    if np.isnan(result.data["distance"].values).any():
        raise UserError("action_given_stimulus: the images were pasted, there are no distances; show them in the arena")
    figure = Figure(figsize=(WIDTH, 5.9))
    grid = figure.add_gridspec(2, 2, left=0.09, right=0.95, top=0.88, bottom=0.25, hspace=0.6, wspace=0.38)
    for column, (name, title) in enumerate((("contrast", "forward − backward"), ("turning", "towards − away (turn)"))):
        _map(figure, figure.add_subplot(grid[0, column]), result, name, f"P({title}), healing less harmful")
    _over_distance(figure.add_subplot(grid[1, 0]), result)
    _classes_over_distance(figure.add_subplot(grid[1, 1]), result)
    class_legend(figure, result, 0.08, 0.085, 5)
    figure.text(0.02, 0.975, title_of(result, "Actions by place"), fontsize=10, weight="bold", va="top")
    text = (
        f"{result.data.attrs['decides']} Bold: the 95% interval over classes excludes zero. Dots: no "
        "image straight ahead can be turned to."
    )
    figure.text(0.02, 0.015, textwrap.fill(text, 125), fontsize=SMALL, va="bottom", linespacing=1.2)
    return figure


def _caption(result: Result) -> str:
    return (
        f"{result.data.attrs['caption']} Violins: smoothed histograms of equal width over the images "
        "of a class; line and "
        "number: median."
    )


def _violins(axes: Axes, result: Result, action: str, is_lower: bool) -> None:
    names, effects = classes_of(result)
    data = result.data.sel(action=action)
    heights = data["bin"].values
    for number, colour in enumerate(colour_of(effects)):
        density = data["density"].values[number]
        width = 0.42 * density / max(float(density.max()), 1e-9)
        hatch = None if effects[number] > 0 else "////"
        axes.fill_betweenx(
            heights, number - width, number + width, facecolor=colour, edgecolor="0.2", linewidth=0.4, hatch=hatch
        )
        median = float(data["median"].values[number])
        axes.plot([number - 0.3, number + 0.3], [median, median], color="white", linewidth=2.2)
        axes.plot([number - 0.3, number + 0.3], [median, median], color="black", linewidth=1.1)
        axes.text(number, 1.04, f"{median:.2f}", fontsize=6.2, ha="center", va="bottom")
    counts = data["images_of_class"].values
    below = [f"\n{int(count)}" if is_lower else "" for count in counts]
    titles = [
        f"{_short(name)}\n{int(effect):+d}{each}" for name, effect, each in zip(names, effects, below, strict=True)
    ]
    axes.set_xticks(range(len(names)), titles)
    if is_lower:
        axes.set_xlabel("class, its effect on health, number of images", fontsize=SMALL, labelpad=2)
    axes.set_ylim(0, 1)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylabel(f"P({action})", fontsize=NORMAL)
    axes.tick_params(labelsize=SMALL)
    axes.tick_params(axis="x", labelsize=6)
    axes.spines[["top", "right"]].set_visible(False)


def _logits(axes: Axes, result: Result) -> None:
    data = result.data
    scatter_classes(axes, data["logit_score"].values, data["label"].values, result, 12)
    reach = np.abs(data["logit_score"].values).max(axis=0)
    scale = 0.85 * float((reach / np.abs(data["logit_axis"].values).max(axis=1)).min())
    for direction in data["logit_axis"].values.T:
        axes.annotate(
            "",
            xy=tuple(scale * direction),
            xytext=(0, 0),
            arrowprops={"arrowstyle": "->", "color": "0.25", "linewidth": 0.7},
        )
    ends = _apart(1.1 * scale * data["logit_axis"].values.T, reach)
    axes.update_datalim(ends)
    for output, (x, y) in zip(data["output"].values, ends, strict=True):
        axes.text(x, y, str(output), fontsize=6, ha="center", va="center", color="0.1", path_effects=_HALO, zorder=5)
    shares = data["logit_share"].values
    axes.set_xlabel(f"PC 1 of the logits ({shares[0]:.0%})", fontsize=SMALL)
    axes.set_ylabel(f"PC 2 ({shares[1]:.0%})", fontsize=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.margins(0.12)


def _apart(places: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Places (label, axis) moved down until no two labels overlap."""
    found = np.array(places, float)
    order = np.argsort(-found[:, 1])
    for number, each in enumerate(order):
        for above in order[:number]:
            near_x, near_y = np.abs(found[each] - found[above]) < (0.42 * reach[0], 0.17 * reach[1])
            if near_x and near_y:
                found[each, 1] = found[above, 1] - 0.17 * reach[1]
    return found


def _summary(axes: Axes, result: Result) -> None:
    data = result.data
    checkpoints = [str(each) for each in data["checkpoint"].values]
    at = np.arange(len(checkpoints))
    for low, high, width, colour, label in (
        ("summary_low", "summary_high", 1.2, "black", "95%, over classes"),
        ("summary_images_low", "summary_images_high", 4.5, "0.65", "95%, over images of these classes"),
    ):
        axes.vlines(at, data[low], data[high], linewidth=width, color=colour, label=label, zorder=3 if width < 2 else 1)
    axes.plot(at, data["summary"], "o", color="black", markersize=5, zorder=4)
    for place, value in zip(at, data["summary"].values, strict=True):
        says = f"{round(float(value), 2) + 0.0:+.2f}"  # no minus before zero
        axes.text(place + 0.12, value, says, fontsize=SMALL, va="bottom")
    axes.axhline(0, color="0.4", linewidth=0.8, linestyle="--")
    axes.set_xticks(at, checkpoints, fontsize=SMALL)
    axes.set_xlim(-0.5, len(at) - 0.3)
    axes.set_ylim(-2.05, 2.05)
    axes.set_ylabel("P(forward) − P(backward),\nhealing less harmful", fontsize=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.legend(fontsize=6.2, frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)


def _map(figure: Figure, axes: Axes, result: Result, name: str, title: str) -> None:
    data = result.data
    distances, bearings = np.unique(data["distance"].values), np.unique(data["bearing"].values)
    values = np.full((len(distances), len(bearings)), np.nan)
    is_clear = np.zeros(values.shape, bool)
    for place in range(data.sizes["place"]):
        at = (
            int(np.searchsorted(distances, float(data["distance"][place]))),
            int(np.searchsorted(bearings, float(data["bearing"][place]))),
        )
        values[at] = float(data[name][place])
        is_clear[at] = float(data[f"{name}_low"][place]) > 0 or float(data[f"{name}_high"][place]) < 0
    image = axes.imshow(values, cmap="PuOr_r", vmin=-2, vmax=2, aspect="auto", origin="lower")
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        says, weight = (
            ("·", "normal") if np.isnan(value) else (f"{value:+.2f}", "bold" if is_clear[row, column] else "normal")
        )
        ink = "white" if abs(value) > 1.2 else "black"
        axes.text(column, row, says, fontsize=6.5, ha="center", va="center", color=ink, weight=weight)
    axes.set_xticks(range(len(bearings)), [f"{each:+g}°" for each in bearings], fontsize=SMALL)
    axes.set_yticks(range(len(distances)), [f"{each:g}" for each in distances], fontsize=SMALL)
    axes.set_xlabel("bearing, right positive", fontsize=SMALL)
    axes.set_ylabel("distance (map units)", fontsize=SMALL)
    axes.set_title(title, fontsize=SMALL, loc="left")
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
    bar.ax.tick_params(labelsize=6)


def _ahead(result: Result) -> np.ndarray:
    """Places straight ahead, or as near to that as there are, by distance."""
    data = result.data
    bearings = np.abs(data["bearing"].values)
    places = np.flatnonzero(bearings == bearings.min())
    return places[np.argsort(data["distance"].values[places])]


def _over_distance(axes: Axes, result: Result) -> None:
    data = result.data.isel(place=_ahead(result))
    axes.errorbar(
        data["distance"],
        data["contrast"],
        np.abs(np.stack([data["contrast"] - data["contrast_low"], data["contrast_high"] - data["contrast"]])),
        color="black",
        marker="o",
        markersize=4,
        linewidth=1,
        capsize=2,
    )
    axes.axhline(0, color="0.4", linewidth=0.8, linestyle="--")
    axes.set_xlabel("distance, straight ahead (map units)", fontsize=SMALL)
    axes.set_ylabel("P(forward) − P(backward),\nhealing less harmful", fontsize=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.set_ylim(-2.05, 2.05)
    axes.spines[["top", "right"]].set_visible(False)


def _classes_over_distance(axes: Axes, result: Result) -> None:
    data = result.data.isel(place=_ahead(result))
    _, effects = classes_of(result)
    means = data["mean_probability"].sel(action="forward") - data["mean_probability"].sel(action="backward")
    for number, colour in enumerate(colour_of(effects)):
        style = "-" if effects[number] > 0 else "--"
        axes.plot(data["distance"], means[:, number], style, color=colour, linewidth=1.2)
    axes.axhline(0, color="0.4", linewidth=0.8, linestyle=":")
    axes.set_xlabel("distance, straight ahead (map units)", fontsize=SMALL)
    axes.set_ylabel("P(forward) − P(backward),\nmean by class (dashed: harmful)", fontsize=SMALL)
    axes.set_ylim(-1.05, 1.05)
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= 6 else f"{name[:5]}…"
