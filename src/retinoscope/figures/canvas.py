"""Drawing on RGB arrays: what movie frames are composed with.

A movie has thousands of frames, and matplotlib draws about ten a second. Here text is rendered once by Pillow and kept
as a coverage mask, and everything else is assignment to parts of an array, in place.
"""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from retinoscope.figures.style import font_families

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
INK: Colour = (32, 33, 36)
GREY: Colour = (104, 108, 115)
LINE: Colour = (214, 217, 222)


def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font of the style in use; size in pixels."""
    return _face(tuple(font_families()), size, bold)


@functools.lru_cache(maxsize=64)
def _face(families: tuple[str, ...], size: int, bold: bool) -> ImageFont.FreeTypeFont:
    wanted = font_manager.FontProperties(family=list(families), weight="bold" if bold else "normal")
    return ImageFont.truetype(font_manager.findfont(wanted), size)


def text_mask(text: str, size: int, bold: bool = False) -> np.ndarray:
    """Coverage of a line of text, (line height, width) uint8; the baseline is at the same row for every text."""
    return _mask(text, font(size, bold))


@functools.lru_cache(maxsize=4096)
def _mask(text: str, face: ImageFont.FreeTypeFont) -> np.ndarray:
    ascent, descent = face.getmetrics()
    image = Image.new("L", (max(1, round(face.getlength(text))), ascent + descent))
    ImageDraw.Draw(image).text((0, ascent), text, fill=255, font=face, anchor="ls")
    mask = np.asarray(image)
    mask.setflags(write=False)
    return mask


def text_width(text: str, size: int, bold: bool = False) -> int:
    """Width of a line of text in pixels."""
    return int(text_mask(text, size, bold).shape[1])


def line_height(size: int) -> int:
    """Height of a line of text in pixels."""
    return sum(font(size).getmetrics())


def shorten(text: str, size: int, width: int, bold: bool = False) -> str:
    """The text, cut and ended by an ellipsis where it is wider than `width` pixels."""
    if text_width(text, size, bold) <= width:
        return text
    while text and text_width(text + "…", size, bold) > width:
        text = text[:-1]
    return text + "…"


def draw_text(
    frame: np.ndarray,
    text: str,
    x: int,
    y: int,
    size: int,
    colour: Colour = INK,
    bold: bool = False,
    align: Literal["left", "centre", "right"] = "left",
) -> None:
    """Write a line whose top is at row `y` and whose left end, centre or right end is at column `x`."""
    mask = text_mask(text, size, bold)
    x -= {"left": 0, "centre": mask.shape[1] // 2, "right": mask.shape[1]}[align]
    left, top = max(x, 0), max(y, 0)
    region = frame[top : y + mask.shape[0], left : x + mask.shape[1]]
    cover = mask[top - y :, left - x :][: region.shape[0], : region.shape[1], None].astype(np.int32)
    region[...] = (region * (255 - cover) + np.array(colour, np.int32) * cover + 127) // 255


def fill(frame: np.ndarray, x: int, y: int, width: int, height: int, colour: Colour) -> None:
    """A filled rectangle."""
    frame[y : y + height, x : x + width] = colour


def outline(frame: np.ndarray, x: int, y: int, width: int, height: int, colour: Colour, thickness: int = 1) -> None:
    """A rectangle's edge, drawn inside of its width and height."""
    fill(frame, x, y, width, thickness, colour)
    fill(frame, x, y + height - thickness, width, thickness, colour)
    fill(frame, x, y, thickness, height, colour)
    fill(frame, x + width - thickness, y, thickness, height, colour)


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """(height, width, channel) -> every pixel as a block of `factor` x `factor`."""
    height, width, channels = image.shape
    # Rows are copied whole, which is several times quicker than to repeat them.
    enlarged = np.empty((height, factor, width * factor, channels), image.dtype)
    enlarged[...] = image.repeat(factor, axis=1)[:, None]
    return enlarged.reshape(height * factor, width * factor, channels)


def to_rgb(observation: np.ndarray) -> np.ndarray:
    """(height, width, 1 or 3 channels) uint8 -> (height, width, 3)."""
    return observation if observation.shape[-1] == 3 else observation[..., :1].repeat(3, axis=-1)
