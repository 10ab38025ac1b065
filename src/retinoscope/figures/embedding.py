"""Embeddings of layers side by side, the same points coloured by one variable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.errors import UserError
from retinoscope.figures.effect_classes import colour_of, marker_size, titles_of
from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour_map, colours, framed, require, styled, title_of
from retinoscope.result import Result

__all__ = ["embedding"]

VARIABLES = ("value", "health", "action", "nearest", "seconds", "episode")
_TITLES = {
    "value": "critic's value",
    "health": "health (points)",
    "action": "action drawn",
    "nearest": "nearest object in view (effect on health)",
    "seconds": "time in the episode (s)",
    "episode": "episode",
}


@styled
def embedding(result: Result, variable: str = "value", *, figsize: Size = None) -> Figure:
    """Draw the embedding of every layer, coloured by `value`, `health`, `action`, `nearest`, `seconds` or `episode`.

    Points are drawn in random order, so that none is hidden because of when it was.

    Args:
        result: of the `embedding` analysis.
        variable: that colours the points.
        figsize: inches; None for what the layers need.

    Raises:
        UserError: the result is of another analysis, or there is no such variable.
    """
    require(result, "embedding")
    if variable not in VARIABLES:
        raise UserError(f"variable {variable!r}: unknown; choose from {', '.join(VARIABLES)}")
    data = result.data
    layers = [str(name) for name in data["layer"].values]
    figure = Figure(figsize=figsize or (WIDTH, 0.9 + 6.4 / max(len(layers), 2)), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    order = np.random.default_rng(0).permutation(data.sizes["point"])
    shaded = _COLOURED.get(variable, _continuous)(figure, panels, data, variable)[order]
    size = float(np.clip(12_000 / len(order), 0.4, 12))
    for panel, layer in zip(panels, layers, strict=True):
        x, y = data["embedding"].sel(layer=layer).values[order].T
        panel.scatter(x, y, c=shaded, s=size, linewidths=0, rasterized=True)
        panel.set_aspect("equal", "datalim")
        panel.set(xticks=[], yticks=[], xlabel="t-SNE 1 (arbitrary units)", ylabel="t-SNE 2")
        framed(panel)
        kept, in_time = float(data["kept"].sel(layer=layer)), float(data["time_share"].sel(layer=layer))
        says = f"{layer}: {kept:.0%} of neighbours kept, {in_time:.0%} mere neighbours in time"
        panel.set_title(says, fontsize="small")
    what = f"Embedding by {_TITLES[variable].partition(' (')[0]}"
    titled(figure, title_of(result, f"{what}, n = {len(order):,} decisions"))
    return figure


def _continuous(figure: Figure, panels: np.ndarray, data: xarray.Dataset, variable: str) -> np.ndarray:
    values = data[variable].values.astype(float)
    # A few extreme values would leave all others in one colour.
    low, high = np.percentile(values, (1, 99)) if variable == "value" else (values.min(), values.max())
    shades = ScalarMappable(Normalize(low, max(high, low + 1e-9)), colour_map("sequential"))
    extend = "both" if variable == "value" else "neither"
    bar = figure.colorbar(shades, ax=panels, orientation="horizontal", shrink=0.45, aspect=35, pad=0.02, extend=extend)
    bar.set_label(_TITLES[variable])
    return np.asarray(shades.to_rgba(values))


def _actions(figure: Figure, panels: np.ndarray, data: xarray.Dataset, variable: str) -> np.ndarray:
    names, known = [str(name) for name in data["action_name"].values], colours("many")
    palette = [known[min(index, len(known) - 1)] for index in range(len(names))]
    return _labelled(figure, names, palette, data[variable].values, _TITLES[variable])


def _classes(figure: Figure, panels: np.ndarray, data: xarray.Dataset, variable: str) -> np.ndarray:
    """As in every figure of classes; the last of them is that there is none, in the last colour of `many`."""
    effects, names = data["nearest_effect"].values, [str(name) for name in data["nearest_name"].values]
    palette = [*colour_of(effects[:-1]), colours("many")[-1]]
    says = [*titles_of(names[:-1], effects[:-1]), names[-1]]
    return _labelled(figure, says, palette, data[variable].values, _TITLES[variable])


def _labelled(figure: Figure, names: list[str], palette: list[str], labels: np.ndarray, title: str) -> np.ndarray:
    present = [index for index in range(len(names)) if (labels == index).any()]
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=marker_size(), color=palette[index], label=names[index])
        for index in present
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(6, len(handles)), title=title, handletextpad=0.3
    )
    return np.array([to_rgba(each) for each in palette])[labels]


_Colouring = Callable[[Figure, np.ndarray, xarray.Dataset, str], np.ndarray]
_COLOURED: dict[str, _Colouring] = {"action": _actions, "nearest": _classes}
