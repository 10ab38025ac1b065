"""How much was learned: weights and fields beside those of before training, and how that came about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from retinoscope.figures.layer_names import name_layers, short_name
from retinoscope.figures.page import MARGIN, Page, Size, line_height, points, shortened, text_width
from retinoscope.figures.style import colour, require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["learned"]

_MARKERS = "os^Dv<>p"
# Inches: heights of the panels above and below, what is between them, what is below all.
_ABOVE, _BELOW, _BETWEEN, _LABELS = 2.35, 1.75, 0.42, 0.4
_SIDE = 0.5
_HALF_BAND = 0.36  # of the distance between two layers


@styled
def learned(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw correlations with before training by layer and unit, and share, norms and overlap against frames trained.

    Args:
        result: of the `learned` analysis.
        figsize: inches; None for the usual size.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "learned")
    data, layers = result.data, [str(each) for each in result.parameters["layers_drawn"]]
    fields = [str(each) for each in result.parameters["fields_of"]]
    page = Page(
        title_of(result, "How much was learned"),
        data.attrs["caption"] if caption else None,
        figsize,
        subtitle=data.attrs["summary"],
    )
    small = points("xtick.labelsize")
    wide = _widths(page, len(layers), len(fields))
    is_long = any(
        text_width(name, small) > 0.9 * each / len(names)
        for names, each in zip((layers, fields), wide, strict=True)
        for name in names
    )
    between = _BETWEEN + is_long * max(text_width(short_name(name), small) for name in (*layers, *fields))
    legend = _Legend([short_name(name) for name in layers], page.width - 2 * MARGIN - _SIDE)
    page.begin(_ABOVE + between + _BELOW + _LABELS + legend.height)
    room = page.height - between - _LABELS - legend.height
    above, below = room * _ABOVE / (_ABOVE + _BELOW), room * _BELOW / (_ABOVE + _BELOW)
    top = 2 * line_height(points("axes.titlesize")) + line_height(small)
    left = MARGIN + _SIDE
    _draw_weights(page.axes(left, top, wide[0], above - top), result, layers, wide[0])
    if fields:
        left += wide[0] + _SIDE + 0.05
        _draw_fields(page.axes(left, top, wide[1], above - top), result, fields, wide[1])
    for axes in page.figure.axes:
        names = layers if axes is page.figure.axes[0] else fields
        name_layers(axes, range(len(names)), names, is_long)
        axes.tick_params(axis="x", length=0)
    each = (page.width - 2 * MARGIN - _SIDE * 3) / 3
    panels = [page.axes(MARGIN + _SIDE + n * (each + _SIDE), above + between, each, below) for n in range(3)]
    _draw_course(panels, result, layers)
    legend.draw(page, panels[0], page.height - legend.height)
    return page.figure


def _widths(page: Page, layers: int, fields: int) -> tuple[float, float]:
    """Of the two upper panels, inches."""
    if not fields:
        return page.width - 2 * MARGIN - _SIDE, 0.0
    room = page.width - 2 * MARGIN - 2 * _SIDE - 0.05
    share = min(max(layers / (layers + fields), 0.4), 0.68)
    return room * share, room * (1 - share)


class _Legend:
    """Names of layers side by side, in as many rows as they need."""

    def __init__(self, names: Sequence[str], width: float) -> None:
        size = points("legend.fontsize")
        self._names = names
        self._columns = max(1, int(width / (max(text_width(name, size) for name in names) + 0.55)))
        self.height = -(-len(names) // self._columns) * line_height(size) * 1.5

    def draw(self, page: Page, axes: Axes, top: float) -> None:
        """Name the lines of these axes, from this place on, inches."""
        handles, _ = axes.get_legend_handles_labels()
        page.figure.legend(handles, self._names, ncols=self._columns, **page.legend_at(MARGIN + _SIDE, top))


def _draw_weights(axes: Axes, result: Result, layers: Sequence[str], width: float) -> None:
    data = result.data
    now = data.isel(checkpoint=int(data.attrs["this"]))
    for place, name in enumerate(layers):
        of = now.sel(layer=name)
        _draw_band(axes, place, float(of["untrained_unit_low"]), float(of["untrained_unit_high"]))
        _draw_dots(axes, place, data[f"{name}_correlation"].values)
        r = float(of["correlation"])
        if np.isfinite(r):
            axes.hlines(r, place - _HALF_BAND, place + _HALF_BAND, color=colour("negative"), linewidth=1.6, zorder=4)
            says, place_above = _percent(float(of["share_learned"])), axes.get_xaxis_transform()
            axes.text(place, 1.01, says, transform=place_above, ha="center", va="bottom", fontsize="small")
    _dress(axes, len(layers), "Weights: layers (bars), units (dots), share learned (above)", width)


def _draw_fields(axes: Axes, result: Result, layers: Sequence[str], width: float) -> None:
    for place, name in enumerate(layers):
        low, high = result.data[f"{name}_field_chance"].values
        _draw_band(axes, place, float(low), float(high))
        found = result.data[f"{name}_field_correlation"].values
        _draw_dots(axes, place, found)
        if np.isfinite(found).any():
            middle = float(np.nanmedian(found))
            axes.hlines(
                middle, place - _HALF_BAND, place + _HALF_BAND, color=colour("negative"), linewidth=1.6, zorder=4
            )
    _dress(axes, len(layers), "Fields: medians, units", width)


def _draw_band(axes: Axes, place: int, low: float, high: float) -> None:
    """Where chance lies, beneath all else."""
    if np.isfinite([low, high]).all():
        box = [place - _HALF_BAND, place + _HALF_BAND]
        axes.fill_between(box, low, high, color=colour("chance_band"), linewidth=0, zorder=0)


def _draw_dots(axes: Axes, place: int, values: NDArray[np.floating]) -> None:
    """One for each unit, side by side in their order."""
    across = np.linspace(-0.8, 0.8, len(values)) * _HALF_BAND if len(values) > 1 else np.zeros(1)
    axes.plot(place + across, values, ".", color=colour("positive"), markersize=2.6, alpha=0.75, zorder=3)


def _dress(axes: Axes, layers: int, title: str, width: float) -> None:
    axes.axhline(0, color=colour("chance"), linewidth=0.7, linestyle=":", zorder=1)
    lowest = min(axes.dataLim.y0, -0.2)
    axes.set(xlim=(-0.6, layers - 0.4), ylim=(lowest - 0.05, 1.05), ylabel="r with before training")
    size = points("axes.titlesize")
    axes.set_title(shortened(title, width, size), pad=2 * points("xtick.labelsize"))


def _draw_course(panels: Sequence[Axes], result: Result, layers: Sequence[str]) -> None:
    data = result.data
    frames = data["frames_trained"].values.astype(float)
    is_known = bool(np.isfinite(frames).all())
    places = frames / 1e6 if is_known else np.arange(len(frames))
    drawn = (
        ("share_learned", "share learned, %", 100.0),
        ("norm_growth", "norm ÷ norm before training", 1.0),
        ("subspace_overlap", "overlap of what is read", 1.0),
    )
    shades = series()
    for axes, (what, label, factor) in zip(panels, drawn, strict=True):
        for index, name in enumerate(layers):
            shown = shades[index % len(shades)]
            values = factor * data[what].sel(layer=name).values
            marker = _MARKERS[(index + index // len(shades)) % len(_MARKERS)]
            style = "-" if index < len(shades) else "--"
            size = 3.2 if len(places) < 30 else 0.0
            axes.plot(places, values, color=shown, marker=marker, markersize=size, linestyle=style, label=name)
            if what == "subspace_overlap" and np.isfinite(values).any():
                chance = float(data["subspace_overlap_by_chance"].sel(layer=name))
                axes.axhline(chance, color=shown, linewidth=0.8, linestyle=":")
        axes.set(xlabel="frames trained, millions" if is_known else "checkpoint", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=not is_known))
        if not np.isfinite(data[what].sel(layer=list(layers)).values).any():
            axes.text(0.5, 0.5, "every layer reads\nall of its input", transform=axes.transAxes, ha="center")
        if len(places) > 1:
            axes.axvline(places[int(data.attrs["this"])], color=shade(0.35), linewidth=0.7, zorder=0)
    panels[0].set_ylim(-4, 104)
    panels[1].set_ylim(0, 1.08 * max(panels[1].dataLim.y1, 1.0))
    panels[2].set_ylim(-0.04, 1.04)


def _percent(share: float) -> str:
    """Of a share, a label."""
    return f"{100 * share:.1f}%" if 0.0005 <= share < 0.00995 else f"{100 * share:.0f}%"
