"""Labelled images, whatever they come from: bundled, drawn, downloaded, an `.npz` file or a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retinoscope.errors import UserError
from retinoscope.scenarios.drawn_images import draw_images
from retinoscope.scenarios.image_files import list_folder, read_image
from retinoscope.scenarios.image_sources import (
    DigitsImages,
    FolderImages,
    ImageSource,
    NpzImages,
    OpenmlImages,
    parse_image_source,
    source_name,
)
from retinoscope.scenarios.npz_images import NpzContent, names_two_parts, read_class_names, read_npz
from retinoscope.scenarios.openml_images import fetch_openml_images, fetched_file

TEST_SHARE = 5
"""Of sets without a split of their own, one image in so many is held out."""


@dataclass(frozen=True)
class LabelledImages:
    """Images and what they show.

    Attributes:
        name: short name of the set.
        images: (image, height, width, 3 or 4) uint8 where all have one size, else a list of such images.
        labels: (image,) int64, indices into `class_names`.
        class_names: names as scenarios use them (see `class_names.sanitised`).
        is_test: (image,) bool, the held-out part: the set's own where it has one, else about a fifth, chosen by a hash
            of each image's bytes, so that it is the same everywhere, does not depend on the order, and has no image in
            both parts.
    """

    name: str
    images: Sequence[np.ndarray] | np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    is_test: np.ndarray

    def of_class(self, class_name: str, split: str = "all") -> np.ndarray:
        """Indices of the images of a class that belong to `split`: all, train or test."""
        belongs = self.labels == self.class_names.index(class_name)
        if split != "all":
            belongs &= self.is_test == (split == "test")
        return np.flatnonzero(belongs)

    def fingerprint(self) -> str:
        """Name of the set and a hash of all that it holds, by which the parameters of an analysis state it."""
        digest = hashlib.blake2b(digest_size=20)
        images = [self.images] if isinstance(self.images, np.ndarray) else self.images
        for array in (self.labels, self.is_test, *images):
            digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
        digest.update(" ".join(self.class_names).encode())
        return f"{self.name} {digest.hexdigest()}"


def load_labelled_images(source: str | Path | ImageSource, class_names: Sequence[str] | None = None) -> LabelledImages:
    """All images of a set, both its parts, whatever `split` a source asks for.

    Args:
        source: `digits`, `apples`, `gabors`, `mnist`, `cifar10`, `openml:NAME`, the path of an `.npz` file or of a
            folder, or the `images` of a scenario.
        class_names: of a folder, read these classes only; of other sets all are read.

    Raises:
        UserError: the source is none of these, cannot be had, or its content is wrong.
    """
    if isinstance(source, str | Path):
        source = parse_image_source(source)
    name = source_name(source)
    if isinstance(source, FolderImages):
        return _folder(source, name, class_names)
    if isinstance(source, NpzImages):
        return _with_split(name, read_npz(source.path))
    if isinstance(source, OpenmlImages):
        return _with_split(name, fetch_openml_images(source))
    if isinstance(source, DigitsImages):
        return _with_split(name, _digits())
    return _drawn(name, draw_images(source))


def class_names_of(source: ImageSource) -> tuple[str, ...]:
    """The classes of a set, where possible without reading its images.

    Raises:
        UserError: as `load_labelled_images`.
    """
    if isinstance(source, FolderImages):
        return tuple(list_folder(source.path).files)
    if isinstance(source, NpzImages | OpenmlImages):
        return read_class_names(source.path if isinstance(source, NpzImages) else fetched_file(source))
    return load_labelled_images(source).class_names


def has_own_split(source: ImageSource) -> bool:
    """Whether the set itself says which of its images are held out; found without reading its images.

    Raises:
        UserError: as `load_labelled_images`.
    """
    if isinstance(source, FolderImages):
        folder = list_folder(source.path)
        held_out = folder.test_files or frozenset()
        return 0 < len(held_out) < sum(len(files) for files in folder.files.values())
    if isinstance(source, NpzImages | OpenmlImages):
        return names_two_parts(source.path if isinstance(source, NpzImages) else fetched_file(source))
    return False


def _with_split(name: str, content: NpzContent) -> LabelledImages:
    is_test = content.is_test
    if is_test is None:
        is_test = _held_out(image.tobytes() for image in content.images)
    return LabelledImages(name, content.images, content.labels, content.class_names, is_test)


def _folder(source: FolderImages, name: str, class_names: Sequence[str] | None) -> LabelledImages:
    folder = list_folder(source.path)
    names = tuple(folder.files if class_names is None else class_names)
    files = [folder.require(each) for each in names]
    labels = np.repeat(np.arange(len(names)), [len(each) for each in files])
    # Of the files, not of the pixels: those of a JPEG differ a little between decoders.
    every_file = [file for each in files for file in each]
    images = [read_image(file) for file in every_file]
    if folder.test_files is None:
        is_test = _held_out(file.read_bytes() for file in every_file)
    else:
        is_test = np.array([file in folder.test_files for file in every_file], bool)
    return LabelledImages(name, _as_array(images), labels, names, is_test)


def _digits() -> NpzContent:
    from sklearn.datasets import load_digits

    data = load_digits()
    grey = np.rint(data.images * (255 / 16)).astype(np.uint8)
    names = tuple(str(digit) for digit in range(10))
    return NpzContent(np.repeat(grey[..., None], 3, axis=-1), data.target.astype(np.int64), names, None)


def _drawn(name: str, drawings: dict[str, list[np.ndarray]]) -> LabelledImages:
    images = [image for each in drawings.values() for image in each]
    labels = np.repeat(np.arange(len(drawings)), [len(each) for each in drawings.values()])
    is_test = _held_out(image.tobytes() for image in images)
    return LabelledImages(name, _as_array(images), labels, tuple(drawings), is_test)


def _as_array(images: list[np.ndarray]) -> Sequence[np.ndarray] | np.ndarray:
    return np.stack(images) if len({image.shape for image in images}) == 1 else images


def _held_out(contents: Iterable[bytes]) -> np.ndarray:
    hashes = [hashlib.blake2b(content, digest_size=8).digest() for content in contents]
    return np.array([int.from_bytes(each, "big") % TEST_SHARE == 0 for each in hashes], bool)


def images_by_class(source: ImageSource, class_names: Sequence[str]) -> dict[str, Sequence[np.ndarray]]:
    """Class name -> the images of the source's split, in the set's order.

    Raises:
        UserError: as `load_labelled_images`; a class is not in the set or has no images in the split.
    """
    images = load_labelled_images(source, class_names)
    for name in class_names:
        if name not in images.class_names:
            where, known = source_title(source), ", ".join(images.class_names)
            raise UserError(f"class {name!r}: has no images in {where}; choose from {known}")
    found: dict[str, Sequence[np.ndarray]] = {}
    for name in class_names:
        chosen = images.of_class(name, source.split)
        if not len(chosen):
            part = "" if source.split == "all" else f" in its {source.split} part"
            raise UserError(f"class {name!r}: has no images in {source_title(source)}{part}; add some or leave it out")
        found[name] = [images.images[index] for index in chosen]
    return found


def source_title(source: ImageSource) -> str:
    """What a message calls the set."""
    titles = {"digits": "scikit-learn's digits", "apples": "the drawn apples", "gabors": "the drawn gabors"}
    if isinstance(source, FolderImages | NpzImages):
        return str(source.path)
    return titles.get(source.source, source_name(source))
