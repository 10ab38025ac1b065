"""What is drawn of principal components, embeddings and rasters."""

from __future__ import annotations

import numpy as np

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.figures.principal_components import (
    principal_components,
    principal_components_map,
    principal_components_time,
)
from retinoscope.figures.raster import raster
from retinoscope.result import Result


def draw_principal_components(result: Result) -> list[Drawing]:
    """Scree plots and their table; where there are dense or recurrent layers, map and traces."""
    captions, name = result.data.attrs, "principal_components"
    drawings: list[Drawing] = [
        FigureDrawing(
            name, "How many dimensions activity has", captions["caption_scree"], lambda: principal_components(result)
        ),
        _dimensions(result, captions["caption_scree"]),
    ]
    if "caption_map" in captions:
        title = "First two components, by the critic's value"
        drawings.append(
            FigureDrawing(f"{name}_map", title, captions["caption_map"], lambda: principal_components_map(result))
        )
    if "caption_time" in captions:
        title = "First components in time"
        drawings.append(
            FigureDrawing(f"{name}_time", title, captions["caption_time"], lambda: principal_components_time(result))
        )
    return drawings


def draw_raster(result: Result) -> list[Drawing]:
    """The raster."""
    caption = result.data.attrs["caption"]
    return [FigureDrawing("raster", "Activity of all units, sorted", caption, lambda: raster(result))]


def _dimensions(result: Result, caption: str) -> TableDrawing:
    data = result.data
    columns = ("layer", "units", "decisions", "participation ratio", "95% low", "95% high", "by chance", "computed")
    rows = []
    for name in data["layer"].values:
        at = data.sel(layer=name)
        ratios = [float(at[f"participation_ratio{each}"]) for each in ("", "_low", "_high", "_chance")]
        shown = [round(each, 2) if np.isfinite(each) else "unknown" for each in ratios]
        how = "exactly" if bool(at["is_exact"]) else "randomised"
        rows.append((str(name), int(at["units"]), int(at["decisions"]), *shown, how))
    return TableDrawing("principal_components", "Dimensions of every layer", caption, columns, tuple(rows))
