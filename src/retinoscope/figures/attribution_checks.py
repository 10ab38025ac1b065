"""The three checks of attribution methods, side by side."""

from __future__ import annotations

import textwrap

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.result import Result

_STYLES = {
    "gradient": ("black", "o"),
    "gradient_x_input": ("#E69F00", "s"),
    "guided_backprop": ("#D55E00", "X"),
    "integrated_gradients": ("#0072B2", "D"),
    "smoothgrad": ("#56B4E9", "^"),
    "occlusion": ("#009E73", "v"),
}
_CONTROLS = {"random": "random order", "difference": "pixel difference, no network"}
_SPOKEN = {"gradient_x_input": "gradient × input", "smoothgrad": "SmoothGrad", "guided_backprop": "guided backprop"}


def spoken(method: str) -> str:
    """What people call a method."""
    return _SPOKEN.get(method, method.replace("_", " "))


def attribution_checks(result: Result, target: str = "all") -> Figure:
    """Draw the checks of all methods: randomisation by layer, deletion and insertion, agreement with the simulator.

    Args:
        result: of the `attribution_checks` analysis.
        target: which; the mean over all if not given.

    Raises:
        UserError: the result is of another analysis or has no such target.
    """
    if result.analysis != "attribution_checks":
        raise UserError(
            f"result of {result.analysis!r}: is not one of attribution_checks; give the result of that analysis"
        )
    names = [str(each) for each in result.data["target"].values]
    if target not in names:
        raise UserError(f"target {target!r}: is not in this result; it has {', '.join(names)}")
    data = result.data.sel(target=target)
    figure = Figure(figsize=(7.5, 6.6), layout="constrained")
    (signed, absolute), (deletion, insertion), (agree, legend) = figure.subplots(3, 2)
    for axes, which in ((signed, "signed"), (absolute, "absolute")):
        _draw_similarity(axes, data, which)
    for axes, which in ((deletion, "deletion"), (insertion, "insertion")):
        _draw_curves(axes, data, which)
    _draw_agreement(agree, data)
    handles, labels = signed.get_legend_handles_labels()
    for other in (absolute, deletion):
        for handle, label in zip(*other.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles, labels = [*handles, handle], [*labels, label]
    legend.set_axis_off()
    legend.legend(handles, labels, loc="center left", frameon=False, fontsize=8)
    for axes in (signed, absolute, deletion, insertion, agree):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
        axes.xaxis.label.set_size(8)
        axes.yaxis.label.set_size(8)
        axes.title.set_size(8.5)
    return figure


def _draw_similarity(axes: Axes, data: xarray.Dataset, which: str) -> None:
    chosen, is_judged = data.sel(map=which), which == "signed"
    name = "strength" if is_judged else "similarity"
    stages = [str(each) for each in chosen["stage"].values]
    place = np.arange(len(stages))
    for method in chosen["attribution_method"].values:
        colour, marker = _STYLES[str(method)]
        one = chosen.sel(attribution_method=method)
        estimate, low, high = one[name].values.T - (one["strength_chance"].values if is_judged else 0)
        axes.errorbar(
            place,
            estimate,
            (estimate - low, high - estimate),
            color=colour,
            marker=marker,
            markersize=4,
            linewidth=1,
            label=spoken(str(method)),
        )
    if is_judged:
        threshold = float(data.attrs["threshold"])
        axes.axhline(threshold, color="0.3", linestyle=":", linewidth=1, label="threshold")
    else:
        low, high = (getattr(chosen["similarity_chance"].values, each)(axis=0) for each in ("min", "max"))
        axes.fill_between(place, low, high, color="0.85", label="chance (map rolled by half)")
    short = [textwrap.fill(each, 9) for each in stages]
    axes.axhline(0, color="0.3", linewidth=0.6)
    axes.set(ylim=(-0.3, 1), xticks=place, xticklabels=short, title=f"(a) {which} maps")
    axes.set_ylabel("mean |ρ| above chance" if is_judged else "mean ρ with trained")
    axes.set_xlabel("randomised from the outputs down to")


def _draw_curves(axes: Axes, data: xarray.Dataset, which: str) -> None:
    fractions = data["fraction"].values
    for order in data["order"].values:
        colour, marker = _STYLES.get(str(order), ("0.5", ""))
        line = {"random": "--", "difference": "-."}.get(str(order), "-")
        name = _CONTROLS.get(str(order), spoken(str(order)))
        values = data[which].sel(order=order).values
        axes.plot(fractions, values, line, color=colour, marker=marker, markersize=3.5, linewidth=1, label=name)
    axes.set(xlabel=f"share of pixels, {'deleted' if which == 'deletion' else 'inserted'}", ylim=(0, None))
    axes.set(ylabel="distance from whole frame", title=f"(b) {which}", xlim=(0, 1))


def _draw_agreement(axes: Axes, data: xarray.Dataset) -> None:
    methods = [str(each) for each in data["attribution_method"].values]
    place = np.arange(len(methods))
    size, low, high = data["agreement_of_size"].values
    axes.axvspan(low, high, color="0.88")
    axes.axvline(size, color="0.5", linewidth=1)
    axes.text(size, -0.75, "absolute: object's size alone", fontsize=7, va="bottom", ha="center")
    axes.axvline(float(data["agreement_of_difference"][0]), color="0.5", linewidth=1, linestyle="-.")
    axes.axvline(0, color="0.3", linewidth=0.6)
    for shift, which, face in ((-0.14, "signed", None), (0.14, "absolute", "white")):
        for y, method in zip(place, methods, strict=True):
            estimate, low, high = data["agreement"].sel(attribution_method=method, map=which).values
            colour, marker = _STYLES[method]
            axes.errorbar(
                estimate,
                y + shift,
                xerr=[[estimate - low], [high - estimate]],
                color=colour,
                marker=marker,
                markersize=5,
                markerfacecolor=face or colour,
                linewidth=1,
            )
    axes.set(yticks=place, yticklabels=[spoken(each) for each in methods], ylim=(len(methods) - 0.5, -0.7))
    axes.set(xlim=(min(-0.1, axes.get_xlim()[0]), 1), xlabel="rank correlation ρ; filled: signed, open: absolute")
    axes.set_title("(c) agreement with the true change", pad=12)
