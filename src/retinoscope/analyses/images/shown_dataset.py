"""A data set of images together with what its classes do to an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
from PIL import Image

from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive
from retinoscope.scenarios.image_sets import LabelledImages, load_labelled_images

Dataset = str | Path | pydantic.InstanceOf[LabelledImages] | None
"""What `load_labelled_images` takes, or its result; None for the images of the arena."""


@dataclass(frozen=True)
class ShownDataset:
    """A data set together with what its classes do to an agent.

    Attributes:
        name: of the set.
        images: (image, height, width, 3 or 4) uint8.
        labels: (image,) indices into `class_names`.
        class_names: from the most harmful to the most healing.
        effects: (class,) change of health, rising.
        is_test: (image,) bool, the held-out part.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    effects: tuple[int, ...]
    is_test: np.ndarray

    def some(self, most: int, seed: int = 0, where: np.ndarray | None = None) -> np.ndarray:
        """As `some_of`, of these images."""
        return some_of(self.labels, most, seed, where)

    def coordinates(self) -> dict[str, Any]:
        """The classes as coordinates of a Result."""
        about = {"units": "health points", "long_name": "effect on health"}
        about |= {"positive": "healing", "negative": "harmful"}
        return {"class": list(self.class_names), "effect": ("class", list(self.effects), about)}


def some_of(labels: np.ndarray, most: int, seed: int = 0, where: np.ndarray | None = None) -> np.ndarray:
    """Indices, rising, of at most `most` images, chosen at random and as evenly over classes as they allow.

    Of the same seed and `where`, fewer images are always among more.

    Args:
        labels: (image,) the classes.
        most: how many at most.
        seed: of the choice.
        where: (image,) bool, from which they are chosen; None for all.
    """
    pool = np.arange(len(labels)) if where is None else np.flatnonzero(where)
    if len(pool) <= most:
        return pool
    shuffled = np.random.default_rng(seed).permutation(pool)
    of_class = labels[shuffled]
    rank = np.empty(len(shuffled), np.int64)  # how many of its class came before it
    for label in np.unique(of_class):
        rank[of_class == label] = np.arange(int((of_class == label).sum()))
    return np.sort(shuffled[np.argsort(rank, kind="stable")[:most]])


def shown_dataset(
    arena: ArenaArchive, dataset: Dataset = None, class_effects: Mapping[str, int] | None = None
) -> ShownDataset:
    """Load a data set for an agent of this arena.

    Args:
        arena: whose classes heal and harm.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        class_effects: change of health per class, for those the arena does not know or that are to count otherwise.

    Raises:
        UserError: the set cannot be had, has fewer than two classes, or classes whose effect is not known.
    """
    scenario = arena.scenario
    if dataset is None:
        found = load_labelled_images(scenario.stimuli.images, scenario.class_names)
    else:
        found = dataset if isinstance(dataset, LabelledImages) else load_labelled_images(dataset)
    if not len(found.images) == len(found.labels) == len(found.is_test):
        raise UserError(
            f"{found.name}: has {len(found.images)} images, {len(found.labels)} labels and a split of "
            f"{len(found.is_test)}; give one label and one part for every image"
        )
    chosen = {**dict(zip(scenario.class_names, scenario.class_effects, strict=True)), **(class_effects or {})}
    for name in class_effects or {}:
        if name not in found.class_names:
            raise UserError(f"class effects: {found.name} has no class {name!r}; it has {', '.join(found.class_names)}")
    present_labels = [int(label) for label in np.unique(found.labels)]
    if dataset is None:  # a scenario may use some of the classes of its images only
        present_labels = [label for label in present_labels if found.class_names[label] in scenario.class_names]
    if len(present_labels) < 2:
        raise UserError(f"{found.name}: has images of {len(present_labels)} class; give a set with at least two")
    unknown = [found.class_names[label] for label in present_labels if found.class_names[label] not in chosen]
    if unknown:
        raise UserError(
            f"{found.name}: arena {scenario.name!r} does not say what {_listed(unknown)} would do to the agent; give "
            f"class effects, as --class-effects {unknown[0]}=+10"
        )
    order = sorted(present_labels, key=lambda label: chosen[found.class_names[label]])
    position = np.full(len(found.class_names), -1)
    position[order] = np.arange(len(order))
    labels = position[found.labels]
    keep = np.flatnonzero(labels >= 0)
    images = _of_one_shape(found.images)
    is_test = np.asarray(found.is_test, bool)
    for part, name in ((is_test[keep], "held-out"), (~is_test[keep], "training")):
        missing = np.flatnonzero(np.bincount(labels[keep][part], minlength=len(order)) == 0)
        if len(missing):
            raise UserError(
                f"{found.name}: class {found.class_names[order[missing[0]]]!r} has no image in the "
                f"{name} part; add some"
            )
    return ShownDataset(
        found.name,
        images if len(keep) == len(images) else images[keep],
        labels[keep],
        tuple(found.class_names[label] for label in order),
        tuple(int(chosen[found.class_names[label]]) for label in order),
        is_test[keep],
    )


def _of_one_shape(images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """One array: images of several sizes are brought to the height of the tallest, and padded to one width."""
    if isinstance(images, np.ndarray):
        return images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=-1)
    height = max(each.shape[0] for each in images)
    scaled = [np.asarray(_of_height(Image.fromarray(each).convert("RGBA"), height)) for each in images]
    width = max(each.shape[1] for each in scaled)
    padded = np.zeros((len(scaled), height, width, 4), np.uint8)
    for target, each in zip(padded, scaled, strict=True):
        left = (width - each.shape[1]) // 2
        target[:, left : left + each.shape[1]] = each
    return padded


def _of_height(image: Image.Image, height: int) -> Image.Image:
    if image.height == height:
        return image
    return image.resize((max(1, round(image.width * height / image.height)), height), Image.Resampling.BOX)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more classes"
