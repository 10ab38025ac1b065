"""Whether what an analysis shows in the explorer fits what was recorded: layers, units, moments, finite numbers."""

from __future__ import annotations

import math
import tempfile

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.declaration import Analysis, Inputs
from retinoscope.analyses.exploring import (
    COMPONENTS,
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
from retinoscope.page.explorer.data_folder import DataFolder, json_text
from retinoscope.page.explorer.panels import panel_of
from retinoscope.result import Result


def check_panels(analysis: Analysis, result: Result, inputs: Inputs) -> None:
    """Every panel of a Result fits the recording, and can be written.

    Raises:
        AssertionError: one does not.
    """
    panels = [] if analysis.explore is None else analysis.explore(result)
    names = [each.name for each in panels]
    assert len(set(names)) == len(names), f"{analysis.name}: two panels of one name among {', '.join(names)}"
    for panel in panels:
        where = f"{analysis.name}: panel {panel.name!r}"
        assert panel.title and panel.caption, f"{where} has no title or no caption"
        _check_layers(panel, inputs, where)
        _check_moments(panel, inputs, where)
        assert _has_something(panel), f"{where} shows nothing"
        with tempfile.TemporaryDirectory(prefix="retinoscope-") as folder:
            json_text(panel_of(DataFolder(folder), panel, analysis.name))


def units_of(inputs: Inputs) -> dict[str, int]:
    """How many units each layer has that can be recorded: of a map, its channels."""
    found = {} if inputs.recording is None else {k: int(v) for k, v in inputs.recording.attributes["layers"].items()}
    for layer in () if inputs.agent is None else inputs.agent.policy.layers:
        found.setdefault(layer.name, layer.shape[0] if layer.is_map else math.prod(layer.shape))
    return found


def _check_layers(panel: Panel, inputs: Inputs, where: str) -> None:
    known = units_of(inputs)
    for layer, units in _units_shown(panel):
        if layer == COMPONENTS:
            continue
        assert layer in known, f"{where} is of layer {layer!r}; there are {', '.join(known)}"
        assert units <= known[layer], f"{where} has {units} units of {layer}, which has {known[layer]}"


def _units_shown(panel: Panel) -> list[tuple[str, int]]:
    """The layers of a panel, and how many of their units it has."""
    if isinstance(panel, PointsPanel):
        return [(panel.layer, 0)]
    if isinstance(panel, OrderPanel):
        return [(panel.layer, len(panel.units))]
    if isinstance(panel, UnitPicturesPanel | CheckpointPicturesPanel):
        return [(panel.layer, len(panel.pictures))]
    if isinstance(panel, UnitCurvesPanel):
        return [(panel.layer, len(panel.curves[0].values))]
    if isinstance(panel, UnitNumbersPanel):
        return [(panel.layer, len(panel.numbers[0].values))]
    if isinstance(panel, ExamplesPanel):
        return [(panel.layer, len(each.listed)) for each in panel.lists]
    if isinstance(panel, SaliencyPanel):
        return [(each.layer, (each.unit or 0) + 1) for each in panel.targets if each.layer is not None]
    if isinstance(panel, ImagesPanel):
        return [(layer, each.shape[-1]) for layer, each in panel.responses.items()]
    return []


def _check_moments(panel: Panel, inputs: Inputs, where: str) -> None:
    """Moments lie within the recording; a sample ends within it too."""
    if inputs.recording is None:
        return
    rows: list[NDArray[np.integer]] = []
    if isinstance(panel, PointsPanel):
        rows = [panel.rows]
    elif isinstance(panel, ExamplesPanel):
        rows = [panel.samples, panel.samples + panel.steps - 1]
    elif isinstance(panel, SaliencyPanel):
        rows = [each.rows for each in panel.targets]
    for each in rows:
        is_there = (each >= 0) & (each < inputs.recording.frames)
        assert len(each) and is_there.all(), f"{where} has moments outside of the recording"


def _has_something(panel: Panel) -> bool:
    """Points and maps are known everywhere, other numbers somewhere; tables have rows."""
    if isinstance(panel, PointsPanel):
        return bool(np.isfinite(panel.points).all())
    if isinstance(panel, OrderPanel):
        return bool(len(panel.units))
    if isinstance(panel, UnitPicturesPanel | CheckpointPicturesPanel):
        return bool(np.isfinite(panel.pictures).any())
    if isinstance(panel, UnitCurvesPanel):
        is_rising = bool((np.diff(panel.x) > 0).all())
        return is_rising and any(np.isfinite(each.values).any() for each in panel.curves)
    if isinstance(panel, UnitNumbersPanel):
        return any(np.isfinite(np.asarray(each.values, np.float64)).any() for each in panel.numbers)
    if isinstance(panel, ExamplesPanel):
        return any(each.listed.any() for each in panel.lists)
    if isinstance(panel, SaliencyPanel):
        return all(np.isfinite(each.maps).all() and np.isfinite(each.scale) for each in panel.targets)
    if isinstance(panel, ImagesPanel):
        return bool(len(panel.names)) and panel.pictures.dtype == np.uint8
    assert isinstance(panel, TablePanel)
    return bool(panel.rows)
