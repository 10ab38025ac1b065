"""The three checks of attribution methods, side by side."""

from __future__ import annotations

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.layer_names import name_layers
from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour, require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["attribution_checks"]

# Place in the cycle of colours, and marker.
_STYLES = {
    "gradient": (0, "o"),
    "gradient_x_input": (1, "s"),
    "guided_backprop": (5, "X"),
    "integrated_gradients": (4, "D"),
    "smoothgrad": (2, "^"),
    "occlusion": (3, "v"),
    "perturbation": (6, "P"),
}
_CONTROLS = {"random": "random order", "difference": "pixel difference, no network"}
_SPOKEN = {"gradient_x_input": "gradient × input", "smoothgrad": "SmoothGrad", "guided_backprop": "guided backprop"}


def spoken(method: str) -> str:
    """What people call a method."""
    return _SPOKEN.get(method, method.replace("_", " "))


@styled
def attribution_checks(result: Result, target: str = "all", *, figsize: Size = None) -> Figure:
    """Draw the checks of all methods: randomisation by layer, deletion and insertion, agreement with the simulator.

    Args:
        result: of the `attribution_checks` analysis.
        target: which; the mean over all if not given.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis or has no such target.
    """
    require(result, "attribution_checks")
    names = [str(each) for each in result.data["target"].values]
    if target not in names:
        raise UserError(f"target {target!r}: is not in this result; it has {', '.join(names)}")
    data = result.data.sel(target=target)
    has_agreement = "agreement" in data
    height = 6.9 if has_agreement else 5.8
    figure = Figure(figsize=figsize or (WIDTH, height), layout="constrained")
    grid = figure.add_gridspec(3, 2, height_ratios=(1, 1, 1 if has_agreement else 0.4))
    signed, absolute, deletion, insertion = (figure.add_subplot(grid[divmod(number, 2)]) for number in range(4))
    for axes, which in ((signed, "signed"), (absolute, "absolute")):
        below = _draw_similarity(axes, data, which)
    if figsize is None:
        figure.set_figheight(height + below)
    for axes, which in ((deletion, "deletion"), (insertion, "insertion")):
        _draw_curves(axes, data, which)
    if has_agreement:
        _draw_agreement(figure.add_subplot(grid[2, 0]), data)
    legend = figure.add_subplot(grid[2, 1] if has_agreement else grid[2, :])
    handles, labels = signed.get_legend_handles_labels()
    for other in (absolute, deletion):
        for handle, label in zip(*other.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles, labels = [*handles, handle], [*labels, label]
    legend.set_axis_off()
    legend.legend(handles, labels, loc="center left" if has_agreement else "center", ncols=1 if has_agreement else 3)
    titled(figure, title_of(result, "Are the maps about the agent?"))
    return figure


def _style_of(name: str) -> tuple[str, str]:
    """Colour and marker of a method; of a control a grey without marks."""
    if name not in _STYLES:
        return shade(0.5), ""
    place, marker = _STYLES[name]
    shades = series()
    return shades[place % len(shades)], marker


def _draw_similarity(axes: Axes, data: xarray.Dataset, which: str) -> float:
    """How far the names of its layers reach down, inches."""
    chosen, is_judged = data.sel(map=which), which == "signed"
    name = "strength" if is_judged else "similarity"
    stages = [str(each) for each in chosen["stage"].values]
    place = np.arange(len(stages))
    for method in map(str, chosen["attribution_method"].values):
        shown, marker = _style_of(method)
        one = chosen.sel(attribution_method=method)
        estimate, low, high = one[name].values.T - (one["strength_chance"].values if is_judged else 0)
        axes.errorbar(
            place, estimate, (estimate - low, high - estimate), color=shown, marker=marker, linewidth=1,
            label=spoken(method),
        )  # fmt: skip
    if is_judged:
        threshold = float(data.attrs["threshold"])
        axes.axhline(threshold, color=shade(0.7), linestyle=":", linewidth=1, label="threshold")
    else:
        low, high = (getattr(chosen["similarity_chance"].values, each)(axis=0) for each in ("min", "max"))
        axes.fill_between(
            place, low, high, color=colour("chance_band"), linewidth=0, label="chance (map rolled by half)"
        )
    axes.axhline(0, color=shade(0.7), linewidth=0.6)
    axes.set(ylim=(-0.3, 1))
    axes.set_title(f"(a) {which} maps")
    axes.set_ylabel("mean |ρ| above chance" if is_judged else "mean ρ with trained")
    axes.set_xlabel("randomised from the outputs down to")
    return name_layers(axes, place, stages)


def _draw_curves(axes: Axes, data: xarray.Dataset, which: str) -> None:
    fractions = data["fraction"].values
    for order in data["order"].values:
        shown, marker = _style_of(str(order))
        line = {"random": "--", "difference": "-."}.get(str(order), "-")
        name = _CONTROLS.get(str(order), spoken(str(order)))
        values = data[which].sel(order=order).values
        axes.plot(fractions, values, line, color=shown, marker=marker, markersize=3.5, linewidth=1, label=name)
    axes.set(xlabel=f"share of pixels, {'deleted' if which == 'deletion' else 'inserted'}", ylim=(0, None))
    axes.set(ylabel="distance from whole frame", xlim=(0, 1))
    axes.set_title(f"(b) {which}")


def _draw_agreement(axes: Axes, data: xarray.Dataset) -> None:
    methods = [str(each) for each in data["attribution_method"].values]
    place = np.arange(len(methods))
    size, low, high = data["agreement_of_size"].values
    axes.axvspan(low, high, color=colour("chance_band"), linewidth=0)
    axes.axvline(size, color=colour("chance"), linewidth=1)
    axes.text(size, -0.75, "absolute: object's size alone", fontsize="small", va="bottom", ha="center")
    axes.axvline(float(data["agreement_of_difference"][0]), color=shade(0.5), linewidth=1, linestyle="-.")
    axes.axvline(0, color=shade(0.7), linewidth=0.6)
    for shift, which, face in ((-0.14, "signed", ""), (0.14, "absolute", shade(0))):
        for y, method in zip(place, methods, strict=True):
            estimate, low, high = data["agreement"].sel(attribution_method=method, map=which).values
            shown, marker = _style_of(method)
            axes.errorbar(
                estimate, y + shift, xerr=[[estimate - low], [high - estimate]], color=shown, marker=marker,
                markersize=5, markerfacecolor=face or shown, linewidth=1,
            )  # fmt: skip
    axes.set(yticks=place, yticklabels=[spoken(each) for each in methods], ylim=(len(methods) - 0.5, -0.7))
    axes.set(xlim=(min(-0.1, axes.get_xlim()[0]), 1), xlabel="rank correlation ρ; filled: signed, open: absolute")
    axes.set_title("(c) agreement with the true change", pad=14)
