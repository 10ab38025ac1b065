"""A contact sheet for a component: its samples as film strips, with its activation and what moved it."""

from __future__ import annotations

import textwrap

import matplotlib
import numpy as np
import xarray
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from retinoscope.errors import UserError
from retinoscope.figures.canvas import HARMFUL, to_rgb
from retinoscope.result import Result

MAP = "RdBu_r"
_WIDTH, _MARGIN, _TRACE, _GAP, _LINE = 7.5, 0.12, 1.25, 0.03, 0.135
_HEADER, _LEVEL, _BETWEEN, _BAR = 0.36, 0.34, 0.09, 0.4
_BRIGHTEST = 99.5  # percentile of absolute attribution that has the full colour
_SMALL, _NORMAL = 6.5, 8.0
_FRAME = tuple(each / 255 for each in HARMFUL)
_CHARACTERS_PER_LINE = 118


def component_gallery(result: Result, component: int | None = None) -> Figure:
    """The contact sheet of one component.

    Args:
        result: from `analyses.component_gallery`.
        component: its number; None for the first.

    Raises:
        UserError: the result is of another analysis, or has no such component.
    """
    if result.analysis != "component_gallery":
        raise UserError(
            f"result of {result.analysis!r}: is not one of component_gallery; give the result of that analysis"
        )
    numbers = result.data["component"].values.tolist()
    number = numbers[0] if component is None else component
    if number not in numbers:
        raise UserError(f"component {number}: is not in this result; it has {numbers[0]} to {numbers[-1]}")
    data = result.data.sel(component=number)
    shown, has_maps = data.sizes["shown"], "attribution" in data
    tile = (_WIDTH - 2 * _MARGIN - _TRACE - shown * _GAP) / shown
    tile_height = tile * data.sizes["height"] / data.sizes["width"]
    row = tile_height * (2 if has_maps else 1) + _GAP + _BETWEEN + 0.1
    levels, places = data.sizes["level"], data.sizes["place"]
    caption = textwrap.wrap(result.data.attrs["caption"], _CHARACTERS_PER_LINE, break_on_hyphens=False)
    bottom = 0.15 + _LINE * len(caption) + (_BAR if has_maps else 0)
    height = _HEADER + levels * (_LEVEL + places * row) + 0.25 + bottom
    figure = Figure(figsize=(_WIDTH, height))
    panel = figure.add_axes((0, 0, 1, 1))
    panel.set(xlim=(0, _WIDTH), ylim=(height, 0))
    panel.set_axis_off()
    panel.text(_MARGIN, 0.1, _title(result, number), va="top", fontsize=10, weight="bold")
    scale = _scale(data["attribution"].values) if has_maps else 0.0
    limits = _limits(data["activation"].values)
    top = _HEADER
    for level in range(levels):
        panel.text(_MARGIN, top + 0.03, str(data["level"].values[level]), va="top", fontsize=9, weight="bold")
        top += _LEVEL
        for place in range(places):
            one = data.isel(level=level, place=place)
            is_last = level == levels - 1 and place == places - 1
            if int(one["sample"]) < 0:
                panel.text(_MARGIN, top + 0.1, "no further sample in the list", va="top", fontsize=_SMALL)
            else:
                trace = (0.42, top, _TRACE - 0.42 - 0.05, row - _BETWEEN - 0.1)
                _draw_trace(figure, trace, height, one, result, limits, is_last)
                _draw_strip(panel, top, tile, tile_height, one, result, scale, has_maps)
            top += row
    if has_maps:
        _draw_bar(figure, height, bottom, scale)
    panel.text(_MARGIN, height - 0.08, "\n".join(caption), va="bottom", fontsize=_NORMAL, linespacing=1.2)
    return figure


def _draw_trace(
    figure: Figure,
    box: tuple[float, float, float, float],
    height: float,
    one: xarray.Dataset,
    result: Result,
    limits: tuple[float, float],
    is_last: bool,
) -> None:
    left, top, width, tall = box
    axes = figure.add_axes((left / _WIDTH, 1 - (top + tall) / height, width / _WIDTH, tall / height))
    trace, step = one["activation"].values, int(result.parameters["gradient_step"])
    axes.axhline(0, color="0.7", linewidth=0.5)
    axes.plot(np.arange(len(trace)), trace, color="0.2", linewidth=0.9)
    axes.plot([step], [trace[step]], "o", color=_FRAME, markersize=3.5, clip_on=False)
    axes.set(ylim=limits, xlim=(0, max(len(trace) - 1, 1)))
    axes.tick_params(labelsize=6, length=2, pad=1, labelbottom=is_last)
    axes.locator_params(axis="y", nbins=3)
    axes.locator_params(axis="x", nbins=3, integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    if is_last:
        axes.set_xlabel("step", fontsize=_SMALL, labelpad=0)
    where = f"sample {one['name'].item()}"
    axes.set_title(where, fontsize=6, loc="left", pad=1.5)


def _draw_strip(
    panel: matplotlib.axes.Axes,
    top: float,
    tile: float,
    tile_height: float,
    one: xarray.Dataset,
    result: Result,
    scale: float,
    has_maps: bool,
) -> None:
    step = int(result.parameters["gradient_step"])
    for place, shown in enumerate(one["shown"].values.tolist()):
        left = _MARGIN + _TRACE + place * (tile + _GAP)
        frame = to_rgb(one["frames"].values[place])
        panel.imshow(frame, extent=(left, left + tile, top + tile_height, top), aspect="auto", interpolation="nearest")
        if has_maps:
            below = top + tile_height
            relative = one["attribution"].values[place] / scale if scale else one["attribution"].values[place]
            # A root scale: single pixels carry most of an attribution and would hide the rest.
            values = np.sign(relative) * np.sqrt(np.minimum(np.abs(relative), 1))
            extent = (left, left + tile, below + tile_height, below)
            colours = matplotlib.colormaps[MAP]((1 + values) / 2)
            panel.imshow(colours, extent=extent, aspect="auto", interpolation="nearest")
        tall = tile_height * (2 if has_maps else 1)
        edge, line = (_FRAME, 1.6) if shown == step else ("0.4", 0.4)
        panel.add_patch(Rectangle((left, top), tile, tall, fill=False, edgecolor=edge, linewidth=line))
        panel.text(left + tile / 2, top - 0.012, f"{shown}", fontsize=6, ha="center", va="bottom", color="0.3")


def _draw_bar(figure: Figure, height: float, bottom: float, scale: float) -> None:
    axes = figure.add_axes((0.05, (bottom - 0.18) / height, 0.3, 0.1 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(-1, 1), MAP), cax=axes, orientation="horizontal")
    ticks = [f"{scale * part:.2g}".replace("-", "−") for part in (-1, -0.25, 0, 0.25, 1)]
    bar.set_ticks([-1, -0.5, 0, 0.5, 1], labels=ticks)
    bar.ax.tick_params(labelsize=_SMALL, length=2, pad=1.5)
    bar.outline.set_linewidth(0.4)
    words = "attribution per pixel; colour in proportion to its root, ends at the 99.5th percentile"
    figure.text(0.37, (bottom - 0.13) / height, words, fontsize=_SMALL, va="center")


def _scale(maps: np.ndarray) -> float:
    """Common to all maps of a component; single pixels beyond it are cut off."""
    there = np.abs(maps[maps != 0])
    return float(np.percentile(there, _BRIGHTEST)) if there.size else 0.0


def _limits(traces: np.ndarray) -> tuple[float, float]:
    low, high = float(np.nanmin(traces)), float(np.nanmax(traces))
    margin = 0.08 * max(high - low, 1e-6)
    return min(low, 0) - margin, max(high, 0) + margin


def _title(result: Result, number: int) -> str:
    kind = "Unit" if result.parameters["components"] == "units" else "Component"
    title = f"{kind} {number}: what drives it"
    return title + (f" · agent {result.provenance['agent']}" if "agent" in result.provenance else "")
