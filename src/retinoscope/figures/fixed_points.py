"""Fixed and slow points of a memory: where they lie among its states, and how fast deviations from them die out."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from retinoscope.figures.page import Page, Size, points, shortened
from retinoscope.figures.pictures import Pictures
from retinoscope.figures.style import colour, framed, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["fixed_points", "fixed_points_spectra"]

_MOST_HELD = 6
_MOST_PATHS = 12
_MARKS: dict[str, dict[str, Any]] = {
    "stable": {"marker": "o", "colour": "positive", "is_filled": True},
    "unstable": {"marker": "D", "colour": "negative", "is_filled": False},
    "slow": {"marker": "s", "colour": "middle", "is_filled": False},
}
_SAID = {"stable": "fixed, stable", "unstable": "fixed, with directions that grow", "slow": "slow"}


@styled
def fixed_points(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Points under every input, in the first two components of the memory, over recorded trajectories.

    Args:
        result: of the `fixed_points` analysis.
        figsize: inches; None for what inputs and networks need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "fixed_points")
    data, pictures = result.data, Pictures.of(result.data)
    held = [str(each) for each in data["held"].values][:_MOST_HELD]
    held = held if str(data["held"].values[-1]) in held else [*held[:-1], str(data["held"].values[-1])]
    networks = [str(each) for each in data["network"].values]
    left, between, legend = 0.55, 0.12, 0.3
    said = f"{data.attrs['caption']} {_reading(data)}" if caption else None
    page = Page(title_of(result, "Where the memory stands still"), said, figsize)
    wide = (page.width - left - 0.1 - between * (len(held) - 1)) / len(held)
    height, width = data["view"].shape[1:3]
    picture = min(wide * height / width, 1.1)
    above = picture + 0.42
    page.begin(above + len(networks) * (wide + 0.55) + legend)
    tall = (page.height - above - legend) / len(networks) - 0.55
    for column, name in enumerate(held):
        x = left + column * (wide + between)
        axes = page.axes(x, 0.34, wide, picture)
        place = data["held"].values.tolist().index(name)
        axes.imshow(pictures.shown(data["view"].values[place]), aspect="equal")
        axes.set(xticks=[], yticks=[])
        framed(axes)
        size = points("axes.titlesize")
        page.text(x + wide / 2, 0.02, shortened(name, wide, size), ha="center", fontsize=size)
        page.text(x + wide / 2, 0.18, _share(data, place), ha="center", color=shade(0.6))
    for row, network in enumerate(networks):
        shares = data["variance_share"].values[row]
        for column, name in enumerate(held):
            x = left + column * (wide + between)
            axes = page.axes(x, above + row * (tall + 0.55) + 0.2, wide, tall)
            _draw_plane(axes, data, row, network, name)
            if column:
                axes.set_yticklabels([])
            else:
                axes.set_ylabel(f"2nd component ({shares[1]:.0%})")
                axes.set_xlabel(f"1st component ({shares[0]:.0%})", loc="left")
                page.text(left, above + row * (tall + 0.55), network, weight="bold")
    handles = [_handle(kind) for kind in _MARKS]
    handles.append(Line2D([], [], color=shade(0.35), linewidth=0.6, label="recorded"))
    page.figure.legend(handles=handles, ncols=4, **page.legend_at(left, page.height - 0.22))
    return page.figure


@styled
def fixed_points_spectra(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Eigenvalues of the Jacobian at every point, and the time constants of the directions that decay slowest.

    Args:
        result: of the `fixed_points` analysis.
        figsize: inches; None for what the networks need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "fixed_points")
    data = result.data
    networks = [str(each) for each in data["network"].values]
    reading = (
        "Left: eigenvalues; within the circle deviations die out, off the real axis they turn. Right: time constants "
        "of the directions that decay slowest, −1/ln|eigenvalue|, one line for each point; directions that grow have "
        "none."
    )
    said = f"{data.attrs['caption']} {reading}" if caption else None
    page = Page(title_of(result, "How fast deviations die out"), said, figsize)
    page.begin(2.55)
    count = len(networks)
    square = min(page.height - 0.9, (page.width * 0.62 - 0.7) / count - 0.15)
    for place, network in enumerate(networks):
        axes = page.axes(0.55 + place * (square + 0.15), 0.25, square, square)
        _draw_eigenvalues(axes, data.isel(point=np.flatnonzero(data["point_network"].values == network)))
        axes.set_title(network)
        axes.set_xlabel("real part")
        if place:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("imaginary part")
    x = 0.55 + count * (square + 0.15) + 0.55
    axes = page.axes(x, 0.25, page.width - x - 0.12, square)
    _draw_time_constants(axes, data, networks)
    handles = [_handle(kind) for kind in _MARKS if kind in data["kind"].values]
    page.figure.legend(handles=handles, ncols=3, **page.legend_at(0.55, page.height - 0.22))
    return page.figure


def _reading(data: xarray.Dataset) -> str:
    more = "" if data.sizes["held"] <= _MOST_HELD else f" Of {data.sizes['held']} inputs {_MOST_HELD} are shown."
    mean = "; the mean input is the mean of the encoder's output, shown by the mean view"
    has_mean = bool((data["view_row"].values < 0).any())
    return (
        "Size of a mark: share of the starting states that led there. Bars through points: the direction that decays "
        f"slowest. Above: what is held{mean if has_mean else ''}.{more}"
    )


def _share(data: xarray.Dataset, place: int) -> str:
    share = float(data["view_share"].values[place])
    row = int(data["view_row"].values[place])
    return "" if row < 0 else f"row {row}" + (f", {share:.0%}" if np.isfinite(share) else "")


def _handle(kind: str) -> Line2D:
    mark = _MARKS[kind]
    face = colour(mark["colour"]) if mark["is_filled"] else shade(0)
    return Line2D(
        [], [], linestyle="", marker=mark["marker"], markersize=4, markerfacecolor=face,
        markeredgecolor=colour(mark["colour"]), label=_SAID[kind],
    )  # fmt: skip


def _draw_plane(axes: Axes, data: xarray.Dataset, row: int, network: str, held: str) -> None:
    paths = data["trajectory"].values[row]
    for each in paths[:: max(1, len(paths) // _MOST_PATHS)]:
        axes.plot(each[:, 0], each[:, 1], color=shade(0.3), linewidth=0.4, alpha=0.6, zorder=1)
    chosen = (data["point_network"].values == network) & (data["point_input"].values == held)
    all_places = data["place"].values[data["point_network"].values == network]
    span = np.concatenate([paths.reshape(-1, paths.shape[-1]), all_places])[:, :2]
    low, high = span.min(axis=0), span.max(axis=0)
    room = np.maximum(0.06 * (high - low), 1e-6)
    length = 0.15 * float((high - low).max())
    for point in np.flatnonzero(chosen)[::-1]:
        place, along = data["place"].values[point], data["slow_in_plane"].values[point, :2]
        mark = _MARKS[str(data["kind"].values[point])]
        if np.linalg.norm(along) > 0.05:
            ends = place[:2] + np.array([[-1], [1]]) * along * length
            axes.plot(ends[:, 0], ends[:, 1], color=colour(mark["colour"]), linewidth=1.1, zorder=2)
        face = colour(mark["colour"]) if mark["is_filled"] else shade(0)
        size = 7 + 40 * float(data["starts"].values[point])
        axes.scatter(
            place[0], place[1], s=size, marker=mark["marker"], facecolors=face, edgecolors=colour(mark["colour"]),
            linewidths=0.9, zorder=3,
        )  # fmt: skip
    axes.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]))
    axes.locator_params(nbins=3)


def _draw_eigenvalues(axes: Axes, data: xarray.Dataset) -> None:
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=shade(0.5), linewidth=0.6))
    axes.axhline(0, color=shade(0.25), linewidth=0.5, zorder=0)
    largest = 1.0
    for kind, mark in _MARKS.items():
        here = data.isel(point=np.flatnonzero(data["kind"].values == kind))
        real, imaginary = here["eigenvalue_real"].values.ravel(), here["eigenvalue_imaginary"].values.ravel()
        if len(real):
            largest = max(largest, float(np.abs(real).max()), float(np.abs(imaginary).max()))
            axes.scatter(
                real, imaginary, s=5, marker=mark["marker"], facecolors="none", edgecolors=colour(mark["colour"]),
                linewidths=0.5, alpha=0.7,
            )  # fmt: skip
    axes.set(xlim=(-1.08 * largest, 1.08 * largest), ylim=(-1.08 * largest, 1.08 * largest), aspect="equal")
    axes.locator_params(nbins=5)


def _draw_time_constants(axes: Axes, data: xarray.Dataset, networks: list[str]) -> None:
    inks = (colour("positive"), colour("chance"))
    for place, network in enumerate(networks):
        here = data["time_constant"].values[data["point_network"].values == network][:, :12]
        for number, each in enumerate(here):
            decays = np.where((each > 0) & np.isfinite(each), each, np.nan)
            label = network if number == 0 else None
            style = "-" if place == 0 else "--"
            axes.plot(
                np.arange(1, len(each) + 1), decays, color=inks[place], linestyle=style, linewidth=0.7, alpha=0.6,
                label=label, zorder=3 - place, marker=".", markersize=2,
            )  # fmt: skip
    axes.set(yscale="log", xlabel="direction, slowest first", ylabel="time constant (decisions)")
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper right")
