"""What is remembered: scores by delay of every layer, and what the memory adds to the present."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour, require, series, shade, styled, title_of
from retinoscope.figures.words import shortened
from retinoscope.result import Result

__all__ = ["memory_decoding", "memory_decoding_added"]

AGENT, UNTRAINED = "agent", "untrained"
PRESENT, BOTH = "present", "present and memory"
_COLUMNS = 3


@styled
def memory_decoding(result: Result, *, figsize: Size = None) -> Figure:
    """Draw how well each target is read out of every layer, by delay.

    Args:
        result: from `analyses.memory_decoding`.
        figsize: inches; None for what the targets need.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "memory_decoding")
    data, inks = result.data, series()
    figure, panels = _panels(result, figsize)
    for axes, about in zip(panels, json.loads(data.attrs["targets"]), strict=False):
        of_target = data.sel(target=about["name"])
        is_class = bool(about["classes"])
        chance = float(of_target["by_chance"])
        axes.axhline(chance, color=colour("chance"), linestyle=":", linewidth=0.9, label="chance")
        for number, source in enumerate(map(str, data["source"].values)):
            values = of_target["score"].sel(network=AGENT, source=source).values
            looks: dict[str, Any] = {"color": inks[(number + 1) % len(inks)], "linewidth": 1.0, "marker": "."}
            if source == PRESENT:
                looks = {"color": shade(0.55), "linewidth": 1.6}
            elif source == BOTH:
                looks = {"color": shade(1.0), "linewidth": 1.6, "marker": "o", "markersize": 3}
            _curve(axes, data, values, label=shortened(source, 22), **looks)
        if UNTRAINED in data["network"].values:
            values = of_target["score"].sel(network=UNTRAINED, source=BOTH).values
            _curve(axes, data, values, label=f"{BOTH}, untrained", color=shade(1.0), linestyle="--", linewidth=0.9)
        known = of_target["score"].values[np.isfinite(of_target["score"].values)]
        low = min(chance, float(known.min(initial=chance)))
        axes.set_ylim(max(low, chance - 0.25) - 0.02, max(chance + 0.05, float(known.max(initial=chance))) + 0.03)
        _finish(axes, data, about, "balanced accuracy" if is_class else "R², held out")
    _legend(figure, panels)
    titled(figure, title_of(result, "What layers tell of what is not in view"))
    return figure


@styled
def memory_decoding_added(result: Result, *, figsize: Size = None) -> Figure:
    """Draw what the memory adds to frame and encoder, by delay, and how long it lasts.

    Args:
        result: from `analyses.memory_decoding`.
        figsize: inches; None for what the targets need.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "memory_decoding")
    data = result.data
    figure, panels = _panels(result, figsize)
    for axes, about in zip(panels, json.loads(data.attrs["targets"]), strict=False):
        of_target = data.sel(target=about["name"])
        places = np.arange(data.sizes["delay"])
        by_chance = (of_target[f"added_chance_{end}"].values for end in ("low", "high"))
        axes.fill_between(places, *by_chance, color=colour("chance_band"), linewidth=0, label="memory shifted")
        axes.axhline(0, color=colour("chance"), linewidth=0.7)
        looks = ((UNTRAINED, shade(0.55), "--"), (AGENT, colour("positive"), "-"))
        for network, ink, line in looks:
            if network not in data["network"].values:
                continue
            one = of_target.sel(network=network)
            axes.fill_between(
                places, one["added_low"].values, one["added_high"].values, color=ink, alpha=0.2, linewidth=0
            )
            _curve(
                axes, data, one["added"].values, color=ink, linestyle=line, marker="o", markersize=2.5, label=network
            )
        values = of_target["added"].sel(network=AGENT).values
        is_there = (of_target["p"].values <= result.parameters["level"]) & (values > 0)
        axes.plot(
            places[is_there], values[is_there], "o", color=colour("positive"), markersize=5, markerfacecolor="none",
            label=f"added, p ≤ {result.parameters['level']:g}",
        )  # fmt: skip
        _finish(axes, data, about, "added by the memory")
        axes.text(0.98, 0.97, _lasting(of_target), transform=axes.transAxes, ha="right", va="top", fontsize="small")
        low, top = axes.get_ylim()
        axes.set_ylim(low, top + 0.25 * (top - low))
    _legend(figure, panels)
    titled(figure, title_of(result, "What the memory adds to the present"))
    return figure


def _panels(result: Result, figsize: Size) -> tuple[Figure, np.ndarray]:
    count = result.data.sizes["target"]
    columns = min(_COLUMNS, count)
    rows = -(-count // columns)
    figure = Figure(figsize=figsize or (WIDTH, 0.9 + 1.75 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[count:]:
        axes.set_axis_off()
    return figure, panels


def _curve(axes: Axes, data: Any, values: np.ndarray, **looks: Any) -> None:
    axes.plot(np.arange(data.sizes["delay"]), values, **looks)


def _finish(axes: Axes, data: Any, about: dict[str, Any], label: str) -> None:
    delays = data["delay"].values
    shown = np.arange(0, len(delays), max(1, -(-len(delays) // 7)))
    axes.set_xticks(shown, delays[shown])
    axes.set_xlim(-0.3, len(delays) - 0.7)
    axes.set_title(shortened(about["name"], 34))
    ahead = "until then" if about["is_to_come"] else "since"
    axes.set(xlabel=f"decisions {ahead}", ylabel=label)


def _lasting(of_target: Any) -> str:
    lasts, half = float(of_target["lasts"]), float(of_target["half_life"])
    if np.isnan(lasts):
        return "adds nothing at first"
    said = f"lasts {lasts:.0f}"
    return f"{said}, half-life {half:.1f}" if np.isfinite(half) else f"{said}, half never gone"


def _legend(figure: Figure, panels: np.ndarray) -> None:
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
