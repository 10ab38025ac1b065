"""Natural fields: those of every unit above its white-noise field, and how well both predict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from retinoscope.errors import UserError
from retinoscope.figures.layer_names import name_layers
from retinoscope.figures.page import (
    MARGIN,
    WIDTH,
    Page,
    Size,
    line_height,
    points,
    text_width,
    titled,
)
from retinoscope.figures.style import colour, colour_map, require, rgb, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["natural_field_prediction", "natural_fields"]

# All lengths are inches on paper.
_BETWEEN_TILES, _BETWEEN_UNITS, _NAMES, _TALLEST, _WIDEST = 0.03, 0.14, 0.78, 7.2, 1.1
_COLOURS = ["red", "green", "blue"]
_MOST = 96  # units of a figure that can be read on a page


@dataclass(frozen=True)
class _Layout:
    """`per_row` units side by side, each of two rows of `maps` tiles of (`tile_height`, `tile_width`)."""

    per_row: int
    rows: int
    maps: int
    tile_height: float
    tile_width: float
    header: float

    @property
    def unit_width(self) -> float:
        return self.maps * (self.tile_width + _BETWEEN_TILES) - _BETWEEN_TILES

    @property
    def row_height(self) -> float:
        return self.header + 2 * (self.tile_height + _BETWEEN_TILES) + 0.08

    def corner(self, index: int) -> tuple[float, float]:
        row, column = divmod(index, self.per_row)
        left = MARGIN + _NAMES + column * (self.unit_width + _BETWEEN_UNITS)
        return left, row * self.row_height + self.header


@styled
def natural_fields(result: Result, layer: str | None = None, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw the natural field of every unit of a layer, and below it its field under white noise.

    Pictures in colour are shown in colour, zero being mid-grey; of others, each channel in a diverging map. Every field
    has a scale of its own, its largest absolute weight. Above each pair stand the number of the unit and the
    correlation of what the natural field predicts with held-out activity. Units that never changed are left
    out, and of more than 96 some are shown, evenly spaced; the caption says so.

    Args:
        result: from `analyses.natural_fields`.
        layer: name of the layer; the last one measured if not given.
        figsize: inches; None for what the units need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or has no such layer.
    """
    require(result, "natural_fields")
    layers = list(result.parameters["layers"])
    name = layers[-1] if layer is None else layer
    if name not in layers:
        raise UserError(f"layer {name!r}: is not in this result; it has {', '.join(layers)}")
    data = result.data
    is_coloured = [str(each) for each in data["colour"].values] == _COLOURS
    units, left_out = _shown(data[f"{name}_r"].values)
    says = f"{data[name].attrs['caption']} {_reading(is_coloured, data.sizes['colour'])}{left_out}" if caption else None
    learned = data[name].attrs.get("learned", "")
    page = Page(title_of(result, f"Natural fields of {name}"), says, figsize, subtitle=learned)
    layout = _arranged((len(units), *data[name].shape[1:]), is_coloured, page)
    page.begin(layout.rows * layout.row_height)
    sheet = page.sheet()
    tiles = []
    for position, unit in enumerate(units):
        left, top = layout.corner(position)
        sheet.text(left, top - 0.03, f"{unit}", fontsize="small", weight="bold", va="bottom")
        r = float(data[f"{name}_r"][unit])
        says_r = "silent" if np.isnan(r) else f"r {r:.2f}".replace("-", "−")
        sheet.text(left + layout.unit_width, top - 0.03, says_r, fontsize="small", va="bottom", ha="right")
        for place, variable in enumerate((name, f"{name}_white_noise")):
            y = top + place * (layout.tile_height + _BETWEEN_TILES)
            for number, tile in enumerate(_tiles(data[variable].values[unit], is_coloured)):
                x = left + number * (layout.tile_width + _BETWEEN_TILES)
                extent = (x, x + layout.tile_width, y + layout.tile_height, y)
                sheet.imshow(tile, extent=extent, interpolation="nearest", aspect="auto", origin="upper")
                tiles.append(Rectangle((x, y), layout.tile_width, layout.tile_height))
    sheet.add_collection(PatchCollection(tiles, facecolor="none", edgecolor=shade(0.65), linewidth=0.4, zorder=2))
    sheet.set(xlim=(0, page.width), ylim=(page.height, 0))
    for row in range(layout.rows):
        top = row * layout.row_height + layout.header
        for place, words in enumerate(("natural", "white noise")):
            y = top + place * (layout.tile_height + _BETWEEN_TILES) + layout.tile_height / 2
            sheet.text(MARGIN, y, words, fontsize="small", va="center", color=shade(0.75))
    return page.figure


def _shown(r: np.ndarray) -> tuple[np.ndarray, str]:
    """Numbers of the units that ever changed, or of all if none did; and what the caption says of the others."""
    changed = np.flatnonzero(np.isfinite(r))
    units = changed if len(changed) else np.arange(len(r))
    says = " Units that never changed are not shown." if len(units) < len(r) else ""
    if len(units) > _MOST:
        says += f" {_MOST} of {len(units)} units are shown, evenly spaced in their order."
        units = units[np.linspace(0, len(units) - 1, _MOST).astype(int)]
    return units, says


def _arranged(shape: tuple[int, ...], is_coloured: bool, page: Page) -> _Layout:
    """As few units in a row, so as large, as let the figure stay in landscape, if their headers have room."""
    units, height, width, channels = shape
    maps = 1 if is_coloured else channels
    size = points("xtick.labelsize")
    header = line_height(size) + 0.06
    least = text_width(f"{units}  r −0.99", size) + 0.04
    room = page.width - 2 * MARGIN - _NAMES
    most = max(1, int((room + _BETWEEN_UNITS) / (least + _BETWEEN_UNITS)))
    for per_row in range(min(units, 4), min(most, units) + 1):
        free = room - (per_row - 1) * _BETWEEN_UNITS - per_row * (maps - 1) * _BETWEEN_TILES
        wide = min(free / (per_row * maps), _WIDEST * max(1.0, width / height))
        layout = _Layout(per_row, -(-units // per_row), maps, wide * height / width, wide, header)
        if layout.rows * layout.row_height <= min(_TALLEST, page.room):
            break
    return layout


def _tiles(field: np.ndarray, is_coloured: bool) -> list[np.ndarray]:
    """(height, width, channel) -> pictures; grey where the field is not known."""
    scale = float(np.nanmax(np.abs(field), initial=0.0))
    shares = (1 + np.nan_to_num(field) / (scale or 1.0)) / 2
    if is_coloured:
        return [shares]
    return [colour_map("diverging")(plane) for plane in np.moveaxis(shares, -1, 0)]


def _reading(is_coloured: bool, channels: int) -> str:
    if is_coloured:
        return "Each field has a scale of its own: zero is mid-grey, its largest absolute weight full colour."
    order = "; channels of the picture from left to right" if channels > 1 else ""
    return f"Each field has a scale of its own, blue below zero, white zero, red above{order}."


_KINDS = (
    ("r", "natural field", "positive", "o"),
    ("white_noise_r", "white-noise field", "middle", "s"),
    ("untrained_r", "natural, untrained", "neutral", "^"),
    ("first_r", "natural, before training", "obstacle", "v"),
    ("shifted_r", "natural, activity shifted", "chance", "x"),
)


@styled
def natural_field_prediction(result: Result, *, figsize: Size = None) -> Figure:
    """Draw how well natural and white-noise fields predict held-out activity, layer by layer, beside what is chance.

    Args:
        result: from `analyses.natural_fields`.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "natural_fields")
    layers = list(result.parameters["layers"])
    figure = Figure(figsize=figsize or (WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    kinds = [each for each in _KINDS if any(f"{layer}_{each[0]}" in result.data for layer in layers)]
    step = 0.8 / len(kinds)
    for number, kind in enumerate(kinds):
        for place, layer in enumerate(layers):
            if f"{layer}_{kind[0]}" in result.data:
                x = place - 0.4 + (number + 0.5) * step
                _draw_dots(axes, x, step, result.data[f"{layer}_{kind[0]}"].values.ravel(), kind, place == 0)
    axes.axhline(0, color=shade(0.4), linewidth=0.6)
    below = name_layers(axes, range(len(layers)), layers)
    if figsize is None:
        figure.set_figheight(3.2 + below)
    axes.set(xlim=(-0.5, len(layers) - 0.5), ylabel="correlation with held-out activity, r")
    figure.legend(loc="outside lower center", ncols=3, markerscale=1.5)
    titled(figure, title_of(result, "How well natural fields predict"))
    return figure


def _draw_dots(axes: Axes, x: float, step: float, values: np.ndarray, kind: tuple[str, ...], is_first: bool) -> None:
    _, label, name, marker = kind
    known = np.sort(values[np.isfinite(values)])
    # Spread sideways in an order that repeats itself, so that the figure is the same every time.
    sideways = (np.arange(len(known)) * 0.618 % 1 - 0.5) * step * 0.7
    shown = tuple(each / 255 for each in rgb(name))
    axes.scatter(
        x + sideways, known, s=7, marker=marker, color=shown, alpha=0.6, linewidths=0.7 if marker == "x" else 0,
        label=label if is_first else None,
    )  # fmt: skip
    if len(known):
        axes.hlines(np.median(known), x - step * 0.42, x + step * 0.42, color=colour(name), linewidth=1.8)
