"""Images from an `.npz` file. Nothing in it is executed."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retinoscope.errors import UserError
from retinoscope.scenarios.class_names import sanitised
from retinoscope.scenarios.image_files import MAXIMUM_ASPECT, MAXIMUM_PIXELS, is_invisible

_LAYOUT = "save arrays `images` (image, height, width[, channel]) uint8 and `labels` (image,) with numpy.savez"


@dataclass(frozen=True)
class NpzContent:
    """What a set holds.

    Attributes:
        images: (image, height, width, 3 or 4) uint8.
        labels: (image,) int64, indices into `class_names`.
        class_names: sanitised.
        is_test: (image,) bool, or None where the set has no split of its own.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    is_test: np.ndarray | None


def read_npz(path: Path) -> NpzContent:
    """Read and check a file with `images`, `labels` and, optionally, `class_names` and `split` (0 train, 1 test).

    Images are (image, height, width) grey or have a last axis of 1, 3 or 4 channels. Labels are indices into
    `class_names`; without these, numbers or words that name the classes themselves.

    Raises:
        UserError: the file is missing, is no such file, or its arrays do not fit.
    """
    arrays = _arrays(path, ("images", "labels", "class_names", "split"))
    for key in ("images", "labels"):
        if key not in arrays:
            raise UserError(f"{path}: has no array {key!r}; {_LAYOUT}")
    images = _checked_images(path, arrays["images"])
    labels, names = _checked_labels(path, arrays["labels"], arrays.get("class_names"), len(images))
    split = arrays.get("split")
    if split is not None:
        if split.shape != labels.shape or not np.isin(split, (0, 1)).all():
            raise UserError(
                f"{path}: split must hold a 0 (train) or 1 (test) for each of {len(labels)} images; correct it"
            )
        split = split.astype(bool)
    return NpzContent(images, labels, names, split)


def read_class_names(path: Path) -> tuple[str, ...]:
    """The class names of such a file, without reading its images.

    Raises:
        UserError: as `read_npz`.
    """
    arrays = _arrays(path, ("labels", "class_names"))
    if "labels" not in arrays:
        raise UserError(f"{path}: has no array 'labels'; {_LAYOUT}")
    labels = arrays["labels"]
    return _checked_labels(path, labels, arrays.get("class_names"), len(labels))[1]


def names_two_parts(path: Path) -> bool:
    """Whether such a file has a `split` with images in both its parts; its images are not read.

    Raises:
        UserError: the file is missing, or is no such file.
    """
    return set(np.unique(_arrays(path, ("split",)).get("split", ()))) == {0, 1}


def _arrays(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise UserError(f"{path}: no such file of images; correct the path")
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                raise UserError(f"{path}: holds a single array; {_LAYOUT}")
            return {key: content[key] for key in keys if key in content}
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise UserError(f"{path}: holds Python objects, which are never loaded; {_LAYOUT}") from None
        raise UserError(f"{path}: cannot be read as an .npz file; {_LAYOUT}") from None
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, struct.error, MemoryError, SyntaxError):
        raise UserError(f"{path}: cannot be read as an .npz file; {_LAYOUT}") from None


def _checked_images(path: Path, images: np.ndarray) -> np.ndarray:
    if images.dtype != np.uint8:
        raise UserError(f"{path}: images are {images.dtype}; convert them to uint8, 0 to 255")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or 0 in images.shape:
        shape = "x".join(map(str, images.shape))
        raise UserError(f"{path}: images have shape {shape}; {_LAYOUT}, 1, 3 or 4 channels")
    _, height, width, channels = images.shape
    if height > MAXIMUM_PIXELS or width > MAXIMUM_ASPECT * height:
        raise UserError(
            f"{path}: images are {height} x {width}; none may be taller than {MAXIMUM_PIXELS} or more than"
            f" {MAXIMUM_ASPECT} times as wide as tall: resize them"
        )
    for index in range(len(images) if channels == 4 else 0):
        if is_invisible(images[index]):
            raise UserError(f"{path}: image {index} is transparent all over; replace or remove it")
    return np.repeat(images, 3, axis=-1) if channels == 1 else images


def _checked_labels(
    path: Path, labels: np.ndarray, class_names: np.ndarray | None, count: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        raise UserError(f"{path}: labels are {labels.dtype} with {labels.ndim} axes; {_LAYOUT}, whole numbers or words")
    if len(labels) != count or not count:
        raise UserError(f"{path}: has {count} images and {len(labels)} labels; give one label per image")
    if class_names is None:
        values, labels = np.unique(labels, return_inverse=True)
        return labels.astype(np.int64), sanitised([str(value) for value in values], str(path))
    if class_names.ndim != 1 or class_names.dtype.kind != "U":
        raise UserError(f"{path}: class_names are {class_names.dtype}; give one word per class")
    if labels.dtype.kind == "U" or not np.isin(labels, np.arange(len(class_names))).all():
        raise UserError(f"{path}: labels must be 0 to {len(class_names) - 1}, places in class_names; correct them")
    return labels.astype(np.int64), sanitised([str(name) for name in class_names], str(path))
