"""Panels about images that were shown to the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.exploring.shapes import require


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
        require(self.name, self.pictures.shape[:2] == shape, "not one picture of each image at each place")
        require(self.name, self.class_of.shape == shape[:1], "not one class for each image")
        require(self.name, self.valences.shape == (len(self.classes),), "not one valence for each class")
        numbers = [each for each in (self.outputs, self.value, *self.responses.values()) if each is not None]
        require(
            self.name, all(each.shape[:2] == shape for each in numbers), "numbers are not of these images and places"
        )
        if self.outputs is not None:
            count = sum(len(each.outputs) for each in self.heads)
            require(self.name, self.outputs.shape == (*shape, count), "not one number for each output of the heads")
        pairs = shape[0] * shape[1] if self.saliency_pairs is None else len(self.saliency_pairs)
        for each in self.saliency:
            require(self.name, len(each.maps) == pairs, f"not one map of {each.name!r} for each pair")
