"""The appearance of each stimulus class, as an arena shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retinoscope.scenarios.image_files import at_height
from retinoscope.scenarios.image_sets import images_by_class
from retinoscope.scenarios.image_sources import ImageSource
from retinoscope.scenarios.specification import Scenario, StimulusClass

ImageSet = Mapping[str, Sequence[np.ndarray]]
"""Class name -> images, each (height, width, 3 or 4) uint8."""


def load_images(source: ImageSource, class_names: tuple[str, ...]) -> ImageSet:
    """All images of each named class in the source's split, in a fixed order; those of one class are equally tall.

    The engine draws all images of a class at one scale, that is, so many units a pixel.

    Raises:
        UserError: a class has no images, or a file is not an image that can be shown.
    """
    return {name: _equally_tall(images) for name, images in images_by_class(source, class_names).items()}


def scenario_images(scenario: Scenario) -> ImageSet:
    """The images of every class of a scenario: of its own set where it has one, else of the scenario's.

    Raises:
        UserError: as `load_images`.
    """
    by_source: dict[ImageSource, dict[str, str]] = {}
    for each in scenario.stimuli.classes:
        by_source.setdefault(each.images or scenario.stimuli.images, {})[each.name] = image_class(each)
    found: dict[str, Sequence[np.ndarray]] = {}
    for source, wanted in by_source.items():
        images = load_images(source, tuple(dict.fromkeys(wanted.values())))
        found |= {name: images[name_in_set] for name, name_in_set in wanted.items()}
    return found


def image_class(each: StimulusClass) -> str:
    """What the class is called in its image set."""
    return each.image_class or each.name


def _equally_tall(images: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    height = max(image.shape[0] for image in images)
    return [at_height(image, height) for image in images]
