"""An agent beside its supervised twin: paired filters, and decodability by layer."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import MARGIN, Page, Size, line_height, points
from retinoscope.figures.style import colour, colours, require, styled, title_of
from retinoscope.result import Result

__all__ = ["twin_comparison"]

_TITLES = {"class": "which class", "effect": "heals or harms"}
_LEFT, _GAP, _LOWER = 0.6, 0.1, 2.25  # inches


@styled
def twin_comparison(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw the paired filters of the first convolution, and what can be decoded from the layers of both.

    Args:
        result: from `analyses.twin_comparison`.
        figsize: inches; None for what the filters need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "twin_comparison")
    data = result.data
    reading = "Filters: zero is mid-grey, ± the largest weight is full colour."
    title = title_of(result, "Agent and supervised twin", str(result.parameters["dataset"]))
    page = Page(title, f"{data.attrs['caption']} {reading}" if caption else None, figsize)
    columns = min(8, data.sizes["filter"])
    rows = -(-data.sizes["filter"] // columns)
    label = line_height(points("xtick.labelsize")) + 0.06
    tile = (page.width - _LEFT - MARGIN) / columns - _GAP
    tile = min(tile, 1.2, max(((page.room - _LOWER) / rows - label - 0.13) / 2, 0.05))
    page.begin(rows * (2 * tile + label + 0.13) + _LOWER)
    sheet = page.sheet()
    for number in range(data.sizes["filter"]):
        row, column = divmod(number, columns)
        left, top = _LEFT + column * (tile + _GAP), row * (2 * tile + label + 0.13) + label
        says = f"r = {float(data['correlation'][number]):+.2f}".replace("-", "−")
        sheet.text(left + tile / 2, top - 0.03, says, fontsize="small", ha="center", va="bottom")
        for part, name in enumerate(("agent", "twin")):
            above = top + part * (tile + 0.03)
            field = data[f"{name}_filter"].values[number]
            picture = 0.5 + 0.5 * field / max(float(np.abs(field).max()), 1e-30)
            extent = (left, left + tile, above + tile, above)
            sheet.imshow(picture, extent=extent, interpolation="nearest", aspect="auto")
            if column == 0:
                sheet.text(left - 0.06, above + tile / 2, name, fontsize="small", ha="right", va="center")
    width = (page.width - _LEFT - MARGIN - 0.4) / 2
    for column, task in enumerate(_TITLES):
        left, top = _LEFT + column * (width + 0.4), page.height - _LOWER + 0.35
        _by_layer(page.axes(left, top, width, _LOWER - 0.6), result, task)
    return page.figure


def _by_layer(axes: Axes, result: Result, task: str) -> None:
    data = result.data.sel(task=task)
    layers = [str(each) for each in data["layer"].values]
    at = np.arange(len(layers))
    _, _, own, other = colours("checkpoints")
    for number, (name, shown, marker) in enumerate((("agent", own, "D"), ("twin", other, "o"))):
        chosen = data.sel(network_name=name)
        score = chosen["balanced"].values
        errors = np.abs(np.stack([score - chosen["low"].values, chosen["high"].values - score]))
        place = at + 0.14 * (number - 0.5)
        axes.errorbar(place, score, errors, color=shown, marker=marker, linewidth=1, label=name)
    axes.plot(at, data["chance"].mean("network_name"), "--", color=colour("chance"), linewidth=1, label="chance")
    axes.set_xticks(at, layers)
    axes.set_ylim(0, 1.03)
    axes.set_title(_TITLES[task])
    if task == "class":
        axes.set_ylabel("balanced accuracy")
        axes.legend(loc="best")
