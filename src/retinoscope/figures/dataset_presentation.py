"""What was shown, and how far what it evoked is from what the agent has met."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import classes_of, degrees, titles_of
from retinoscope.figures.page import MARGIN, Page, Size, line_height, points
from retinoscope.figures.style import colour_map, framed, require, styled, title_of
from retinoscope.result import Result

__all__ = ["dataset_presentation"]

_MOST_ROWS, _MOST_COLUMNS = 6, 10
_LEFT, _GAP, _HEADING, _NAMES = 1.15, 0.04, 0.3, 0.4  # inches
_TABLE = "Median distance of the evoked activity to recorded activity (1: as usual within the recording)"


@styled
def dataset_presentation(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw one image of each class as it was shown at some of the places, and the median distance at all of them.

    Args:
        result: from `analyses.dataset_presentation`.
        figsize: inches; None for what places and classes need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "dataset_presentation")
    data = result.data
    names, effects = classes_of(result)
    title = title_of(result, "Images as shown", str(result.parameters["dataset"]))
    page = Page(title, data.attrs["caption"] if caption else None, figsize)
    rows, columns = _rows(result), _evenly(len(names), _MOST_COLUMNS)
    size = points("xtick.labelsize")
    line = line_height(size)
    label = 2.4 * line + 0.04
    table = 1.75 * line * data.sizes["place"]
    below = _HEADING + table + (_NAMES if len(names) <= 12 else 2 * _NAMES)
    shape = data.sizes["height"] / data.sizes["width"]
    tile = (page.width - _LEFT - MARGIN) / len(columns) - _GAP
    tile = min(tile, max((page.room - label - below) / len(rows) - _GAP, 0.05) / shape)
    tall = tile * shape
    page.begin(label + len(rows) * (tall + _GAP) + below)
    sheet = page.sheet()
    titles = _titles(names, effects)
    for row, place in enumerate(rows):
        top = label + row * (tall + _GAP)
        sheet.text(_LEFT - 0.06, top + tall / 2, _name(result, place), fontsize="small", ha="right", va="center")
        for column, number in enumerate(columns):
            left = _LEFT + column * (tile + _GAP)
            picture, extent = data["example"].values[place, number], (left, left + tile, top + tall, top)
            sheet.imshow(picture, extent=extent, interpolation="nearest", aspect="auto")
            if row == 0:
                sheet.text(left + tile / 2, top - 0.04, titles[number], fontsize="small", ha="center", va="bottom")
    top = page.height - below
    page.heading(MARGIN, top + 0.12, _TABLE)
    table_axes = page.axes(_LEFT, top + _HEADING + 0.05, page.width - _LEFT - MARGIN, table)
    _table(table_axes, result)
    return page.figure


def _rows(result: Result) -> list[int]:
    """Straight ahead at every distance, as far as there is room; else the first places."""
    data = result.data
    bearings = np.abs(data["bearing"].values)
    if np.isnan(bearings).any():
        return list(range(min(_MOST_ROWS, data.sizes["place"])))
    ahead = np.flatnonzero(bearings == bearings.min())
    chosen = ahead[np.argsort(data["distance"].values[ahead])][:_MOST_ROWS].tolist()
    aside = [place for place in range(data.sizes["place"]) if place not in chosen]
    return chosen + aside[: max(0, min(1, _MOST_ROWS - len(chosen)))]


def _titles(names: list[str], effects: np.ndarray) -> list[str]:
    """Long names get two lines, so that neighbours do not run into each other."""
    titles = titles_of(names, effects)
    return [title.replace(" (", "\n(") for title in titles] if max(map(len, names)) > 3 else titles


def _evenly(count: int, most: int) -> list[int]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()


def _table(axes: Axes, result: Result) -> None:
    data = result.data
    names, effects = classes_of(result)
    order = np.lexsort((np.nan_to_num(data["bearing"].values), np.nan_to_num(data["distance"].values)))
    medians = data["median"].values[order]
    axes.imshow(medians, cmap=colour_map("shading"), vmin=0, vmax=3, aspect="auto", interpolation="nearest")
    framed(axes)
    if len(names) <= 12:
        for row, column in np.ndindex(*medians.shape):
            value = medians[row, column]
            ink = "white" if value > 1.9 else "black"
            axes.text(column, row, f"{value:.1f}", fontsize="small", ha="center", va="center", color=ink)
    axes.set_yticks(range(len(order)), [_name(result, place).replace("\n", " ") for place in order])
    axes.set_xticks(range(len(names)), _titles(names, effects), rotation=0 if len(names) <= 12 else 60)


def _name(result: Result, place: int) -> str:
    data = result.data.isel(place=place)
    if np.isnan(float(data["distance"])):
        return (
            f"{float(data['image_height']):g} px tall\nat {float(data['image_row']):g}, {float(data['image_column']):g}"
        )
    return f"{float(data['distance']):g} units\n{degrees(float(data['bearing']))}"
