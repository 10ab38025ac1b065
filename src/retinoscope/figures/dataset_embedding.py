"""Responses to a data set in the plane, coloured and marked by class in the order of its effect."""

from __future__ import annotations

from matplotlib.figure import Figure

from retinoscope.figures.effect_classes import class_legend, legend_height, scatter_classes
from retinoscope.figures.page import MARGIN, Page, Size
from retinoscope.figures.style import framed, require, styled, title_of
from retinoscope.result import Result

__all__ = ["dataset_embedding"]

_ROW, _BETWEEN, _ABOVE = 2.75, 0.5, 0.25  # inches


@styled
def dataset_embedding(result: Result, *, figsize: Size = None, caption: bool = True) -> Figure:
    """Draw principal components and t-SNE of every layer.

    Args:
        result: from `analyses.dataset_embedding`.
        figsize: inches; None for what the layers need.
        caption: carry the caption.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "dataset_embedding")
    data, layers = result.data, list(result.parameters["layers"])
    title = title_of(result, "Responses to images", str(result.parameters["dataset"]))
    page = Page(title, data.attrs["caption"] if caption else None, figsize)
    legend = legend_height(result, page.width - 2 * MARGIN)
    page.begin(_ABOVE + (_ROW + _BETWEEN) * len(layers) - 0.1 + legend)
    row = max((page.height - _ABOVE - legend + 0.1) / len(layers) - _BETWEEN, 0.1)
    grid = page.grid(
        len(layers), 2, 0.4, _ABOVE, 0.15, legend + 0.4, hspace=_BETWEEN / row, wspace=0.14
    )  # fmt: skip
    for number, layer in enumerate(layers):
        shares = data[f"{layer}_share"].values
        for column, (kind, name) in enumerate((("principal", "PCA"), ("tsne", "t-SNE"))):
            axes = page.figure.add_subplot(grid[number, column])
            scatter_classes(axes, data[f"{layer}_{kind}"].values, data["label"].values, result)
            kept = float(data["preserved"].sel(layer=layer, embedding=kind))
            same = float(data["same_class"].sel(layer=layer, space=kind))
            truly = float(data["same_class"].sel(layer=layer, space="activity"))
            says = f"kept {kept:.2f}, same class {same:.2f} ({truly:.2f})"
            axes.set_title(f"{layer}: {name}", weight="bold")
            axes.set_title(says, fontsize="small", loc="right")
            axes.set(xticks=[], yticks=[])
            framed(axes)
            if kind == "principal":
                axes.set(xlabel=f"PC 1 ({shares[0]:.0%} of the variance)", ylabel=f"PC 2 ({shares[1]:.0%})")
            else:
                axes.set(xlabel="t-SNE 1 (arbitrary units)", ylabel="t-SNE 2")
    class_legend(page.figure, result, page.width - 2 * MARGIN, page.legend_at(MARGIN, page.height - legend))
    return page.figure
