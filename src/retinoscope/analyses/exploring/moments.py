"""Panels about moments of a recording: embeddings, lists of samples, what moved the network at some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.exploring.shapes import require


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
        require(self.name, self.rows.ndim == 1, "rows are not in one row")
        require(self.name, self.points.shape == (len(self.rows), 2), "not one point in the plane for each moment")


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
        require(self.name, 0 <= self.gradient_step < self.steps, "the gradient step is not in the samples")
        require(self.name, len(self.names) in (0, len(self.samples)), "not one name for each sample")
        for each in self.lists:
            fits = each.listed.ndim == 2 and each.listed.shape[1] == len(self.samples)
            require(self.name, fits, f"list {each.level!r} is not of these samples")


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
        require(self.name, bool(self.targets), "has no target")
        for each in self.targets:
            fits = each.maps.shape == (len(each.rows), *self.targets[0].maps.shape[1:]) and each.maps.ndim == 3
            require(self.name, fits, f"target {each.name!r} has not one map for each moment")
            require(self.name, bool((np.diff(each.rows) > 0).all()), f"moments of target {each.name!r} do not rise")
