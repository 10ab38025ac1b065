"""What the explorer shows of fields: a picture for every unit, and what is known of it in a line."""

from __future__ import annotations

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.exploring import CheckpointPicturesPanel, Panel, UnitPicturesPanel, by_unit
from retinoscope.result import Result


def field_panels(result: Result) -> list[Panel]:
    """Of a Result of `receptive_fields`: the part of the field that figures show, with how reliable it is."""
    panels: list[Panel] = []
    for layer in result.parameters["layers"]:
        fields = result.data[layer]
        about, units = fields.attrs, fields[f"{layer}_unit"].values
        panels.append(
            UnitPicturesPanel(
                f"receptive_fields_{layer}",
                f"Receptive fields of {layer}",
                str(about["caption"]),
                layer,
                by_unit(_drawn(fields), units),
                is_signed=True,
                notes=_placed(_of_reliability(result.data, layer), units),
                note=str(about.get("learned", "")),  # Results of before do not have it
            )
        )
    return panels


def natural_field_panels(result: Result) -> list[Panel]:
    """Of a Result of `natural_fields`: fields by regression, with how well they predict what was held out."""
    panels: list[Panel] = []
    for layer in result.parameters["layers"]:
        fields = result.data[layer]
        units = fields[f"{layer}_unit"].values
        panels.append(
            UnitPicturesPanel(
                f"natural_fields_{layer}",
                f"Natural fields of {layer}",
                str(fields.attrs["caption"]),
                layer,
                by_unit(fields.values, units),
                is_signed=True,
                notes=_placed(_of_prediction(result.data, layer), units),
                note=str(fields.attrs.get("learned", "")),
            )
        )
    return panels


def movie_panels(result: Result) -> list[Panel]:
    """Of a Result of `field_movie`: the field of every unit at every checkpoint, the part that the movie shows."""
    frames, kept = np.unique(result.data["frames_trained"].values, return_index=True)
    panels: list[Panel] = []
    for layer in result.parameters["layers"]:
        fields = result.data[layer]
        units = fields[f"{layer}_unit"].values
        panels.append(
            CheckpointPicturesPanel(
                f"field_movie_{layer}",
                f"Receptive fields of {layer} in the course of training",
                str(result.data.attrs["caption"]),
                layer,
                frames,
                by_unit(_drawn(fields)[kept].swapaxes(0, 1), units),
                is_signed=True,
            )
        )
    return panels


def _drawn(fields: xarray.DataArray) -> NDArray[np.floating]:
    """The part that figures show of fields (..., height, width, colour)."""
    about = fields.attrs
    rows = slice(about.get("drawn_top"), about.get("drawn_bottom"))
    columns = slice(about.get("drawn_left"), about.get("drawn_right"))
    return np.asarray(fields.values[..., rows, columns, :])


def _of_reliability(data: xarray.Dataset, layer: str) -> list[str]:
    is_silent = ~data[layer].values.any(axis=(1, 2, 3))
    return [
        "never answered"
        if silent
        else f"split-half reliability {np.floor(1000 * value) / 1000:.3f}"
        if np.isfinite(value)
        else "answered too seldom for its reliability to be known"
        for value, silent in zip(data[f"{layer}_reliability"].values, is_silent, strict=True)
    ]


def _of_prediction(data: xarray.Dataset, layer: str) -> list[str]:
    shifted = data[f"{layer}_shifted_r"].values.max(axis=0)
    columns = (data[f"{layer}_r"].values, data[f"{layer}_r_error"].values, shifted)
    return [
        f"predicts held-out activity with r = {r:.2f} ± {error:.2f} (activity shifted in time: at most {chance:.2f})"
        if np.isfinite(r)
        else "never changed"
        for r, error, chance in zip(*columns, strict=True)
    ]


def _placed(notes: list[str], units: NDArray[np.integer]) -> tuple[str, ...]:
    """Every note in the place of its unit."""
    found = ["not measured"] * (int(units.max()) + 1)
    for unit, note in zip(units.tolist(), notes, strict=True):
        found[unit] = note
    return tuple(found)
