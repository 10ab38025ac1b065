"""What is measured of every agent over training: each training a thin line, with their mean and its interval."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["over_training"]

_COLUMNS = 3


@styled
def over_training(result: Result, *, figsize: Size = None) -> Figure:
    """Draw every number against frames trained.

    Args:
        result: from `analyses.over_training`.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "over_training")
    data = result.data
    names = [name for name in result.parameters["numbers"] if np.isfinite(data[name].values).any()]
    rows = max(1, -(-len(names) // _COLUMNS))
    figure = Figure(figsize=figsize or (WIDTH, 0.9 + 1.75 * rows), layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=True).ravel()
    for axes, name in zip(panels, names, strict=False):
        _draw(axes, result, name)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for axes in panels[max(len(names) - _COLUMNS, 0) : len(names)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("million frames trained")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))
    titled(figure, title_of(result, "Over training"))
    return figure


def _draw(axes: Axes, result: Result, name: str) -> None:
    data, shades = result.data, series()
    trained = data["frames_trained"].values / 1e6
    runs = list(dict.fromkeys(data["run"].values.tolist()))
    for number, run in enumerate(runs):
        own = np.flatnonzero((data["run"].values == run) & np.isfinite(data[name].values) & np.isfinite(trained))
        own = own[np.argsort(trained[own])]
        middle, low, high = (data[f"{name}{end}"].values[own] for end in ("", "_low", "_high"))
        errors = np.nan_to_num([middle - low, high - middle], posinf=0.0).clip(0)
        axes.errorbar(
            trained[own], middle, errors, color=shades[number % len(shades)], marker="os^Dv"[number % 5],
            markersize=2.5, linewidth=0.7, elinewidth=0.5, label=str(run),
        )  # fmt: skip
    if f"{name}_mean" in data:
        at = data["frames"].values / 1e6
        middle, low, high = (data[f"{name}_mean{end}"].values for end in ("", "_low", "_high"))
        # An interval of few trainings can be wider than all that is seen; the panel keeps the size of the lines.
        kept = axes.get_ylim()
        axes.fill_between(at, low, high, color=shade(0.5), alpha=0.18, linewidth=0, label="95% interval of the mean")
        axes.plot(at, middle, color=shade(0.9), linewidth=1.8, label="mean over trainings")
        axes.set_ylim(kept)
    label, axis = (str(data[name].attrs[key]) for key in ("label", "axis"))
    axes.set_ylabel(axis, fontsize="small")
    axes.set_title(label, fontsize="small")
