"""Image sets: where the appearance of each stimulus class comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from retinoscope.errors import UserError
from retinoscope.scenarios.specification import DigitsImages, DrawnApples, FolderImages, ImageSource

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
MAXIMUM_PIXELS = 512  # taller images are reduced to this: no screen shows more of a stimulus
MAXIMUM_ASPECT = 8  # width by height
APPLE_HUES = {"red": (205, 30, 35), "blue": (40, 70, 215)}

ImageSet = Mapping[str, list[np.ndarray]]
"""Class name -> images, each (height, width, 3 or 4) uint8."""


def load_images(source: ImageSource, class_names: tuple[str, ...]) -> ImageSet:
    """All images of each named class, in a fixed order; those of one class are equally tall.

    Raises:
        UserError: a class has no images, or a file is not an image that can be shown.
    """
    if isinstance(source, DigitsImages):
        return _digits(class_names)
    if isinstance(source, DrawnApples):
        return _apples(source, class_names)
    return _folder(source, class_names)


def _digits(class_names: tuple[str, ...]) -> ImageSet:
    from sklearn.datasets import load_digits

    data = load_digits()
    _require_known(class_names, tuple(str(digit) for digit in range(10)), "scikit-learn's digits")
    grey = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return {name: [_as_rgb(image) for image in grey[data.target == int(name)]] for name in class_names}


def _apples(source: DrawnApples, class_names: tuple[str, ...]) -> ImageSet:
    _require_known(class_names, tuple(APPLE_HUES), "the drawn apples")
    return {
        name: [draw_apple(APPLE_HUES[name], variation, source.pixels) for variation in range(source.variations)]
        for name in class_names
    }


def draw_apple(colour: tuple[int, int, int], variation: int, pixels: int) -> np.ndarray:
    """One apple on a transparent ground: (pixels, pixels, 4) uint8. Pure arithmetic: the same bytes anywhere.

    Args:
        colour: RGB of the skin, 0-255.
        variation: seed of the proportions and of the light's direction.
        pixels: side of the image.
    """
    random = np.random.Generator(np.random.PCG64(variation))
    squash, lean, light_x, light_y = random.uniform((0.86, -0.1, -0.45, -0.5), (1.0, 0.1, 0.45, -0.2))
    steps = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    y, x = np.meshgrid(steps, steps, indexing="ij")
    body_y = (y - 0.18) / (0.8 * squash)
    body_x = (x - lean * y) / 0.8
    dent = 0.28 * np.maximum(0.0, 0.35 - np.abs(body_x)) * (body_y < 0)
    inside = body_x**2 + (body_y - dent) ** 2 < 1
    shade = 1.15 - 0.55 * np.sqrt((x - light_x) ** 2 + (y - light_y) ** 2)
    stem = (np.abs(x - lean * y - 0.06 * (y + 1)) < 0.07) & (y < -0.35) & (y > -0.95)
    image = np.zeros((pixels, pixels, 4), np.uint8)
    skin = np.clip(np.array(colour)[None, None] * np.clip(shade, 0.35, 1.2)[..., None], 0, 255)
    image[inside, :3] = np.rint(skin).astype(np.uint8)[inside]
    image[stem, :3] = (92, 58, 30)
    image[inside | stem, 3] = 255
    return image


def _folder(source: FolderImages, class_names: tuple[str, ...]) -> ImageSet:
    if not source.path.is_dir():
        raise UserError(f"{source.path}: no such folder of images; give a folder with one subfolder per class")
    return {name: _class_folder(source.path / name) for name in class_names}


def _class_folder(folder: Path) -> list[np.ndarray]:
    files = sorted(each for each in folder.glob("[!.]*") if each.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise UserError(f"{folder}: class {folder.name!r} has no images; put .png or .jpg files there")
    images = [_read_image(file) for file in files]
    height = min(MAXIMUM_PIXELS, max(image.height for image in images))
    return [np.asarray(_of_height(image, height)) for image in images]


def _of_height(image: Image.Image, height: int) -> Image.Image:
    """`image` at this height: the engine draws all images of a class at one scale, that is, so many units a pixel."""
    if image.height == height:
        return image
    width = max(1, round(image.width * height / image.height))
    enlarging = image.height < height
    return image.resize((width, height), Image.Resampling.BOX if enlarging else Image.Resampling.LANCZOS)


def _read_image(file: Path) -> Image.Image:
    """The image as it is meant to be seen: turned as its camera noted, 16-bit grey brought to 8, transparency kept."""
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
    if image.mode == "RGBA" and np.asarray(image)[..., 3].max() < 128:
        raise UserError(f"{file}: is transparent all over, so that nothing would be seen; replace or remove it")
    return image


def _as_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=-1)


def _require_known(asked: tuple[str, ...], known: tuple[str, ...], where: str) -> None:
    for name in asked:
        if name not in known:
            raise UserError(f"class {name!r}: has no images in {where}; choose from {', '.join(known)}")
