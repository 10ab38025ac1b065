"""Responses to a data set in the plane, coloured and marked by class in the order of its effect on health."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import NORMAL, SMALL, WIDTH, class_legend, require, scatter_classes, title_of
from retinoscope.result import Result


def dataset_embedding(result: Result) -> Figure:
    """Draw principal components and t-SNE of every layer.

    Args:
        result: from `analyses.dataset_embedding`.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "dataset_embedding")
    data, layers = result.data, list(result.parameters["layers"])
    height = 1.95 + 3.25 * len(layers)
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.add_gridspec(
        len(layers), 2, left=0.08, right=0.98, top=1 - 0.55 / height, bottom=1.75 / height, hspace=0.32, wspace=0.16
    )
    for row, layer in enumerate(layers):
        shares = data[f"{layer}_share"].values
        for column, (kind, title) in enumerate((("principal", "PCA"), ("tsne", "t-SNE"))):
            axes = figure.add_subplot(grid[row, column])
            scatter_classes(axes, data[f"{layer}_{kind}"].values, data["label"].values, result)
            kept = float(data["preserved"].sel(layer=layer, embedding=kind))
            same = float(data["same_class"].sel(layer=layer, space=kind))
            truly = float(data["same_class"].sel(layer=layer, space="activity"))
            says = f"neighbours kept {kept:.2f}, same class {same:.2f} ({truly:.2f})"
            axes.set_title(f"{layer}: {title}", fontsize=NORMAL, loc="left", weight="bold")
            axes.text(1, 1.015, says, transform=axes.transAxes, fontsize=6.5, ha="right", va="bottom")
            axes.set_xticks([])
            axes.set_yticks([])
            if kind == "principal":
                axes.set_xlabel(f"PC 1 ({shares[0]:.0%} of the variance)", fontsize=SMALL)
                axes.set_ylabel(f"PC 2 ({shares[1]:.0%})", fontsize=SMALL)
            else:
                axes.set_xlabel("t-SNE 1 (arbitrary units)", fontsize=SMALL)
                axes.set_ylabel("t-SNE 2", fontsize=SMALL)
    class_legend(figure, result, 0.07, 0.72 / height, 5)
    figure.text(0.02, 1 - 0.1 / height, title_of(result, "Responses to images"), fontsize=10, weight="bold", va="top")
    caption = textwrap.fill(data.attrs["caption"], 125)
    figure.text(0.02, 0.08 / height, caption, fontsize=SMALL, va="bottom", linespacing=1.2)
    return figure
