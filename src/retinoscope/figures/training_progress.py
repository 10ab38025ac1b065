"""What changes from checkpoint to checkpoint."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.result import Result

_COLOURS = ("#00629e", "#b04200", "#2b7a4b", "#7a3b8f", "0.3")
_MARKERS = ("o", "s", "^", "D", "v")


def training_progress(result: Result) -> Figure:
    """Draw receptive-field drift, behaviour and activity against frames trained.

    Raises:
        UserError: the result is of another analysis.
    """
    if result.analysis != "training_progress":
        raise UserError(f"result of {result.analysis!r}: is not one of training_progress; give that of that analysis")
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True).ravel()
    layers = list(result.parameters["convolutions"])
    _draw_drift(panels[0], result, layers, "with_last", "cosine with the last\ncheckpoint's field")
    _draw_drift(panels[1], result, layers, "with_previous", "cosine with the field of\nthe checkpoint before")
    _draw_numbers(panels[2], result, {"healing": "healing", "harmful": "harmful", "deaths": "deaths"}, "per minute")
    both = {"participation_fc": "fc", "participation_rnn": "rnn"}
    _draw_numbers(panels[3], result, both, "participation ratio,\ndimensions")
    _draw_numbers(panels[4], result, {"sparseness": "sparseness of fc", "rising_before": "share rising before"}, "fc")
    _draw_numbers(panels[5], result, {"pc1_auc": "PC1 of fc"}, "AUC for healing\nwithin 1 s")
    panels[5].axhline(0.5, color="0.4", linewidth=0.7, linestyle=":")
    frames = result.data["frames_trained"].values
    for axes in panels:
        axes.set_xscale("symlog", linthresh=max(1.0, float(frames[frames > 0].min()) if (frames > 0).any() else 1.0))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("frames trained", fontsize=9)
    return figure


def _draw_drift(axes: Axes, result: Result, layers: list[str], what: str, label: str) -> None:
    frames = result.data["frames_trained"].values
    for index, layer in enumerate(layers):
        values = result.data[f"{layer}_{what}"].values
        known = np.isfinite(values).any(axis=1)
        low, middle, high = np.nanquantile(values[known], (0.25, 0.5, 0.75), axis=1)
        colour, marker = _COLOURS[index % 5], _MARKERS[index % 5]
        axes.fill_between(frames[known], low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(frames[known], middle, color=colour, marker=marker, markersize=3.5, linewidth=1.1, label=layer)
        axes.axhline(float(result.data[f"{layer}_by_chance"]), color=colour, linewidth=0.8, linestyle=":")
    axes.set_ylim(-0.35, 1.05)
    axes.set_ylabel(label, fontsize=8)
    if layers:
        axes.legend(fontsize=7, frameon=False)


def _draw_numbers(axes: Axes, result: Result, names: dict[str, str], label: str) -> None:
    frames = result.data["frames_trained"].values
    for index, (name, title) in enumerate(names.items()):
        middle, low, high = (result.data[f"{name}{end}"].values for end in ("", "_low", "_high"))
        known = np.isfinite(middle)
        errors = np.nan_to_num(np.stack([middle - low, high - middle])[:, known], posinf=0.0).clip(0)
        axes.errorbar(
            frames[known], middle[known], errors, color=_COLOURS[index], marker=_MARKERS[index], markersize=3.5,
            linewidth=1.1, label=title,
        )  # fmt: skip
    axes.set_ylabel(label, fontsize=8)
    axes.legend(fontsize=7, frameon=False)
