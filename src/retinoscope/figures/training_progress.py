"""What changes from checkpoint to checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour, require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["training_progress"]

_MARKERS = "os^Dv"


@styled
def training_progress(result: Result, *, figsize: Size = None) -> Figure:
    """Draw receptive-field drift, behaviour and activity against frames trained.

    Args:
        result: of the `training_progress` analysis.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "training_progress")
    figure = Figure(figsize=figsize or (WIDTH, 5.4), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True).ravel()
    layers = list(result.parameters["convolutions"])
    _draw_drift(panels[0], result, layers, "with_last", "cosine with the last\ncheckpoint's field")
    _draw_drift(panels[1], result, layers, "with_previous", "cosine with the field of\nthe checkpoint before")
    # Good and bad events have the colours they have everywhere.
    kinds = {"positive": colour("positive"), "negative": colour("negative")}
    _draw_numbers(panels[2], result, ["positive", "negative", "events", "terminated"], kinds)
    ratios = [
        name for name in map(str, result.data) if name.startswith("participation_") and f"{name}_low" in result.data
    ]
    _draw_numbers(panels[3], result, ratios)
    _draw_numbers(panels[4], result, ["sparseness", "rising_before"])
    _draw_numbers(panels[5], result, ["pc1_auc"])
    if "pc1_auc" in result.data and np.isfinite(result.data["pc1_auc"].values).any():
        panels[5].axhline(0.5, color=colour("chance"), linewidth=0.7, linestyle=":")
    frames = result.data["frames_trained"].values
    least = float(frames[frames > 0].min()) if (frames > 0).any() else 1.0
    first, last = float(frames.min()), float(frames.max())
    for axes in panels:
        if first > 0 and last < 10 * first:  # too near for a scale of powers of ten, which would have no ticks
            beyond = 0.3 * (last - first) or 0.1 * last
            axes.set_xlim(first - beyond, last + beyond)
            axes.set_xticks([first, last], [f"{each:,.0f}" for each in (first, last)])
            continue
        axes.set_xscale("symlog", linthresh=least)
        # From a little below nothing to a little above the last; nothing has a place of its own on this scale.
        axes.set_xlim(-0.15 * least if first <= 0 else 0.8 * least, 1.4 * max(last, least))
    figure.supxlabel("frames trained")
    titled(figure, title_of(result, "Checkpoint by checkpoint"))
    return figure


def _draw_drift(axes: Axes, result: Result, layers: list[str], what: str, label: str) -> None:
    frames, shades = result.data["frames_trained"].values, series()
    for index, layer in enumerate(layers):
        values = result.data[f"{layer}_{what}"].values
        known = np.isfinite(values).any(axis=1)
        low, middle, high = np.nanquantile(values[known], (0.25, 0.5, 0.75), axis=1)
        shown, marker = shades[index % len(shades)], _MARKERS[index % len(_MARKERS)]
        axes.fill_between(frames[known], low, high, color=shown, alpha=0.18, linewidth=0)
        axes.plot(frames[known], middle, color=shown, marker=marker, markersize=3.5, label=layer)
        axes.axhline(float(result.data[f"{layer}_by_chance"]), color=shown, linewidth=0.8, linestyle=":")
    axes.set_ylim(-0.35, 1.05)
    axes.set_ylabel(label)
    if layers:
        axes.legend()


def _draw_numbers(axes: Axes, result: Result, names: list[str], kinds: Mapping[str, str] | None = None) -> None:
    """Those of the numbers that were measured, with their intervals; their attributes say how they are called.

    Args:
        axes: where.
        result: of which.
        names: of the numbers.
        kinds: name -> colour, where it is a certain one; all others get grey beside these, or colours of a series.
    """
    frames = result.data["frames_trained"].values
    others = cycle([shade(0.7), shade(0.45)] if kinds else series())
    there = [name for name in names if name in result.data and np.isfinite(result.data[name].values).any()]
    for index, name in enumerate(there):
        middle, low, high = (result.data[f"{name}{end}"].values for end in ("", "_low", "_high"))
        about = result.data[name].attrs
        known = np.isfinite(middle)
        errors = np.nan_to_num(np.stack([middle - low, high - middle])[:, known], posinf=0.0).clip(0)
        axes.errorbar(
            frames[known],
            middle[known],
            errors,
            color=(kinds or {}).get(name) or next(others),
            marker=_MARKERS[index % len(_MARKERS)],
            markersize=3.5,
            label=about["label"],
        )
        axes.set_ylabel(about["axis"])
    if not there:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", color=shade(0.55))
        return
    # The legend lies above all that is shown, error bars too.
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + (0.03 + 0.1 * len(there)) * (top - bottom))
    axes.legend(loc="upper left")
