"""The movie of receptive fields over checkpoints: all units of all layers, a frame for every checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray

from retinoscope.figures import canvas
from retinoscope.figures.style import colour_map, require
from retinoscope.result import Result

__all__ = ["field_frames"]

# Pixels of the movie.
_WIDTH, _HEIGHT, _MARGIN, _TOP, _HEADING, _GAP, _FOOT = 1280, 900, 20, 92, 30, 4, 40
_LARGEST = 112  # side of a field
_COLOURS = ["red", "green", "blue"]


@dataclass(frozen=True)
class _Block:
    """Where the fields of a layer are: `across` of them in a row, `factor` times enlarged.

    Attributes:
        layer: its name.
        top: of its heading.
        height, width: of one field in its own pixels, all its pictures together.
    """

    layer: str
    top: int
    units: int
    across: int
    height: int
    width: int
    factor: int

    @property
    def tall(self) -> int:
        """With its heading."""
        return _HEADING + -(-self.units // self.across) * (self.height * self.factor + _GAP) + 2 * _GAP

    def corner(self, index: int) -> tuple[int, int]:
        row, column = divmod(index, self.across)
        top = self.top + _HEADING + row * (self.height * self.factor + _GAP)
        return top, _MARGIN + column * (self.width * self.factor + _GAP)


def field_frames(result: Result, repeated: int = 1) -> Iterator[np.ndarray]:
    """Compose a frame for every checkpoint: all fields of all layers, and how long was trained.

    Pictures in colour are shown in colour, zero being mid-grey; of others, each channel in a diverging map, one beside
    the other. The scale of a unit is the same in all frames.

    Args:
        result: of the `field_movie` analysis.
        repeated: how often each frame is given.

    Yields:
        RGB frames, (height, width, 3) uint8, all of one size, height and width even.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "field_movie")
    return _frames(result, repeated)


def _frames(result: Result, repeated: int) -> Iterator[np.ndarray]:
    data = result.data
    shown = {name: _pictures(data, name) for name in result.parameters["layers"]}
    blocks = _arranged({name: each.shape[1:4] for name, each in shown.items()})
    height = max(blocks[-1].top + blocks[-1].tall + _FOOT, 240)
    width = max([_WIDTH, *(2 * _MARGIN + each.across * (each.width * each.factor + _GAP) for each in blocks)])
    background = np.full((height + height % 2, width + width % 2, 3), 255, np.uint8)
    agent = result.provenance.get("agent")
    title = "Receptive fields in the course of training" + (f" · agent {agent}" if agent else "")
    canvas.draw_text(background, canvas.shorten(title, 22, width - 2 * _MARGIN, True), _MARGIN, 14, 22, bold=True)
    zero = "zero is mid-grey" if _is_coloured(data) else "zero is white, below it blue, above it red"
    says = f"each unit has one scale for the whole movie, its largest absolute weight; {zero}"
    canvas.draw_text(background, says, _MARGIN, height - 28, 14, canvas.GREY)
    for checkpoint in range(data.sizes["checkpoint"]):
        frame = background.copy()
        _write_progress(frame, data["frames_trained"].values, checkpoint)
        for block in blocks:
            _draw_block(frame, block, shown[block.layer][checkpoint], data[f"{block.layer}_with_first"][checkpoint])
        for _ in range(repeated):
            yield frame


def _pictures(data: xarray.Dataset, layer: str) -> np.ndarray:
    """(checkpoint, unit, height, width, 3) uint8, of several channels side by side."""
    about = data[layer]
    ends = [about.attrs.get(f"drawn_{each}") for each in ("top", "bottom", "left", "right")]
    fields = about.values if ends[0] is None else about.values[:, :, ends[0] : ends[1], ends[2] : ends[3]]
    scale = data[f"{layer}_scale"].values[:, None, None, None]
    shares = (1 + np.divide(fields, scale, out=np.zeros_like(fields), where=scale > 0)) / 2
    if _is_coloured(data):
        return np.asarray((255 * shares).round().astype(np.uint8))
    table = (colour_map("diverging")(np.linspace(0, 1, 256))[:, :3] * 255).round().astype(np.uint8)
    planes = np.concatenate(list(np.moveaxis(shares, -1, 0)), axis=-1)
    return np.asarray(table[(255 * planes).round().astype(np.uint8)])


def _is_coloured(data: xarray.Dataset) -> bool:
    return [str(each) for each in data["colour"].values] == _COLOURS


def _arranged(shapes: dict[str, tuple[int, ...]]) -> list[_Block]:
    """Fields as large as all layers together leave room for, by whole numbers; a higher frame if there is none."""
    for side in range(_LARGEST, 0, -4):
        blocks, top = [], _TOP
        for name, (units, height, width) in shapes.items():
            factor = max(1, side // max(height, width))
            across = max(1, min(units, (_WIDTH - 2 * _MARGIN + _GAP) // (width * factor + _GAP)))
            blocks.append(_Block(name, top, units, across, height, width, factor))
            top += blocks[-1].tall
        if top + _FOOT <= _HEIGHT:
            break
    return blocks


def _write_progress(frame: np.ndarray, frames: np.ndarray, checkpoint: int) -> None:
    """How many frames were trained, and a bar of it."""
    now, most = int(frames[checkpoint]), max(int(frames.max()), 1)
    canvas.draw_text(frame, f"{now:,} frames trained", _MARGIN, 48, 20, bold=True)
    count = f"checkpoint {checkpoint + 1} of {len(frames)}"
    right = frame.shape[1] - _MARGIN
    canvas.draw_text(frame, count, right, 50, 16, canvas.GREY, align="right")
    left, width = _MARGIN + 320, right - 220 - _MARGIN - 320
    canvas.fill(frame, left, 58, width, 8, canvas.LINE)
    canvas.fill(frame, left, 58, round(width * now / most), 8, canvas.INK)


def _draw_block(frame: np.ndarray, block: _Block, pictures: np.ndarray, with_first: xarray.DataArray) -> None:
    canvas.draw_text(frame, block.layer, _MARGIN, block.top + 4, 18, bold=True)
    known = with_first.values[np.isfinite(with_first.values)]
    if len(known):
        cosine = f"{np.median(known):.2f}".replace("-", "−")
        says = f"cosine with the first checkpoint: median {cosine}"
        canvas.draw_text(frame, says, _MARGIN + canvas.text_width(block.layer, 18, True) + 16, block.top + 6, 15)
    for index, picture in enumerate(pictures):
        top, left = block.corner(index)
        enlarged = canvas.enlarge(picture, block.factor)
        frame[top : top + enlarged.shape[0], left : left + enlarged.shape[1]] = enlarged
