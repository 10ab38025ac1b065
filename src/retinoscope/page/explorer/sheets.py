"""Sprite sheets: many pictures in one image file, which a page can draw piece by piece, exactly the one it wants."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_PIXELS = 600_000  # of a sheet: decoded within some 10 ms
_MOST = 256  # pictures in a sheet
_LONGEST = 16_383  # pixels of a side that WebP can hold
_QUALITY = 85
_QUALITY_OF_ONE_FILE = 50


@dataclass(frozen=True)
class Sheet:
    """How pictures lie in a sheet.

    Attributes:
        height, width: of one picture, pixels.
        per_sheet: pictures in a sheet.
        across: side by side.
        type: of the file.
        is_exact: to the last bit.
    """

    height: int
    width: int
    per_sheet: int
    across: int
    type: Literal["image/webp", "image/png"]
    is_exact: bool

    @classmethod
    def of(cls, height: int, width: int, is_exact: bool) -> Sheet:
        """For pictures of this size."""
        per_sheet = max(1, min(_MOST, _PIXELS // max(1, height * width)))
        across = max(1, round(math.sqrt(per_sheet * height / max(1, width))))
        across = min(across, per_sheet, max(1, _LONGEST // max(1, width)))
        is_small = across * width <= _LONGEST and math.ceil(per_sheet / across) * height <= _LONGEST
        return cls(height, width, per_sheet, across, "image/webp" if is_small else "image/png", is_exact)


def sheet_image(pictures: NDArray[np.uint8], sheet: Sheet) -> bytes:
    """One image file with these pictures, row by row; where the last row is not full, it is black.

    Args:
        pictures: (picture, height, width, channel) uint8, of one channel or three.
        sheet: how they lie in it.
    """
    from PIL import Image

    count, height, width, channels = pictures.shape
    down = math.ceil(count / sheet.across)
    full = np.zeros((down * sheet.across, height, width, channels), np.uint8)
    full[:count] = pictures
    rows = full.reshape(down, sheet.across, height, width, channels).swapaxes(1, 2)
    sheet_pixels = rows.reshape(down * height, sheet.across * width, channels)
    image = Image.fromarray(sheet_pixels[..., 0] if channels == 1 else sheet_pixels)
    file = io.BytesIO()
    if sheet.type == "image/png":
        image.save(file, "PNG")
    elif sheet.is_exact:
        # Pillow's own choice of effort for lossless files: half the time and size of lower ones with flat pictures.
        image.save(file, "WEBP", lossless=True, quality=75, method=4, exact=True)
    else:
        image.save(file, "WEBP", quality=_QUALITY, method=2)
    return file.getvalue()


def smaller(sheet: bytes) -> bytes:
    """The same sheet, a little blurred, in a file of a fraction of its size."""
    from PIL import Image

    file = io.BytesIO()
    with Image.open(io.BytesIO(sheet)) as image:
        image.convert("RGB").save(file, "WEBP", quality=_QUALITY_OF_ONE_FILE, method=4)
    return file.getvalue()
