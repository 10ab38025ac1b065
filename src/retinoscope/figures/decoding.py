"""Decodability by layer and checkpoint, and what is confused with what."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import NORMAL, SMALL, WIDTH, classes_of, require, title_of
from retinoscope.result import Result

_COLOURS = ("#999999", "#56B4E9", "#00436F", "#D55E00")  # before, early, final, another: also told apart by marker
_MARKERS = ("o", "s", "D", "^")
_TITLES = {"class": "which class", "effect": "heals or harms"}


def decoding(result: Result) -> Figure:
    """Draw balanced accuracy by layer for every checkpoint, and the confusion matrix of the last dense layer.

    Args:
        result: from `analyses.decoding`.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "decoding")
    figure = Figure(figsize=(WIDTH, 6.9))
    grid = figure.add_gridspec(
        2, 2, left=0.08, right=0.97, top=0.9, bottom=0.23, hspace=0.45, wspace=0.22, width_ratios=(1, 0.85)
    )
    for row, task in enumerate(_TITLES):
        _by_layer(figure.add_subplot(grid[row, 0]), result, task)
    _confusion(figure.add_subplot(grid[:, 1]), result)
    figure.text(0.02, 0.975, title_of(result, "Decodability"), fontsize=10, weight="bold", va="top")
    caption = textwrap.fill(result.data.attrs["caption"], 122)
    figure.text(0.02, 0.015, caption, fontsize=SMALL, va="bottom", linespacing=1.2)
    return figure


def _by_layer(axes: Axes, result: Result, task: str) -> None:
    data = result.data.sel(task=task)
    layers = [str(each) for each in data["layer"].values]
    checkpoints = [str(each) for each in data["checkpoint"].values]
    at = np.arange(len(layers))
    last = data.isel(checkpoint=-1)
    axes.fill_between(
        at,
        last["chance"],
        last["chance_high"],
        step="mid",
        color="0.85",
        linewidth=0,
        label="chance, to 95th percentile",
    )
    axes.plot(at, last["chance"], color="0.35", linewidth=1, linestyle="--", label="chance")
    for number, checkpoint in enumerate(checkpoints):
        chosen = data.sel(checkpoint=checkpoint)
        place = at + 0.16 * (number - (len(checkpoints) - 1) / 2)
        score = chosen["balanced"].values
        errors = np.abs(np.stack([score - chosen["low"].values, chosen["high"].values - score]))
        axes.errorbar(
            place[1:],
            score[1:],
            errors[:, 1:],
            color=_COLOURS[number % 4],
            marker=_MARKERS[number % 4],
            markersize=4,
            linewidth=1,
            elinewidth=1,
            label=checkpoint,
        )
    axes.errorbar(
        at[:1],
        last["balanced"][:1],
        _first_error(last),
        color="black",
        marker="x",
        markersize=5,
        linestyle="",
        label="pixels",
    )
    axes.set_xticks(at, layers)
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("balanced accuracy", fontsize=NORMAL)
    axes.set_title(f"{_TITLES[task]}", fontsize=NORMAL, loc="left")
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    if task == "class":
        axes.legend(fontsize=6.5, frameon=False, loc="best", ncols=2, handlelength=1.6)


def _first_error(data: object) -> np.ndarray:
    score, low, high = (float(data[name][0]) for name in ("balanced", "low", "high"))  # type: ignore[index]
    return np.array([[max(score - low, 0)], [max(high - score, 0)]])


def _confusion(axes: Axes, result: Result) -> None:
    names, _ = classes_of(result)
    layer = result.parameters["reported_layer"]
    counts = result.data["confusion"].isel(checkpoint=-1).sel(layer=layer).values.astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 12:
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column]:
                ink = "white" if shares[row, column] > 0.5 else "0.1"
                axes.text(column, row, f"{int(counts[row, column])}", fontsize=6, ha="center", va="center", color=ink)
    angle = 0 if max(map(len, names)) < 3 else 60
    axes.set_xticks(range(len(names)), names, fontsize=SMALL, rotation=angle)
    axes.set_yticks(range(len(names)), names, fontsize=SMALL)
    axes.set_xlabel("class named", fontsize=NORMAL)
    # Above and not beside: names of classes can be long, and the space to the left is another panel's.
    checkpoint = str(result.data["checkpoint"].values[-1])
    title = f"held-out images, read out of {layer}, {checkpoint};\nrows: class shown, from harmful to healing"
    axes.set_title(title, fontsize=NORMAL, loc="left")
