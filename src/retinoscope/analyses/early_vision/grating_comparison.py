"""Where the trained network lies to the untrained ones, for every index of tuning to gratings or to motion."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray

INDICES = (
    "preferred_frequency",
    "orientation_selectivity",
    "classic_orientation_selectivity",
    "orientation_half_width",
    "bandwidth",
    "modulation",
    "linearity",
    "contrast_exponent",
    "half_saturation",
    "colour_index",
)
"""Those of tuning to gratings that are compared, as far as they are measured."""

_COLUMNS = ("layer", "index", "units", "trained", "first checkpoint", "redrawn", "percentile")


class Table(NamedTuple):
    """What is written as a table."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]


def comparison(data: xarray.Dataset, indices: Sequence[str] = INDICES) -> xarray.Dataset:
    """Medians over units by index, layer and network, and the place of the trained one among untrained units.

    Args:
        data: over (network, unit), as of `tuning_to_gratings`.
        indices: names of variables that are compared, as far as they are there.

    Returns:
        `median` (index, layer, network); `percentile` (index, layer), the share of the units of all redrawn networks
        together that lie below the trained median, ties counted half; `answering` (layer, network) and `measured`
        (layer), numbers of units.
    """
    names = [name for name in indices if name in data]
    layers, networks = [str(each) for each in data["layer"].values], [str(each) for each in data["network"].values]
    values = np.stack([data[name].values for name in names])
    medians = np.full((len(names), len(layers), len(networks)), np.nan)
    percentiles = np.full((len(names), len(layers)), np.nan)
    is_redrawn = np.array([name.startswith("redrawn") for name in networks])
    answering, measured = np.zeros((len(layers), len(networks)), np.int64), np.zeros(len(layers), np.int64)
    for number, layer in enumerate(layers):
        is_here = data["unit_layer"].values == layer
        here = values[:, :, is_here]
        with warnings.catch_warnings():  # of all-NaN slices: nothing answers, and the median is NaN
            warnings.simplefilter("ignore", RuntimeWarning)
            medians[:, number] = np.nanmedian(here, axis=-1)
        pooled = here[:, is_redrawn].reshape(len(names), -1)
        for index in range(len(names)):
            percentiles[index, number] = _percentile(medians[index, number, 0], pooled[index])
        answering[number] = np.isfinite(data["strength"].values[:, is_here]).sum(axis=1)
        measured[number] = is_here.sum()
    return xarray.Dataset(
        {
            "median": (("index", "layer", "network"), medians, {"long_name": "median over the units that answer"}),
            "percentile": (
                ("index", "layer"),
                percentiles,
                {"long_name": "of the trained median among units of redrawn networks", "units": "percent"},
            ),
            "answering": (("layer", "network"), answering, {"units": "units"}),
            "measured": ("layer", measured, {"units": "units"}),
        },
        coords={"index": names},
    )


def _percentile(value: float, among: np.ndarray) -> float:
    known = among[np.isfinite(among)]
    if not len(known) or not np.isfinite(value):
        return np.nan
    return float(100 * ((known < value).mean() + (known == value).mean() / 2))


def table_of(data: xarray.Dataset) -> Table:
    """Medians of every index, layer by layer, as a table."""
    networks = [str(each) for each in data["network"].values]
    drawn = [name for name in networks if name.startswith("redrawn")]
    rows = []
    for layer in data["layer"].values:
        here = data.sel(layer=layer)
        for index in data["index"].values:
            medians = here["median"].sel(index=index)
            untrained = medians.sel(network=drawn).values
            has_range = bool(np.isfinite(untrained).any())
            percentile = float(here["percentile"].sel(index=index))
            rows.append(
                (
                    str(layer),
                    str(data[str(index)].attrs["long_name"]),
                    int(here["answering"].sel(network="trained")),
                    _number(float(medians.sel(network="trained"))),
                    _number(float(medians.sel(network="first"))) if "first" in networks else "unknown",
                    f"{_number(np.nanmin(untrained))} to {_number(np.nanmax(untrained))}" if has_range else "–",
                    f"{percentile:.0f}" if np.isfinite(percentile) else "–",
                )
            )
    caption = (
        "Medians over the units that answer; redrawn: lowest and highest median of "
        f"{len(drawn)} networks of weights drawn anew; percentile: of the trained median among all their units."
    )
    if "bandwidth" in data:
        caption += (
            " Half-widths, bandwidths and half saturation: of units in which the answer falls to half, or saturates."
        )
    return Table(caption, _COLUMNS, tuple(rows))


def silent_units(data: xarray.Dataset) -> list[str]:
    """The sentence of a caption on units of the agent that nothing moves; none if there are none.

    Args:
        data: with what `comparison` adds.
    """
    silent = data["measured"] - data["answering"].sel(network="trained")
    said = [
        f"{int(count)} of {layer}" for layer, count in zip(data["layer"].values, silent.values, strict=True) if count
    ]
    return [f"Units that no grating moves are left out: {', '.join(said)}."] if said else []


def redrawn_units(data: xarray.Dataset) -> list[str]:
    """The sentence of a caption on networks of weights drawn anew; none if there are none."""
    count = sum(str(each).startswith("redrawn") for each in data["network"].values)
    return [f"Redrawn: the units of {count} network{'s' if count > 1 else ''} of weights drawn anew."] if count else []


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"
