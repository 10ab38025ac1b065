"""Images pasted onto a view of the arena, any number of them a batch at a time."""

from __future__ import annotations

import numpy as np

from retinoscope.stimuli.places import Pasted, require_image_fits


class Paster:
    """Pastes images of one shape at one place.

    Every pixel of the view is the mean of what covers it: of the image, drawn as squares, and at its edges of the
    background. So positions and scales need not be whole pixels, and nothing is aliased. Pixels that an image leaves
    transparent show the background.

    Args:
        background: (height, width, 3) uint8, the view without any stimulus.
        place: where.
        shape: (height, width) of the images.

    Raises:
        UserError: the image would be larger than the view or reach out of it.
    """

    def __init__(self, background: np.ndarray, place: Pasted, shape: tuple[int, int]) -> None:
        view = (background.shape[0], background.shape[1])
        top, bottom, left, right = require_image_fits(place, shape, view)
        rows, columns = _coverage(top, bottom, shape[0], view[0]), _coverage(left, right, shape[1], view[1])
        self._window = (_span(rows), _span(columns))
        self._rows, columns = rows[self._window[0]], columns[self._window[1]]
        # The product with this matrix moves along the columns with the channels where they are, without transposing.
        self._columns = {channels: np.kron(columns, np.eye(channels, dtype=np.float32)).T for channels in (1, 3)}
        self._background = background
        self._ground = background[self._window].astype(np.float32)
        self._cover = self._spread(np.ones((1, *shape, 1), np.float32))

    def paste(self, images: np.ndarray) -> np.ndarray:
        """(image, height, width, 3 or 4) uint8 -> (image, *view, 3) uint8."""
        colours, cover = images[..., :3].astype(np.float32), self._cover
        if images.shape[-1] == 4:
            opacity = images[..., 3:].astype(np.float32) / 255
            colours, cover = colours * opacity, self._spread(opacity)
        shown = np.repeat(self._background[None], len(images), axis=0)
        mixed = self._spread(colours) + (1 - cover) * self._ground
        shown[(slice(None), *self._window)] = np.rint(mixed).clip(0, 255).astype(np.uint8)
        return shown

    def _spread(self, values: np.ndarray) -> np.ndarray:
        """Sum of what covers each pixel of the window: (image, *window, channel)."""
        count, height, width, channels = values.shape
        tall = self._rows @ values.reshape(count, height, width * channels)
        wide = tall.reshape(-1, width * channels) @ self._columns[channels]
        return np.asarray(wide.reshape(count, len(self._rows), -1, channels))


def _coverage(start: float, stop: float, pixels: int, size: int) -> np.ndarray:
    """Share of each of `size` pixels of the view that each of the image's pixels covers: (size, pixels) float32."""
    edges = np.linspace(start, stop, pixels + 1)
    lower, upper = np.arange(size)[:, None], np.arange(1, size + 1)[:, None]
    return np.clip(np.minimum(edges[1:], upper) - np.maximum(edges[:-1], lower), 0, None).astype(np.float32)


def _span(coverage: np.ndarray) -> slice:
    touched = np.flatnonzero(coverage.any(axis=1))
    return slice(int(touched[0]), int(touched[-1]) + 1)
