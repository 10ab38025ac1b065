"""Decodability by layer and checkpoint, and what is confused with what."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import classes_of, sides_of
from retinoscope.figures.page import Page, Size
from retinoscope.figures.style import colour, colour_map, colours, framed, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["decoding"]

_MARKERS = "osD^"
_TITLES = {"class": "which class", "effect": "heals or harms"}


@styled
def decoding(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw balanced accuracy by layer for every checkpoint, and the confusion matrix of the last dense layer.

    Args:
        result: from `analyses.decoding`.
        figsize: inches; None for the usual size.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "decoding")
    title = title_of(result, "Decodability", str(result.parameters["dataset"]))
    page = Page(title, result.data.attrs["caption"] if caption else None, figsize).begin(5.0)
    grid = page.grid(2, 2, 0.55, 0.25, 0.15, 0.3, hspace=0.32, wspace=0.26, width_ratios=(1, 0.85))
    for row, task in enumerate(_TITLES):
        _by_layer(page.figure.add_subplot(grid[row, 0]), result, task)
    _confusion(page.figure.add_subplot(grid[:, 1]), result)
    return page.figure


def _by_layer(axes: Axes, result: Result, task: str) -> None:
    data = result.data.sel(task=task)
    layers = [str(each) for each in data["layer"].values]
    checkpoints = [str(each) for each in data["checkpoint"].values]
    at = np.arange(len(layers))
    last, shades = data.isel(checkpoint=-1), colours("checkpoints")
    axes.fill_between(
        at, last["chance"], last["chance_high"], step="mid", color=colour("chance_band"), linewidth=0,
        label="chance, to 95th percentile",
    )  # fmt: skip
    axes.plot(at, last["chance"], color=colour("chance"), linewidth=1, linestyle="--", label="chance")
    for number, checkpoint in enumerate(checkpoints):
        chosen = data.sel(checkpoint=checkpoint)
        place = at + 0.16 * (number - (len(checkpoints) - 1) / 2)
        score = chosen["balanced"].values
        errors = np.abs(np.stack([score - chosen["low"].values, chosen["high"].values - score]))
        axes.errorbar(
            place[1:], score[1:], errors[:, 1:], color=shades[number % len(shades)],
            marker=_MARKERS[number % len(_MARKERS)], linewidth=1, label=checkpoint,
        )  # fmt: skip
    axes.errorbar(
        at[:1], last["balanced"][:1], _first_error(last), color=shade(1), marker="x", markersize=5, linestyle="",
        label="pixels",
    )  # fmt: skip
    axes.set_xticks(at, layers)
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("balanced accuracy")
    axes.set_title(_TITLES[task])
    if task == "class":
        axes.legend(loc="best", ncols=2, handlelength=1.6)


def _first_error(data: xarray.Dataset) -> np.ndarray:
    score, low, high = (float(data[name][0]) for name in ("balanced", "low", "high"))
    return np.array([[max(score - low, 0)], [max(high - score, 0)]])


def _confusion(axes: Axes, result: Result) -> None:
    names, _ = classes_of(result)
    layer = result.parameters["reported_layer"]
    counts = result.data["confusion"].isel(checkpoint=-1).sel(layer=layer).values.astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=colour_map("shading"), vmin=0, vmax=1, interpolation="nearest")
    framed(axes)
    if len(names) <= 12:
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column]:
                ink = "white" if shares[row, column] > 0.5 else "0.1"
                axes.text(
                    column, row, f"{int(counts[row, column])}", fontsize="small", ha="center", va="center", color=ink
                )
    angle = 0 if max(map(len, names)) < 3 else 60
    axes.set_xticks(range(len(names)), names, rotation=angle)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("class named")
    # Above and not beside: names of classes can be long, and the space to the left is another panel's.
    checkpoint = str(result.data["checkpoint"].values[-1])
    order = "from {} to {}".format(*sides_of(result))
    axes.set_title(f"held-out images, read out of {layer}, {checkpoint};\nrows: class shown, {order}")
