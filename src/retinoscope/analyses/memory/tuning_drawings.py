"""What is said and drawn of tuning: figures, a table, and the panels of the explorer."""

from __future__ import annotations

import functools
import json

import numpy as np

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import (
    COMPONENTS,
    Panel,
    UnitCurve,
    UnitCurvesPanel,
    UnitNumber,
    UnitNumbersPanel,
    UnitPicturesPanel,
    table_panel,
)
from retinoscope.result import Result

_NUMBERS = {
    "alone": ("R²", "explained by it alone (%)", 100.0),
    "beyond_view": ("beyond", "explained beyond the view (%)", 100.0),
    "p": ("p", "p over the layer", 1.0),
    "stability": ("stability", "stability (r of halves)", 1.0),
}


def drawings(result: Result) -> list[Drawing]:
    """The summary, every variable by itself, what the view explains, and the table."""
    from retinoscope import figures

    data, caption = result.data, str(result.data.attrs["caption"])
    level = result.parameters["level"]
    every = (
        f"{caption} Above: share of the units of a layer that are tuned; dotted: {level:g}. Chance is that in one of "
        f"{1 / level:.0f} layers any unit is called tuned. Below: each dot is a unit."
    )
    drawn: list[Drawing] = [FigureDrawing("tuning", "Tuning of all units", every, lambda: figures.tuning(result))]
    for about in json.loads(data.attrs["variables"]):
        words = (
            f"{caption} Of each layer the units of which {about['name']} explains most (R², held out), those that are "
            "tuned first; each on a scale of its own, from its lowest bin (dark) to its highest. Grey: too few "
            "decisions. n.s.: not tuned."
            if len(about["bins"]) == 2
            else f"{caption} Mean activity of the units of each layer of which {about['name']} explains most (R², held "
            "out), those that are tuned first. n.s.: not tuned."
        )
        of_variable = functools.partial(figures.tuning_of, result, about["name"])
        drawn.append(FigureDrawing(f"tuning_{about['stored']}", f"Tuning to {about['name']}", words, of_variable))
    if np.isfinite(data["beyond_view"].values).any():
        words = (
            f"{caption} Each point is a unit: circles of the agent, diamonds of the untrained network. On the dotted "
            "line the view explains nothing of the tuning, on the horizontal one all of it."
        )
        title = "Tuning beyond the view"
        drawn.append(FigureDrawing("tuning_beyond_view", title, words, lambda: figures.tuning_beyond_view(result)))
    drawn.append(_table(result))
    return drawn


def panels(result: Result) -> list[Panel]:
    """Maps and curves of every unit with its numbers, layer by layer, of the agent."""
    data, caption = result.data.sel(network="agent"), str(result.data.attrs["caption"])
    found: list[Panel] = []
    for layer in dict.fromkeys(map(str, data["unit_layer"].values)):
        of_layer = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
        named = COMPONENTS if layer == COMPONENTS else layer
        numbers = []
        for about in json.loads(data.attrs["variables"]):
            one, stored = of_layer.sel(variable=about["name"]), about["stored"]
            rates = one[f"{stored}_rate"].values
            name, title = f"tuning_{stored}_{layer}", f"Tuning of {layer} to {about['name']}"
            if np.isfinite(rates).any() and len(about["bins"]) == 2:
                notes = tuple(map(_note, one["alone"].values, one["is_tuned"].values, one["stability"].values))
                pictures = np.asarray(np.flip(rates.transpose(0, 2, 1), axis=1), np.float32)[..., None]
                said = f"{caption} Across: {about['labels'][0]}; upwards: {about['labels'][1]}."
                found.append(UnitPicturesPanel(name, title, said, named, _from_lowest(pictures), False, notes))
            elif np.isfinite(rates).any():
                x = np.asarray(one[f"{stored}_0"].values, np.float64)
                curves = (UnitCurve("mean activity", "neutral", np.asarray(rates, np.float32)),)
                found.append(UnitCurvesPanel(name, title, caption, named, x, about["labels"][0], "activity", curves))
            for key, (short, words, scale) in _NUMBERS.items():
                values = scale * one[key].values
                if np.isfinite(values).any():
                    numbers.append(UnitNumber(f"{short} {about['name']}", f"{about['name']}: {words}", "", values))
        found.append(UnitNumbersPanel(f"tuning_{layer}", f"Tuning of {layer}", caption, named, tuple(numbers)))
    return [*found, table_panel(_table(result))]


def _from_lowest(pictures: np.ndarray) -> np.ndarray:
    """Each from 0 (its lowest bin, and bins with too few decisions) to 1."""
    axes = (1, 2, 3)
    with np.errstate(invalid="ignore"):
        low, high = np.nanmin(pictures, axes, initial=np.inf), np.nanmax(pictures, axes, initial=-np.inf)
    is_flat = ~(high > low)
    scaled = (pictures - low[:, None, None, None]) / np.where(is_flat, 1, high - low)[:, None, None, None]
    return np.where(np.isfinite(scaled) & ~is_flat[:, None, None, None], scaled, 0.0).astype(np.float32)


def _note(alone: float, is_tuned: bool, stability: float) -> str:
    tuned = "tuned" if is_tuned else "not tuned"
    stable = "" if np.isnan(stability) else f", stability {stability:.2f}"
    return f"{tuned}, R² {alone:.2f}{stable}".replace("-", "−")


def _table(result: Result) -> TableDrawing:
    data = result.data
    columns = (
        "variable",
        "layer",
        "network",
        "units",
        "tuned",
        "explained alone, median and highest (%)",
        "beyond the view, median and highest (%)",
        "stability of the tuned, median",
        "information of the tuned, median (bits; by chance)",
        "fields of the tuned, median",
    )
    rows: list[tuple[str | int | float, ...]] = []
    for name in map(str, data["variable"].values):
        for layer in dict.fromkeys(map(str, data["unit_layer"].values)):
            for network in map(str, data["network"].values):
                one = data.sel(variable=name, network=network)
                one = one.isel(unit=np.flatnonzero(data["unit_layer"].values == layer))
                if not np.isfinite(one["p"].values).any():
                    continue
                tuned = one["is_tuned"].values
                bits, by_chance = (_median(one[f"information{each}"].values[tuned]) for each in ("", "_chance"))
                rows.append(
                    (
                        name,
                        layer,
                        network,
                        one.sizes["unit"],
                        int(tuned.sum()),
                        _spread(100 * one["alone"].values),
                        _spread(100 * one["beyond_view"].values),
                        _median(one["stability"].values[tuned]),
                        f"{bits} ({by_chance})" if tuned.any() else "–",
                        _median(one["fields"].values[tuned], 0),
                    )
                )
    return TableDrawing("tuning", "Tuning, layer by layer", data.attrs["caption"], columns, tuple(rows))


def _median(values: np.ndarray, digits: int = 2) -> str:
    known = values[np.isfinite(values)]
    return f"{np.median(known):.{digits}f}".replace("-", "−") if len(known) else "–"


def _spread(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return f"{np.median(known):.1f}, {known.max():.1f}".replace("-", "−") if len(known) else "–"
