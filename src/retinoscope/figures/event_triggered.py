"""Activity around events: all units, the units most tied to them, and what was claimed of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.event_marks import SIDES
from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour, colour_map, colours, framed, require, series, shade, styled, title_of
from retinoscope.figures.words import shortened, words_of
from retinoscope.result import Result

__all__ = ["event_triggered", "event_triggered_claims", "event_triggered_units"]

_LINES: tuple[Any, ...] = ("-", (0, (4, 2)), ":", "-.", (0, (1, 1, 4, 1)), (0, (6, 1)))
_MARKERS = "os^Dv"
_SHOWN_UNITS = 6


@styled
def event_triggered(result: Result, *, figsize: Size = None) -> Figure:
    """Draw the activity of all units of all layers around events, each kind in a row.

    Colour is the mean over events in standard deviations of its shuffled mean, units sorted by their score before
    events of the first kind that was frequent enough. Ticks at the left edge mark units that differ
    from chance before the event, at the right edge after it.

    Args:
        result: of the `event_triggered` analysis.
        figsize: inches; None for what the kinds of events need.

    Raises:
        UserError: the result is of another analysis.
    """
    data, kinds = _data(result), _kinds(result)
    layers = [str(layer) for layer in data["layer"].values]
    figure = Figure(figsize=figsize or (WIDTH, 1.1 + 2.1 * len(kinds)), layout="constrained")
    panels = figure.subplots(len(kinds), len(layers), squeeze=False, sharex=True)
    scores = {(layer, kind): _scores(result, layer, kind) for layer in layers for kind in kinds}
    limit = max(3.0, np.floor(np.quantile(np.concatenate([np.abs(each).ravel() for each in scores.values()]), 0.98)))
    for column, layer in enumerate(layers):
        order = np.argsort(-np.nan_to_num(data[f"{layer}_score"].sel(kind=kinds[0], side="before").values))
        for row, kind in enumerate(kinds):
            axes = panels[row, column]
            _draw_units(axes, result, scores[layer, kind][:, order], float(limit))
            _mark_locked(axes, data[f"{layer}_p"].sel(kind=kind).values[:, order] <= result.parameters["level"])
            if not row:
                axes.set_title(shortened(layer, max(8, 80 // len(layers))))
            if not column:
                count = int(data["events"].sel(kind=kind))
                axes.set_ylabel(f"{shortened(kind, 24)} (n = {count:,})\nunit, sorted")
    figure.supxlabel(_time_label(data))
    shades = ScalarMappable(Normalize(-limit, limit), colour_map("diverging"))
    bar = figure.colorbar(shades, ax=panels, extend="both", shrink=0.6, aspect=35, pad=0.01)
    bar.set_label("mean activity, s.d. of shuffled")
    titled(figure, title_of(result, f"All units around {words_of(data).events}"))
    return figure


@styled
def event_triggered_units(result: Result, layer: str | None = None, *, figsize: Size = None) -> Figure:
    """Draw the units of a layer whose mean before an event of the first kind is farthest from chance, either way.

    Args:
        result: of the `event_triggered` analysis.
        layer: whose units; None for the encoder's output, or the last layer.
        figsize: inches; None for what six units need.

    Raises:
        UserError: the result is of another analysis or has no such layer.
    """
    data, kinds, looks = _data(result), _kinds(result), _looks(result)
    is_map = data.attrs.get("encoded_is_map", 0)  # whose units are not told apart
    layer = layer or (not is_map and data.attrs["encoded"]) or str(data["layer"].values[-1])
    if f"{layer}_mean" not in data:
        raise UserError(f"layer {layer!r}: is not in this result; it has {', '.join(map(str, data['layer'].values))}")
    scores = np.nan_to_num(data[f"{layer}_score"].sel(kind=kinds[0], side="before").values)
    chosen = np.argsort(-np.abs(scores), kind="stable")[:_SHOWN_UNITS]
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
    figure = Figure(figsize=figsize or (WIDTH, 4.2), layout="constrained")
    panels = figure.subplots(2, _SHOWN_UNITS // 2, sharex=True).ravel()
    seconds = data["seconds"].values
    for axes, unit in zip(panels, chosen, strict=False):
        for kind in kinds:
            low, mean, high = (
                data[f"{layer}_{name}"].sel(kind=kind).values[:, unit] for name in ("low", "mean", "high")
            )
            ink, line = looks[kind]
            axes.fill_between(seconds, low, high, color=ink, alpha=0.25, linewidth=0)
            axes.plot(seconds, mean, linewidth=1.3, label=kind, color=ink, linestyle=line)
        band = [float(data[f"{layer}_shuffled_{name}"].sel(kind=kinds[0])[unit]) for name in ("low", "high")]
        axes.axhspan(*band, color=colour("chance"), alpha=0.35, linewidth=0, label=f"shuffled ({kinds[0]})")
        axes.axvline(0, color=shade(0.7), linewidth=0.8)
        axes.set_title(f"{shortened(layer, 24)} {unit}")
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    figure.supxlabel(_time_label(data))
    figure.supylabel("activity")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=min(4, len(labels)))
    return figure


@styled
def event_triggered_claims(result: Result, *, figsize: Size = None) -> Figure:
    """Draw which share of each layer is tied to events, and how well an event of the first kind is predicted.

    Args:
        result: of the `event_triggered` analysis.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "event_triggered")
    figure = Figure(figsize=figsize or (WIDTH, 3.4), layout="constrained")
    shares, prediction = figure.subplots(1, 2, width_ratios=(1.35, 1))
    _draw_shares(shares, result)
    _draw_prediction(prediction, result)
    return figure


def _data(result: Result) -> Any:
    require(result, "event_triggered")
    return result.data


def _kinds(result: Result) -> list[str]:
    fewest = int(result.parameters["fewest_events"])
    return [str(kind) for kind in result.data["kind"].values if int(result.data["events"].sel(kind=kind)) >= fewest]


def _looks(result: Result) -> dict[str, tuple[str, Any]]:
    """Colour and line of every kind: those of good and bad, or, of single events, one after the other."""
    kinds = [str(kind) for kind in result.data["kind"].values]
    inks = [colour(side.colour) for side in SIDES[:2]] if result.data.attrs["kinds_are_sides"] else colours("many")
    return dict(zip(kinds, zip(inks, _LINES, strict=False), strict=False))


def _time_label(data: xarray.Dataset) -> str:
    return f"time from the {words_of(data).event} ({data.attrs['clock_units']})"


def _scores(result: Result, layer: str, kind: str) -> np.ndarray:
    """(lag, unit) mean activity in standard deviations of its shuffled mean."""
    data = result.data.sel(kind=kind)
    centre, low, high = (data[f"{layer}_shuffled_{name}"].values for name in ("mean", "low", "high"))
    # 95% of a normal distribution are within 1.96 standard deviations.
    deviation = (high - low) / (2 * 1.96)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(deviation > 0, (data[f"{layer}_mean"].values - centre) / deviation, 0)


def _draw_units(axes: Axes, result: Result, scores: np.ndarray, limit: float) -> None:
    data = result.data
    half = data.attrs["seconds_per_decision"] / 2
    extent = (data["seconds"].values[0] - half, data["seconds"].values[-1] + half, scores.shape[1] - 0.5, -0.5)
    shades = colour_map("diverging")
    axes.imshow(scores.T, cmap=shades, vmin=-limit, vmax=limit, extent=extent, aspect="auto", interpolation="nearest")
    axes.axvline(0, color=shade(0.9), linewidth=0.8)
    axes.set_yticks([0, scores.shape[1] - 1], ["1", f"{scores.shape[1]}"])
    framed(axes)


def _mark_locked(axes: Axes, locked: np.ndarray) -> None:
    """Ticks inside the left and the right edge, for (side, unit) bool."""
    for side, place in enumerate((0.015, 0.985)):
        at = np.flatnonzero(locked[side])
        axes.plot(np.full(len(at), place), at, "_", color=shade(0.95), transform=axes.get_yaxis_transform())


def _draw_shares(axes: Axes, result: Result) -> None:
    data, kinds, looks = result.data, _kinds(result), _looks(result)
    layers = [str(layer) for layer in data["layer"].values]
    hatches = {"rising_before": "", "rising_only_after": "////"}
    width = 0.8 / (2 * len(kinds))
    for index, kind in enumerate(kinds):
        for number, (share, hatch) in enumerate(hatches.items()):
            at = np.arange(len(layers)) - 0.4 + width * (2 * index + number + 0.5)
            found = data[share].sel(kind=kind).values
            ends = [data[f"{share}_{end}"].sel(kind=kind).values for end in ("low", "high")]
            axes.bar(
                at, found, width, color=shade(0) if hatch else looks[kind][0], edgecolor=looks[kind][0], hatch=hatch,
                label=f"{share.replace('_', ' ')} {shortened(kind, 16)}",
            )  # fmt: skip
            errors = np.stack([found - ends[0], ends[1] - found])
            axes.errorbar(at, found, errors, fmt="none", ecolor=shade(0.8), elinewidth=0.9)
    chance = data["beyond_by_chance"].sel(kind=kinds[0]).values
    places = np.arange(len(layers))
    axes.hlines(
        chance, places - 0.42, places + 0.42, color=shade(0.9), linewidth=1.1, linestyle=":", label="any, by chance"
    )
    names = [shortened(layer, max(6, 44 // len(layers))) for layer in layers]
    axes.set_xticks(places, names)
    rows = len(kinds) + 1  # of the legend, in which every kind has two entries
    axes.set(ylabel="share of the layer's units", ylim=(0, 1.02 + 0.11 * rows), yticks=np.arange(0, 1.01, 0.25))
    axes.legend(ncols=2, loc="upper left", columnspacing=1.0, handlelength=1.6)


def _draw_prediction(axes: Axes, result: Result) -> None:
    data = result.data
    horizons, shades = data["horizon"].values, series()
    for index, name in enumerate(data["predictor"].values):
        found, low, high = (data[key].sel(predictor=name).values for key in ("auc", "auc_low", "auc_high"))
        errors = np.stack([found - low, high - found])
        axes.errorbar(
            horizons, found, errors, marker=_MARKERS[index % len(_MARKERS)], color=shades[index % len(shades)],
            label=shortened(str(name), 22),
        )  # fmt: skip
    if data.sizes["predictor"]:
        low = data["auc_chance_low"].min("predictor").values
        high = data["auc_chance_high"].max("predictor").values
        axes.fill_between(horizons, low, high, color=colour("chance_band"), linewidth=0, label="shuffled")
    axes.axhline(0.5, color=colour("chance"), linewidth=0.7)
    # The legend lies below all that is shown.
    lowest = float(np.nanmin(data["auc_low"].values, initial=1.0))
    axes.set(xlabel=_predicted(data), ylabel="area under the ROC curve", ylim=(min(0.3, lowest - 0.2), 1.02))
    axes.set_xticks(horizons, [f"{each:.2g}" for each in horizons])
    axes.legend(loc="lower left", ncols=2)


def _predicted(data: xarray.Dataset) -> str:
    kind, words, units = data.attrs["predicted"], words_of(data), data.attrs["clock_units"]
    if not data.attrs["kinds_are_sides"]:
        return f"{shortened(kind, 24)} within the next … {units}"
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind} {words.event} within the next … {units}"
