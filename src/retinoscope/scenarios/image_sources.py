"""Where the images of a scenario come from: the pydantic models behind `images:` in its YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic

from retinoscope.errors import UserError

Split = Literal["all", "train", "test"]
SPLITS: tuple[str, ...] = get_args(Split)


class _Source(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    split: Split = pydantic.Field(
        "all", description="which images: all, or those of the set's training or held-out part"
    )

    @pydantic.model_serializer(mode="wrap")
    def _only_what_was_chosen(self, serialise: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `split` where nothing was chosen, so that older specifications keep their bytes."""
        content: dict[str, Any] = serialise(self)
        if content.get("split") == "all":
            del content["split"]
        return content


class DigitsImages(_Source):
    """The 1,797 handwritten digits bundled with scikit-learn, 8 x 8 grey."""

    source: Literal["digits"]


class DrawnApples(_Source):
    """Apples drawn by formula, one hue per class (`red`, `blue`), with seeded variation in shape and shading."""

    source: Literal["apples"]
    variations: int = pydantic.Field(24, ge=1, le=1000, description="images per class")
    pixels: int = pydantic.Field(32, ge=8, le=256, description="side of an image")


class DrawnGabors(_Source):
    """Gabor patches drawn by formula, one orientation and spatial frequency per class, with seeded phases."""

    source: Literal["gabors"]
    variations: int = pydantic.Field(24, ge=1, le=1000, description="images per class")
    pixels: int = pydantic.Field(32, ge=8, le=256, description="side of an image")


class FolderImages(_Source):
    """A folder with one subfolder of PNG or JPEG files per class; without subfolders, every file is a class.

    With the folders `train` and `test` in it, and in each of these one per class, it has a split of its own.

    Whatever their sizes, all images of a class are drawn equally tall. Pixels less than half opaque are not drawn.
    """

    source: Literal["folder"]
    path: Path


class NpzImages(_Source):
    """An `.npz` file with `images`, `labels` and, if it likes, `class_names` and `split` (0 train, 1 test)."""

    source: Literal["npz"]
    path: Path


class OpenmlImages(_Source):
    """A data set of OpenML, downloaded once: `mnist_784` or `CIFAR_10`, or any other whose content is stated."""

    source: Literal["openml"]
    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description="name of the data set")
    version: int = pydantic.Field(1, ge=1)
    shape: tuple[int, int] | tuple[int, int, int] | None = pydantic.Field(
        None, description="height, width and, where there are several, channels of an image"
    )
    class_count: int | None = pydantic.Field(None, ge=1, description="how many classes there have to be")


ImageSource = Annotated[
    DigitsImages | DrawnApples | DrawnGabors | FolderImages | NpzImages | OpenmlImages,
    pydantic.Field(discriminator="source"),
]

SOURCE_KINDS = ("digits", "apples", "gabors", "folder", "npz", "openml")

_NAMED: dict[str, dict[str, Any]] = {
    "digits": {"source": "digits"},
    "apples": {"source": "apples"},
    "gabors": {"source": "gabors"},
    "mnist": {"source": "openml", "name": "mnist_784"},
    "cifar10": {"source": "openml", "name": "CIFAR_10"},
}
_ANY_SOURCE: pydantic.TypeAdapter[ImageSource] = pydantic.TypeAdapter(ImageSource)


def parse_image_source(text: str | Path) -> ImageSource:
    """What `--images` takes: a set by name, `openml:NAME`, the path of an `.npz` file or of a folder.

    Raises:
        UserError: it is none of these.
    """
    name = str(text)
    if name in _NAMED:
        return _ANY_SOURCE.validate_python(_NAMED[name])
    if name.startswith("openml:"):
        try:
            return OpenmlImages(source="openml", name=name.removeprefix("openml:"))
        except pydantic.ValidationError:
            raise UserError(f"images {name!r}: is not the name of a data set; write, say, openml:mnist_784") from None
    path = Path(name)
    if path.suffix == ".npz":
        return NpzImages(source="npz", path=path.absolute())
    if name and path.is_dir():
        return FolderImages(source="folder", path=path.absolute())
    known = ", ".join(_NAMED)
    raise UserError(f"images {name!r}: neither a folder nor an .npz file; choose one or {known}, openml:NAME")


def source_name(source: ImageSource) -> str:
    """A short name of the set, for people."""
    if isinstance(source, FolderImages | NpzImages):
        return source.path.stem if isinstance(source, NpzImages) else source.path.resolve().name
    if isinstance(source, OpenmlImages):
        of_openml = {each.get("name"): name for name, each in _NAMED.items()}
        return of_openml.get(source.name, source.name)
    return source.source
