"""What the explorer shows of a Result: one class for each kind of panel it knows.

A panel holds numbers and texts, and computes nothing. `layer` is a layer as the recording names it, or `COMPONENTS`; a
unit's place on the first axis is its number in that layer. A unit that was not measured is NaN, see `by_unit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retinoscope.analyses.drawing import TableDrawing

COMPONENTS = "components"
"""The layer whose units are the components of the memory, in the order in which `fitted_components` has them."""

Tone = Literal["good", "bad", "neutral", "chance"]
Cell = str | int | float


@dataclass(frozen=True)
class PointsPanel:
    """An embedding of a layer: one point for some moments.

    Attributes:
        name: of the panel; unique in a run, so that it begins with the name of its analysis.
        title: of the panel, for people.
        caption: what was measured, over how much, and how.
        layer: whose activity lies there.
        rows: (point,) moment of each, a row of the recording.
        points: (point, 2).
        note: one line on what the picture is worth.
    """

    name: str
    title: str
    caption: str
    layer: str
    rows: NDArray[np.integer]
    points: NDArray[np.floating]
    note: str = ""

    def __post_init__(self) -> None:
        _require(self, self.rows.ndim == 1, "rows are not in one row")
        _require(self, self.points.shape == (len(self.rows), 2), "not one point in the plane for each moment")


@dataclass(frozen=True)
class OrderPanel:
    """In which order the units of a layer stand in the raster, top to bottom.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        layer: whose units.
        units: their numbers in order, each once.
    """

    name: str
    title: str
    caption: str
    layer: str
    units: NDArray[np.integer]

    def __post_init__(self) -> None:
        _require(self, np.array_equal(np.sort(self.units), np.arange(len(self.units))), "not each unit once")


@dataclass(frozen=True)
class UnitPicturesPanel:
    """A picture for every unit of a layer.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        layer: whose units.
        pictures: (unit, height, width, channel).
        is_signed: they are numbers around zero.
        notes: one line for each unit, or none at all.
        note: one line for the layer.
    """

    name: str
    title: str
    caption: str
    layer: str
    pictures: NDArray[np.floating]
    is_signed: bool
    notes: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        _require(self, self.pictures.ndim == 4, "pictures are not (unit, height, width, channel)")
        _require(self, len(self.notes) in (0, len(self.pictures)), "not one note for each unit")


@dataclass(frozen=True)
class UnitCurve:
    """One curve of every unit.

    Attributes:
        name: in the legend.
        tone: what it stands for, by which it gets its colour.
        values: (unit, x).
        low, high: of the same shape, ends of an interval around them; None for none.
    """

    name: str
    tone: Tone
    values: NDArray[np.floating]
    low: NDArray[np.floating] | None = None
    high: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class UnitCurvesPanel:
    """Curves of every unit of a layer.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        layer: whose units.
        x: rising.
        x_title, y_title: of the axes, with units.
        curves: over x.
    """

    name: str
    title: str
    caption: str
    layer: str
    x: NDArray[np.floating]
    x_title: str
    y_title: str
    curves: tuple[UnitCurve, ...]

    def __post_init__(self) -> None:
        _require(self, bool(self.curves), "has no curve")
        shape = self.curves[0].values.shape
        _require(self, shape[1:] == np.shape(self.x), "a curve has not one value for each x")
        for each in self.curves:
            parts = [part for part in (each.values, each.low, each.high) if part is not None]
            _require(self, all(part.shape == shape for part in parts), f"curve {each.name!r} is of another shape")


@dataclass(frozen=True)
class UnitNumber:
    """One number of every unit.

    Attributes:
        name: of the column.
        title: for people.
        units: of the numbers; empty if they have none.
        values: (unit,).
    """

    name: str
    title: str
    units: str
    values: NDArray[Any]


@dataclass(frozen=True)
class UnitNumbersPanel:
    """Numbers of every unit of a layer.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        layer: whose units.
        numbers: of them.
    """

    name: str
    title: str
    caption: str
    layer: str
    numbers: tuple[UnitNumber, ...]

    def __post_init__(self) -> None:
        shapes = {np.shape(each.values) for each in self.numbers}
        _require(self, len(shapes) == 1 and len(next(iter(shapes))) == 1, "not the same units in all numbers")


@dataclass(frozen=True)
class ExampleList:
    """Which samples a list of each unit holds.

    Attributes:
        scope: `any_step` of a sample, or `gradient_step`.
        level: of activity.
        listed: (unit, sample) bool.
    """

    scope: str
    level: str
    listed: NDArray[np.bool_]


@dataclass(frozen=True)
class ExamplesPanel:
    """Samples, stretches of consecutive moments, that drive each unit of a layer.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        layer: whose units.
        steps: moments in a sample.
        gradient_step: one of them, counted from 0.
        samples: (sample,) first moment of each.
        names: of the samples; none for their numbers.
        lists: of all units.
    """

    name: str
    title: str
    caption: str
    layer: str
    steps: int
    gradient_step: int
    samples: NDArray[np.integer]
    names: tuple[str, ...]
    lists: tuple[ExampleList, ...]

    def __post_init__(self) -> None:
        _require(self, 0 <= self.gradient_step < self.steps, "the gradient step is not in the samples")
        _require(self, len(self.names) in (0, len(self.samples)), "not one name for each sample")
        for each in self.lists:
            fits = each.listed.ndim == 2 and each.listed.shape[1] == len(self.samples)
            _require(self, fits, f"list {each.level!r} is not of these samples")


@dataclass(frozen=True)
class SaliencyTarget:
    """Which pixels moved one thing.

    Attributes:
        name: of the thing.
        title: for people.
        rows: (moment,) rows of the recording, rising.
        maps: (moment, height, width).
        scale: they are shown between minus and plus this.
        layer, unit: whose activity it is, of a unit or component.
        verdict: of the randomisation check, one line; empty if it was not made.
        has_passed: the check; None if it was not made.
    """

    name: str
    title: str
    rows: NDArray[np.integer]
    maps: NDArray[np.floating]
    scale: float
    layer: str | None = None
    unit: int | None = None
    verdict: str = ""
    has_passed: bool | None = None


@dataclass(frozen=True)
class SaliencyPanel:
    """Which pixels moved what, at some moments.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        targets: what was moved.
    """

    name: str
    title: str
    caption: str
    targets: tuple[SaliencyTarget, ...]

    def __post_init__(self) -> None:
        _require(self, bool(self.targets), "has no target")
        for each in self.targets:
            fits = each.maps.shape == (len(each.rows), *self.targets[0].maps.shape[1:]) and each.maps.ndim == 3
            _require(self, fits, f"target {each.name!r} has not one map for each moment")
            _require(self, bool((np.diff(each.rows) > 0).all()), f"moments of target {each.name!r} do not rise")


@dataclass(frozen=True)
class ShownHead:
    """A head of the actor.

    Attributes:
        name: of the head.
        kind: what its numbers are.
        outputs: names of its numbers.
    """

    name: str
    kind: Literal["choice", "q_values", "gaussian"]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class ImageSaliency:
    """Which pixels of shown images moved one thing: as `SaliencyTarget`, with `maps` (pair, height, width)."""

    name: str
    title: str
    maps: NDArray[np.floating]
    verdict: str = ""
    has_passed: bool | None = None


@dataclass(frozen=True)
class ImagesPanel:
    """Responses to images that were shown, each at every place.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        pictures: (image, place, height, width, 3) uint8, as the agent saw them.
        names: of the images.
        classes: names.
        class_of: (image,) index of the class.
        valences: (class,) what each is to the agent; NaN where that is not known.
        places: where images were shown, in words.
        heads: of the actor.
        outputs: (image, place, output) probabilities, in the order of the heads; None where they are not at hand.
        value: (image, place); None where there is none.
        responses: (image, place, unit), by layer.
        saliency: of all pairs, or of those in `saliency_pairs`.
        saliency_pairs: (pair,) image * places + place of each map; None for all in order.
    """

    name: str
    title: str
    caption: str
    pictures: NDArray[np.uint8]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    class_of: NDArray[np.integer]
    valences: NDArray[np.floating]
    places: tuple[str, ...]
    heads: tuple[ShownHead, ...] = ()
    outputs: NDArray[np.floating] | None = None
    value: NDArray[np.floating] | None = None
    responses: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    saliency: tuple[ImageSaliency, ...] = ()
    saliency_pairs: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.names), len(self.places))
        _require(self, self.pictures.shape[:2] == shape, "not one picture of each image at each place")
        _require(self, self.class_of.shape == shape[:1], "not one class for each image")
        _require(self, self.valences.shape == (len(self.classes),), "not one valence for each class")
        numbers = [each for each in (self.outputs, self.value, *self.responses.values()) if each is not None]
        _require(self, all(each.shape[:2] == shape for each in numbers), "numbers are not of these images and places")
        if self.outputs is not None:
            count = sum(len(each.outputs) for each in self.heads)
            _require(self, self.outputs.shape == (*shape, count), "not one number for each output of the heads")
        pairs = shape[0] * shape[1] if self.saliency_pairs is None else len(self.saliency_pairs)
        for each in self.saliency:
            _require(self, len(each.maps) == pairs, f"not one map of {each.name!r} for each pair")


@dataclass(frozen=True)
class TablePanel:
    """A table.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        columns: their headings, with units.
        rows: one cell per column.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        _require(self, all(len(each) == len(self.columns) for each in self.rows), "a row has not one cell per column")


Panel = (
    PointsPanel
    | OrderPanel
    | UnitPicturesPanel
    | UnitCurvesPanel
    | UnitNumbersPanel
    | ExamplesPanel
    | SaliencyPanel
    | ImagesPanel
    | TablePanel
)


def table_panel(drawn: TableDrawing) -> TablePanel:
    """The table of the page, in the explorer."""
    return TablePanel(drawn.name, drawn.title, drawn.caption, drawn.columns, drawn.rows)


def by_unit(values: ArrayLike, units: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
    """(measured unit, ...) -> (unit, ...) float32: every unit in the place of its number, NaN where none was measured.

    Args:
        values: of the units that were measured.
        units: their numbers in the layer.
    """
    measured, places = np.asarray(values, np.float32), np.asarray(units, np.int64)
    found = np.full((int(places.max()) + 1, *measured.shape[1:]), np.nan, np.float32)
    found[places] = measured
    return found


def _require(panel: Panel, is_met: bool, what: str) -> None:
    """A panel of wrong shapes would show what was not measured.

    Raises:
        ValueError: the condition is not met.
    """
    if not is_met:
        raise ValueError(f"panel {panel.name!r}: {what}")
