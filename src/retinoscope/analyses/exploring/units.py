"""Panels about the units of a layer: their order, pictures, curves and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retinoscope.analyses.exploring.shapes import require

COMPONENTS = "components"
"""The layer whose units are the components of the memory, in the order in which `fitted_components` has them."""

Tone = Literal["good", "bad", "neutral", "chance"]


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
        require(self.name, np.array_equal(np.sort(self.units), np.arange(len(self.units))), "not each unit once")


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
        require(self.name, self.pictures.ndim == 4, "pictures are not (unit, height, width, channel)")
        require(self.name, len(self.notes) in (0, len(self.pictures)), "not one note for each unit")


@dataclass(frozen=True)
class CheckpointPicturesPanel:
    """A picture for every unit of a layer at every checkpoint of a training run.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        layer: whose units.
        frames_trained: (checkpoint,) of each, rising.
        pictures: (unit, checkpoint, height, width, channel). Those of a unit are shown on one scale.
        is_signed: they are numbers around zero.
        note: one line for the layer.
    """

    name: str
    title: str
    caption: str
    layer: str
    frames_trained: NDArray[np.integer]
    pictures: NDArray[np.floating]
    is_signed: bool
    note: str = ""

    def __post_init__(self) -> None:
        require(self.name, self.pictures.ndim == 5, "pictures are not (unit, checkpoint, height, width, channel)")
        is_there = self.pictures.shape[1:2] == self.frames_trained.shape
        require(self.name, is_there, "not one picture of each unit at each checkpoint")
        require(self.name, bool((np.diff(self.frames_trained) > 0).all()), "checkpoints do not follow one another")


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
        is_over_training: x is frames trained, one for each checkpoint.
    """

    name: str
    title: str
    caption: str
    layer: str
    x: NDArray[np.floating]
    x_title: str
    y_title: str
    curves: tuple[UnitCurve, ...]
    is_over_training: bool = False

    def __post_init__(self) -> None:
        require(self.name, bool(self.curves), "has no curve")
        shape = self.curves[0].values.shape
        require(self.name, shape[1:] == np.shape(self.x), "a curve has not one value for each x")
        for each in self.curves:
            parts = [part for part in (each.values, each.low, each.high) if part is not None]
            require(self.name, all(part.shape == shape for part in parts), f"curve {each.name!r} is of another shape")


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
        require(self.name, len(shapes) == 1 and len(next(iter(shapes))) == 1, "not the same units in all numbers")


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
