"""What Results of version 0.1 did not say of themselves, and today's do: then every world was an arena of one game."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray

from retinoscope.worlds.declaration import Words

_ENCODED, _KINDS = "fc", ("healing", "harmful")


def completed(analysis: str, data: xarray.Dataset) -> xarray.Dataset:
    """The data of a Result of then, under the names of today, with what today's would say besides."""
    complete = _COMPLETE.get(analysis)
    is_empty = not data.data_vars  # that of an analysis that could not be made
    return data if complete is None or is_empty else complete(data)


def _simulation(data: xarray.Dataset) -> xarray.Dataset:
    attributes, inferred = dict(data.attrs), bool(data.attrs.get("pickups_inferred"))
    maximum = float(attributes.pop("health_maximum"))
    attributes |= _of_movie(attributes) | {
        "variables": json.dumps([_number("health", "points", 0.0, maximum)]),
        "events_inferred": json.dumps([inferred] * data.sizes["event"]),
        "endings": json.dumps(
            ["the episode ended" if inferred else "the agent died", "the time limit ended the episode"]
        ),
    }
    data = data.assign_coords(head_kind=("head", ["choice"] * data.sizes["head"]))
    return _without_attributes(data).assign_attrs(attributes)


def _activation_movies(data: xarray.Dataset) -> xarray.Dataset:
    return data.assign_attrs(_of_movie(data.attrs))


def _raster(data: xarray.Dataset) -> xarray.Dataset:
    is_map = [str(name).startswith("conv") for name in data["layer"].values]
    return _with_health(data.assign(is_map=("layer", is_map)))


def _principal_components(data: xarray.Dataset) -> xarray.Dataset:
    return _with_health(data).assign_attrs(sign="value", map_of="value")


def _embedding(data: xarray.Dataset) -> xarray.Dataset:
    return _with_health(data).assign_attrs(clock_units="s")


def _event_triggered(data: xarray.Dataset) -> xarray.Dataset:
    encoded = _ENCODED if _ENCODED in data["layer"].values else ""
    said = {"kinds_are_sides": 1, "predicted": _KINDS[0], "encoded": encoded, "has_critic": 1, "clock_units": "s"}
    return data.assign_attrs(said)


def _training_progress(data: xarray.Dataset) -> xarray.Dataset:
    found = data.copy()
    for name, (label, axis) in _PROGRESS.items():
        if name in found:
            found[name].attrs |= {"label": label, "axis": axis}
    return found


def _evaluation(data: xarray.Dataset) -> xarray.Dataset:
    words = ("healing", "harmful", "pick-up", "pick-ups", "health gathered", "survived")
    return data.assign_attrs(words=json.dumps(dataclasses.asdict(Words(*words))))


def _with_health(data: xarray.Dataset) -> xarray.Dataset:
    numbers = [_number("health", "points", 0.0, float(np.max(data["health"].values)))] if "health" in data else []
    return data.assign_attrs(variables=json.dumps(numbers))


def _number(name: str, units: str, low: float, high: float) -> dict[str, Any]:
    about = {"name": name, "stored": name, "title": name, "units": units, "kind": "quantity"}
    return {**about, "low": low, "high": high}


def _of_movie(attributes: dict[str, Any]) -> dict[str, Any]:
    rate = float(attributes["decisions_per_second"])
    time = {"seconds_per_decision": 1 / rate, "clock_units": "s"}
    return time | {"movie_rate": 2 * rate, "movie_pace": "Shown at 2 times real speed."}


def _without_attributes(data: xarray.Dataset) -> xarray.Dataset:
    found = data.copy()
    found.attrs = {}
    return found


_DIMENSIONS, _SHARES = "participation ratio,\ndimensions", "fc: sparseness, share of units"
_PROGRESS = {
    "positive": ("healing", "per minute"),
    "negative": ("harmful", "per minute"),
    "terminated": ("deaths", "per minute"),
    "participation_fc": ("fc", _DIMENSIONS),
    "participation_rnn": ("rnn", _DIMENSIONS),
    "sparseness": ("sparseness of fc", _SHARES),
    "rising_before": ("share rising before", _SHARES),
    "pc1_auc": ("PC1 of fc", "AUC for healing\nwithin 1 s"),
}
"""Number of a checkpoint -> its name in a legend, and its axis."""

_COMPLETE: dict[str, Callable[[xarray.Dataset], xarray.Dataset]] = {
    "simulation": _simulation,
    "activation_movies": _activation_movies,
    "raster": _raster,
    "principal_components": _principal_components,
    "embedding": _embedding,
    "event_triggered": _event_triggered,
    "training_progress": _training_progress,
    "evaluation": _evaluation,
}
