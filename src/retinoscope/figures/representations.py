"""How alike layers of different networks are: layer by layer, every layer against every other, and over training."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.pairs_of_networks import KINDS
from retinoscope.figures.style import colour, colour_map, framed, require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["representations", "representations_by_layer", "representations_over_training"]

_WORDS = {
    "cka": "debiased linear CKA",
    "rsa": "correlation of\ndistances (RSA)",
    "angle": "angular shape\ndistance (rad)",
}
_MARKERS = {"agents": "o", "untrained": "s", "redrawn": "D", "learned": "^"}


@styled
def representations(result: Result, *, figsize: Size = None) -> Figure:
    """Draw how alike the layers of one name are, pair by pair, with means, intervals and chance.

    Args:
        result: from `analyses.representations`.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "representations")
    data = result.data
    rows, columns = data.sizes["stimuli"], data.sizes["measure"]
    figure = Figure(figsize=figsize or (WIDTH, 0.9 + 2.35 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for row, stimuli in enumerate(data["stimuli"].values):
        for column, measure in enumerate(data["measure"].values):
            axes = panels[row, column]
            _by_name(axes, data.sel(stimuli=stimuli, measure=measure))
            axes.set_ylabel(_WORDS[str(measure)])
            axes.set_title(f"{stimuli}" if rows > 1 else "")
            _limits(axes, str(measure))
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    titled(figure, title_of(result, "Layers of one name, in two networks"))
    return figure


@styled
def representations_by_layer(result: Result, stimuli: str, *, figsize: Size = None) -> Figure:
    """Draw every layer against every other: means over the pairs of each kind.

    Args:
        result: from `analyses.representations`.
        stimuli: `frames` or `images`.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "representations")
    data = result.data.sel(stimuli=stimuli)
    rows = [str(each) for each in data["kind"].values if str(each) in KINDS]
    columns = [str(each) for each in data["measure"].values]
    figure = Figure(figsize=figsize or (WIDTH, 0.7 + 2.15 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    layers = [str(each) for each in data["pair_layer"].values]
    for column, measure in enumerate(columns):
        low, high = (0, np.pi / 2) if measure == "angle" else (-1, 1)
        name = "sequential" if measure == "angle" else "diverging"
        for row, kind in enumerate(rows):
            axes, chosen = panels[row, column], data.sel(kind=kind, measure=measure)
            values = chosen["by_layer"].values
            shown = colour_map(name).reversed() if measure == "angle" else colour_map(name)
            image = axes.imshow(values, cmap=shown, vmin=low, vmax=high)
            _numbers(axes, values, low, high, is_diverging=measure != "angle")
            framed(axes)
            axes.set_xticks(range(len(layers)), layers if row == len(rows) - 1 else [], rotation=60)
            axes.set_yticks(range(len(layers)), layers if column == 0 else [])
            if column == 0:
                axes.set_ylabel(f"{KINDS[kind]}\n(n = {int(chosen['pairs'])})", fontsize="small")
            if row == 0:
                axes.set_title(_WORDS[measure].replace("\n", " "))
        figure.colorbar(image, ax=panels[:, column], orientation="horizontal", shrink=0.8, aspect=25, pad=0.01)
    titled(figure, title_of(result, "Every layer against every other", stimuli))
    return figure


@styled
def representations_over_training(result: Result, *, figsize: Size = None) -> Figure:
    """Draw how the layers of checkpoints come to be like those of the last one of their training.

    Args:
        result: from `analyses.representations`.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "representations")
    data = result.data.isel(pair=np.flatnonzero(result.data["pair_kind"].values == "course"))
    rows, columns = data.sizes["stimuli"], data.sizes["measure"]
    figure = Figure(figsize=figsize or (WIDTH, 0.9 + 2.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    shades = series()
    trained = data["pair_frames_trained"].values
    for row, stimuli in enumerate(data["stimuli"].values):
        for column, measure in enumerate(data["measure"].values):
            axes = panels[row, column]
            for number, layer in enumerate(data["pair_layer"].values):
                for index, run in enumerate(dict.fromkeys(data["pair_run"].values)):
                    chosen = data.isel(pair=np.flatnonzero(data["pair_run"].values == run))
                    values = chosen["same_layer"].sel(stimuli=stimuli, measure=measure, pair_layer=layer).values
                    axes.plot(
                        chosen["pair_frames_trained"].values / 1e6, values, color=shades[number % len(shades)],
                        linestyle=("-", "--")[number >= len(shades)], linewidth=1, marker=".", markersize=4,
                        label=str(layer) if index == 0 else None,
                    )  # fmt: skip
            axes.set_ylabel(_WORDS[str(measure)])
            axes.set_xlabel("million frames trained" if row == rows - 1 else "")
            axes.set_xlim(left=-0.03 * max(np.nanmax(trained) / 1e6, 1e-6))
            axes.set_title(f"{stimuli}" if rows > 1 else "")
            _limits(axes, str(measure))
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 7))
    titled(figure, title_of(result, "Checkpoints beside the last of their training"))
    return figure


def _by_name(axes: Axes, data: xarray.Dataset) -> None:
    layers = [str(each) for each in data["pair_layer"].values]
    there = [kind for kind in KINDS if (data["pair_kind"].values == kind).any()]
    at, shades = np.arange(len(layers)), series()
    chance = data["same_layer_chance"].mean("pair")
    axes.plot(at, chance, color=colour("chance"), linestyle=":", linewidth=1, label="chance: other stimuli")
    for number, kind in enumerate(there):
        chosen = data.isel(pair=np.flatnonzero(data["pair_kind"].values == kind))
        place = at + 0.17 * (number - (len(there) - 1) / 2)
        values = chosen["same_layer"].values
        shown = shade(0.5) if kind == "redrawn" else shade(0.75) if kind == "untrained" else shades[number // 3]
        ends: Any = [np.abs(values - chosen[f"same_layer_{end}"].values) for end in ("low", "high")]
        several = len(values) > 1
        for each, low, high in zip(values, *ends, strict=True):
            axes.errorbar(
                place, each, np.nan_to_num([low, high]), color=shown, linestyle="", marker=_MARKERS[kind],
                markersize=2 if several else 3.5, elinewidth=0.5, alpha=0.6 if several else 1,
            )  # fmt: skip
        axes.plot(
            place, chosen["same_layer"].mean("pair"), color=shown, linestyle="", marker=_MARKERS[kind], markersize=4.5,
            label=f"{KINDS[kind]} (n = {len(values)})",
        )  # fmt: skip
    axes.set_xticks(at, layers, rotation=60)


def _limits(axes: Axes, measure: str) -> None:
    if measure == "angle":
        axes.set_ylim(-0.03, 1.62)
        axes.set_yticks([0, np.pi / 4, np.pi / 2], ["0", "π/4", "π/2"])
    else:
        axes.set_ylim(min(-0.12, max(axes.get_ylim()[0], -0.4)), 1.04)
        axes.axhline(0, color=shade(0.3), linewidth=0.6)


def _numbers(axes: Axes, values: np.ndarray, low: float, high: float, is_diverging: bool) -> None:
    """The numbers in the cells, where there is room for them."""
    if len(values) > 9:
        return
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            share = (value - low) / (high - low)
            dark = abs(share - 0.5) > 0.38 if is_diverging else share > 0.5
            text = f"{value:.2f}".replace("1.00", "1").replace("0.", ".").replace("-", "−")
            axes.text(column, row, text, fontsize=6, ha="center", va="center", color="white" if dark else "0.1")
