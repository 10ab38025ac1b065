"""What an agent does before each class: violins, the plane of its logits, and how it depends on the place."""

from __future__ import annotations

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.effect_classes import (
    class_legend,
    classes_of,
    colour_of,
    degrees,
    effect_title,
    legend_height,
    scatter_classes,
    sides_of,
)
from retinoscope.figures.page import MARGIN, Page, Size, line_height, points, text_width
from retinoscope.figures.style import colour, colour_map, framed, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["action_given_stimulus", "action_given_stimulus_by_place"]

_VIOLINS = "Violins: smoothed histograms of equal width over the images of a class; line and number: median."
_BY_PLACE = "Bold: the 95% interval over classes excludes zero. Dots: no image straight ahead can be turned to."


@styled
def action_given_stimulus(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw P(action | class) as violins, the plane of the logits, and the summary by checkpoint.

    Args:
        result: from `analyses.action_given_stimulus`.
        figsize: inches; None for what the actions need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "action_given_stimulus")
    title = title_of(result, "Actions given a stimulus", str(result.parameters["dataset"]))
    page = Page(title, f"{result.data.attrs['caption']} {_VIOLINS}" if caption else None, figsize)
    actions = [str(each) for each in result.data["action"].values]
    rows = -(-len(actions) // 2)
    legend = legend_height(result, page.width - 2 * MARGIN)
    page.begin(2.05 * rows + 2.4 + legend)
    below = legend + 0.4 + (page.height - legend - 0.4) * 1.9 / (2.05 * rows + 2.0)
    upper = page.grid(rows, 2, 0.6, 0.2, 0.15, below + 0.6, hspace=0.42, wspace=0.16)
    for number, action in enumerate(actions):
        axes = page.figure.add_subplot(upper[divmod(number, 2)])
        _violins(axes, result, action, number >= len(actions) - 2)
    lower = page.grid(1, 2, 0.6, page.height - below + 0.2, 0.15, legend + 0.45, wspace=0.28, width_ratios=(1.1, 1))
    _logits(page.figure.add_subplot(lower[0]), result)
    _summary(page.figure.add_subplot(lower[1]), result)
    class_legend(page.figure, result, page.width - 2 * MARGIN, page.legend_at(MARGIN, page.height - legend))
    return page.figure


@styled
def action_given_stimulus_by_place(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw how the summary and the classes' own actions depend on where the stimulus is.

    Args:
        result: from `analyses.action_given_stimulus`, shown in the arena.
        figsize: inches; None for the usual size.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or the images were pasted.
    """
    require(result, "action_given_stimulus")
    if np.isnan(result.data["distance"].values).any():
        raise UserError("action_given_stimulus: the images were pasted, there are no distances; show them in the arena")
    title = title_of(result, "Actions by place", str(result.parameters["dataset"]))
    page = Page(title, f"{result.data.attrs['decides']} {_BY_PLACE}" if caption else None, figsize)
    legend = legend_height(result, page.width - 2 * MARGIN)
    page.begin(4.3 + legend)
    grid = page.grid(2, 2, 0.7, 0.25, 0.3, legend + 0.45, hspace=0.55, wspace=0.38)
    for column, (name, words) in enumerate((("contrast", "forward − backward"), ("turning", "towards − away"))):
        about = f"P({words}), {_contrasted(result)}"
        _map(page.figure, page.figure.add_subplot(grid[0, column]), result, name, about)
    _over_distance(page.figure.add_subplot(grid[1, 0]), result)
    _classes_over_distance(page.figure.add_subplot(grid[1, 1]), result)
    class_legend(page.figure, result, page.width - 2 * MARGIN, page.legend_at(MARGIN, page.height - legend))
    return page.figure


def _violins(axes: Axes, result: Result, action: str, is_lower: bool) -> None:
    names, effects = classes_of(result)
    data = result.data.sel(action=action)
    heights, medians = data["bin"].values, data["median"].values
    for number, shown in enumerate(colour_of(effects)):
        density = data["density"].values[number]
        width = 0.42 * density / max(float(density.max()), 1e-9)
        hatch = None if effects[number] > 0 else "////"
        axes.fill_betweenx(
            heights, number - width, number + width, facecolor=shown, edgecolor=shade(0.8), linewidth=0.4, hatch=hatch
        )
        axes.text(number, 1.03, f"{medians[number]:.2f}", fontsize="small", ha="center", va="bottom")
    at = np.arange(len(names))
    for ink, width in ((shade(0), 2.2), (shade(1), 1.1)):
        lines = [((each - 0.3, middle), (each + 0.3, middle)) for each, middle in zip(at, medians, strict=True)]
        axes.add_collection(LineCollection(lines, colors=ink, linewidths=width, zorder=3), autolim=False)
    counts = data["images_of_class"].values
    below = [f"\n{int(count)}" if is_lower else "" for count in counts]
    titles = [
        f"{_short(name)}\n{int(effect):+d}{each}".replace("-", "−")
        for name, effect, each in zip(names, effects, below, strict=True)
    ]
    axes.set_xticks(at, titles)
    if is_lower:
        axes.set_xlabel(f"class, its {effect_title(result)}, number of images")
    axes.set_ylim(0, 1)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylabel(f"P({action})")


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
            arrowprops={"arrowstyle": "->", "color": shade(0.75), "linewidth": 0.7},
        )
    framed(axes)
    axes.margins(0.12)
    names = [str(output) for output in data["output"].values]
    ends = 1.1 * scale * data["logit_axis"].values.T
    for _ in range(2):  # names that are moved down may need longer axes, on which they are closer again
        axes.update_datalim(apart := _apart(axes, ends, names))
    halo = [patheffects.withStroke(linewidth=2.5, foreground=shade(0))]
    for name, (x, y) in zip(names, apart, strict=True):
        axes.text(x, y, name, fontsize="small", ha="center", va="center", path_effects=halo, zorder=5)
    shares = data["logit_share"].values
    axes.set_xlabel(f"PC 1 of the logits ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"PC 2 ({shares[1]:.0%})")


def _apart(axes: Axes, places: np.ndarray, names: list[str]) -> np.ndarray:
    """Places (name, axis) of names centred there, moved down until no two names overlap."""
    axes.autoscale_view()
    size, dots = points("xtick.labelsize"), axes.figure.dpi
    widths = [dots * (text_width(name, size) + 0.05) for name in names]
    height = 1.25 * dots * line_height(size)
    found = axes.transData.transform(places)
    order = np.argsort(-found[:, 1], kind="stable")
    for number, each in enumerate(order):
        for above in order[:number]:
            beside = abs(found[each, 0] - found[above, 0]) >= (widths[each] + widths[above]) / 2
            if not beside and abs(found[each, 1] - found[above, 1]) < height:
                found[each, 1] = found[above, 1] - height
    return np.asarray(axes.transData.inverted().transform(found))


def _summary(axes: Axes, result: Result) -> None:
    data = result.data
    checkpoints = [str(each) for each in data["checkpoint"].values]
    at = np.arange(len(checkpoints))
    for low, high, width, ink, label in (
        ("summary_low", "summary_high", 1.2, shade(1), "95%, over classes"),
        ("summary_images_low", "summary_images_high", 4.5, shade(0.35), "95%, over images of these classes"),
    ):
        axes.vlines(at, data[low], data[high], linewidth=width, color=ink, label=label, zorder=3 if width < 2 else 1)
    axes.plot(at, data["summary"], "o", color=shade(1), markersize=5, zorder=4)
    for place, value in zip(at, data["summary"].values, strict=True):
        axes.text(place + 0.12, value, _signed(value), fontsize="small", va="bottom")
    axes.axhline(0, color=colour("chance"), linewidth=0.8, linestyle="--")
    axes.set_xticks(at, checkpoints)
    axes.set_xlim(-0.5, len(at) - 0.3)
    axes.set_ylim(-2.05, 2.05)
    axes.set_ylabel(f"P(forward) − P(backward),\n{_contrasted(result)}")
    axes.legend(loc="lower right")


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
    shades = colour_map("preference")
    image = axes.imshow(values, cmap=shades, vmin=-2, vmax=2, aspect="auto", origin="lower", interpolation="nearest")
    framed(axes)
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        says, weight = (
            ("·", "normal") if np.isnan(value) else (_signed(value), "bold" if is_clear[row, column] else "normal")
        )
        ink = "white" if abs(value) > 1.2 else "black"
        axes.text(column, row, says, fontsize="small", ha="center", va="center", color=ink, weight=weight)
    axes.set_xticks(range(len(bearings)), [degrees(each) for each in bearings])
    axes.set_yticks(range(len(distances)), [f"{each:g}" for each in distances])
    axes.set_xlabel("bearing, right positive")
    axes.set_ylabel("distance (map units)")
    axes.set_title(title)
    figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)


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
        color=shade(1),
        marker="o",
        linewidth=1,
        capsize=2,
    )
    axes.axhline(0, color=colour("chance"), linewidth=0.8, linestyle="--")
    axes.set_xlabel("distance, straight ahead (map units)")
    axes.set_ylabel(f"P(forward) − P(backward),\n{_contrasted(result)}")
    axes.set_ylim(-2.05, 2.05)


def _classes_over_distance(axes: Axes, result: Result) -> None:
    data = result.data.isel(place=_ahead(result))
    _, effects = classes_of(result)
    means = data["mean_probability"].sel(action="forward") - data["mean_probability"].sel(action="backward")
    for number, shown in enumerate(colour_of(effects)):
        axes.plot(data["distance"], means[:, number], "-" if effects[number] > 0 else "--", color=shown)
    axes.axhline(0, color=colour("chance"), linewidth=0.8, linestyle=":")
    axes.set_xlabel("distance, straight ahead (map units)")
    axes.set_ylabel(f"P(forward) − P(backward),\nmean by class (dashed: {sides_of(result)[0]})")
    axes.set_ylim(-1.05, 1.05)


def _contrasted(result: Result) -> str:
    bad, good = sides_of(result)
    return f"{good} less {bad}"


def _signed(value: float) -> str:
    """Two digits with their sign, and no minus before zero."""
    return f"{round(float(value), 2) + 0.0:+.2f}".replace("-", "−")


def _short(name: str) -> str:
    return name if len(name) <= 6 else f"{name[:5]}…"
