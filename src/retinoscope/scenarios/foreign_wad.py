"""A first look at a ViZDoom scenario's archive: is it one, and does it hold the map that is to be played?"""

from __future__ import annotations

import itertools
import re
import struct
import zipfile
from pathlib import Path

from retinoscope.errors import UserError

_MOST_LUMPS = 1 << 20


def require_map(path: Path, map_name: str) -> None:
    """Raises `UserError` if `path` is not a WAD or PK3 file with this map; the engine would play another one.

    Args:
        path: of the archive.
        map_name: in capitals, such as MAP01.
    """
    maps = _maps_of_pk3(path) if zipfile.is_zipfile(path) else _maps_of_wad(path)
    if map_name not in maps:
        known = ", ".join(maps) or "none at all"
        raise UserError(f"{path}: has no map {map_name}; choose from its maps ({known}) with doom_map in the .cfg")


def _maps_of_wad(path: Path) -> list[str]:
    """Lumps that are followed by the first lump of a map, in either of the two formats of maps."""
    names = _lump_names(path)
    return [name for name, after in itertools.pairwise(names) if after in ("THINGS", "TEXTMAP")]


def _lump_names(path: Path) -> list[str]:
    damaged = UserError(f"{path}: is not a WAD file, or is cut short; copy it again from its source")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(12)
            if len(header) < 12 or header[:4] not in (b"PWAD", b"IWAD"):
                raise damaged
            count, offset = struct.unpack("<ii", header[4:])
            if not (0 < count <= _MOST_LUMPS and offset >= 12 and offset + 16 * count <= size):
                raise damaged
            file.seek(offset)
            directory = file.read(16 * count)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a file that can") from None
    names = []
    for entry in range(0, 16 * count, 16):
        start, length = struct.unpack_from("<ii", directory, entry)
        if length < 0 or (length and not 0 <= start <= size - length):
            raise damaged
        names.append(directory[entry + 8 : entry + 16].partition(b"\0")[0].decode("ascii", "replace").upper())
    return names


def _maps_of_pk3(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise UserError(f"{path}: is not a PK3 file, or is cut short; copy it again from its source") from None
    found = (re.fullmatch(r"maps/([^/]+)\.wad", name.lower()) for name in names)
    return [match[1].upper() for match in found if match]
