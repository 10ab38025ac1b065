"""Receptive fields of two networks, one to one: how alike they are, and how they look."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.pairs_of_networks import draw_alike
from retinoscope.figures.style import framed, require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["matched_fields", "matched_fields_shown"]

_MOST = 12  # pairs of fields that are shown of a layer


@styled
def matched_fields(result: Result, *, figsize: Size = None) -> Figure:
    """Draw how alike paired fields are, for every layer and kind of pair, and how much of them was learned.

    Args:
        result: from `analyses.matched_fields`.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "matched_fields")
    layers = list(result.parameters["layers"])
    figure = Figure(figsize=figsize or (WIDTH, 0.8 + 2.1 * len(layers)), layout="constrained")
    panels = figure.subplots(len(layers), 2, squeeze=False, width_ratios=(1.3, 1))
    for row, layer in enumerate(layers):
        values = (result.data[name].values for name in ("pair_kind", f"{layer}_correlation", f"{layer}_chance"))
        draw_alike(panels[row, 0], *values)
        panels[row, 0].set_ylabel("|r| of the pair")
        _learned(panels[row, 1], result, layer)
        panels[row, 0].set_title(layer)
    if panels[0, 1].get_legend_handles_labels()[0]:
        panels[0, 1].legend(fontsize="small", loc="best")
    panels[-1, 0].set_xlabel("pair of fields, from the most to the least alike")
    panels[-1, 1].set_xlabel("million frames trained")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    titled(figure, title_of(result, "Receptive fields, one to one"))
    return figure


@styled
def matched_fields_shown(result: Result, pair: int, *, figsize: Size = None) -> Figure:
    """Draw the paired fields of two networks, the most alike first.

    Args:
        result: from `analyses.matched_fields`.
        pair: its number.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "matched_fields")
    data, layers = result.data.isel(pair=pair), list(result.parameters["layers"])
    figure = Figure(figsize=figsize or (WIDTH, 0.4 + 1.5 * len(layers)), layout="constrained")
    panels = figure.subplots(2 * len(layers), _MOST, squeeze=False)
    first, second = (str(data[f"pair_{each}"].values) for each in ("first", "second"))
    for row, layer in enumerate(layers):
        one, other = (data[layer].sel(network=each).values for each in (first, second))
        r, partner = data[f"{layer}_correlation"].values, data[f"{layer}_partner"].values
        order = np.argsort(-np.nan_to_num(np.abs(r), nan=-1))
        for place in range(_MOST):
            above, below = panels[2 * row, place], panels[2 * row + 1, place]
            if place >= len(order) or not np.isfinite(r[order[place]]):
                above.set_axis_off()
                below.set_axis_off()
                continue
            unit = order[place]
            _field(above, one[unit])
            _field(below, np.sign(r[unit]) * other[partner[unit]])
            star = "*" if abs(r[unit]) > float(data[f"{layer}_chance"]) else ""
            down, right = data[f"{layer}_shift"].values[unit]
            above.set_title(f"{r[unit]:.2f}{star}".replace("-", "−"), fontsize="small", loc="center")
            below.set_xlabel(f"{down:+d}, {right:+d}".replace("-", "−"), fontsize="small")
        panels[2 * row, 0].set_ylabel(f"{layer}\n{first}", fontsize="small")
        panels[2 * row + 1, 0].set_ylabel(second, fontsize="small")
    titled(figure, title_of(result, f"{first} and {second}"))
    return figure


def _field(axes: Axes, field: np.ndarray) -> None:
    """Around grey, as bright as its largest weight allows; of channels that are no colours the mean."""
    shown = field if field.shape[-1] == 3 else np.repeat(field.mean(axis=-1, keepdims=True), 3, axis=-1)
    most = float(np.abs(shown).max()) or 1.0
    axes.imshow(0.5 + 0.5 * shown / most, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    framed(axes)


def _learned(axes: Axes, result: Result, layer: str) -> None:
    """Correlation with the first checkpoint: each run a line, median and quartiles over units."""
    data, shades = result.data, series()
    r = data[f"{layer}_with_first"].values
    trained = data["frames_trained"].values / 1e6
    for number, run in enumerate(dict.fromkeys(data["run"].values.tolist())):
        chosen = (data["run"].values == run) & np.isfinite(r).any(axis=1) & np.isfinite(trained)
        order = np.flatnonzero(chosen)[np.argsort(trained[chosen])]
        if len(order):
            low, middle, high = np.nanquantile(r[order], (0.25, 0.5, 0.75), axis=1)
            axes.errorbar(
                trained[order], middle, (middle - low, high - middle), marker=".", linewidth=1, elinewidth=0.6,
                color=shades[number % len(shades)], label=str(run),
            )  # fmt: skip
    axes.set_ylim(min(-0.15, axes.get_ylim()[0]), 1.05)
    axes.axhline(0, color=shade(0.3), linewidth=0.6)
    axes.set_ylabel("r with the field\nbefore training")
