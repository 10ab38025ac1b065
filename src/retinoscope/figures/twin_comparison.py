"""An agent beside its supervised twin: paired filters, and decodability by layer."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import NORMAL, SMALL, WIDTH, require, title_of
from retinoscope.result import Result

_TITLES = {"class": "which class", "effect": "heals or harms"}


def twin_comparison(result: Result) -> Figure:
    """Draw the paired filters of the first convolution, and what can be decoded from the layers of both.

    Args:
        result: from `analyses.twin_comparison`.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "twin_comparison")
    data = result.data
    columns = min(8, data.sizes["filter"])
    rows = -(-data.sizes["filter"] // columns)
    tile = (WIDTH - 0.9) / columns - 0.1
    sheet = rows * (2 * tile + 0.36)
    height = 0.5 + sheet + 2.4 + 1.25
    figure = Figure(figsize=(WIDTH, height))
    for number in range(data.sizes["filter"]):
        row, column = divmod(number, columns)
        for part, name in enumerate(("agent_filter", "twin_filter")):
            left = 0.8 + column * (tile + 0.1)
            bottom = height - 0.72 - row * (2 * tile + 0.36) - (part + 1) * tile - 0.03 * part
            axes = figure.add_axes((left / WIDTH, bottom / height, tile / WIDTH, tile / height))
            field = data[name].values[number]
            axes.imshow(0.5 + 0.5 * field / max(float(np.abs(field).max()), 1e-30), interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            if part == 0:
                axes.set_title(f"r = {float(data['correlation'][number]):+.2f}", fontsize=6.5, pad=2)
            if column == 0:
                axes.set_ylabel(("agent", "twin")[part], fontsize=SMALL)
    for column, task in enumerate(_TITLES):
        axes = figure.add_axes(((0.62 + 3.6 * column) / WIDTH, 1.35 / height, 3.1 / WIDTH, 1.75 / height))
        _by_layer(axes, result, task)
    figure.text(
        0.02, 1 - 0.08 / height, title_of(result, "Agent and supervised twin"), fontsize=10, weight="bold", va="top"
    )
    caption = textwrap.fill(
        f"{data.attrs['caption']} Filters: zero is mid-grey, ± the largest weight is full colour.", 125
    )
    figure.text(0.02, 0.06 / height, caption, fontsize=SMALL, va="bottom", linespacing=1.2)
    return figure


def _by_layer(axes: Axes, result: Result, task: str) -> None:
    data = result.data.sel(task=task)
    layers = [str(each) for each in data["layer"].values]
    at = np.arange(len(layers))
    for number, (name, colour, marker) in enumerate((("agent", "#00436F", "D"), ("twin", "#D55E00", "o"))):
        chosen = data.sel(network_name=name)
        score = chosen["balanced"].values
        errors = np.abs(np.stack([score - chosen["low"].values, chosen["high"].values - score]))
        place = at + 0.14 * (number - 0.5)
        axes.errorbar(place, score, errors, color=colour, marker=marker, markersize=4, linewidth=1, label=name)
    axes.plot(at, data["chance"].mean("network_name"), "--", color="0.4", linewidth=1, label="chance")
    axes.set_xticks(at, layers)
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("balanced accuracy", fontsize=SMALL)
    axes.set_title(_TITLES[task], fontsize=NORMAL, loc="left")
    axes.tick_params(labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)
    if task == "class":
        axes.legend(fontsize=6.5, frameon=False, loc="center left")
