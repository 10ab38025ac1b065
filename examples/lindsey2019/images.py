"""CIFAR-10 in grey: from an .npz, from the official archive, or downloaded."""

from __future__ import annotations

import hashlib
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retinoscope import UserError

ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
ROW = 1 + 3 * 32 * 32  # bytes of an image in the archive: its label, then its three colours


@dataclass(frozen=True)
class Images:
    """Train and test images.

    Attributes:
        train, test: (image, 32, 32) float32, 0 to 1.
        train_labels, test_labels: (image,) int64.
    """

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def read(path: Path) -> Images:
    """Images of an .npz (`images`, `labels`, and `split`, 0 for train and 1 for test) or of the archive of CIFAR-10.

    Colours are averaged, as the authors did.

    Raises:
        UserError: the file is not there, or is neither.
    """
    if not path.is_file():
        raise UserError(f"{path}: is no file; give an .npz or cifar-10-binary.tar.gz, or add --download")
    if path.suffix == ".npz":
        images, labels, split = _of_npz(path)
    else:
        images, labels, split = _of_archive(path)
    grey = (images.mean(axis=3) if images.ndim == 4 else images).astype(np.float32) / 255
    labels = labels.astype(np.int64)
    return Images(grey[split == 0], labels[split == 0], grey[split == 1], labels[split == 1])


def download(path: Path) -> None:
    """The official archive (162 MiB), without its pickles; kept only if its MD5 is the published one."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        urllib.request.urlretrieve(ARCHIVE, beside)
        if hashlib.md5(beside.read_bytes(), usedforsecurity=False).hexdigest() != MD5:
            raise UserError(f"{ARCHIVE}: what came is not the published file; fetch it by hand and pass its path")
        beside.rename(path)
    except OSError as error:
        raise UserError(f"{ARCHIVE}: cannot be fetched ({error}); fetch it by hand and pass its path") from error
    finally:
        beside.unlink(missing_ok=True)


def _of_npz(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        missing = {"images", "labels", "split"} - set(file.files)
        if missing:
            raise UserError(f"{path}: has no {', '.join(sorted(missing))}; see docs/lindsey2019.md for how to make it")
        images, labels, split = file["images"], file["labels"], file["split"]
    if images.shape[1:3] != (32, 32) or images.dtype != np.uint8 or len(labels) != len(images) or set(split) != {0, 1}:
        raise UserError(f"{path}: wanted are uint8 images of 32 x 32, a label each, and split 0 (train) and 1 (test)")
    return images, labels, split


def _of_archive(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts, split = [], []
    try:
        with tarfile.open(path) as archive:
            for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
                file = archive.extractfile(f"cifar-10-batches-bin/{name}")
                assert file is not None  # all six are files
                rows = np.frombuffer(file.read(), np.uint8).reshape(-1, ROW)
                parts.append(rows)
                split.append(np.full(len(rows), name.startswith("test")))
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise UserError(f"{path}: is not the binary archive of CIFAR-10 ({error}); it is at {ARCHIVE}") from error
    rows = np.concatenate(parts)
    colours = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return colours, rows[:, 0], np.concatenate(split).astype(np.uint8)
