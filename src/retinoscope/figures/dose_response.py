"""Dose and response: what the actor does when the memory is pushed along directions, beside random ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.figures.page import Page, Size, points, shortened
from retinoscope.figures.style import colour, colours, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["dose_response", "dose_response_afterwards", "dose_response_outputs"]

_COLUMNS = 4
_PANEL, _BETWEEN = 1.0, 0.36
_MOST_DIRECTIONS = 24
_MOST_OUTPUTS = 9
_MARKERS = "os^Dv<>Xp"
_LEAST = 1e-4  # divergence that is drawn, nats


@styled
def dose_response(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Divergence of the actions from those unedited over doses, a panel for each direction.

    Args:
        result: of the `dose_response` analysis.
        figsize: inches; None for what the directions need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "dose_response")
    reading = (
        "Blue, with its band: pushed along the direction. Grey: the mean over its random directions; light grey "
        "reaches up to the largest of them. Dashed: the untrained network."
    )
    ink, grey, other = colour("positive"), colour("chance"), colour("negative")
    data = result.data

    def draw(axes: Axes, at: xarray.Dataset) -> None:
        doses = at["dose"].values
        order = np.argsort(doses)
        most = at["random_divergence_most"].values[order]
        axes.fill_between(doses[order], 0, most, color=colour("chance_band"), alpha=0.6, linewidth=0)
        axes.plot(doses[order], at["random_divergence"].values[order], color=grey, linewidth=0.9)
        axes.plot(doses[order], at["untrained_divergence"].values[order], color=other, linewidth=0.9, linestyle="--")
        _band(axes, doses[order], at, "divergence", order, ink)

    handles = [
        Line2D([], [], color=ink, linewidth=1.3, label="along it"),
        Line2D([], [], color=grey, linewidth=0.9, label="random directions"),
    ]
    if np.isfinite(data["untrained_divergence"].values).any():
        handles.append(Line2D([], [], color=other, linewidth=0.9, linestyle="--", label="untrained network"))
    return _panels(
        result, "Pushing the memory: how much else is done", reading, draw, handles, "dose (s.d.)",
        "divergence of actions (nats)", figsize, caption, "root",
    )  # fmt: skip


@styled
def dose_response_outputs(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Change of every output's probability over doses, a panel for each direction.

    Args:
        result: of the `dose_response` analysis.
        figsize: inches; None for what the directions need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "dose_response")
    size = np.nanmax(np.abs(result.data["change"].values), axis=(0, 1))
    shown = np.sort(np.argsort(-size, kind="stable")[:_MOST_OUTPUTS])
    names = [str(each) for each in result.data["output"].values[shown]]
    inks = colours("many")
    reading = "Bands: 95% intervals. Change of an action's probability (of the numbers, where actions are continuous)."
    if len(size) > len(shown):
        reading += f" Of {len(size)} outputs those that change most."

    def draw(axes: Axes, at: xarray.Dataset) -> None:
        doses = at["dose"].values
        order = np.argsort(doses)
        axes.axhline(0, color=shade(0.4), linewidth=0.6)
        for number, place in enumerate(shown):
            one = at.isel(output=place)
            _band(axes, doses[order], one, "change", order, inks[number % len(inks)], _MARKERS[number % len(_MARKERS)])

    handles = [
        Line2D([], [], color=inks[each % len(inks)], marker=_MARKERS[each % len(_MARKERS)], markersize=3, label=name)
        for each, name in enumerate(names)
    ]
    title = "Pushing the memory: what is done"
    return _panels(result, title, reading, draw, handles, "dose (s.d.)", "change of probability", figsize, caption)


@styled
def dose_response_afterwards(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """How long the actions differ after one push, and after a state was patched, a panel for each direction.

    Args:
        result: of the `dose_response` analysis.
        figsize: inches; None for what the directions need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "dose_response")
    ink, other, grey = colour("positive"), colour("negative"), colour("chance")
    dose = float(result.data["dose"].max())
    reading = (
        f"Blue: {dose:+g} s.d. were added once, at decision 0, and the views that followed were shown. Orange: the "
        "part of the state along the direction was taken from a decision of another episode; dotted, in black: all of "
        "the state. Grey: along random directions, dashed where patched."
    )

    def draw(axes: Axes, at: xarray.Dataset) -> None:
        lags = at["lag"].values
        axes.plot(lags, at["patched_whole"].values, color=shade(1), linewidth=0.9, linestyle=":")
        for name, each in (("steered", ink), ("patched", other)):
            axes.plot(
                lags,
                at[f"random_{name}"].values,
                color=grey,
                linewidth=0.8,
                linestyle="-" if name == "steered" else "--",
            )
            _band(axes, lags, at, name, np.arange(len(lags)), each, "")

    handles = [
        Line2D([], [], color=ink, linewidth=1.3, label=f"{dose:+g} s.d. added once"),
        Line2D([], [], color=other, linewidth=1.3, label="part patched"),
        Line2D([], [], color=shade(1), linewidth=0.9, linestyle=":", label="all patched"),
        Line2D([], [], color=grey, linewidth=0.8, label="random"),
    ]
    return _panels(
        result, "Pushed once, and patched: how long it lasts", reading, draw, handles, "decisions since then",
        "divergence of actions (nats)", figsize, caption, "log",
    )  # fmt: skip


def _band(
    axes: Axes, x: np.ndarray, at: xarray.Dataset, name: str, order: np.ndarray, ink: str, marker: str = "o"
) -> None:
    estimate, low, high = (at[f"{name}{end}"].values[order] for end in ("", "_low", "_high"))
    axes.fill_between(x, low, high, color=ink, alpha=0.2, linewidth=0)
    axes.plot(x, estimate, color=ink, linewidth=1.2, marker=marker, markersize=2.2)


def _panels(
    result: Result,
    title: str,
    reading: str,
    draw: Callable[[Axes, xarray.Dataset], None],
    handles: list[Line2D],
    x_label: str,
    y_label: str,
    figsize: Size,
    caption: bool,
    scale: Literal["linear", "root", "log"] = "linear",
) -> Figure:
    """A panel for each direction, all of one scale; the root of a divergence grows with the dose, near none."""
    data = result.data
    names = [str(each) for each in data["direction"].values]
    if len(names) > _MOST_DIRECTIONS:
        # Those that move most, in their order.
        size = np.nan_to_num(data["divergence"].values.mean(axis=1))
        kept = np.sort(np.argsort(-size, kind="stable")[:_MOST_DIRECTIONS])
        reading += f" Of {len(names)} directions the {_MOST_DIRECTIONS} that move the actions most."
        data, names = data.isel(direction=kept), [names[each] for each in kept]
    across = min(_COLUMNS, len(names))
    rows = -(-len(names) // across)
    page = Page(title_of(result, title), f"{data.attrs['caption']} {reading}" if caption else None, figsize)
    legend = 0.3 + 0.17 * (-(-len(handles) // 4) - 1)
    page.begin(rows * (_PANEL + _BETWEEN) + 0.3 + legend)
    tall = (page.height - 0.3 - legend) / rows - _BETWEEN
    left, wide = 0.62, (page.width - 0.62 - 0.12) / across
    panel = min(wide - 0.12, 2.6)
    first: Axes | None = None
    for place, name in enumerate(names):
        row, column = divmod(place, across)
        axes = page.axes(left + column * wide, 0.22 + row * (tall + _BETWEEN), panel, tall)
        if first is not None:
            axes.sharey(first)
        first = first or axes
        draw(axes, data.isel(direction=place))
        if scale == "root":
            axes.set_yscale("function", functions=(_root, np.square))
        elif scale == "log":
            axes.set_yscale("log")
        p = float(data["p"].values[place])
        said = f"{name.replace(':', ' ')}" + (f", p {p:.2g}" if np.isfinite(p) else "")
        axes.set_title(shortened(said, panel, points("axes.titlesize")))
        axes.locator_params(axis="x", nbins=4)
        if scale != "log":
            axes.locator_params(axis="y", nbins=4)
        if column:
            axes.tick_params(labelleft=False)
        if place + across < len(names):
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel(x_label)
    if first is not None and scale != "linear":
        first.set_ylim(0 if scale == "root" else _LEAST, None)
    page.figure.text(
        *_left_middle(page), y_label, rotation=90, va="center", ha="left", fontsize=points("axes.labelsize")
    )
    page.figure.legend(handles=handles, ncols=4, **page.legend_at(left, page.height - legend + 0.08))
    return page.figure


def _root(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(values, 0))


def _left_middle(page: Page) -> tuple[float, float]:
    x, y, _, height = page.box(0.08, 0, 0.1, page.height)
    return x, y + height / 2
