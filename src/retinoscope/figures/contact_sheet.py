"""Contact sheets of attribution: frames, and below each its map with a colour scale of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.canvas import to_rgb
from retinoscope.figures.overlay import colour_bar, overlay
from retinoscope.figures.page import MARGIN, Page, Size, line_height, points
from retinoscope.figures.style import styled

__all__ = ["contact_sheet"]

_GAP, _LARGEST = 0.12, 3.0
_READING = (
    "Above each pair its frame; below it the same frame in grey under the map: red raises the target, blue lowers it, "
    "and grey shines through where the map is near zero. Every frame has its own scale, its largest absolute "
    "value{units}."
)


@styled
def contact_sheet(
    observations: np.ndarray,
    maps: np.ndarray,
    labels: Sequence[str],
    title: str,
    caption: str,
    units: str,
    columns: int = 4,
    *,
    figsize: Size = None,
) -> Figure:
    """Draw frames with their maps, a diverging overlay centred on zero, each with its own scale.

    Args:
        observations: (frame, height, width, channel) uint8.
        maps: (frame, height, width), or with a channel axis, which is summed.
        labels: one per frame, short.
        title: of the figure.
        caption: what was measured, over how much, and how; how to read the maps is added. Empty for none at all.
        units: of the maps.
        columns: frames side by side.
        figsize: inches; None for what the frames need.

    Raises:
        UserError: there is no frame, or the arrays do not belong together.
    """
    flat = maps.sum(axis=-1) if maps.ndim == 4 else maps
    if not len(flat) or flat.shape != observations.shape[:3] or len(labels) != len(flat):
        raise UserError(
            f"contact sheet: {observations.shape} observations, {maps.shape} maps and {len(labels)} labels do not "
            "belong together; give at least one of each"
        )
    columns = min(columns, len(flat))
    rows = -(-len(flat) // columns)
    reading = _READING.format(units=f" ({units})" if units else "")
    page = Page(title, f"{caption} {reading}" if caption else None, figsize)
    small = line_height(points("xtick.labelsize"))
    beside = small + 0.08 + 0.04 + small + 0.27  # label, between the pictures, bar and its numbers
    wide = min((page.width - 2 * MARGIN - (columns - 1) * _GAP) / columns, _LARGEST)
    shape = flat.shape[1] / flat.shape[2]
    tall = min(wide * shape, max((page.room / rows - beside) / 2, 0.05))
    wide = tall / shape
    page.begin(rows * (2 * tall + beside))
    sheet = page.sheet()
    for index, (observation, values) in enumerate(zip(observations, flat, strict=True)):
        row, column = divmod(index, columns)
        corner = (MARGIN + column * (wide + _GAP), row * (2 * tall + beside) + small + 0.08)
        _draw_frame(sheet, corner, (wide, tall), observation, values, labels[index])
    return page.figure


def _draw_frame(
    sheet: Axes,
    corner: tuple[float, float],
    size: tuple[float, float],
    observation: np.ndarray,
    values: np.ndarray,
    label: str,
) -> None:
    (left, top), (width, height) = corner, size
    scale = float(np.nanmax(np.abs(values), initial=0.0))
    sheet.text(left, top - 0.04, label, fontsize="small", va="bottom", weight="bold")
    second = top + height + 0.04
    for picture, above in ((to_rgb(observation), top), (overlay(observation, np.nan_to_num(values), scale), second)):
        extent = (left, left + width, above + height, above)
        sheet.imshow(picture, extent=extent, interpolation="nearest", aspect="auto")
    bar = second + height + 0.05
    if scale:
        sheet.imshow(
            colour_bar(128, 4), extent=(left, left + width, bar + 0.07, bar), interpolation="nearest", aspect="auto"
        )
    ends = ((f"−{scale:.2g}", left, "left"), (f"+{scale:.2g}", left + width, "right")) if scale else ()
    for text, x, align in (*ends, ("0" if scale else "zero everywhere", left + width / 2, "center")):
        sheet.text(x, bar + 0.09, text, fontsize="small", va="top", ha=align)
