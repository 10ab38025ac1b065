"""What a browser makes of the explorer's data, written anew and slowly: the oracle of these tests."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_LETTERS = {"float32": "f", "int32": "i", "uint8": "B", "code8": "B", "code16": "H"}
_HIGHEST = {"code8": 254, "code16": 65534}


def read_index(folder: Path) -> dict[str, Any]:
    text = (folder / "index.js").read_text("utf-8")
    found = re.fullmatch(r"retinoscope\.index\((.*)\);\n", text, re.DOTALL)
    assert found is not None
    index: dict[str, Any] = json.loads(found[1])
    return index


def read_chunk(folder: Path, path: str, number: int) -> bytes:
    assert re.fullmatch(r"[a-z0-9_/-]+", path)
    text = (folder / path / f"{number}.js").read_text("ascii")
    found = re.fullmatch(r'retinoscope\.chunk\("([^"]*)", (\d+), "([A-Za-z0-9+/=]*)"\);\n', text)
    assert found is not None and found[1] == path and int(found[2]) == number
    return base64.b64decode(found[3], validate=True)


def read_column(folder: Path, column: dict[str, Any]) -> np.ndarray:
    """(row, number) float64."""
    width, chunk_rows = column["width"], column["chunk_rows"]
    numbers: list[float] = []
    for number, start in enumerate(range(0, column["rows"], chunk_rows)):
        count = (min(start + chunk_rows, column["rows"]) - start) * width
        content = read_chunk(folder, column["path"], number)
        numbers += struct.unpack(f"<{count}{_LETTERS[column['encoding']]}", content)
    assert not (folder / column["path"] / f"{-(-column['rows'] // chunk_rows)}.js").exists()
    values = np.array(numbers, np.float64).reshape(column["rows"], width)
    return decoded(values, column, column["encoding"])


def read_activity(folder: Path, activity: dict[str, Any]) -> np.ndarray:
    """(row, unit) float64."""
    rows, units, chunk_rows = activity["rows"], activity["units"], activity["chunk_rows"]
    codes = np.full((rows, units), -1.0)
    blocks = -(-rows // chunk_rows)
    for unit in range(units):
        group, place = divmod(unit, activity["chunk_units"])
        for block in range(blocks):
            start, stop = block * chunk_rows, min((block + 1) * chunk_rows, rows)
            content = read_chunk(folder, activity["path"], group * blocks + block)
            length = stop - start
            codes[start:stop, unit] = struct.unpack_from(f"<{length}H", content, 2 * place * length)
    return decoded(codes, activity, "code16")


def decoded(codes: np.ndarray, column: dict[str, Any], encoding: str) -> np.ndarray:
    if encoding not in _HIGHEST:
        return codes
    low, high = np.array(column["low"]), np.array(column["high"])
    values = low + codes / _HIGHEST[encoding] * (high - low)
    return np.where(codes > _HIGHEST[encoding], np.nan, values)


def read_pictures(folder: Path, pictures: dict[str, Any]) -> np.ndarray:
    """(picture, height, width, 3) uint8."""
    found = []
    height, width = pictures["height"], pictures["width"]
    for number in range(pictures["count"]):
        sheet, place = divmod(number, pictures["per_sheet"])
        image = Image.open(io.BytesIO(read_chunk(folder, pictures["path"], sheet)))
        assert f"image/{image.format}".lower() == pictures["type"]
        top, left = place // pictures["across"] * height, place % pictures["across"] * width
        found.append(np.asarray(image.convert("RGB").crop((left, top, left + width, top + height))))
    return np.array(found)
