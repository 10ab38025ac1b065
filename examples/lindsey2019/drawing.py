"""Fields before training and after it; what they are, and the learning curves; what they are as training goes on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from fields import BEFORE, BLANK, NOISE, TRAINED, Run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from model import LAYERS
from structure import Units, course_of, epochs_of, value_of

from retinoscope.figures.style import colour, colour_map, shade, styled
from retinoscope.statistics.field_structure import KINDS

PER_ROW = 8
PUBLISHED = {
    (1, "retina"): (1.91, 0.64),
    (1, "V1"): (3.15, 0.57),
    (32, "retina"): (2.49, 0.69),
    (32, "V1"): (2.44, 0.31),
}
"""Of the authors' ratio: mean and 1.96 standard errors, by bottleneck and layer."""
SHADES = ("negative", "middle", "positive")  # of bottlenecks, from the narrowest
SHORT = {"centre-surround": "cs", "oriented": "or", "blob": "bl", "smooth": "sm", "not structured": "–"}


@styled
def figure_of_fields(units: Sequence[Units], way: str = NOISE) -> Figure:
    """Of the first seed of every bottleneck, the fields with the largest held-out R², before training and after it."""
    bottlenecks = sorted({each.bottleneck for each in units if each.bottleneck})
    figure = Figure(figsize=(9.6, 0.5 + 1.42 * len(bottlenecks)), layout="constrained")
    grid = figure.add_gridspec(
        2 * len(bottlenecks), 2 * PER_ROW + 1, width_ratios=[1] * PER_ROW + [0.5] + [1] * PER_ROW
    )
    for block, bottleneck in enumerate(bottlenecks):
        for line, state in enumerate((BEFORE, TRAINED)):
            for part, (name, layer) in enumerate(LAYERS.items()):
                wanted = (bottleneck, layer, state, way)
                found = [each for each in units if (each.bottleneck, each.layer, each.state, each.way) == wanted]
                first = min(found, key=lambda each: each.seed)
                best = np.argsort(-first.r2)[:PER_ROW]
                for place in range(PER_ROW):
                    axes = figure.add_subplot(grid[2 * block + line, place + part * (PER_ROW + 1)])
                    axes.axis("off")
                    if place < len(best):
                        _field(
                            axes,
                            first.fields[best[place]],
                            f"{SHORT[first.kind[best[place]]]} {_r2(first, best[place])}",
                        )
                    if place == 0 and part == 0:
                        said = "before" if state == BEFORE else "trained"
                        axes.text(
                            -0.25, 0.5, f"N = {bottleneck}\n{said}", transform=axes.transAxes, ha="right", va="center"
                        )
                    if place == 0 and block == line == 0:
                        axes.text(0, 1.45, name, transform=axes.transAxes, weight="bold")
                if not len(best):
                    axes = figure.add_subplot(grid[2 * block + line, part * (PER_ROW + 1) : part * (PER_ROW + 1) + 3])
                    axes.axis("off")
                    axes.text(0, 0.5, "no unit answers", va="center")
    return figure


@styled
def figure_of_indices(runs: Sequence[Run], units: Sequence[Units], rows: Sequence[dict[str, object]]) -> Figure:
    """Kinds of fields, orientation indices, the published ratio, and the learning curves."""
    bottlenecks = sorted({each.bottleneck for each in units if each.bottleneck})
    figure = Figure(figsize=(9.6, 6.2), layout="constrained")
    above, below = figure.subplots(2, 2)
    groups = [(n, name, state) for name in LAYERS for n in bottlenecks for state in (BEFORE, TRAINED)]
    _kinds(above[0], rows, groups)
    _dots(above[1], units, rows, groups)
    _ratios(below[0], rows, [(n, name) for name in LAYERS for n in bottlenecks])
    _curves(below[1], runs)
    return figure


@styled
def figure_of_course(rows: Sequence[dict[str, object]]) -> Figure:
    """Shares of centre-surround and of oriented fields over epochs, and how much of the field before is left."""
    shown = (
        ("centre_surround", "share centre-surround"),
        ("oriented", "share oriented"),
        ("unchanged", "cosine with the field before"),
    )
    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    panels = figure.subplots(len(LAYERS), len(shown), sharex=True, sharey=True)
    course = course_of(rows)
    bottlenecks = sorted({int(str(row["bottleneck"])) for row in course})
    for line, layer in zip(panels, LAYERS, strict=True):
        for axes, (name, label) in zip(line, shown, strict=True):
            for place, bottleneck in enumerate(bottlenecks):
                found = [row for row in course if (row["bottleneck"], row["layer"]) == (bottleneck, layer)]
                found.sort(key=epochs_of)
                values = np.array([value_of([row], name) for row in found])
                spread = np.nan_to_num(np.abs(values[:, 1:] - values[:, :1]).T)
                at = np.array([epochs_of(row) for row in found]) + 0.12 * (place - (len(bottlenecks) - 1) / 2)
                hue = SHADES[place % len(SHADES)]
                axes.errorbar(at, values[:, 0], spread, marker=".", color=colour(hue), label=f"N = {bottleneck}")
            axes.set_title(f"{layer}: {label}")
            axes.set_ylim(-0.02, 1.02)
        line[0].set_ylabel("share or cosine")
    for axes in panels[-1]:
        axes.set_xlabel("epochs")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0, -1].legend(loc="lower left")
    return figure


def _field(axes: Axes, field: np.ndarray, title: str) -> None:
    largest = np.abs(field).max()
    axes.imshow(field, cmap=colour_map("diverging"), vmin=-largest, vmax=largest, interpolation="nearest")
    axes.set_title(title, size="x-small", loc="center", pad=1.5)


def _r2(units: Units, unit: int) -> str:
    return f"{max(units.r2[unit], 0):.2f}"


def _labels(axes: Axes, groups: Sequence[tuple[int, str, str]]) -> np.ndarray:
    """Places on the axis, retina and V1 apart."""
    half = len(groups) // 2
    places = np.arange(len(groups)) + 0.8 * (np.arange(len(groups)) >= half)
    axes.set_xticks(
        places, [f"{n}\n{'before' if state == BEFORE else 'trained'}" for n, _, state in groups], size="x-small"
    )
    for part, name in enumerate(LAYERS):
        middle = places[part * half : (part + 1) * half].mean()
        axes.text(middle, 1.02, name, transform=axes.get_xaxis_transform(), ha="center", weight="bold")
    axes.set_xlabel("N, channels of the bottleneck")
    return places


def _kinds(axes: Axes, rows: Sequence[dict[str, object]], groups: Sequence[tuple[int, str, str]]) -> None:
    places, ground = _labels(axes, groups), np.zeros(len(groups))
    shades = {"centre-surround": colour("positive"), "oriented": colour("negative"), "blob": colour("middle")}
    shades |= {"smooth": shade(0.45), "not structured": shade(0.2)}
    for kind in KINDS:
        name = kind.replace(" ", "_").replace("-", "_")
        shares = [
            value_of(rows, name, bottleneck=n, layer=of, state=s, way=NOISE, seed="all")[0] for n, of, s in groups
        ]
        heights = np.nan_to_num(shares)
        axes.bar(places, heights, bottom=ground, color=shades[kind], width=0.8, label=kind)
        ground += heights
    for place, (n, of, s) in zip(places, groups, strict=True):
        (row,) = (
            row
            for row in rows
            if (row["bottleneck"], row["layer"], row["state"], row["way"], row["seed"]) == (n, of, s, NOISE, "all")
        )
        said = {"boxstyle": "square,pad=0.15", "facecolor": "white", "linewidth": 0}
        axes.text(place, 0.96, f"{row['answering']}", ha="center", va="top", size="x-small", bbox=said)
    axes.set(ylabel="share of fields", ylim=(0, 1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.27), ncols=5)


def _dots(
    axes: Axes, units: Sequence[Units], rows: Sequence[dict[str, object]], groups: Sequence[tuple[int, str, str]]
) -> None:
    places, random = _labels(axes, groups), np.random.default_rng(0)
    for place, (n, name, state) in zip(places, groups, strict=True):
        which = (n, LAYERS[name], state, NOISE)
        for each in units:
            if (each.bottleneck, each.layer, each.state, each.way) == which:
                aside = random.uniform(-0.25, 0.25, len(each.orientation))
                axes.plot(place + aside, each.orientation, ".", color=shade(0.45), markersize=3, zorder=1)
        middle, low, high = value_of(rows, "orientation", bottleneck=n, layer=name, state=state, way=NOISE, seed="all")
        if np.isfinite(middle):
            axes.plot([place - 0.3, place + 0.3], [middle, middle], color=colour("negative"), zorder=2)
        if np.isfinite(low):
            axes.plot([place, place], [low, high], color=colour("negative"), zorder=2)
    axes.set(ylabel="orientation index", ylim=(0, 1))


def _ratios(axes: Axes, rows: Sequence[dict[str, object]], groups: Sequence[tuple[int, str]]) -> None:
    """The published ratio, in the authors' way and in ours, beside what they published."""
    half = len(groups) // 2
    places = np.arange(len(groups)) + 0.6 * (np.arange(len(groups)) >= half)
    marks = {
        (BEFORE, NOISE): ("v", 0.4, -0.24),
        (TRAINED, NOISE): ("o", 1.0, -0.08),
        (TRAINED, BLANK): ("s", 0.7, 0.08),
    }
    for (state, way), (mark, dark, aside) in marks.items():
        found = np.array(
            [
                value_of(rows, "published_ratio", bottleneck=n, layer=of, state=state, way=way, seed="all")
                for n, of in groups
            ]
        )
        spread = np.abs(found[:, 1:] - found[:, :1]).T
        label = f"{state}, {way}"
        axes.errorbar(places + aside, found[:, 0], spread, fmt=mark, color=shade(dark), label=label)
    theirs = [(place, *PUBLISHED[each]) for place, each in zip(places, groups, strict=True) if each in PUBLISHED]
    if theirs:
        x, y, error = np.array(theirs).T
        axes.errorbar(x + 0.24, y, error, fmt="D", color=colour("negative"), label="published")
    axes.axhline(1.99, color=colour("chance"), linestyle=":", linewidth=1, label="published, white noise")
    axes.set_xticks(places, [f"{name}\nN = {n}" for n, name in groups])
    axes.set(ylabel="published ratio of orientedness")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=3)


def _curves(axes: Axes, runs: Sequence[Run]) -> None:
    bottlenecks = sorted({run.bottleneck for run in runs})
    shades = {each: colour(SHADES[place % len(SHADES)]) for place, each in enumerate(bottlenecks)}
    for run in sorted(runs, key=lambda each: each.bottleneck):
        first = run is next(each for each in runs if each.bottleneck == run.bottleneck)
        epochs = [row["epoch"] for row in run.curve]
        label = f"N = {run.bottleneck}" if first else None
        axes.plot(
            epochs, [row["test_accuracy"] for row in run.curve], marker=".", color=shades[run.bottleneck], label=label
        )
        axes.plot(epochs, [row["train_accuracy"] for row in run.curve], color=shades[run.bottleneck], linestyle=":")
    axes.axhline(0.1, color=colour("chance"), linewidth=0.8)
    axes.set(xlabel="epochs", ylabel="right (dotted: in training)", ylim=(0, 1))
    axes.legend(loc="upper left")
