"""What the explorer shows of a Result: one class for each kind of panel it knows.

A panel holds numbers and texts, and computes nothing. `layer` is a layer as the recording names it, or `COMPONENTS`; a
unit's place on the first axis is its number in that layer. A unit that was not measured is NaN, see `by_unit`.
"""

from __future__ import annotations

from retinoscope.analyses.exploring.agents import AgentsPanel, ShownAgent
from retinoscope.analyses.exploring.images import ImageSaliency, ImagesPanel, ShownHead
from retinoscope.analyses.exploring.moments import (
    ExampleList,
    ExamplesPanel,
    PointsPanel,
    SaliencyPanel,
    SaliencyTarget,
)
from retinoscope.analyses.exploring.tables import Cell, TablePanel, table_panel, tables_of
from retinoscope.analyses.exploring.units import (
    COMPONENTS,
    CheckpointPicturesPanel,
    OrderPanel,
    Tone,
    UnitCurve,
    UnitCurvesPanel,
    UnitNumber,
    UnitNumbersPanel,
    UnitPicturesPanel,
    by_unit,
)

Panel = (
    PointsPanel
    | OrderPanel
    | UnitPicturesPanel
    | CheckpointPicturesPanel
    | UnitCurvesPanel
    | UnitNumbersPanel
    | ExamplesPanel
    | SaliencyPanel
    | ImagesPanel
    | AgentsPanel
    | TablePanel
)

__all__ = [
    "COMPONENTS",
    "AgentsPanel",
    "Cell",
    "CheckpointPicturesPanel",
    "ExampleList",
    "ExamplesPanel",
    "ImageSaliency",
    "ImagesPanel",
    "OrderPanel",
    "Panel",
    "PointsPanel",
    "SaliencyPanel",
    "SaliencyTarget",
    "ShownAgent",
    "ShownHead",
    "TablePanel",
    "Tone",
    "UnitCurve",
    "UnitCurvesPanel",
    "UnitNumber",
    "UnitNumbersPanel",
    "UnitPicturesPanel",
    "by_unit",
    "table_panel",
    "tables_of",
]
