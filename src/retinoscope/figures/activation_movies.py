"""Activation movies: the observation beside all feature maps of a convolution, composed by look-up tables."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import matplotlib
import numpy as np
import xarray

from retinoscope.errors import UserError
from retinoscope.figures import canvas
from retinoscope.figures.pictures import Pictures
from retinoscope.figures.style import colour_map, require
from retinoscope.result import Result

__all__ = ["activation_frames"]

# Pixels of the movie.
_WIDTH, _HEIGHT = 1296, 800
_MARGIN, _GAP, _LABEL, _HEADER, _BAR = 20, 8, 20, 64, 52
_VIEW = 400  # the observation is enlarged to this width or less
# How large a unit or a pixel may be. The encoder cuts a frame into blocks of 4 to 16 pixels: what is as large and lies
# on multiples of its size is a block of one colour, keeps its edges, and takes a fraction of the room.
_FACTORS = (16, 8, 4, 3, 2, 1)
_GRID = 4
_LEAST_SCALE = 127 / float(np.finfo(np.float32).max)


def colour_table() -> np.ndarray:
    """(256, 3) uint8: index 128 is zero, 1 is minus the scale, 255 is plus the scale."""
    return _table(colour_map("diverging").name)


@functools.lru_cache(maxsize=4)
def _table(name: str) -> np.ndarray:
    levels = np.clip((np.arange(256) - 128) / 127, -1, 1)
    return (matplotlib.colormaps[name]((1 + levels) / 2)[:, :3] * 255).round().astype(np.uint8)


def colour_indices(maps: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(..., channel, row, column) activity -> indices into `colour_table`, uint8; `scale` (channel,) is full colour."""
    # A scale can be so small that its inverse is no number of 32 bits; the activity of such a filter counts as zero.
    with np.errstate(divide="ignore", over="ignore"):
        factor = np.where(scale > _LEAST_SCALE, 127 / scale, 0).astype(np.float32)[:, None, None]
        scaled = np.multiply(maps, factor, dtype=np.float32)
    np.add(scaled, 128.5, out=scaled)
    return np.clip(scaled, 1, 255, out=scaled).astype(np.uint8)


@dataclass(frozen=True)
class MovieLayout:
    """Where things are, in pixels of the movie.

    Attributes:
        view_factor: pixels per pixel of the observation, whose upper left corner is (`top` + `label`, `view_left`).
        map_factor: pixels per unit of a map.
        rows, columns: of the grid of maps, whose upper left corner is (`top`, `maps_left`).
        cell_height, cell_width: from one map to the next; a map stands `label` below the top of its cell.
        gap: between a cell and the next.
        width, height: of the frame.
    """

    view_factor: int
    map_factor: int
    rows: int
    columns: int
    top: int
    view_left: int
    maps_left: int
    label: int
    cell_height: int
    cell_width: int
    gap: int
    width: int
    height: int

    @classmethod
    def of(cls, view: tuple[int, int], maps: int, rows: int, columns: int) -> MovieLayout:
        """The grid in which maps are largest, and nearest to a square; a larger frame if they do not fit in any."""

        def is_uneven(across: int) -> int:
            return abs(across * columns - -(-maps // across) * rows)

        for factor in _FACTORS:
            for across in sorted(range(1, maps + 1), key=is_uneven):
                layout = cls._arranged(view, maps, rows, columns, factor, across)
                if layout.width <= _WIDTH and layout.height <= _HEIGHT:
                    return layout
        wide = max(1, round((maps * rows / columns * _WIDTH / _HEIGHT) ** 0.5))
        return cls._arranged(view, maps, rows, columns, 1, min(wide, maps))

    @classmethod
    def _arranged(
        cls, view: tuple[int, int], maps: int, rows: int, columns: int, factor: int, across: int
    ) -> MovieLayout:
        """Maps of this size, so many beside each other; maps and view on multiples of the size of their blocks."""
        view_factor = next((each for each in _FACTORS if each * view[1] <= _VIEW), 1)
        grid = max(_GRID, factor, view_factor)
        top = _up(_HEADER + _LABEL, grid) - _LABEL
        view_left = _up(_MARGIN, view_factor)
        maps_left = _up(view_left + view_factor * view[1] + 3 * _GAP, grid)
        content = max(columns * factor, _narrowest(maps))
        cell_width = _up(content + _GAP, grid)
        cell_height = _up(rows * factor + _LABEL + _GAP, grid)
        gap, down = cell_width - content, -(-maps // across)
        width = max(maps_left + across * cell_width + max(0, _MARGIN - gap), 640)
        height = top + max(down * cell_height, view_factor * view[0] + 3 * _LABEL) + _BAR
        return cls(
            view_factor=view_factor,
            map_factor=factor,
            rows=down,
            columns=across,
            top=top,
            view_left=view_left,
            maps_left=maps_left,
            label=_LABEL,
            cell_height=cell_height,
            cell_width=cell_width,
            gap=gap,
            width=width + width % 2,
            height=height + height % 2,
        )


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple


def activation_frames(result: Result, blocks: Iterable[xarray.Dataset], layer: str) -> Iterator[np.ndarray]:
    """Compose one frame per decision: the observation, and beside it the map of every filter.

    Above each map stand the number of its filter and its scale, which is the same in all frames. Blue is below zero,
    white zero, red above.

    Args:
        result: of the `activation_movies` analysis.
        blocks: from `analyses.movie_blocks`: `pixels` and the layer over `time`, with `episode` and `step`.
        layer: whose maps.

    Yields:
        RGB frames, (height, width, 3) uint8, all of one size, height and width even. Each is a new array.

    Raises:
        UserError: the result is of another analysis or has no such layer.
    """
    require(result, "activation_movies")
    if f"{layer}_scale" not in result.data:
        raise UserError(f"layer {layer!r}: is not in this result; it has {', '.join(result.parameters['layers'])}")
    return _frames(result, blocks, layer)


def _frames(result: Result, blocks: Iterable[xarray.Dataset], layer: str) -> Iterator[np.ndarray]:
    scale = result.data[f"{layer}_scale"].values
    composer: _Composer | None = None
    for block in blocks:
        if composer is None:
            composer = _Composer(result, layer, (block.sizes["height"], block.sizes["width"]))
        indices = colour_indices(block[layer].values, scale)
        pixels, episodes, steps = (block[name].values for name in ("pixels", "episode", "step"))
        for row in range(len(indices)):
            yield composer.compose(pixels[row], indices[row], int(episodes[row]), int(steps[row]))


def movie_layout(result: Result, layer: str, view: tuple[int, int]) -> MovieLayout:
    """Where the movie of a layer shows what, for observations of this (height, width)."""
    scale = result.data[f"{layer}_scale"]
    return MovieLayout.of(view, len(scale), int(scale.attrs["rows"]), int(scale.attrs["columns"]))


class _Composer:
    """Composes frames; what is the same in all of them is drawn once."""

    def __init__(self, result: Result, layer: str, view: tuple[int, int]) -> None:
        self._scale = result.data[f"{layer}_scale"]
        self._rows, self._columns = int(self._scale.attrs["rows"]), int(self._scale.attrs["columns"])
        self._layout = movie_layout(result, layer, view)
        self._pictures = Pictures.of(result.data)
        self._per_decision = float(result.data.attrs["seconds_per_decision"])
        self._has_time = result.data.attrs["clock_units"] == "s"
        self._background = self._draw_background(f"{result.provenance.get('agent') or ''}", layer, view)

    def compose(self, pixels: np.ndarray, indices: np.ndarray, episode: int, step: int) -> np.ndarray:
        """The frame of one decision: (height, width, 3) uint8."""
        layout = self._layout
        frame = self._background.copy()
        view = canvas.enlarge(self._pictures.shown(pixels), layout.view_factor)
        bottom, right = layout.top + layout.label + view.shape[0], layout.view_left + view.shape[1]
        frame[layout.top + layout.label : bottom, layout.view_left : right] = view
        self._draw_maps(frame, indices)
        canvas.draw_text(frame, f"Episode {episode + 1}", layout.view_left, bottom + 8, 16, bold=True)
        if self._has_time:
            time = f"{step * self._per_decision:.1f} s"
            canvas.draw_text(frame, time, right - 120, bottom + 8, 16, align="right")
        canvas.draw_text(frame, f"decision {step + 1}", right, bottom + 10, 13, canvas.GREY, align="right")
        return frame

    def _draw_maps(self, frame: np.ndarray, indices: np.ndarray) -> None:
        """All maps of the grid in one assignment per column and row of cells."""
        layout, factor = self._layout, self._layout.map_factor
        coloured = colour_table().take(indices.repeat(factor, axis=2), axis=0)
        for number in range(len(indices)):
            top, left = self._corner(number)
            height, width = self._rows * factor, self._columns * factor
            place = frame[top + layout.label : top + layout.label + height, left : left + width]
            # A view of the frame with the rows of a block as an axis of their own: each row is copied `factor` times.
            place.reshape(self._rows, factor, width, 3)[...] = coloured[number][:, None]

    def _corner(self, number: int) -> tuple[int, int]:
        row, column = divmod(number, self._layout.columns)
        return self._layout.top + row * self._layout.cell_height, (
            self._layout.maps_left + column * self._layout.cell_width
        )

    def _draw_background(self, agent: str, layer: str, view: tuple[int, int]) -> np.ndarray:
        layout = self._layout
        frame = np.full((layout.height, layout.width, 3), 255, np.uint8)
        title = f"Activity of {layer}" + (f" · agent {agent}" if agent else "")
        title = canvas.shorten(title, 22, layout.width - 2 * _MARGIN, True)
        canvas.draw_text(frame, title, _MARGIN, 18, 22, bold=True)
        canvas.draw_text(frame, "what the agent sees", layout.view_left, layout.top, 13, canvas.GREY)
        for number, scale in enumerate(self._scale.values):
            top, left = self._corner(number)
            right = left + layout.cell_width - layout.gap
            canvas.draw_text(frame, f"{number}", left, top + 1, 13, bold=True)
            if right - left >= 60:
                canvas.draw_text(frame, f"±{scale:.2g}", right, top + 1, 13, canvas.GREY, align="right")
            height, width = self._rows * layout.map_factor, self._columns * layout.map_factor
            canvas.outline(frame, left - 1, top + layout.label - 1, width + 2, height + 2, canvas.LINE)
        self._draw_bar(frame)
        return frame

    def _draw_bar(self, frame: np.ndarray) -> None:
        layout = self._layout
        top, left, width = layout.height - _BAR + 6, layout.view_left, 254
        frame[top : top + 14, left : left + width] = colour_table()[1:255]
        canvas.outline(frame, left, top, width, 14, canvas.GREY)
        canvas.draw_text(frame, "−scale", left, top + 17, 13)
        canvas.draw_text(frame, "0", left + width // 2, top + 17, 13, align="centre")
        canvas.draw_text(frame, "+scale", left + width, top + 17, 13, align="right")
        text = "activity; each filter's scale (±, above its map) is the same in all frames"
        room = layout.width - left - width - 2 * _MARGIN
        canvas.draw_text(frame, canvas.shorten(text, 13, room), left + width + _MARGIN, top - 1, 13, canvas.GREY)


def _narrowest(maps: int) -> int:
    """What the number of a filter needs above its map."""
    return canvas.text_width(f"{maps - 1}", 13, True) + 2
