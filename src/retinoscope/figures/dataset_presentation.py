"""What was shown, and how far what it evoked is from what the agent has met."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import NORMAL, SMALL, WIDTH, classes_of, require, title_of, titles_of
from retinoscope.result import Result

_MOST_ROWS, _MOST_COLUMNS = 6, 10


def dataset_presentation(result: Result) -> Figure:
    """Draw one image of each class as it was shown at some of the places, and the median distance at all of them.

    Args:
        result: from `analyses.dataset_presentation`.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "dataset_presentation")
    data = result.data
    names, effects = classes_of(result)
    rows, columns = _rows(result), _evenly(len(names), _MOST_COLUMNS)
    tile = (WIDTH - 1.3) / len(columns) - 0.04
    tall = tile * data.sizes["height"] / data.sizes["width"] + 0.05
    sheet, table = len(rows) * tall, 0.17 * data.sizes["place"] + 0.1
    height = 0.55 + sheet + 0.55 + table + 0.8
    figure = Figure(figsize=(WIDTH, height))
    for row, place in enumerate(rows):
        for column, label in enumerate(columns):
            left, bottom = 1.2 + column * (tile + 0.04), height - 0.55 - (row + 1) * tall
            axes = figure.add_axes((left / WIDTH, bottom / height, tile / WIDTH, (tall - 0.05) / height))
            axes.imshow(data["example"].values[place, label], interpolation="nearest", aspect="auto")
            axes.set_axis_off()
            if row == 0:
                axes.set_title(_titles(names, effects)[label], fontsize=6.2, pad=2)
        figure.text(
            1.15 / WIDTH, (bottom + tall / 2) / height, _name(result, place), fontsize=6.2, ha="right", va="center"
        )
    _table(figure.add_axes((1.2 / WIDTH, 0.8 / height, (WIDTH - 1.3) / WIDTH, table / height)), result)
    figure.text(0.02, 1 - 0.08 / height, title_of(result, "Images as shown"), fontsize=10, weight="bold", va="top")
    title = "Median distance of the evoked activity to recorded activity (1: as usual within the recording)"
    figure.text(0.02, (0.8 + table + 0.08) / height, title, fontsize=NORMAL, weight="bold", va="bottom")
    caption = textwrap.fill(data.attrs["caption"], 125)
    figure.text(0.02, 0.06 / height, caption, fontsize=SMALL, va="bottom", linespacing=1.2)
    return figure


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
    axes.imshow(medians, cmap="Purples", vmin=0, vmax=3, aspect="auto")
    if len(names) <= 12:
        for row, column in np.ndindex(*medians.shape):
            value = medians[row, column]
            axes.text(
                column,
                row,
                f"{value:.1f}",
                fontsize=6,
                ha="center",
                va="center",
                color="white" if value > 1.9 else "black",
            )
    axes.set_yticks(range(len(order)), [_name(result, place).replace("\n", " ") for place in order], fontsize=6)
    axes.set_xticks(range(len(names)), _titles(names, effects), fontsize=6.2, rotation=0 if len(names) <= 12 else 60)
    axes.tick_params(length=2)


def _name(result: Result, place: int) -> str:
    data = result.data.isel(place=place)
    if np.isnan(float(data["distance"])):
        return (
            f"{float(data['image_height']):g} px tall\nat {float(data['image_row']):g}, {float(data['image_column']):g}"
        )
    return f"{float(data['distance']):g} units\n{float(data['bearing']):+g}°"
