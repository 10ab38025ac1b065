"""Receptive fields of a layer: for every unit a colour composite, and the planes of its colours in a diverging map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from retinoscope.errors import UserError
from retinoscope.figures.page import MARGIN, Page, Size, line_height, points, text_width, wrapped
from retinoscope.figures.style import colour_map, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["receptive_fields", "receptive_fields_all"]

# All lengths are inches on paper.
_BETWEEN_TILES, _BETWEEN_UNITS, _BAR = 0.04, 0.22, 0.42
_LANDSCAPE, _LARGEST_TILE = 6.6, 1.4
_COLOURS = ["red", "green", "blue"]


@dataclass(frozen=True)
class _Layout:
    """Where the units go: `per_row` of them side by side, each with `maps` tiles of (`tile_height`, `tile_width`).

    Attributes:
        line: height of a line of text.
        header_width: of what stands above the tiles of a unit.
    """

    per_row: int
    rows: int
    maps: int
    tile_height: float
    tile_width: float
    line: float
    header_width: float

    @property
    def unit_width(self) -> float:
        return max(self.maps * self.tile_width + (self.maps - 1) * _BETWEEN_TILES, self.header_width)

    @property
    def row_height(self) -> float:
        return self.header + self.tile_height + _BETWEEN_TILES

    @property
    def header(self) -> float:
        """Above the tiles of a unit, where its number, reliability and scale stand."""
        return self.line + 0.08

    @property
    def names(self) -> float:
        """Above the first row, where the columns are named."""
        return self.line + 0.05

    @property
    def height(self) -> float:
        return self.names + self.rows * self.row_height

    def corner(self, index: int) -> tuple[float, float]:
        """Left and upper edge of the tiles of a unit, inches from the upper left corner of the sheet."""
        row, column = divmod(index, self.per_row)
        left = MARGIN + column * (self.unit_width + _BETWEEN_UNITS)
        return left, self.names + row * self.row_height + self.header


@styled
def receptive_fields(result: Result, layer: str | None = None, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw all measured units of one layer.

    Above each unit: its number, its split-half reliability r, and its scale: the largest absolute weight. All maps of a
    unit share that scale, centred on zero. In the composite, weight zero is mid-grey and the scale reaches to the ends
    of the range of each colour.

    Args:
        result: from `analyses.receptive_fields`.
        layer: name of the layer; the last one measured if not given.
        figsize: inches; None for what the units need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or has no such layer.
    """
    layers = _layers(result)
    name = layers[-1] if layer is None else layer
    if name not in layers:
        raise UserError(f"layer {name!r}: is not in this result; it has {', '.join(layers)}")
    fields, reliability = _drawn(result.data[name]), result.data[f"{name}_reliability"].values
    units = result.data[f"{name}_unit"].values
    colours = [str(colour) for colour in result.data["colour"].values]
    says = f"{result.data[name].attrs['caption']} {_reading(colours)}" if caption else None
    learned = str(result.data[name].attrs.get("learned", ""))  # of before this was known there is none
    page = Page(title_of(result, f"Receptive fields of {name}"), says, figsize, subtitle=learned)
    layout = _arrange(fields.shape, colours == _COLOURS, page, max(map(str, units), key=len))
    page.begin(layout.height + _BAR)
    sheet = page.sheet()
    for index, unit in enumerate(units):
        _draw_unit(sheet, layout, index, fields[index], f"{unit}", float(reliability[index]))
    _draw_edges(sheet, layout, len(units))
    _name_columns(sheet, layout, len(units), colours)
    _draw_bar(page, layout.height)
    return page.figure


def receptive_fields_all(result: Result, *, figsize: Size = None, caption: bool = True) -> dict[str, Figure]:
    """A figure for every layer of the result, by the layer's name.

    Args:
        result: from `analyses.receptive_fields`.
        figsize: of each, inches; None for what the units need.
        caption: carry the captions.

    Raises:
        UserError: the result is of another analysis.
    """
    return {layer: receptive_fields(result, layer, figsize=figsize, caption=caption) for layer in _layers(result)}


def _layers(result: Result) -> list[str]:
    require(result, "receptive_fields")
    return list(result.parameters["layers"])


def _drawn(fields: xarray.DataArray) -> np.ndarray:
    """The part that is drawn of fields that are much smaller than what was shown; else all of them."""
    ends = [fields.attrs.get(f"drawn_{each}") for each in ("top", "bottom", "left", "right")]
    return fields.values if ends[0] is None else fields.values[:, ends[0] : ends[1], ends[2] : ends[3]]


def _arrange(shape: tuple[int, ...], has_composite: bool, page: Page, longest: str) -> _Layout:
    """As few units in a row, so as large, as let the figure stay in landscape; at most what their headers need."""
    units, height, width, colours = shape
    maps = colours + has_composite
    size = points("xtick.labelsize")
    header = text_width(f"{longest}  r 0.999  ±9.9×10⁻⁴", size) + 0.02
    fewest, room = (2 if maps > 1 else 5), page.width - 2 * MARGIN
    most = max(1, int((room + _BETWEEN_UNITS) / (header + _BETWEEN_UNITS)))
    limit = min(page.room - _BAR, _LANDSCAPE if page.room == float("inf") else float("inf"))
    for per_row in range(min(fewest, units, most), min(most, units) + 1):
        free = room - (per_row - 1) * _BETWEEN_UNITS - per_row * (maps - 1) * _BETWEEN_TILES
        wide = min(free / (per_row * maps), _LARGEST_TILE * max(1.0, width / height))
        layout = _Layout(per_row, -(-units // per_row), maps, wide * height / width, wide, line_height(size), header)
        if layout.height <= limit:
            return layout
    if page.room == float("inf"):
        return layout
    # A given size: the tiles shrink until all units fit.
    spent = layout.height - layout.rows * layout.tile_height
    tall = max((limit - spent) / layout.rows, 0.02)
    return _Layout(layout.per_row, layout.rows, maps, tall, tall * width / height, layout.line, header)


def _draw_unit(sheet: Axes, layout: _Layout, index: int, field: np.ndarray, name: str, reliability: float) -> None:
    left, top = layout.corner(index)
    scale = float(np.abs(field).max())
    relative = field / scale if scale else field
    planes = [colour_map("diverging")((1 + plane) / 2) for plane in np.moveaxis(relative, -1, 0)]
    tiles = [(1 + relative) / 2, *planes] if layout.maps > len(planes) else planes
    for number, tile in enumerate(tiles):
        x = left + number * (layout.tile_width + _BETWEEN_TILES)
        # The first row of a field is what the unit sees at the top.
        extent = (x, x + layout.tile_width, top + layout.tile_height, top)
        sheet.imshow(tile, extent=extent, interpolation="nearest", aspect="auto", origin="upper")
    line = top - 0.035
    sheet.text(left, line, name, fontsize="small", weight="bold", va="bottom")
    says = f"r {_reliability(reliability)}  ±{_power_of_ten(scale)}"
    if np.isnan(reliability):  # of one that answered in one half of the stimuli alone, nothing can be said either
        says = "too few answers" if scale else "never answered"
    sheet.text(left + layout.unit_width, line, says, fontsize="small", va="bottom", ha="right")


def _draw_edges(sheet: Axes, layout: _Layout, units: int) -> None:
    """A thin line around every tile."""
    corners = [layout.corner(index) for index in range(units)]
    tiles = [
        Rectangle((left + number * (layout.tile_width + _BETWEEN_TILES), top), layout.tile_width, layout.tile_height)
        for left, top in corners
        for number in range(layout.maps)
    ]
    sheet.add_collection(PatchCollection(tiles, facecolor="none", edgecolor=shade(0.65), linewidth=0.4, zorder=2))


def _reliability(value: float) -> str:
    """Three decimals, never rounded up to a perfection that was not measured."""
    return f"{np.floor(1000 * value + 1e-6) / 1000:.3f}"


def _power_of_ten(value: float) -> str:
    """Two digits, such as 3.7×10⁻⁴."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _name_columns(sheet: Axes, layout: _Layout, units: int, colours: list[str]) -> None:
    names = ["colour", *colours] if colours == _COLOURS else colours
    if _are_numbered(colours):
        names = [str(number) for number in range(1, len(colours) + 1)]
    for column in range(min(layout.per_row, units)):
        left, _ = layout.corner(column)
        for number, name in enumerate(names):
            x = left + number * (layout.tile_width + _BETWEEN_TILES) + layout.tile_width / 2
            sheet.text(x, layout.names - 0.02, name, fontsize="small", ha="center", va="bottom", color=shade(0.75))


def _are_numbered(colours: list[str]) -> bool:
    """Names that have no room above the maps stand in the caption instead."""
    return len(colours) > 1 and colours != _COLOURS


def _draw_bar(page: Page, top: float) -> None:
    axes = page.axes(MARGIN + 0.2, top + 0.1, 2.25, 0.11)
    shades = ScalarMappable(Normalize(-1, 1), colour_map("diverging"))
    bar = page.figure.colorbar(shades, cax=axes, orientation="horizontal")
    bar.set_ticks([-1, 0, 1], labels=["−scale", "0", "+scale"])
    bar.outline.set_linewidth(0.4)
    what = "change of activity per pixel unit; the scale of each unit, ±, stands above it"
    says = wrapped(what, page.width - 2 * MARGIN - 2.65, points("xtick.labelsize"))
    page.text(MARGIN + 2.65, top + 0.155, says, fontsize="small", va="center")


def _reading(colours: list[str]) -> str:
    says = "Scale: the largest absolute weight of the unit, common to all its maps."
    if colours == _COLOURS:
        return f"{says} In the colour composite zero is mid-grey and ± scale is full colour, in each of R, G and B."
    if _are_numbered(colours):
        names = ", ".join(f"({number}) {name}" for number, name in enumerate(colours, start=1))
        return f"{says} Maps of a unit, from left to right: {names}."
    return says
