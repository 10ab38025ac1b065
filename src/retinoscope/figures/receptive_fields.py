"""Receptive fields of a layer: for every unit a colour composite, and the planes of its colours in a diverging map."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from retinoscope.errors import UserError
from retinoscope.result import Result

MAP = "RdBu_r"
# All lengths are inches on paper.
WIDTH = 7.5
_MARGIN, _BETWEEN_TILES, _BETWEEN_UNITS = 0.12, 0.04, 0.22
_HEADER, _COLUMN_TITLES, _TITLE, _BAR, _LINE = 0.19, 0.17, 0.36, 0.45, 0.135
_LANDSCAPE, _LARGEST_TILE = 6.6, 1.4
_SMALL, _NORMAL = 7.0, 8.0
_CHARACTERS_PER_LINE = 118


@dataclass(frozen=True)
class _Layout:
    """Where the units go: `per_row` of them side by side, each with `maps` tiles of (`tile_height`, `tile_width`)."""

    per_row: int
    rows: int
    maps: int
    tile_height: float
    tile_width: float

    @property
    def unit_width(self) -> float:
        return self.maps * self.tile_width + (self.maps - 1) * _BETWEEN_TILES

    @property
    def row_height(self) -> float:
        return _HEADER + self.tile_height + _BETWEEN_TILES

    @property
    def height(self) -> float:
        return _COLUMN_TITLES + self.rows * self.row_height

    def corner(self, index: int) -> tuple[float, float]:
        """Left and upper edge of the tiles of a unit, inches from the upper left corner of the panel."""
        row, column = divmod(index, self.per_row)
        left = _MARGIN + column * (self.unit_width + _BETWEEN_UNITS)
        return left, _COLUMN_TITLES + row * self.row_height + _HEADER


def receptive_fields(result: Result, layer: str | None = None) -> Figure:
    """Draw all measured units of one layer.

    Above each unit: its number, its split-half reliability r, and its scale: the largest absolute weight. All maps of a
    unit share that scale, centred on zero. In the composite, weight zero is mid-grey and the scale reaches to the ends
    of the range of each colour.

    Args:
        result: from `analyses.receptive_fields`.
        layer: name of the layer; the last one measured if not given.

    Raises:
        UserError: the result is of another analysis, or has no such layer.
    """
    layers = _layers(result)
    name = layers[-1] if layer is None else layer
    if name not in layers:
        raise UserError(f"layer {name!r}: is not in this result; it has {', '.join(layers)}")
    fields, reliability = result.data[name].values, result.data[f"{name}_reliability"].values
    units = result.data[f"{name}_unit"].values
    colours = [str(colour) for colour in result.data["colour"].values]
    layout = _arrange(fields.shape)
    caption = textwrap.wrap(
        f"{result.data[name].attrs['caption']} {_reading(len(colours))}", _CHARACTERS_PER_LINE, break_on_hyphens=False
    )
    height = _TITLE + layout.height + _BAR + _LINE * len(caption) + 0.1
    figure = Figure(figsize=(WIDTH, height))
    panel = figure.add_axes((0, 1 - (_TITLE + layout.height) / height, 1, layout.height / height))
    panel.set(xlim=(0, WIDTH), ylim=(layout.height, 0))
    panel.set_axis_off()
    for index, unit in enumerate(units):
        _draw_unit(panel, layout, index, fields[index], f"{unit}", float(reliability[index]))
    _name_columns(panel, layout, len(units), colours)
    title = f"Receptive fields of {name}"
    if "agent" in result.provenance:
        title += f" · agent {result.provenance['agent']}"
    figure.text(_MARGIN / WIDTH, 1 - 0.12 / height, title, va="top", fontsize=10, weight="bold")
    _draw_bar(figure, (_LINE * len(caption) + 0.1 + _BAR) / height, height)
    figure.text(_MARGIN / WIDTH, 0.06 / height, "\n".join(caption), va="bottom", fontsize=_NORMAL, linespacing=1.2)
    return figure


def receptive_fields_all(result: Result) -> dict[str, Figure]:
    """A figure for every layer of the result, by the layer's name.

    Raises:
        UserError: the result is of another analysis.
    """
    return {layer: receptive_fields(result, layer) for layer in _layers(result)}


def _layers(result: Result) -> list[str]:
    if result.analysis != "receptive_fields":
        raise UserError(
            f"result of {result.analysis!r}: is not one of receptive_fields; give the result of that analysis"
        )
    return list(result.parameters["layers"])


def _arrange(shape: tuple[int, ...]) -> _Layout:
    """As few units in a row, so as large, as let the figure stay in landscape; at most what their headers need."""
    units, height, width, colours = shape
    maps = colours + 1 if colours == 3 else colours
    fewest, most = (2, 4) if maps > 1 else (5, 5)
    for per_row in range(min(fewest, units), min(most, units) + 1):
        free = WIDTH - 2 * _MARGIN - (per_row - 1) * _BETWEEN_UNITS - per_row * (maps - 1) * _BETWEEN_TILES
        tile_width = min(free / (per_row * maps), _LARGEST_TILE * max(1.0, width / height))
        layout = _Layout(per_row, -(-units // per_row), maps, tile_width * height / width, tile_width)
        if layout.height <= _LANDSCAPE:
            break
    return layout


def _draw_unit(panel: Axes, layout: _Layout, index: int, field: np.ndarray, name: str, reliability: float) -> None:
    left, top = layout.corner(index)
    scale = float(np.abs(field).max())
    relative = field / scale if scale else field
    planes = [matplotlib.colormaps[MAP]((1 + plane) / 2) for plane in np.moveaxis(relative, -1, 0)]
    tiles = [(1 + relative) / 2, *planes] if len(planes) == 3 else planes
    for number, tile in enumerate(tiles):
        x = left + number * (layout.tile_width + _BETWEEN_TILES)
        extent = (x, x + layout.tile_width, top + layout.tile_height, top)
        panel.imshow(tile, extent=extent, interpolation="nearest", aspect="auto")
        edge = Rectangle((x, top), layout.tile_width, layout.tile_height, fill=False, edgecolor="0.35", linewidth=0.4)
        panel.add_patch(edge)
    line = top - 0.035
    panel.text(left, line, name, fontsize=_SMALL, weight="bold", va="bottom")
    says = "never answered" if np.isnan(reliability) else f"r {_reliability(reliability)}  ±{_power_of_ten(scale)}"
    panel.text(left + layout.unit_width, line, says, fontsize=_SMALL, va="bottom", ha="right")


def _reliability(value: float) -> str:
    """Three decimals, never rounded up to a perfection that was not measured."""
    return f"{np.floor(1000 * value + 1e-6) / 1000:.3f}"


def _power_of_ten(value: float) -> str:
    """Two digits, such as 3.7×10⁻⁴."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _name_columns(panel: Axes, layout: _Layout, units: int, colours: list[str]) -> None:
    names = ["colour", *colours] if len(colours) == 3 else colours
    for column in range(min(layout.per_row, units)):
        left, _ = layout.corner(column)
        for number, name in enumerate(names):
            x = left + number * (layout.tile_width + _BETWEEN_TILES) + layout.tile_width / 2
            panel.text(x, _COLUMN_TITLES - 0.02, name, fontsize=_SMALL, ha="center", va="bottom", color="0.25")


def _draw_bar(figure: Figure, top: float, height: float) -> None:
    axes = figure.add_axes((_MARGIN / WIDTH + 0.025, top - 0.2 / height, 0.3, 0.11 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(-1, 1), MAP), cax=axes, orientation="horizontal")
    bar.set_ticks([-1, 0, 1], labels=["−scale", "0", "+scale"])
    bar.ax.tick_params(labelsize=_SMALL, length=2, pad=1.5)
    bar.outline.set_linewidth(0.4)
    what = "change of activity per pixel unit; the scale of each unit, ±, stands above it"
    figure.text(_MARGIN / WIDTH + 0.35, top - 0.145 / height, what, fontsize=_SMALL, va="center")


def _reading(colours: int) -> str:
    composite = (
        " In the colour composite zero is mid-grey and ± scale is full colour, in each of R, G and B."
        if colours == 3
        else ""
    )
    return f"Scale: the largest absolute weight of the unit, common to all its maps.{composite}"
