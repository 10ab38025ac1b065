"""A contact sheet for a component: its samples as film strips, with its activation and what moved it."""

from __future__ import annotations

import math

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
from retinoscope.figures.pictures import Pictures
from retinoscope.figures.style import colour, colour_map, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["component_gallery"]

_TRACE, _LEVEL, _BAR = 1.3, 0.36, 0.4  # inches
_GAP = 0.04  # between frames, of their width
_BRIGHTEST = 99.5  # percentile of absolute attribution that has the full colour


@styled
def component_gallery(
    result: Result, component: int | None = None, *, figsize: Size = None, caption: bool = True
) -> Figure:
    """The contact sheet of one component.

    Args:
        result: from `analyses.component_gallery`.
        component: its number; None for the first.
        figsize: inches; None for what the samples need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis, or has no such component.
    """
    require(result, "component_gallery")
    numbers = result.data["component"].values.tolist()
    number = numbers[0] if component is None else component
    if number not in numbers:
        raise UserError(f"component {number}: is not in this result; it has {numbers[0]} to {numbers[-1]}")
    data = result.data.sel(component=number)
    kind = "Unit" if result.parameters["components"] == "units" else "Component"
    says = result.data.attrs["caption"] if caption else None
    page = Page(title_of(result, f"{kind} {number}: what drives it"), says, figsize)
    shown, has_maps = data.sizes["shown"], "attribution" in data
    levels, places = data.sizes["level"], data.sizes["place"]
    above = line_height(points("xtick.labelsize")) + 0.1  # numbers of the frames, and the distance to the row above
    pictures = 2 if has_maps else 1
    fixed = levels * _LEVEL + levels * places * above + 0.2 + _BAR * has_maps
    shape = data.sizes["height"] / data.sizes["width"]
    gap = _gap(data) / data.sizes["width"]
    tile = (page.width - 2 * MARGIN - _TRACE) / (shown + (shown - 1) * gap)
    tile = min(tile, max((page.room - fixed) / (levels * places * pictures * shape), 0.05))
    tall = tile * shape
    page.begin(fixed + levels * places * pictures * tall)
    sheet = page.sheet()
    scale = _scale(data["attribution"].values) if has_maps else 0.0
    limits = _limits(data["activation"].values)
    shown_as = Pictures.of(result.data)
    top = 0.0
    for level in range(levels):
        sheet.text(MARGIN, top + 0.02, str(data["level"].values[level]), va="top", weight="bold")
        top += _LEVEL - above
        for place in range(places):
            one = data.isel(level=level, place=place)
            is_last = level == levels - 1 and place == places - 1
            top += above
            if int(one["sample"]) < 0:
                sheet.text(MARGIN, top + 0.1, "no further sample in the list", va="top", fontsize="small")
            else:
                trace = page.axes(0.45, top, _TRACE - 0.5, pictures * tall)
                _draw_trace(trace, one, int(result.parameters["gradient_step"]), limits, is_last)
                _draw_strip(
                    sheet, top, tile, _strip(one, scale, shown_as), one, int(result.parameters["gradient_step"])
                )
            top += pictures * tall
        top += above
    if has_maps:
        _draw_bar(page, scale)
    return page.figure


def _draw_trace(axes: Axes, one: xarray.Dataset, step: int, limits: tuple[float, float], is_last: bool) -> None:
    trace = one["activation"].values
    axes.axhline(0, color=shade(0.3), linewidth=0.5)
    axes.plot(np.arange(len(trace)), trace, color=shade(0.8), linewidth=0.9)
    axes.plot([step], [trace[step]], "o", color=colour("negative"), markersize=3.5, clip_on=False)
    axes.set(ylim=limits, xlim=(0, max(len(trace) - 1, 1)))
    axes.tick_params(labelbottom=is_last)
    axes.locator_params(axis="y", nbins=3)
    axes.locator_params(axis="x", nbins=3, integer=True)
    if is_last:
        axes.set_xlabel("step", fontsize="small", labelpad=0)
    axes.set_title(f"sample {one['name'].item()}", fontsize="small", pad=1.5)


def _draw_strip(sheet: Axes, top: float, tile: float, picture: np.ndarray, one: xarray.Dataset, step: int) -> None:
    """The frames of a sample side by side and the maps below them, as one picture: many would take long to write."""
    pixel = tile / one.sizes["width"]
    start, each = MARGIN + _TRACE, tile + _gap(one) * pixel
    tall, wide = (count * pixel for count in picture.shape[:2])
    sheet.imshow(picture, extent=(start, start + wide, top + tall, top), aspect="auto", interpolation="nearest")
    numbers = one["shown"].values.tolist()
    every = math.ceil((text_width(str(numbers[-1]), points("xtick.labelsize")) + 0.02) / each)
    edges = [Rectangle((start + place * each, top), tile, tall) for place in range(len(numbers))]
    is_framed = [shown == step for shown in numbers]
    sheet.add_collection(
        PatchCollection(
            edges,
            facecolor="none",
            edgecolor=[colour("negative") if each else shade(0.6) for each in is_framed],
            linewidth=[1.6 if each else 0.4 for each in is_framed],
        )
    )
    for place, shown in list(enumerate(numbers))[::every]:
        middle = start + place * each + tile / 2
        sheet.text(middle, top - 0.015, f"{shown}", fontsize="small", ha="center", va="bottom")


def _strip(one: xarray.Dataset, scale: float, shown_as: Pictures) -> np.ndarray:
    """(row, column, rgba) uint8, nothing between the frames."""
    width, gap = one.sizes["width"], _gap(one)
    rows = [shown_as.shown(each) for each in one["frames"].values]
    if "attribution" in one:
        relative = one["attribution"].values / (scale or 1.0)
        # A root scale: single pixels carry most of an attribution and would hide the rest.
        values = np.sign(relative) * np.sqrt(np.minimum(np.abs(relative), 1))
        maps = colour_map("diverging")((1 + values) / 2, bytes=True)[..., :3]
        rows = [np.concatenate(both) for both in zip(rows, maps, strict=True)]
    picture = np.zeros((len(rows[0]), len(rows) * (width + gap) - gap, 4), np.uint8)
    for place, each in enumerate(rows):
        picture[:, place * (width + gap) :][:, :width] = np.dstack([each, np.full(each.shape[:2], 255, np.uint8)])
    return picture


def _gap(one: xarray.Dataset) -> int:
    """Between two frames, in their pixels."""
    return max(1, round(_GAP * one.sizes["width"]))


def _draw_bar(page: Page, scale: float) -> None:
    axes = page.axes(0.4, page.height - 0.3, 2.25, 0.1)
    shades = ScalarMappable(Normalize(-1, 1), colour_map("diverging"))
    bar = page.figure.colorbar(shades, cax=axes, orientation="horizontal")
    ticks = [f"{scale * part:.2g}".replace("-", "−") for part in (-1, -0.25, 0, 0.25, 1)]
    bar.set_ticks([-1, -0.5, 0, 0.5, 1], labels=ticks)
    bar.outline.set_linewidth(0.4)
    words = "attribution per pixel; colour in proportion to its root, ends at the 99.5th percentile"
    says = wrapped(words, page.width - 2.85 - MARGIN, points("xtick.labelsize"))
    page.text(2.85, page.height - 0.25, says, fontsize="small", va="center")


def _scale(maps: np.ndarray) -> float:
    """Common to all maps of a component; single pixels beyond it are cut off."""
    there = np.abs(maps[maps != 0])
    return float(np.percentile(there, _BRIGHTEST)) if there.size else 0.0


def _limits(traces: np.ndarray) -> tuple[float, float]:
    low, high = float(np.nanmin(traces)), float(np.nanmax(traces))
    margin = 0.08 * max(high - low, 1e-6)
    return min(low, 0) - margin, max(high, 0) + margin
