"""How the recurrent state forgets its start."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.result import Result

_BLUE, _GREY = "#00629e", "0.45"


def burn_in(result: Result) -> Figure:
    """Draw the distance from what the state would be had it not been reset, against time since the reset.

    Args:
        result: of the `burn_in` analysis.

    Raises:
        UserError: the result is of another analysis.
    """
    if result.analysis != "burn_in":
        raise UserError(f"result of {result.analysis!r}: is not one of burn_in; give the result of that analysis")
    data, is_forgetting = result.data, result.parameters["method"] == "forgetting"
    figure = Figure(figsize=(5.6, 3.1), layout="constrained")
    axes = figure.add_subplot()
    steps = data["step"].values
    distance, typical = data["distance"].values, data["typical"].values
    if is_forgetting:
        share = f"{result.parameters['share']:.0%} of windows below"
        axes.fill_between(steps, typical, distance, color=_BLUE, alpha=0.2, linewidth=0, label=share)
        axes.plot(steps, typical, color=_BLUE, linewidth=1.4, label="median over windows")
        axes.set(ylabel="distance to the state not reset\n(1: unrelated states)", yscale="log")
        threshold = f"tolerance {float(data['threshold']):.0%}"
    else:
        axes.plot(steps, distance, color=_BLUE, linewidth=1.4, label="mean over episodes")
        axes.plot(steps, typical, color=_GREY, linewidth=1, label="by chance, mean")
        axes.set(ylabel="deviation from the late mean\n(late standard deviations)", ylim=(0, None))
        threshold = f"by chance, {result.parameters['level']:.0%} quantile"
    if np.isfinite(float(data["threshold"])):
        axes.axhline(float(data["threshold"]), color="0.2", linewidth=0.9, linestyle=(0, (4, 3)), label=threshold)
    burn_in_steps = int(data["steps"])
    seconds = burn_in_steps * data.attrs["seconds_per_decision"]
    found = f"burn-in: {burn_in_steps} decisions ({seconds:.1f} s)"
    axes.axvline(burn_in_steps, color="#b04200", linewidth=1.2, label=found)
    low, high = float(data["steps_low"]), float(data["steps_high"])
    if np.isfinite(low):
        axes.axvspan(low, high, color="#b04200", alpha=0.15, linewidth=0)
    axes.set(xlabel="decisions since the reset", xlim=(0, max(int(steps[-1]), 1)))
    axes.legend(fontsize=8, frameon=False, loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
