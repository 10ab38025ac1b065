"""Tuning: which share of a layer is tuned to what, maps and curves of the best units, and what the view explains."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour, colour_map, framed, require, shade, styled, title_of
from retinoscope.figures.words import shortened
from retinoscope.result import Result

__all__ = ["tuning", "tuning_beyond_view", "tuning_of"]

AGENT, UNTRAINED = "agent", "untrained"
_OF_AGENT, _OF_UNTRAINED = 4, 2  # units shown of a layer


@styled
def tuning(result: Result, *, figsize: Size = None) -> Figure:
    """Draw the share of each layer that is tuned to each variable, and how much of its units that explains.

    Args:
        result: from `analyses.tuning`.
        figsize: inches; None for what the variables need.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "tuning")
    data, layers, names = result.data, layers_of(result), [str(each) for each in result.data["variable"].values]
    figure = Figure(figsize=figsize or (WIDTH, 1.5 + 0.5 * len(names)), layout="constrained")
    panels = figure.subplots(2, len(layers), squeeze=False, sharex="row", sharey=True)
    rows = np.arange(len(names))
    lowest, highest = -0.02, 0.05
    for column, layer in enumerate(layers):
        of_layer = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
        for network, filled, off in _looks(result, layer):
            chosen = of_layer.sel(network=network)
            tuned = chosen["is_tuned"].values.mean(axis=1)
            face = colour("positive") if filled else "none"
            edge = colour("positive") if filled else shade(0.6)
            panels[0, column].scatter(
                tuned, rows, s=26, marker="o" if filled else "D", facecolors=face, edgecolors=edge, label=network
            )
            for row in rows:
                values = chosen["alone"].values[row]
                values = np.sort(values[np.isfinite(values)])
                sideways = (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.3
                panels[1, column].scatter(values, row + off + sideways, s=5, color=edge, alpha=0.5, linewidths=0)
                if len(values):
                    highest = max(highest, float(values[-1]))
        panels[0, column].axvline(result.parameters["level"], color=colour("chance"), linestyle=":", linewidth=0.9)
        panels[0, column].set_title(f"{shortened(layer, 22)} (n = {of_layer.sizes['unit']})")
        panels[0, column].set(xlim=(-0.04, 1.04), xlabel="share of units tuned")
        panels[1, column].axvline(0, color=shade(0.4), linewidth=0.7)
        panels[1, column].set(xlim=(lowest, 1.05 * highest), xlabel="held-out variance explained")
    for axes in panels.ravel():
        axes.set_yticks(rows, [shortened(name, 26) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(axis="y", color=shade(0.12), linewidth=0.6)
        axes.set_axisbelow(True)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    titled(figure, title_of(result, "Tuning"))
    return figure


@styled
def tuning_of(result: Result, variable: str | None = None, *, figsize: Size = None) -> Figure:
    """Draw occupancy, and the units of each layer that a variable explains most, beside those of the untrained network.

    Args:
        result: from `analyses.tuning`.
        variable: its name; None for the first.
        figsize: inches; None for what the layers need.

    Raises:
        UserError: the result is of another analysis, or has no such variable.
    """
    require(result, "tuning")
    about = about_variable(result, variable)
    data, layers = result.data.sel(variable=about["name"]), layers_of(result)
    height = 1.25 if len(about["bins"]) == 2 else 1.1
    figure = Figure(figsize=figsize or (WIDTH, 1.75 + height * len(layers)), layout="constrained")
    rows: Any = figure.subfigures(2, 1, height_ratios=(1.35, height * len(layers) + 0.15))
    _draw_occupancy(rows[0].subplots(1, 2, width_ratios=(1, 3.2)), result, about, layers)
    parts = [rows[1]]
    if UNTRAINED in data["network"].values:
        parts = rows[1].subfigures(1, 2, width_ratios=(_OF_AGENT, _OF_UNTRAINED))
    for part, network, count in zip(parts, (AGENT, UNTRAINED), (_OF_AGENT, _OF_UNTRAINED), strict=False):
        panels = part.subplots(len(layers), count, squeeze=False)
        part.suptitle(network, fontsize="medium", fontweight="normal")
        of_network = data.sel(network=network)
        for row, layer in enumerate(layers):
            for axes in panels[row]:
                axes.set_axis_off()
            for axes, unit in zip(panels[row], best_units(of_network, layer, count), strict=False):
                axes.set_axis_on()
                one = of_network.isel(unit=unit)
                _draw(axes, one[f"{about['stored']}_rate"], result, about, None, network == AGENT)
                star = "" if bool(one["is_tuned"]) else " n.s."
                said = f"{shortened(layer, 10)} {int(one['unit_number'])}\nR² {float(one['alone']):.2f}{star}"
                axes.set_title(said.replace("-", "−"), fontsize="small")
    titled(figure, title_of(result, f"Tuning to {about['name']}"))
    return figure


def _draw_occupancy(panels: np.ndarray, result: Result, about: dict[str, Any], layers: list[str]) -> None:
    """Decisions in each bin, and beside them how many units are tuned."""
    axes, beside = panels
    occupancy = result.data[f"{about['stored']}_occupancy"]
    _draw(axes, occupancy.where(occupancy > 0), result, about, "cividis")
    axes.set_title(f"decisions in a bin, up to {int(occupancy.max()):,}", fontsize="small")
    axes.set_xlabel(about["labels"][0], fontsize="small")
    if len(about["bins"]) == 2:
        axes.set_ylabel(about["labels"][1], fontsize="small")
        for axis, name in ((axes.xaxis, f"{about['stored']}_0"), (axes.yaxis, f"{about['stored']}_1")):
            ends = result.data[name].values[[0, -1]]
            axis.set_ticks(ends, [f"{each:.3g}".replace("-", "−") for each in ends], fontsize="small")
    beside.set_axis_off()
    beside.text(0, 0.95, _counts(result, about, layers), transform=beside.transAxes, va="top")


@styled
def tuning_beyond_view(result: Result, *, figsize: Size = None) -> Figure:
    """Draw what each variable explains of the units beyond what is in view, against what it explains alone.

    Args:
        result: from `analyses.tuning`.
        figsize: inches; None for what the variables need.

    Raises:
        UserError: the result is of another analysis, or holds nothing of what is in view.
    """
    require(result, "tuning")
    data = result.data
    names = [str(each) for each in data["variable"].values if np.isfinite(data["beyond_view"].sel(variable=each)).any()]
    if not names:
        raise UserError("result of tuning: holds nothing of what is in view; record frames, or list objects")
    layers, columns = layers_of(result), min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=figsize or (WIDTH, 0.8 + 2.0 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    inks = [colour("positive"), colour("negative"), colour("middle"), shade(0.8), colour("obstacle"), shade(0.5)]
    for axes, name in zip(panels, names, strict=False):
        of_variable = data.sel(variable=name)
        for network, filled in ((UNTRAINED, False), (AGENT, True)):
            if network not in data["network"].values:
                continue
            for number, layer in enumerate(layers):
                chosen = of_variable.sel(network=network).isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
                ink = inks[number % len(inks)]
                looks: dict[str, Any] = (
                    {"color": ink, "marker": "o", "s": 9, "linewidths": 0, "alpha": 0.75, "label": shortened(layer, 18)}
                    if filled
                    else {"edgecolors": ink, "facecolors": "none", "marker": "D", "s": 8, "linewidths": 0.5}
                )
                axes.scatter(chosen["alone"].values, chosen["beyond_view"].values, **looks)
        low, high = axes.get_xlim()
        axes.plot([0, high], [0, high], color=shade(0.35), linewidth=0.7, linestyle=":", scalex=False, scaley=False)
        axes.axhline(0, color=shade(0.4), linewidth=0.7)
        axes.set(xlim=(min(low, 0.0), high), title=shortened(name, 24))
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    figure.supxlabel("held-out variance explained by the variable alone")
    figure.supylabel("beyond what is in view")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=min(4, len(labels)))
    titled(figure, title_of(result, "Tuning beyond the view"))
    return figure


def layers_of(result: Result) -> list[str]:
    """Names of the layers, in order; components are the last."""
    return list(dict.fromkeys(map(str, result.data["unit_layer"].values)))


def about_variable(result: Result, variable: str | None) -> dict[str, Any]:
    """What is known of a variable.

    Raises:
        UserError: there is none of that name.
    """
    listed: list[dict[str, Any]] = json.loads(result.data.attrs["variables"])
    found = [each for each in listed if variable in (None, each["name"])]
    if not found:
        raise UserError(f"variable {variable!r}: is not in this result; it has {', '.join(e['name'] for e in listed)}")
    return found[0]


def best_units(of_variable: Any, layer: str, count: int) -> list[int]:
    """Places of the units of a layer that a variable explains most, those that are tuned to it first."""
    there = np.flatnonzero(of_variable["unit_layer"].values == layer)
    alone = of_variable["alone"].values[there]
    there, alone = there[np.isfinite(alone)], alone[np.isfinite(alone)]
    tuned = of_variable["is_tuned"].values[there]
    return [int(each) for each in there[np.lexsort((-alone, ~tuned))][:count]]


def _looks(result: Result, layer: str) -> list[tuple[str, bool, float]]:
    """Networks that have a layer: whether they are drawn filled, and how far aside."""
    found = []
    for network, filled, off in ((UNTRAINED, False, 0.22), (AGENT, True, -0.2)):
        if network in result.data["network"].values:
            p = result.data["p"].sel(network=network).values[:, result.data["unit_layer"].values == layer]
            if np.isfinite(p).any():
                found.append((network, filled, off))
    return found


def _counts(result: Result, about: dict[str, Any], layers: list[str]) -> str:
    data = result.data.sel(variable=about["name"])
    lines = []
    for layer in layers:
        of_layer = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
        parts = [
            f"{int(of_layer['is_tuned'].sel(network=network).sum())} of {of_layer.sizes['unit']}"
            + (" untrained" if network == UNTRAINED else "")
            for network, _, _ in reversed(_looks(result, layer))
        ]
        lines.append(f"{shortened(layer, 24)}: tuned {', '.join(parts)}")
    return "\n".join(lines[:8])


def _draw(
    axes: Axes, rates: Any, result: Result, about: dict[str, Any], shades: str | None, is_agent: bool = True
) -> None:
    along = [result.data[f"{about['stored']}_{axis}"].values for axis in range(len(about["bins"]))]
    if len(along) == 2:
        axes.set_facecolor(shade(0.2))
        cmap = colour_map("sequential") if shades is None else shades
        ends = [_ends(each) for each in along]
        axes.imshow(
            rates.values.T, origin="lower", extent=(*ends[0], *ends[1]), cmap=cmap, interpolation="nearest",
            aspect="equal" if about["kind"] == "place" else "auto",
        )  # fmt: skip
        framed(axes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    ink = colour("positive") if is_agent else shade(0.6)
    if shades is not None:
        axes.bar(along[0], rates.values, width=np.diff(_ends(along[0]))[0] / len(along[0]), color=shade(0.45))
    else:
        axes.plot(along[0], rates.values, color=ink, marker=".", markersize=3)
    axes.locator_params(axis="y", nbins=3)
    axes.set_xticks([0, 180, 360] if about["kind"] == "heading" else along[0][[0, -1]])
    axes.xaxis.set_major_formatter("{x:.3g}")


def _ends(middles: np.ndarray) -> tuple[float, float]:
    step = (middles[-1] - middles[0]) / max(1, len(middles) - 1)
    return float(middles[0] - step / 2), float(middles[-1] + step / 2)
