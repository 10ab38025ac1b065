"""The folder of columns that the explorer loads: chunks in scripts, for a page opened as a file can load nothing else.

What each part means is said in `explorer/src/data/schema.ts`.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retinoscope.files import replacing
from retinoscope.page.explorer.sheets import Sheet, sheet_image

Encoding = Literal["float32", "int32", "uint8", "code8", "code16"]
Values = ArrayLike | Callable[[], Iterable[NDArray[Any]]]
"""Rows as one array, (row,) or (row, number); or what gives blocks of them, anew each time it is called."""

SCHEMA = 1
_CHUNK_BYTES = 400_000
_ACTIVITY_ROWS, _ACTIVITY_UNITS = 16_384, 16  # half a megabyte; of one unit in 100,000 moments seven are loaded
_BINS = 2048
_TYPES = {"float32": "<f4", "int32": "<i4", "uint8": "u1", "code8": "u1", "code16": "<u2"}
_CODES = {"code8": 254, "code16": 65534}


class DataFolder:
    """Writes columns, pictures and the index. Each chunk is written as soon as it is full.

    Args:
        folder: where to write; it is made if it is not there.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._taken: set[str] = set()

    def column(
        self,
        path: str,
        values: Values,
        encoding: Encoding = "float32",
        *,
        rows: int | None = None,
        width: int | None = None,
        low: ArrayLike | None = None,
        high: ArrayLike | None = None,
        chunk_rows: int | None = None,
    ) -> dict[str, Any]:
        """Write one column.

        Args:
            path: where it lies; made safe and unique, so that any name will do: `variables/fuel (l)`.
            values: (row,) or (row, number), or a function that gives blocks of them. Of codes what is not finite
                becomes the highest one.
            encoding: how numbers are stored.
            rows: how many there are in all; of blocks counted in a first pass if not given.
            width: numbers in a row; as `rows`.
            low: of the range of codes, one for all or one for each number; found in a first pass if not given. What
                lies outside of the range is drawn to it.
            high: as `low`.
            chunk_rows: rows in a chunk; None for some 400 kB.

        Returns:
            A `Column`.

        Raises:
            ValueError: there are other numbers of rows, or numbers that the encoding cannot hold.
        """
        rows, width = _size(values, rows, width)
        column: dict[str, Any] = {"path": self._path(path), "rows": rows, "width": width, "encoding": encoding}
        item = np.dtype(_TYPES[encoding]).itemsize
        column["chunk_rows"] = chunk_rows or max(1, min(_CHUNK_BYTES // max(1, width * item), max(1, rows)))
        if encoding in _CODES:
            lowest, highest = range_of(values, width) if low is None or high is None else (low, high)
            column["low"], column["high"] = _listed(lowest), _listed(highest)
        number = -1
        for number, block in enumerate(_blocks(values, width, column["chunk_rows"], rows)):
            self._chunk(column["path"], number, _encoded(block, encoding, column).tobytes())
        return column

    def activity(
        self, path: str, values: Values, *, rows: int, units: int, low: ArrayLike | None = None, high: ArrayLike = ()
    ) -> dict[str, Any]:
        """Write the activity of a layer, unit by unit, so that one unit over all moments can be loaded alone.

        Args:
            path: as for `column`.
            values: (row, unit), or a function that gives blocks of them.
            rows: how many there are.
            units: how many there are.
            low: (unit,) of the ranges of codes; found in a first pass if not given.
            high: (unit,) as `low`.

        Returns:
            An `Activity`.
        """
        lowest, highest = range_of(values, units) if low is None else (low, high)
        # What is held at a time stays below some 32 MB, however wide the layer is.
        held = max(256, min(_ACTIVITY_ROWS, 16_000_000 // max(1, units)))
        chunk_rows = max(1, min(held, rows))
        chunk_units = max(1, min(units, _ACTIVITY_UNITS * _ACTIVITY_ROWS // held))
        found: dict[str, Any] = {"path": self._path(path), "rows": rows, "units": units, "chunk_rows": chunk_rows}
        found |= {"chunk_units": chunk_units, "low": _listed(lowest), "high": _listed(highest)}
        blocks = math.ceil(rows / chunk_rows)
        for number, block in enumerate(_blocks(values, units, chunk_rows, rows)):
            codes = _encoded(block, "code16", found).T
            for group, first in enumerate(range(0, units, chunk_units)):
                self._chunk(found["path"], group * blocks + number, codes[first : first + chunk_units].tobytes())
        return found

    def overview(
        self, path: str, values: Values, *, rows: int, units: int, low: ArrayLike, high: ArrayLike
    ) -> dict[str, Any]:
        """Write means over stretches of moments, of which there are at most 2,048.

        Args:
            path: as for `column`.
            values: (row, unit), or a function that gives blocks of them. What is not finite is no part of a mean.
            rows: how many there are.
            units: how many there are.
            low: (unit,) of the layer's activity.
            high: (unit,) of the layer's activity.

        Returns:
            An `Overview`.
        """
        per_bin = max(1, math.ceil(rows / _BINS))
        bins = math.ceil(rows / per_bin)

        def means() -> Iterator[NDArray[np.float64]]:
            for block in _blocks(values, units, per_bin * max(1, 4096 // per_bin), rows):
                starts = np.arange(0, len(block), per_bin)
                is_known = np.isfinite(block)
                totals = np.add.reduceat(np.where(is_known, block, 0.0), starts, axis=0, dtype=np.float64)
                counts = np.add.reduceat(is_known, starts, axis=0, dtype=np.int64)
                yield np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)

        column = self.column(path, means, "code8", rows=bins, width=units, low=low, high=high)
        return {"column": column, "rows_per_bin": per_bin}

    def pictures(
        self,
        path: str,
        images: Iterable[NDArray[np.uint8]],
        count: int,
        height: int,
        width: int,
        *,
        is_exact: bool = True,
    ) -> dict[str, Any]:
        """Write pictures as sprite sheets.

        Args:
            path: as for `column`.
            images: blocks (picture, height, width, channel) uint8 of one channel or three, `count` pictures in all.
            count: of pictures.
            height: of each, pixels.
            width: of each, pixels.
            is_exact: to the last bit; else smaller and a little blurred.

        Returns:
            `Pictures`.

        Raises:
            ValueError: there are more or fewer pictures.
        """
        sheet = Sheet.of(height, width, is_exact)
        found: dict[str, Any] = {"path": self._path(path), "count": count, "height": height, "width": width}
        found |= {"per_sheet": sheet.per_sheet, "across": sheet.across, "type": sheet.type, "is_exact": is_exact}
        for number, block in enumerate(_rechunked(images, sheet.per_sheet, count)):
            self._chunk(found["path"], number, sheet_image(block, sheet))
        return found

    def index(self, index: dict[str, Any]) -> Path:
        """Write the index, last of all: whoever finds it finds all it speaks of. What is not finite becomes null."""
        path = self.folder / "index.js"
        with replacing(path) as temporary:
            temporary.write_text(f"retinoscope.index({json_text(index)});\n", encoding="utf-8")
        return path

    def _path(self, name: str) -> str:
        parts = [re.sub(r"[^a-z0-9_]+", "-", part.lower()).strip("-") or "x" for part in name.split("/")]
        path = wanted = "/".join(parts)
        number = 1
        while path in self._taken:
            number += 1
            path = f"{wanted}-{number}"
        self._taken.add(path)
        (self.folder / path).mkdir(parents=True, exist_ok=True)
        return path

    def _chunk(self, path: str, number: int, content: bytes) -> None:
        text = base64.b64encode(content).decode("ascii")
        (self.folder / path / f"{number}.js").write_text(f'retinoscope.chunk("{path}", {number}, "{text}");\n', "ascii")


def json_text(content: Any) -> str:
    """JSON that may stand in a script or a data block of a page: nothing in it ends either."""
    text = json.dumps(_plain(content), allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def range_of(values: Values, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(number,) lowest and highest finite value of each number of a row; 0 where there is none."""
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    for block in _given(values, width):
        if len(block):
            is_known = np.isfinite(block) if block.dtype.kind == "f" else True
            low = np.minimum(low, np.min(block, axis=0, where=is_known, initial=np.inf))
            high = np.maximum(high, np.max(block, axis=0, where=is_known, initial=-np.inf))
    is_empty = low > high
    return np.where(is_empty, 0.0, low), np.where(is_empty, 0.0, high)


def _size(values: Values, rows: int | None, width: int | None) -> tuple[int, int]:
    if callable(values):
        if rows is None or width is None:
            sizes = [np.shape(block) for block in values()]
            rows = sum(each[0] for each in sizes) if rows is None else rows
            width = (math.prod(sizes[0][1:]) if sizes else 1) if width is None else width
        return rows, width
    shape = np.shape(values)
    return shape[0] if rows is None else rows, math.prod(shape[1:]) if width is None else width


def _given(values: Values, width: int) -> Iterator[NDArray[Any]]:
    """Blocks (row, number) of whatever was given."""
    for block in values() if callable(values) else [np.asarray(values)]:
        yield np.asarray(block).reshape(len(block), width)


def _blocks(values: Values, width: int, size: int, rows: int) -> Iterator[NDArray[Any]]:
    return _rechunked(_given(values, width), size, rows)


def _rechunked(blocks: Iterable[NDArray[Any]], size: int, rows: int) -> Iterator[NDArray[Any]]:
    """The same rows, `size` in each block, the last one fewer."""
    held: list[NDArray[Any]] = []
    count = total = 0
    for given in blocks:
        total += len(given)
        block = given
        while count + len(block) >= size:
            rest = size - count
            yield np.concatenate([*held, block[:rest]]) if held else block[:rest]
            held, count, block = [], 0, block[rest:]
        if len(block):
            held.append(block)
            count += len(block)
    if held:
        yield np.concatenate(held)
    if total != rows:
        raise ValueError(f"{total} rows were given where {rows} were announced")


def _encoded(block: NDArray[Any], encoding: Encoding, column: dict[str, Any]) -> NDArray[Any]:
    target = np.dtype(_TYPES[encoding])
    if encoding == "float32":
        return np.ascontiguousarray(block, target)
    if encoding not in _CODES:
        stored = block.astype(target)
        if not np.array_equal(stored, block):
            raise ValueError(f"{column['path']}: {encoding} cannot hold all of its numbers")
        return np.ascontiguousarray(stored)
    low, high = (np.array(column[name], np.float64) for name in ("low", "high"))
    span = np.where(high > low, high - low, 1.0)
    is_known = np.isfinite(block)
    share = np.clip((np.where(is_known, block, low) - low) / span, 0.0, 1.0)
    codes = np.rint(share * _CODES[encoding]).astype(target)
    return np.where(is_known, codes, target.type(_CODES[encoding] + 1)).astype(target, copy=False)


def _listed(values: ArrayLike) -> list[float]:
    """Nine digits tell all float32 apart; more would make the index of a large network several times larger."""
    return [float(f"{each:.9g}") for each in np.atleast_1d(np.asarray(values, np.float64)).tolist()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return _plain(value.tolist())
    return [_plain(each) for each in value]
