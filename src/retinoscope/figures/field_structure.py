"""Structure of receptive fields: every field beside its fit, and how well chance and untrained networks are fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from retinoscope.errors import UserError
from retinoscope.figures.page import MARGIN, Page, Size, line_height, points, text_width
from retinoscope.figures.style import colour, colour_map, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["field_structure"]

# All lengths are inches on paper.
_BETWEEN_TILES, _BETWEEN_UNITS, _LARGEST_TILE = 0.04, 0.16, 0.8
_LOWER, _LEFT, _HIGHEST = 2.6, 1.12, 6.6
_NETWORKS = {"trained": "this agent", "first": "before training", "redrawn 1": "drawn anew"}
_SURROGATES = {
    "r2_random_phases": "random phases",
    "r2_smooth_noise": "noise as smooth",
    "r2_shuffled": "shuffled pixels",
}
_THIN = 0.06  # share of all units whose bar has no room for a number
_COLOURS = {"centre-surround": "0072b2", "oriented": "e69f00", "blob": "56b4e9"}


@styled
def field_structure(result: Result, layer: str | None = None, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw the fields of one layer beside their fits, and below what is explained of them and of those by chance.

    Args:
        result: from `analyses.field_structure`.
        layer: name of the layer; the last one if not given.
        figsize: inches; None for what the units need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or has no such layer.
    """
    require(result, "field_structure")
    layers = list(result.parameters["layers"])
    name = layers[-1] if layer is None else layer
    if name not in layers:
        raise UserError(f"layer {name!r}: is not in this result; it has {', '.join(layers)}")
    data = result.data
    fields = data[f"{name}_field"].sel(network="trained")
    about = fields.attrs
    title = title_of(result, f"Structure of the fields of {name}")
    page = Page(title, about["caption"] if caption else None, figsize, subtitle=about.get("learned", ""))
    units, height, width = fields.shape
    line = line_height(points("xtick.labelsize"))
    per_row, tile_width = _arranged(units, height / width, page, line)
    tile_height = tile_width * height / width
    row_height = 2 * line + 0.16 + tile_height
    rows = -(-units // per_row)
    page.begin(rows * row_height + _LOWER)
    _draw_fields(page.sheet(), data, name, per_row, (tile_height, tile_width), row_height, line)
    top = rows * row_height
    half = (page.width - _LEFT) / 2
    tall = _LOWER - 1.25
    _draw_r2(page.axes(_LEFT, top + 0.42, half - 0.25, tall), data, name)
    kinds = page.axes(_LEFT + half + 0.8, top + 0.42, half - 0.8 - MARGIN, tall)
    _draw_kinds(kinds, data, name)
    page.heading(MARGIN, top + 0.14, "Held-out R² of the better fit")
    page.heading(_LEFT + half, top + 0.14, "Fields of each kind")
    return page.figure


def _arranged(units: int, ratio: float, page: Page, line: float) -> tuple[int, float]:
    """Units in a row, and the width of a tile."""
    room = page.width - 2 * MARGIN + _BETWEEN_UNITS
    widest = text_width(_named("smooth", "centre-surround"), points("xtick.labelsize")) + _BETWEEN_UNITS
    for per_row in range(min(4, units), max(min(units, int(room / widest)), 1) + 1):
        tile = min((room / per_row - _BETWEEN_UNITS - _BETWEEN_TILES) / 2, _LARGEST_TILE)
        height = -(-units // per_row) * (2 * line + 0.16 + tile * ratio) + _LOWER
        if height <= min(page.room, _HIGHEST):
            break
    return per_row, tile


def _named(kind: str, shape: str) -> str:
    """What stands above a field."""
    return f"smooth ({shape})" if kind == "smooth" else kind


def _draw_fields(
    sheet: Axes,
    data: xarray.Dataset,
    layer: str,
    per_row: int,
    tile: tuple[float, float],
    row_height: float,
    line: float,
) -> None:
    """Every field beside its fit, on one scale around zero, the best fitted first."""
    chosen = data.sel(network="trained")
    is_there = data["unit_layer"].values == layer
    r2, kinds, shapes = (chosen[name].values[is_there] for name in ("r2", "kind", "shape"))
    numbers = data["unit_number"].values[is_there]
    colours = chosen[f"{layer}_colours"].values
    is_coloured = [str(each) for each in data["colour"].values] == ["red", "green", "blue"]
    pair = 2 * tile[1] + _BETWEEN_TILES
    edges = []
    for place, unit in enumerate(np.argsort(-np.nan_to_num(r2, nan=-np.inf), kind="stable")):
        row, column = divmod(place, per_row)
        left, top = MARGIN + column * (pair + _BETWEEN_UNITS), row * row_height + 2 * line + 0.1
        both = [chosen[f"{layer}_{part}"].values[unit] for part in ("field", "fit")]
        scale = float(np.abs(both[0]).max()) or 1.0
        for number, picture in enumerate(both):
            x = left + number * (tile[1] + _BETWEEN_TILES)
            extent = (x, x + tile[1], top + tile[0], top)
            shades = colour_map("diverging")((1 + picture / scale) / 2)
            sheet.imshow(shades, extent=extent, interpolation="nearest", aspect="auto", origin="upper")
            edges.append(Rectangle((x, top), tile[1], tile[0]))
        kind = str(kinds[unit])
        says = "silent" if not np.isfinite(r2[unit]) else f"R² {r2[unit]:.2f}".replace("-", "−")
        sheet.text(left, top - line - 0.06, f"{numbers[unit]}", fontsize="small", weight="bold", va="bottom")
        if is_coloured and np.isfinite(r2[unit]):
            vector = colours[unit] / np.abs(colours[unit]).max()
            swatch = left + text_width(f"{numbers[unit]}", points("xtick.labelsize")) + 0.1, top - 2 * line - 0.055
            sheet.add_patch(Rectangle(swatch, 0.16, 0.11, facecolor=(1 + vector) / 2, edgecolor="none"))
        sheet.text(left + pair, top - line - 0.06, says, fontsize="small", ha="right", va="bottom")
        shown: dict[str, Any] = {"weight": "bold"} if kind in _COLOURS else {"color": shade(0.6)}
        sheet.text(left, top - 0.035, _named(kind, shapes[unit]), fontsize="small", va="bottom", **shown)
    sheet.add_collection(PatchCollection(edges, facecolor="none", edgecolor=shade(0.65), linewidth=0.4, zorder=2))


def _draw_r2(axes: Axes, data: xarray.Dataset, layer: str) -> None:
    """One row for the agent and for each of what it is compared with: all fields, and their median."""
    is_there = data["unit_layer"].values == layer
    rows = [(words, data["r2"].sel(network=name).values[is_there])
            for name, words in _NETWORKS.items() if name in data["network"].values and name != "redrawn 1"]  # fmt: skip
    if data.sizes["draw"]:
        rows.append((f"drawn anew ({data.sizes['draw']}×)", data["r2_untrained"].values[:, is_there]))
    for name, words in _SURROGATES.items():
        rows.append((words, data[name].sel(network="trained").values[is_there]))
    random = np.random.default_rng(0)
    for place, (_, found) in enumerate(rows):
        values = found[np.isfinite(found)]
        if not len(values):
            continue
        shown = colour("positive") if place == 0 else colour("neutral")
        many = len(values) > 60
        axes.plot(
            np.clip(values, -0.1, 1), place + random.uniform(-0.26, 0.26, len(values)), ".", color=shown,
            markersize=2 if many else 4.5, alpha=0.35 if many else 0.8, markeredgewidth=0, clip_on=False,
        )  # fmt: skip
        axes.plot([np.median(values)] * 2, [place - 0.36, place + 0.36], color="black", linewidth=1.6)
    high = float(data["untrained_95"].sel(layer=layer))
    if np.isfinite(high):
        axes.axvline(high, color=colour("chance"), linestyle="--", linewidth=0.9)
        axes.text(high, -0.62, "95% of drawn anew", fontsize="small", ha="center", va="bottom", color=colour("chance"))
    axes.axvline(0.5, color=shade(0.35), linewidth=0.7, zorder=0)
    axes.set_yticks(range(len(rows)), [words for words, _ in rows])
    axes.set(xlim=(-0.02, 1.0), ylim=(len(rows) - 0.5, -0.6), xlabel="held-out R² (bar: median; thin line: 0.5)")


def _draw_kinds(axes: Axes, data: xarray.Dataset, layer: str) -> None:
    """How many fields of the agent, of before training and of one network drawn anew are of each kind."""
    names = [name for name in _NETWORKS if name in data["network"].values]
    kinds = [str(each) for each in data["kind_of_field"].values]
    starts = np.zeros(len(names))
    counts_of_all = int(data["count"].sel(layer=layer, network=names).sum("kind_of_field").max())
    for kind in kinds:
        counts = data["count"].sel(layer=layer, kind_of_field=kind, network=names).values
        filled = f"#{_COLOURS[kind]}" if kind in _COLOURS else shade(0.35 if kind == "smooth" else 0.12)
        bars = axes.barh(range(len(names)), counts, left=starts, height=0.62, color=filled, label=kind)
        for bar, count in zip(bars, counts, strict=True):
            if count:
                is_thin = bar.get_width() < _THIN * counts_of_all
                place = bar.get_x() + bar.get_width() / 2, bar.get_y() + (0 if is_thin else bar.get_height() / 2)
                axes.text(*place, f"{count}", fontsize="small", ha="center", va="bottom" if is_thin else "center")
        starts += counts
    axes.set_yticks(range(len(names)), [_NETWORKS[name] for name in names])
    axes.set(ylim=(len(names) - 0.5, -0.5), xlabel="units")
    axes.legend(loc="upper right", bbox_to_anchor=(1.02, -0.24), ncols=2, columnspacing=0.8)
