"""Embeddings of layers side by side, the same points coloured by one variable."""

from __future__ import annotations

from typing import NamedTuple

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
from retinoscope.figures.variables import numbers_in
from retinoscope.figures.words import shortened
from retinoscope.result import Result

__all__ = ["embedding"]

_TITLES = {
    "value": "critic's value",
    "action": "action drawn",
    "nearest": "nearest object in view",
    "event": "what happens next",
    "episode": "episode",
}


class _Colouring(NamedTuple):
    """What colours the points.

    Attributes:
        title: for people, without units.
        label: with them.
        values: (point,), numbers, or indices of names.
        names: of indices; None for numbers.
        valences: of these names, NaN where not known; None where they have none.
        kind: `value`, whose extremes are cut off, or as that of a variable of the world.
    """

    title: str
    label: str
    values: np.ndarray
    names: list[str] | None = None
    valences: np.ndarray | None = None
    kind: str = "quantity"


@styled
def embedding(result: Result, variable: str | None = None, *, figsize: Size = None) -> Figure:
    """Draw the embedding of every layer, coloured by one variable.

    That is `value`, `action`, `nearest`, `event`, `seconds`, `episode`, as far as they are there, or any number of the
    world by its name. Points are drawn in random order, so that none is hidden because of when it was.

    Args:
        result: of the `embedding` analysis.
        variable: that colours the points; None for the value, or the first that there is.
        figsize: inches; None for what the layers need.

    Raises:
        UserError: the result is of another analysis, or there is no such variable.
    """
    require(result, "embedding")
    data = result.data
    there = _colourings(data)
    name = next(iter(there)) if variable is None else variable
    if name not in there:
        raise UserError(f"variable {name!r}: unknown; choose from {', '.join(there)}")
    chosen = there[name]
    layers = [str(layer) for layer in data["layer"].values]
    rows = -(-len(layers) // 3)
    across = -(-len(layers) // rows)
    figure = Figure(figsize=figsize or (WIDTH, 0.9 + rows * 6.4 / max(across, 2)), layout="constrained")
    panels = figure.subplots(rows, across, squeeze=False).ravel()
    for panel in panels[len(layers) :]:
        panel.set_axis_off()
    order = np.random.default_rng(0).permutation(data.sizes["point"])
    shaded = (_continuous if chosen.names is None else _labelled)(figure, panels, chosen)[order]
    size = float(np.clip(12_000 / len(order), 0.4, 12))
    for panel, layer in zip(panels, layers, strict=False):
        x, y = data["embedding"].sel(layer=layer).values[order].T
        panel.scatter(x, y, c=shaded, s=size, linewidths=0, rasterized=True)
        panel.set_aspect("equal", "datalim")
        panel.set(xticks=[], yticks=[], xlabel="t-SNE 1 (arbitrary units)", ylabel="t-SNE 2")
        framed(panel)
        kept, in_time = float(data["kept"].sel(layer=layer)), float(data["time_share"].sel(layer=layer))
        says = f"{shortened(layer, 24)}: {kept:.0%} of neighbours kept, {in_time:.0%} mere neighbours in time"
        if across > 2:
            says = f"{shortened(layer, 24)}: {kept:.0%} of neighbours kept,\n{in_time:.0%} mere neighbours in time"
        panel.set_title(says, fontsize="small")
    titled(figure, title_of(result, f"Embedding by {chosen.title}, n = {len(order):,} decisions"))
    return figure


def _colourings(data: xarray.Dataset) -> dict[str, _Colouring]:
    """All there are, by name: the value first, then the numbers of the world."""
    found = {}
    if "value" in data:
        found["value"] = _Colouring(_TITLES["value"], _TITLES["value"], data["value"].values, kind="value")
    for number in numbers_in(data):
        found[number.name] = _Colouring(number.title, number.label, number.values, kind=number.kind)
    if "action" in data:
        found["action"] = _Colouring(
            _TITLES["action"], _TITLES["action"], data["action"].values, _names(data, "action")
        )
    for name in ("nearest", "event"):
        if name in data:
            valences, values = data[f"{name}_valence"], data[name].values
            units = valences.attrs.get("units")
            label = f"{_TITLES[name]} ({units})" if units else _TITLES[name]
            found[name] = _Colouring(_TITLES[name], label, values, _names(data, name), valences.values)
    units = data["seconds"].attrs.get("units", "s")
    found["seconds"] = _Colouring("time in the episode", f"time in the episode ({units})", data["seconds"].values)
    found["episode"] = _Colouring(_TITLES["episode"], _TITLES["episode"], data["episode"].values)
    return found


def _names(data: xarray.Dataset, name: str) -> list[str]:
    return [str(each) for each in data[f"{name}_name"].values]


def _continuous(figure: Figure, panels: np.ndarray, chosen: _Colouring) -> np.ndarray:
    values = chosen.values.astype(float)
    known = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
    # A few extreme values would leave all others in one colour.
    low, high = np.percentile(known, (1, 99)) if chosen.kind == "value" else (known.min(), known.max())
    if chosen.kind == "heading":
        low, high = 0.0, 360.0
    shades = ScalarMappable(
        Normalize(low, max(high, low + 1e-9)), colour_map("cyclic" if chosen.kind == "heading" else "sequential")
    )
    extend = "both" if chosen.kind == "value" else "neither"
    bar = figure.colorbar(
        shades, ax=panels.tolist(), orientation="horizontal", shrink=0.45, aspect=35, pad=0.02, extend=extend
    )
    bar.set_label(chosen.label)
    return np.asarray(shades.to_rgba(values))


def _labelled(figure: Figure, panels: np.ndarray, chosen: _Colouring) -> np.ndarray:
    names, palette = chosen.names or [], _palette(chosen)
    if chosen.valences is not None and np.isfinite(chosen.valences[:-1]).all():
        names = [*titles_of(names[:-1], chosen.valences[:-1]), names[-1]]
    present = [index for index in range(len(names)) if (chosen.values == index).any()]
    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=marker_size(), color=palette[index], label=names[index])
        for index in present
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(6, len(handles)), title=chosen.label, handletextpad=0.3
    )
    return np.array([to_rgba(each) for each in palette])[chosen.values]


def _palette(chosen: _Colouring) -> list[str]:
    """One colour for each name; by valence, as everywhere, the last name, for nothing, in the last colour of `many`."""
    count, many = len(chosen.names or []), colours("many")
    if chosen.valences is not None and np.isfinite(chosen.valences[:-1]).all() and chosen.valences[:-1].any():
        return [*colour_of(chosen.valences[:-1]), many[-1]]
    if chosen.valences is not None:
        return [*(many[min(index, len(many) - 2)] for index in range(count - 1)), many[-1]]
    return [many[min(index, len(many) - 1)] for index in range(count)]
