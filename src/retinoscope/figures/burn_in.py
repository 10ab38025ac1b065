"""How the recurrent state forgets its start."""

from __future__ import annotations

from typing import overload

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from retinoscope.figures.page import Size, panel
from retinoscope.figures.style import colour, require, shade, styled
from retinoscope.result import Result

__all__ = ["burn_in"]


@overload
def burn_in(result: Result, *, ax: None = None, figsize: Size = None) -> Figure: ...
@overload
def burn_in(result: Result, *, ax: Axes, figsize: Size = None) -> Axes: ...


@styled
def burn_in(result: Result, *, ax: Axes | None = None, figsize: Size = None) -> Figure | Axes:
    """Draw the distance from what the state would be had it not been reset, against time since the reset.

    Args:
        result: of the `burn_in` analysis.
        ax: axes to draw into, which are then returned; None for a figure.
        figsize: of the figure, inches.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "burn_in")
    axes, drawn = panel(ax, figsize, (5.6, 3.1))
    data = result.data
    steps, distance, typical = (data[name].values for name in ("step", "distance", "typical"))
    if result.parameters["method"] == "forgetting":
        share = f"{result.parameters['share']:.0%} of windows below"
        axes.fill_between(steps, typical, distance, color=colour("positive"), alpha=0.2, linewidth=0, label=share)
        axes.plot(steps, typical, color=colour("positive"), linewidth=1.4, label="median over windows")
        axes.set(ylabel="distance to the state not reset\n(1: unrelated states)", yscale="log")
        threshold = f"tolerance {float(data['threshold']):.0%}"
    else:
        axes.plot(steps, distance, color=colour("positive"), linewidth=1.4, label="mean over episodes")
        axes.plot(steps, typical, color=colour("chance"), linewidth=1, label="by chance, mean")
        axes.set(ylabel="deviation from the late mean\n(late standard deviations)", ylim=(0, None))
        threshold = f"by chance, {result.parameters['level']:.0%} quantile"
    if np.isfinite(float(data["threshold"])):
        line = (0, (4, 3))
        axes.axhline(float(data["threshold"]), color=shade(0.8), linewidth=0.9, linestyle=line, label=threshold)
    burn_in_steps = int(data["steps"])
    found = f"burn-in: {burn_in_steps} decisions"
    if data.attrs.get("clock_units", "s") == "s":
        found += f" ({burn_in_steps * data.attrs['seconds_per_decision']:.1f} s)"
    axes.axvline(burn_in_steps, color=colour("negative"), linewidth=1.2, label=found)
    low, high = float(data["steps_low"]), float(data["steps_high"])
    if np.isfinite(low):
        axes.axvspan(low, high, color=colour("negative"), alpha=0.15, linewidth=0)
    last = 1.02 * max(int(steps[-1]), burn_in_steps, 1)
    ticks = np.asarray(MaxNLocator(6, integer=True).tick_values(0, last))
    axes.set(xlabel="decisions since the reset", xticks=ticks[(ticks >= 0) & (ticks <= last)], xlim=(0, last))
    if burn_in_steps <= int(steps[-1]):
        axes.legend(loc="upper right")
    else:  # lines and bands go all the way: there is room only above
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, columnspacing=1.2)
    return drawn
