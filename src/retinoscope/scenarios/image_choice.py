"""Giving a scenario other images, or one part of its images, than its file says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic

from retinoscope.errors import UserError
from retinoscope.scenarios.image_sets import class_names_of, has_own_split
from retinoscope.scenarios.image_sources import SPLITS, ImageSource, parse_image_source, source_name
from retinoscope.scenarios.images import image_class
from retinoscope.scenarios.specification import Scenario, StimulusClass

_LONGEST_NAME = 64


def choose_images(
    scenario: Scenario, images: str | Path | ImageSource | None = None, split: str | None = None
) -> Scenario:
    """The scenario with other images, or one part of its images.

    The classes keep their names where the new set has these; else, if it has as many classes, they take over the names
    of the set in its order, and keep their effects on health. The scenario's own name says what was chosen. Of a set
    that has a split of its own the training part is taken, unless `split` says otherwise: what is held out stays so.

    Args:
        scenario: what to change.
        images: as `load_labelled_images`; classes that have images of their own keep these.
        split: `train`, `test` (held out) or `all`.

    Raises:
        UserError: as `load_labelled_images`, or the set's classes do not fit the scenario's.
    """
    if images is not None:
        scenario = _with_images(scenario, parse_image_source(images) if isinstance(images, str | Path) else images)
    if split is not None:
        if split not in SPLITS:
            raise UserError(f"split {split!r}: unknown; choose from {', '.join(SPLITS)}")
        scenario = change_sources(scenario, lambda source: source | {"split": split})
        scenario = _renamed(scenario, "" if split == "all" else split)
    return scenario


def change_sources(scenario: Scenario, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Scenario:
    """The scenario with every image source in it, given as its YAML has it, replaced by what `change` makes of it."""

    def changed(content: Any) -> Any:
        if isinstance(content, dict):
            inside = {key: changed(value) for key, value in content.items()}
            return change(inside) if "source" in inside else inside
        return [changed(each) for each in content] if isinstance(content, list) else content

    return Scenario.model_validate(changed(scenario.model_dump(mode="json")))


def _with_images(scenario: Scenario, source: ImageSource) -> Scenario:
    classes = _classes_for(scenario, class_names_of(source), source_name(source))
    if source.split == "all" and has_own_split(source):
        source = source.model_copy(update={"split": "train"})
    stimuli = scenario.stimuli.model_copy(update={"images": source, "classes": classes})
    return _renamed(scenario.model_copy(update={"stimuli": stimuli}), source_name(source))


def _classes_for(scenario: Scenario, names: tuple[str, ...], title: str) -> tuple[StimulusClass, ...]:
    """The scenario's classes, those without images of their own named as the set names them."""
    classes = scenario.stimuli.classes
    to_fill = [index for index, each in enumerate(classes) if each.images is None]
    asked = [image_class(classes[index]) for index in to_fill]
    if set(asked) <= set(names):
        return classes
    if len(asked) != len(names):
        raise UserError(
            f"images {title!r}: has the classes {', '.join(names)[:150]}, scenario {scenario.name!r} asks for"
            f" {', '.join(asked)[:150]}; `retinoscope scenario new` writes a scenario for a set"
        )
    renamed = dict(zip(to_fill, names, strict=True))
    return tuple(
        each.model_copy(update={"name": renamed[index], "image_class": None}) if index in renamed else each
        for index, each in enumerate(classes)
    )


def _renamed(scenario: Scenario, addition: str) -> Scenario:
    clean = re.sub(r"[^a-z0-9]+", "_", addition.lower()).strip("_")
    name = f"{scenario.name}_{clean}".removesuffix("_")[:_LONGEST_NAME]
    try:
        return Scenario.model_validate(scenario.model_dump(mode="json") | {"name": name})
    except pydantic.ValidationError as error:
        raise UserError(f"images for {scenario.name!r}: {error.errors()[0]['msg']}; choose another set") from None
