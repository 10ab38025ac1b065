"""PNG sprites as the Doom engine wants them: named by a fixed alphabet, with a `grAb` chunk for the offset.

The files are written without compression, by hand: zlib's output differs between its versions, and the same
specification has to give the same bytes on every machine.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

# Names beginning with these letters clash neither with the game's own sprites nor with DECORATE's keywords.
_FIRST_LETTERS = "QXYZ"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FRAMES_PER_SPRITE = 26  # A-Z; the engine knows three more, whose characters are awkward in file names
MAXIMUM_SPRITES = 64_000
"""The engine numbers textures, the game's own among them, with 16 bits. Of 64,000 sprites it showed each as it is, of
65,500 the last as others or not at all."""


def sprite_name(index: int) -> tuple[str, str]:
    """Four-letter sprite name and frame letter of the image with this running number."""
    number, frame = divmod(index, FRAMES_PER_SPRITE)
    number, last = divmod(number, 36)
    number, third = divmod(number, 36)
    first, second = divmod(number, 36)
    return _FIRST_LETTERS[first] + _LETTERS[second] + _LETTERS[third] + _LETTERS[last], chr(ord("A") + frame)


def encode_sprite(image: np.ndarray) -> bytes:
    """A PNG of `image`, (height, width, 3 or 4) uint8, that stands on its bottom centre."""
    height, width, channels = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    offset = struct.pack(">ii", width // 2, height)
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter type, 0
    rows[:, 1:] = image.reshape(height, -1)
    chunks = [(b"IHDR", header), (b"grAb", offset), (b"IDAT", _stored_zlib(rows.tobytes())), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _stored_zlib(content: bytes) -> bytes:
    """`content` as a zlib stream of stored (uncompressed) blocks, RFC 1950 and 1951."""
    blocks = []
    for start in range(0, len(content), 0xFFFF):
        block = content[start : start + 0xFFFF]
        is_last = start + 0xFFFF >= len(content)
        blocks.append(struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF) + block)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(content))
