"""Panels that analyses declare, as the explorer reads them: texts for the index, numbers in columns.

What would be too large for a page is made smaller, and the panel's caption then says so.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.exploring import (
    AgentsPanel,
    Cell,
    CheckpointPicturesPanel,
    ExamplesPanel,
    ImagesPanel,
    OrderPanel,
    Panel,
    PointsPanel,
    SaliencyPanel,
    TablePanel,
    UnitCurvesPanel,
    UnitNumbersPanel,
    UnitPicturesPanel,
)
from retinoscope.analyses.registry import all_analyses
from retinoscope.page.explorer.data_folder import DataFolder
from retinoscope.page.explorer.panel_columns import Columns, averaged, blocks_of, in_blocks, largest, range_of
from retinoscope.page.products import OMITTED
from retinoscope.result import Result

Entry = dict[str, Any]

MOST_OF_PICTURES = 2_000_000
"""Numbers in the pictures of a layer, of two bytes each; of larger ones blocks of pixels are averaged."""

MOST_OF_CHECKPOINTS = 6_000_000
"""The same of its pictures at all checkpoints together."""

MOST_OF_MAPS = 12_000_000
"""Numbers in the maps of a panel of saliency, of one byte each: larger maps are averaged in blocks of 2 x 2 pixels, and
then some of the moments are left out."""

MOST_OF_LISTS = 16_000_000
"""Entries in the lists of examples, of one byte each: of more, only those at the gradient step are written."""


def panels_of(folder: DataFolder, results: Mapping[str, Result]) -> list[Entry]:
    """Write the panels of all Results whose analyses declare some.

    Args:
        folder: where to.
        results: by the names of their analyses, loaded one at a time; those that could not be made are passed over.

    Returns:
        A `Panel` of the schema for each, of different names, in the order of the Results.
    """
    analyses, found = all_analyses(), []
    taken: dict[str, int] = {}
    for name in results:
        explore = analyses[name].explore if name in analyses else None
        if explore is None or OMITTED in (result := results[name]).data.attrs:  # none is loaded that is not shown
            continue
        for panel in explore(result):
            taken[panel.name] = taken.get(panel.name, 0) + 1
            again = f"_{taken[panel.name]}" if taken[panel.name] > 1 else ""
            found.append(panel_of(folder, replace(panel, name=panel.name + again), name))
    return found


def panel_of(folder: DataFolder, panel: Panel, analysis: str) -> Entry:
    """Write one panel.

    Args:
        folder: where to.
        panel: what an analysis declares.
        analysis: its name.

    Returns:
        A `Panel` of the schema.
    """
    said = {"name": panel.name, "analysis": analysis, "title": panel.title, "caption": panel.caption}
    return said | _written(panel, Columns(folder, f"panels/{panel.name}"))


@functools.singledispatch
def _written(panel: Any, columns: Columns) -> Entry:
    raise TypeError(f"{type(panel).__name__}: is no panel")


@_written.register
def _points(panel: PointsPanel, columns: Columns) -> Entry:
    return {
        "kind": "points",
        "layer": panel.layer,
        "rows": columns("rows", panel.rows, "int32"),
        "points": columns("points", panel.points),
        "note": panel.note,
    }


@_written.register
def _order(panel: OrderPanel, columns: Columns) -> Entry:
    return {"kind": "order", "layer": panel.layer, "units": panel.units}


@_written.register
def _unit_pictures(panel: UnitPicturesPanel, columns: Columns) -> Entry:
    pictures, block = in_blocks(panel.pictures, MOST_OF_PICTURES)
    if panel.is_signed:
        written = columns.centred("pictures", pictures, largest(pictures), "code16")
    else:
        low, high = range_of(pictures)
        written = columns("pictures", pictures, "code16", low=low, high=high)
    return _of_pictures(panel, pictures, block) | {"pictures": written, "notes": panel.notes}


@_written.register
def _checkpoint_pictures(panel: CheckpointPicturesPanel, columns: Columns) -> Entry:
    units, checkpoints = panel.pictures.shape[:2]
    flat = panel.pictures.reshape(units * checkpoints, *panel.pictures.shape[2:])
    pictures, block = in_blocks(flat, MOST_OF_CHECKPOINTS)
    # A row holds all pictures of a unit, which are read together.
    rows = pictures.reshape(units, checkpoints, *pictures.shape[1:])
    low, high = (-largest(rows), largest(rows)) if panel.is_signed else range_of(rows)
    return _of_pictures(panel, pictures, block) | {
        "kind": "checkpoint_pictures",
        "frames_trained": panel.frames_trained,
        "pictures": columns("pictures", rows, "code16", low=low, high=high),
    }


def _of_pictures(panel: UnitPicturesPanel | CheckpointPicturesPanel, pictures: NDArray[Any], block: int) -> Entry:
    _, height, width, channels = pictures.shape
    return {
        "kind": "unit_pictures",
        "caption": _with(panel.caption, block > 1, f"Shown here in blocks of {block} × {block} pixels, averaged."),
        "layer": panel.layer,
        **{"height": height, "width": width, "channels": channels},
        **{"is_signed": panel.is_signed, "note": panel.note},
    }


@_written.register
def _unit_curves(panel: UnitCurvesPanel, columns: Columns) -> Entry:
    curves = []
    for number, each in enumerate(panel.curves):
        parts = {name: getattr(each, name) for name in ("values", "low", "high")}
        written = {name: None if part is None else columns(f"{number}/{name}", part) for name, part in parts.items()}
        curves.append({"name": each.name, "tone": each.tone, **written})
    return {
        "kind": "unit_curves",
        "layer": panel.layer,
        **{"x": panel.x, "x_title": panel.x_title, "y_title": panel.y_title, "curves": curves},
        "is_over_training": panel.is_over_training,
    }


@_written.register
def _unit_numbers(panel: UnitNumbersPanel, columns: Columns) -> Entry:
    values = np.stack([np.asarray(each.values, np.float32) for each in panel.numbers], axis=1)
    return {
        "kind": "unit_numbers",
        "layer": panel.layer,
        "numbers": [{"name": each.name, "title": each.title, "units": each.units} for each in panel.numbers],
        "values": columns("values", values),
    }


@_written.register
def _examples(panel: ExamplesPanel, columns: Columns) -> Entry:
    is_large = sum(each.listed.size for each in panel.lists) > MOST_OF_LISTS
    lists = [each for each in panel.lists if each.scope == "gradient_step" or not is_large]
    return {
        "kind": "examples",
        "caption": _with(panel.caption, is_large, "Here are only the lists at the gradient step."),
        "layer": panel.layer,
        **{"steps": panel.steps, "gradient_step": panel.gradient_step},
        "samples": columns("samples", panel.samples, "int32"),
        "names": panel.names,
        "lists": [
            {
                "scope": each.scope,
                "level": each.level,
                "listed": columns(f"{number}/listed", each.listed.astype(np.uint8), "uint8"),
            }
            for number, each in enumerate(lists)
        ],
    }


@_written.register
def _saliency(panel: SaliencyPanel, columns: Columns) -> Entry:
    shapes = [each.maps.shape for each in panel.targets]
    block = 2 if sum(map(math.prod, shapes)) > MOST_OF_MAPS else 1
    size = sum(math.prod(blocks_of((*shape, 1), block)) for shape in shapes)
    every = max(1, math.ceil(size / MOST_OF_MAPS))
    height, width = blocks_of((*shapes[0], 1), block)[1:3]
    targets: list[Entry] = []
    kept_rows: dict[int, NDArray[np.integer]] = {}
    for number, each in enumerate(panel.targets):
        # The same rows stay the same array, which is written once.
        rows = kept_rows.setdefault(id(each.rows), each.rows[::every])
        maps = averaged(each.maps[::every, ..., None], block)[..., 0]
        scale = each.scale if block == 1 else min(each.scale, largest(maps))
        targets.append(
            {
                **{"name": each.name, "title": each.title, "layer": each.layer, "unit": each.unit},
                **{"verdict": each.verdict, "has_passed": each.has_passed},
                "rows": columns(f"{number}/rows", rows, "int32"),
                "maps": columns.centred(f"{number}/maps", maps, scale, "code8"),
            }
        )
    caption = _with(panel.caption, block > 1, f"Shown here in blocks of {block} × {block} pixels, averaged.")
    caption = _with(caption, every > 1, f"Of {every} moments there is a map of one.")
    return {"kind": "saliency", "caption": caption, "height": height, "width": width, "targets": targets}


@_written.register
def _images(panel: ImagesPanel, columns: Columns) -> Entry:
    pairs = math.prod(panel.pictures.shape[:2])
    height, width, channels = panel.pictures.shape[2:]
    pictures = panel.pictures.reshape(pairs, height, width, channels)
    saliency = [
        {
            **{"name": each.name, "title": each.title, "verdict": each.verdict, "has_passed": each.has_passed},
            "maps": columns.centred(f"saliency/{number}", each.maps, largest(each.maps), "code8"),
        }
        for number, each in enumerate(panel.saliency)
    ]
    return {
        "kind": "images",
        "pictures": columns.folder.pictures(f"{columns.path}/pictures", [pictures], pairs, height, width),
        **{"names": panel.names, "classes": panel.classes, "class_of": panel.class_of},
        **{"valences": panel.valences, "places": panel.places},
        "heads": [{field.name: getattr(each, field.name) for field in fields(each)} for each in panel.heads],
        "outputs": _by_pair(columns, "outputs", panel.outputs, pairs),
        "value": _by_pair(columns, "value", panel.value, pairs),
        "responses": [
            {"layer": layer, "values": _by_pair(columns, f"responses/{layer}", values, pairs)}
            for layer, values in panel.responses.items()
        ],
        "saliency": saliency,
        "saliency_rows": None
        if panel.saliency_pairs is None
        else columns("saliency/rows", panel.saliency_pairs, "int32"),
    }


@_written.register
def _agents(panel: AgentsPanel, columns: Columns) -> Entry:
    count, height, width, _ = panel.pictures.shape
    agents = []
    for number, each in enumerate(panel.agents):
        path = f"{number}"
        responses = []
        for layer, values in each.responses.items():
            # One range for a layer, so that its units can be compared by eye.
            low, high = range_of(values)
            written = columns(f"{path}/{layer}", values, "code8", low=low, high=high)
            responses.append({"layer": layer, "values": written})
        agents.append(
            {
                "name": each.name,
                "heads": [{field.name: getattr(head, field.name) for field in fields(head)} for head in each.heads],
                "outputs": None if each.outputs is None else columns(f"{path}/outputs", each.outputs),
                "value": None if each.value is None else columns(f"{path}/value", each.value),
                "responses": responses,
            }
        )
    pictures = columns.folder.pictures(f"{columns.path}/pictures", [panel.pictures], count, height, width)
    rows = None if panel.rows is None else columns("rows", panel.rows, "int32")
    return {"kind": "agents", "pictures": pictures, "names": panel.names, "rows": rows, "agents": agents}


@_written.register
def _table(panel: TablePanel, columns: Columns) -> Entry:
    return {"kind": "table", "columns": panel.columns, "rows": [[_cell(each) for each in row] for row in panel.rows]}


def _cell(value: Cell) -> Cell:
    """JSON knows no number that is none."""
    return "–" if isinstance(value, float) and not math.isfinite(value) else value


def _by_pair(columns: Columns, name: str, values: NDArray[Any] | None, pairs: int) -> Entry | None:
    return None if values is None else columns(name, values.reshape(pairs, math.prod(values.shape[2:])))


def _with(caption: str, is_said: bool, sentence: str) -> str:
    return f"{caption} {sentence}".strip() if is_said else caption
