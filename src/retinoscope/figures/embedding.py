"""Embeddings of layers side by side, the same points coloured by one variable."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib
import numpy as np
import xarray
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from retinoscope.errors import UserError
from retinoscope.result import Result

WIDTH = 7.5  # inches
VARIABLES = ("value", "health", "action", "nearest", "seconds", "episode")
_TITLES = {
    "value": "critic's value",
    "health": "health (points)",
    "action": "action drawn",
    "nearest": "nearest object in view (effect on health)",
    "seconds": "time in the episode (s)",
    "episode": "episode",
}
# Paul Tol's muted scheme: nine colours that are told apart with any colour vision; grey for the tenth and on.
_MUTED = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499")
_GREY = "#BBBBBB"
_SMALL, _NORMAL = 7, 8


def embedding(result: Result, variable: str = "value") -> Figure:
    """Draw the embedding of every layer, coloured by `value`, `health`, `action`, `nearest`, `seconds` or `episode`.

    Points are drawn in random order, so that none is hidden because of when it was.

    Raises:
        UserError: the result is of another analysis, or there is no such variable.
    """
    if result.analysis != "embedding":
        raise UserError(f"result of {result.analysis!r}: is not one of embedding; give the result of that analysis")
    if variable not in VARIABLES:
        raise UserError(f"variable {variable!r}: unknown; choose from {', '.join(VARIABLES)}")
    data = result.data
    layers = [str(name) for name in data["layer"].values]
    figure = Figure(figsize=(WIDTH, 0.9 + 6.4 / max(len(layers), 2)), layout="constrained")
    panels = figure.subplots(1, len(layers), squeeze=False)[0]
    order = np.random.default_rng(0).permutation(data.sizes["point"])
    colour = _COLOURS.get(variable, _continuous)
    colours = colour(figure, panels, data, variable)[order]
    size = float(np.clip(12_000 / len(order), 0.4, 12))
    for panel, layer in zip(panels, layers, strict=True):
        x, y = data["embedding"].sel(layer=layer).values[order].T
        panel.scatter(x, y, c=colours, s=size, linewidths=0, rasterized=True)
        panel.set_aspect("equal", "datalim")
        panel.set(xticks=[], yticks=[])
        panel.set_xlabel("t-SNE 1", fontsize=_NORMAL)
        panel.set_ylabel("t-SNE 2", fontsize=_NORMAL)
        kept, in_time = float(data["kept"].sel(layer=layer)), float(data["time_share"].sel(layer=layer))
        panel.set_title(
            f"{layer}: {kept:.0%} of neighbours kept, {in_time:.0%} mere neighbours in time",
            fontsize=_SMALL,
            loc="left",
        )
    of = f" · agent {result.provenance['agent']}" if "agent" in result.provenance else ""
    title = f"Embedding by {_TITLES[variable].partition(' (')[0]}, n = {len(order):,} decisions{of}"
    figure.suptitle(title, fontsize=10, weight="bold")
    return figure


def _continuous(figure: Figure, panels: np.ndarray, data: xarray.Dataset, variable: str) -> np.ndarray:
    values = data[variable].values.astype(float)
    # A few extreme values would leave all others in one colour.
    low, high = np.percentile(values, (1, 99)) if variable == "value" else (values.min(), values.max())
    shades = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(low, max(high, low + 1e-9)), "viridis")
    extend = "both" if variable == "value" else "neither"
    bar = figure.colorbar(shades, ax=panels, orientation="horizontal", shrink=0.45, aspect=35, pad=0.02, extend=extend)
    bar.set_label(_TITLES[variable], fontsize=_NORMAL)
    bar.ax.tick_params(labelsize=_SMALL, length=2)
    return np.asarray(shades.to_rgba(values))


def _actions(figure: Figure, panels: np.ndarray, data: xarray.Dataset, variable: str) -> np.ndarray:
    names = [str(name) for name in data["action_name"].values]
    palette = [*_MUTED, *[_GREY] * len(names)][: len(names)]
    return _labelled(figure, names, palette, data[variable].values, _TITLES[variable])


def _classes(figure: Figure, panels: np.ndarray, data: xarray.Dataset, variable: str) -> np.ndarray:
    """Hurting classes in reds, healing ones in blues, the stronger the darker; grey for the others and for nothing."""
    effects = data["nearest_effect"].values
    names = [str(name) for name in data["nearest_name"].values]
    strongest = max(float(np.abs(effects).max()), 1.0)
    shades = matplotlib.colormaps["RdBu"](0.5 + np.sign(effects) * (0.18 + 0.3 * np.abs(effects) / strongest))
    palette = [to_rgba(_GREY) if not effect else tuple(shade) for effect, shade in zip(effects, shades, strict=True)]
    says = [f"{name} ({effect:+d})" for name, effect in zip(names[:-1], effects, strict=False)] + names[-1:]
    return _labelled(figure, says, palette, data[variable].values, _TITLES[variable])


def _labelled(figure: Figure, names: list[str], palette: list, labels: np.ndarray, title: str) -> np.ndarray:
    present = [index for index in range(len(names)) if (labels == index).any()]
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=5, color=palette[index], label=names[index])
        for index in present
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(6, len(handles)),
        frameon=False,
        fontsize=_SMALL,
        title=title,
        title_fontsize=_NORMAL,
        columnspacing=1.2,
        handletextpad=0.3,
    )
    return np.array([to_rgba(colour) for colour in palette])[labels]


_Colouring = Callable[[Figure, np.ndarray, xarray.Dataset, str], np.ndarray]
_COLOURS: dict[str, _Colouring] = {"action": _actions, "nearest": _classes}
