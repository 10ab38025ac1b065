"""The activity of layers as the explorer reads it: recorded units, means over maps, components."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.exploring import COMPONENTS
from retinoscope.analyses.memory.fitted_components import NAME as FITTED
from retinoscope.analyses.memory.fitted_components import fitted_of
from retinoscope.analyses.memory.recording_windows import layer_of
from retinoscope.page.explorer.data_folder import DataFolder, Values, range_of
from retinoscope.page.explorer.recorded import blocks_of
from retinoscope.page.products import OMITTED
from retinoscope.result import Result
from retinoscope.rollouts.recording import Recording

Entry = dict[str, Any]

MAPS = "convolutions"
_NOT_SHOWN = ("value", "policy")  # they stand beside the player
_MEAN = "_mean"


def write_layers(folder: DataFolder, recording: Recording, results: Mapping[str, Result]) -> list[Entry]:
    """Write the activity of all layers at all moments: maps first, then what is stored, components last.

    Args:
        folder: where to.
        recording: which.
        results: by name; those of `convolutions` and `fitted_components` are used where they are of this recording.

    Returns:
        A `Layer` of the schema for each.
    """
    roles = recording.attributes["roles"]
    found = _maps(folder, recording, results[MAPS]) if MAPS in results else []
    for name, units in recording.attributes["layers"].items():
        role = roles.get(name, "other")
        if role not in _NOT_SHOWN:
            values = _Activity(blocks_of(recording, name), recording.frames, units)
            title = name if role == "other" else f"{name} ({role})"
            found.append(values.written(folder, name, title, role, "activity"))
    if FITTED in results and OMITTED not in (fitted := results[FITTED]).data.attrs:
        found += _components(folder, recording, fitted)
    return found


@dataclass(frozen=True)
class _Activity:
    values: Values
    rows: int
    units: int

    def written(self, folder: DataFolder, name: str, title: str, role: str, quantity: str) -> Entry:
        low, high = range_of(self.values, self.units)
        rows, units = self.rows, self.units
        return {
            **{"name": name, "title": title, "role": role, "units": units, "quantity": quantity, "number_units": ""},
            "activity": folder.activity(f"layers/{name}", self.values, rows=rows, units=units, low=low, high=high),
            "overview": folder.overview(f"overviews/{name}", self.values, rows=rows, units=units, low=low, high=high),
        }


def _maps(folder: DataFolder, recording: Recording, result: Result) -> list[Entry]:
    """Means over the maps of convolutions."""
    found = []
    for variable in map(str, result.data.data_vars):
        name = variable.removesuffix(_MEAN)
        values = result.data[variable].values
        if name != variable and values.ndim == 2 and len(values) == recording.frames:
            made = _Activity(values, *values.shape)
            found.append(made.written(folder, name, f"{name} (encoder stage)", "encoder stage", "mean over the map"))
    return found


def _components(folder: DataFolder, recording: Recording, result: Result) -> list[Entry]:
    """The activity of the fitted components at all moments, also those that they were not fitted on."""
    fitted = fitted_of(result)
    layer = result.parameters.get("layer") or layer_of(recording)
    if recording.attributes["layers"].get(layer) != fitted.units_of_state:
        return []
    shape = (recording.frames, len(fitted.numbers))
    # Computed once, however often it is read, and held in a file, so that memory does not grow with the recording.
    with tempfile.TemporaryFile() as file:
        found: NDArray[np.float32] = np.memmap(file, np.float32, "w+", shape=shape)
        start = 0
        for block in blocks_of(recording, layer)():
            is_known = np.isfinite(block).all(axis=1)
            part = np.full((len(block), shape[1]), np.nan, np.float32)
            if is_known.any():
                part[is_known] = fitted.transform(block[is_known])
            found[start : start + len(block)] = part
            start += len(block)
        title = f"components of {layer}"
        return [_Activity(found, *shape).written(folder, COMPONENTS, title, "components", "component")]
