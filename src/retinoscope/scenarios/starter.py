"""`scenario new`: a first specification for images that nobody has yet decided about."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import yaml

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.scenarios.image_sets import LabelledImages, has_own_split, load_labelled_images
from retinoscope.scenarios.image_sources import FolderImages, ImageSource, NpzImages, parse_image_source, source_name
from retinoscope.scenarios.specification import MAXIMUM_CLASSES, Scenario

STRONGEST_EFFECT, WEAKEST_EFFECT, EFFECT_OF_TWO = 30, 10, 20
"""Of health per pick-up, to either side; of two classes one hurts and one heals by `EFFECT_OF_TWO`."""
_STIMULI, _MOST_PER_CLASS = 50, 20  # at the start of an episode: as dense as the shipped arenas


def new_scenario(images: str | Path, out: str | Path | None = None, overwrite: bool = False) -> Path:
    """Write a scenario file for a set of images, to be played at once or edited first.

    Classes are sorted by name; the first half hurts and the last half heals, by 30 to 10 and 10 to 30, and of an odd
    number the one in the middle does nothing. A folder without subfolders is taken as one class per image. Of a set
    with a split of its own the arena shows the training part.

    Args:
        images: a folder of images, or whatever else `load_labelled_images` takes.
        out: the file; None for the name of the set, in the working directory.
        overwrite: replace a file that is there.

    Returns:
        The path of the file.

    Raises:
        UserError: as `load_labelled_images`; there are more than 60 classes; the file exists or cannot be written.
    """
    source = parse_image_source(images)
    if has_own_split(source):
        source = source.model_copy(update={"split": "train"})
    name = _scenario_name(source)
    path = Path(f"{name}.yaml" if out is None else out)
    if path.suffix not in (".yaml", ".yml"):
        raise UserError(f"{path}: a scenario file ends in .yaml; change the name")
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists already; choose another name with --out, or replace it with --overwrite")
    content = _text(name, source, load_labelled_images(source), path)
    try:
        with replacing(path) as beside:
            beside.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    return path


def spread_effects(count: int) -> tuple[int, ...]:
    """Changes of health from hurt to heal for so many classes, in steps as even as whole numbers are."""
    half = count // 2
    if half == 0:
        return (EFFECT_OF_TWO,) * count
    strengths = [EFFECT_OF_TWO] if half == 1 else np.rint(np.linspace(STRONGEST_EFFECT, WEAKEST_EFFECT, half)).tolist()
    hurt = [-int(each) for each in strengths]
    return (*hurt, *([0] * (count % 2)), *(-each for each in reversed(hurt)))


def _scenario_name(source: ImageSource) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", source_name(source).lower()).strip("_")
    return name[:64] or "images"


def _text(name: str, source: ImageSource, images: LabelledImages, path: Path) -> str:
    classes = sorted(images.class_names)
    shown = {each: len(images.of_class(each, source.split)) for each in classes}
    for each, count in shown.items():
        if not count:
            raise UserError(f"{images.name}: class {each!r} has no images; add some or leave the class out")
    if len(classes) > MAXIMUM_CLASSES:
        raise UserError(
            f"{images.name}: has {len(classes)} classes, and the engine counts pick-ups of {MAXIMUM_CLASSES} at most;"
            " put fewer into a folder of their own, or sort the images into subfolders, one per class"
        )
    content = {
        "name": name,
        "title": f"{images.name}: the first half of the classes hurts, the last heals",
        "stimuli": {
            "images": _as_written(source, path),
            "size": 64,
            "count_per_class": min(_MOST_PER_CLASS, max(1, round(_STIMULI / len(classes)))),
            "classes": [
                {"name": each, "health": effect}
                for each, effect in zip(classes, spread_effects(len(classes)), strict=True)
            ],
        },
    }
    Scenario.model_validate(content)
    head = f"# {sum(shown.values())} images in {len(classes)} classes. What is left out here takes the usual values.\n"
    # A class to a line, as one would write it by hand: collections that hold no other are flow style.
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def _as_written(source: ImageSource, path: Path) -> dict[str, object]:
    """The source as the file gives it: relative if the images lie beside the file, so that both can be moved."""
    content: dict[str, object] = source.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    if isinstance(source, FolderImages | NpzImages):
        beside, place = path.resolve().parent, source.path.resolve()
        content["path"] = str(place.relative_to(beside) if place.is_relative_to(beside) else place)
    return content
