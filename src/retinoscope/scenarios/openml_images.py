"""Data sets of OpenML: downloaded once, checked against what they ought to be, and kept as an `.npz` file."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.scenarios.cache import cache_folder
from retinoscope.scenarios.image_sources import OpenmlImages
from retinoscope.scenarios.npz_images import NpzContent, read_npz


@dataclass(frozen=True)
class KnownSet:
    """What a data set has to be.

    Attributes:
        shape: height, width, channels of an image.
        class_names: by the number that is its label there.
        images: how many there are; None if any number will do.
        test_images: the last so many are its own held-out part; None if the set has none whose place is certain.
        channels_first: whether a row of its table holds one colour after the other.
    """

    shape: tuple[int, int, int]
    class_names: tuple[str, ...] | None
    class_count: int
    images: int | None = None
    test_images: int | None = None
    channels_first: bool = False


_CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
KNOWN_SETS = {
    "mnist_784": KnownSet((28, 28, 1), tuple("0123456789"), 10, 70_000, test_images=10_000),
    # In which order OpenML lists the images is not written down there, so the split is the one by hash.
    "CIFAR_10": KnownSet((32, 32, 3), _CIFAR_CLASSES, 10, 60_000, channels_first=True),
}


def fetch_openml_images(source: OpenmlImages) -> NpzContent:
    """The images of a set of OpenML, from the cache or, the first time, from the network.

    Raises:
        UserError: it cannot be downloaded, is not what it ought to be, or is unknown and its content is not stated.
    """
    return _checked(fetched_file(source), _expected(source))


def fetched_file(source: OpenmlImages) -> Path:
    """The `.npz` file that a set is kept in; downloads it the first time.

    Raises:
        UserError: as `fetch_openml_images`.
    """
    known = _expected(source)
    path = cache_folder() / "openml" / f"{source.name}-{source.version}.npz"
    if not path.is_file():
        data, target = _download(source)
        content = arrange(source.name, known, data, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez(file, **content)
    return path


def _expected(source: OpenmlImages) -> KnownSet:
    known = KNOWN_SETS.get(source.name)
    if source.shape is None or source.class_count is None:
        if known is None:
            raise UserError(
                f"openml:{source.name}: is not one of {', '.join(KNOWN_SETS)}; state its `shape` and `class_count` in a"
                " scenario file"
            )
        return known
    height, width, channels = (*source.shape, 1)[:3]
    return KnownSet((height, width, channels), None, source.class_count)


def _download(source: OpenmlImages) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    # Its own cache is not kept: it is several times larger than the images, and slow to read.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".openml-") as temporary:
        try:
            with warnings.catch_warnings():  # of a network that fails one line tells enough
                warnings.simplefilter("ignore")
                bunch: Any = fetch_openml(
                    source.name, version=source.version, as_frame=False, data_home=temporary, n_retries=1
                )
        except Exception as error:  # whatever a network, a server or a table may do
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:150]
            raise UserError(
                f"openml:{source.name}: cannot be downloaded ({reason}); check the network, or give the images as an"
                " .npz file"
            ) from None
    return np.asarray(bunch.data), np.asarray(bunch.target)


def arrange(name: str, known: KnownSet, data: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """From the table of OpenML, one row of pixels per image, to the arrays of an `.npz` file of images.

    Args:
        name: of the set, for messages.
        known: what it has to be.
        data: (image, pixel) numbers, 0 to 255.
        target: (image,) labels, numbers or words.

    Raises:
        UserError: the table is not that of the set that was expected.
    """
    height, width, channels = known.shape
    expected = f"{known.images or 'any number'} x {height * width * channels}, {known.class_count} classes"
    labels = target.astype(str)
    classes = known.class_names or tuple(sorted(set(labels)))
    fits = (
        data.ndim == 2
        and data.shape[1] == height * width * channels
        and known.images in (None, len(data))
        and len(labels) == len(data)
    )
    if not fits or len(set(labels)) != known.class_count:
        found = f"{' x '.join(map(str, data.shape))}, {len(set(labels))} classes"
        raise UserError(
            f"openml:{name}: holds {found}, not {expected}; it is not the set meant here, give an .npz file"
        )
    if not np.array_equal(data, np.clip(np.rint(data), 0, 255)):
        raise UserError(f"openml:{name}: its pixels are not whole numbers from 0 to 255; give an .npz file")
    images = data.astype(np.uint8)
    if known.channels_first:
        images = images.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    content = {"images": images.reshape(-1, height, width, channels), "class_names": np.array(classes)}
    return content | {"labels": _numbers(name, known, labels, classes)} | _own_split(known, len(data))


def _numbers(name: str, known: KnownSet, labels: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """Place of each label in `classes`; known sets are labelled by number or by name."""
    places = {each: index for index, each in enumerate(classes)}
    if known.class_names is not None:
        places |= {str(index): index for index in range(len(classes))}
    unknown = sorted(set(labels) - set(places))
    if unknown:
        raise UserError(
            f"openml:{name}: has a class {unknown[0]!r}, not one of {', '.join(classes)}; give an .npz file"
        )
    return np.array([places[label] for label in labels], np.int64)


def _own_split(known: KnownSet, count: int) -> dict[str, np.ndarray]:
    if known.test_images is None:
        return {}
    return {"split": (np.arange(count) >= count - known.test_images).astype(np.uint8)}


def _checked(path: Path, known: KnownSet) -> NpzContent:
    content = read_npz(path)
    height, width, _ = known.shape
    right = content.images.shape[1:3] == (height, width) and known.images in (None, len(content.images))
    if not right or len(content.class_names) != known.class_count:
        raise UserError(f"{path}: is not the data set it is called after; delete it, and it is downloaded again")
    return content
