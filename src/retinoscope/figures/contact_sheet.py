"""Contact sheets of attribution: frames, and below each its map with a colour scale of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.canvas import to_rgb
from retinoscope.figures.overlay import colour_bar, overlay

WIDTH = 7.5
_MARGIN, _GAP, _TITLE, _HEADER, _BAR, _LINE = 0.12, 0.12, 0.36, 0.2, 0.32, 0.135
_SMALL, _NORMAL = 7.0, 8.0
_CHARACTERS_PER_LINE = 118


def contact_sheet(
    observations: np.ndarray,
    maps: np.ndarray,
    labels: Sequence[str],
    title: str,
    caption: str,
    units: str,
    columns: int = 4,
) -> Figure:
    """Draw frames with their maps, a diverging overlay centred on zero, each with its own scale.

    Args:
        observations: (frame, height, width, channel) uint8.
        maps: (frame, height, width), or with a channel axis, which is summed.
        labels: one per frame, short.
        title: of the figure.
        caption: what was measured, over how much, and how.
        units: of the maps.
        columns: frames side by side.

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
    tile_width = min((WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) / columns, 3.0)
    tile_height = tile_width * flat.shape[1] / flat.shape[2]
    row_height = _HEADER + 2 * tile_height + 0.04 + _BAR
    reading = _READING.format(units=f" ({units})" if units else "")
    text = textwrap.wrap(f"{caption} {reading}", _CHARACTERS_PER_LINE, break_on_hyphens=False)
    height = _TITLE + rows * row_height + _LINE * len(text) + 0.16
    figure = Figure(figsize=(WIDTH, height))
    panel = figure.add_axes((0, 0, 1, 1))
    panel.set(xlim=(0, WIDTH), ylim=(height, 0))
    panel.set_axis_off()
    panel.text(_MARGIN, 0.12, title, va="top", fontsize=10, weight="bold")
    for index, (observation, values) in enumerate(zip(observations, flat, strict=True)):
        row, column = divmod(index, columns)
        corner = (_MARGIN + column * (tile_width + _GAP), _TITLE + row * row_height + _HEADER)
        _draw_frame(panel, corner, (tile_width, tile_height), observation, values, labels[index])
    panel.text(_MARGIN, height - 0.06, "\n".join(text), va="bottom", fontsize=_NORMAL, linespacing=1.2)
    return figure


_READING = (
    "Above each pair its frame; below it the same frame in grey under the map: red raises the target, blue lowers it, "
    "and grey shines through where the map is near zero. Every frame has its own scale, its largest absolute "
    "value{units}."
)


def _draw_frame(
    panel: Axes,
    corner: tuple[float, float],
    size: tuple[float, float],
    observation: np.ndarray,
    values: np.ndarray,
    label: str,
) -> None:
    (left, top), (width, height) = corner, size
    scale = float(np.nanmax(np.abs(values), initial=0.0))
    panel.text(left, top - 0.04, label, fontsize=_SMALL, va="bottom", weight="bold")
    second = top + height + 0.04
    for picture, above in ((to_rgb(observation), top), (overlay(observation, np.nan_to_num(values), scale), second)):
        extent = (left, left + width, above + height, above)
        panel.imshow(picture, extent=extent, interpolation="nearest", aspect="auto")
    bar = second + height + 0.05
    if scale:
        panel.imshow(
            colour_bar(128, 4), extent=(left, left + width, bar + 0.07, bar), interpolation="nearest", aspect="auto"
        )
    ends = ((f"−{scale:.2g}", left, "left"), (f"+{scale:.2g}", left + width, "right")) if scale else ()
    for text, x, align in (*ends, ("0" if scale else "zero everywhere", left + width / 2, "center")):
        panel.text(x, bar + 0.09, text, fontsize=_SMALL, va="top", ha=align)
