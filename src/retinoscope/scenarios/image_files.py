"""Image sets from files of the user's: a folder of PNG and JPEG files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from retinoscope.errors import UserError
from retinoscope.scenarios.class_names import sanitised

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
MAXIMUM_PIXELS = 512  # taller images are reduced to this: no screen shows more of a stimulus
MAXIMUM_ASPECT = 8  # width by height


@dataclass(frozen=True)
class ImageFolder:
    """What lies in a folder of images, not yet read.

    Attributes:
        path: the folder.
        files: class name -> its files, in the order of their names; where the folder has a split of its own, those of
            the training part first.
        test_files: those of the held-out part; None where the folder has no split of its own.
    """

    path: Path
    files: dict[str, list[Path]]
    test_files: frozenset[Path] | None = None

    def require(self, class_name: str) -> list[Path]:
        """The files of a class.

        Raises:
            UserError: it has none.
        """
        if not self.files.get(class_name):
            place = self.path / class_name
            raise UserError(f"{place}: class {class_name!r} has no images; put .png or .jpg files there")
        return self.files[class_name]


def list_folder(path: Path) -> ImageFolder:
    """The classes of a folder: its subfolders, or, where there are none, its image files, each a class of its own.

    A folder with nothing but the folders `train` and `test`, and in both of them folders, has a split of its own: the
    classes are the folders in these two. Hidden files and folders are passed over, and so are images that lie beside
    subfolders. Names are sanitised.

    Raises:
        UserError: there is no such folder, it has no images, or a file or folder in it leads out of it.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such folder of images; give a folder with one subfolder per class")
    inside = sorted(path.glob("[!.]*"))
    folders = [each for each in inside if each.is_dir()]
    parts = {each.name: _folders_in(each) for each in folders}
    if set(parts) == {"train", "test"} and all(parts.values()):
        return _with_parts(path, folders, parts)
    groups = [(each.name, list(_images_in(each))) for each in folders] or [
        (each.stem, [each]) for each in _images_in(path)
    ]
    if not groups:
        raise UserError(f"{path}: holds no images; put .png or .jpg files there, or one folder of them per class")
    _require_within(path, [*folders, *(file for _, files in groups for file in files)])
    names = sanitised([name for name, _ in groups], str(path))
    return ImageFolder(path, {name: files for name, (_, files) in zip(names, groups, strict=True)})


def _with_parts(path: Path, folders: list[Path], parts: dict[str, list[Path]]) -> ImageFolder:
    """A folder whose classes are the folders in its folders `train` and `test`."""
    classes = sorted({each.name for part in parts.values() for each in part})
    files = {name: [list(_images_in(path / part / name)) for part in ("train", "test")] for name in classes}
    both = [train + test for train, test in files.values()]
    below = [each for part in parts.values() for each in part]
    _require_within(path, [*folders, *below, *(file for every in both for file in every)])
    if not any(both):
        raise UserError(f"{path}: holds no images; put .png or .jpg files into the folders of its classes")
    names = sanitised(classes, str(path))
    held_out = frozenset(file for _, test in files.values() for file in test)
    return ImageFolder(path, dict(zip(names, both, strict=True)), held_out)


def _folders_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob("[!.]*") if each.is_dir())


def _images_in(folder: Path) -> Iterator[Path]:
    yield from sorted(each for each in folder.glob("[!.]*") if each.suffix.lower() in IMAGE_SUFFIXES)


def _require_within(folder: Path, paths: list[Path]) -> None:
    root = folder.resolve()
    for path in paths:
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise UserError(f"{path}: leads out of the folder of images, to {path.resolve()}; copy what it links to")


def read_image(file: Path) -> np.ndarray:
    """The image as it is meant to be seen: turned as its camera noted, 16-bit grey brought to 8, transparency kept.

    Returns:
        (height, width, 3 or 4) uint8, at most 512 tall.

    Raises:
        UserError: the file is no image, or one that could not be shown.
    """
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):
                image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise UserError(f"{file}: is not an image that can be read; replace or remove it") from None
    if image.width > MAXIMUM_ASPECT * image.height:
        raise UserError(f"{file}: is more than {MAXIMUM_ASPECT} times as wide as tall; crop or remove it")
    if is_invisible(np.asarray(image)):
        raise UserError(f"{file}: is transparent all over, so that nothing would be seen; replace or remove it")
    return at_height(np.asarray(image), min(image.height, MAXIMUM_PIXELS))


def is_invisible(image: np.ndarray) -> bool:
    """Whether no pixel is at least half opaque."""
    return image.shape[-1] == 4 and bool(image[..., 3].max() < 128)


def at_height(image: np.ndarray, height: int) -> np.ndarray:
    """`image`, (height, width, 3 or 4) uint8, brought to this height in pixels, its proportions kept."""
    if image.shape[0] == height:
        return image
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    resample = Image.Resampling.BOX if image.shape[0] < height else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(image).resize((width, height), resample))
