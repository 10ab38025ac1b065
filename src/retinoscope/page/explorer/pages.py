"""Pages that hold nothing but the explorer: one beside its folder, or one file that can be sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retinoscope.errors import UserError
from retinoscope.page.explorer.data_folder import json_text
from retinoscope.page.explorer.sheets import smaller
from retinoscope.page.explorer.writing import DATA, EXPLORER
from retinoscope.page.rendering import LARGEST, policy, templates

_HERE = Path(__file__).parent
_FOLDER = "img-src 'self' data: blob:; style-src 'self'; script-src 'self'; worker-src blob:"
_ONE_FILE = "img-src data: blob:; style-src '{style}'; script-src '{script}'; worker-src blob:"
_MARKUP = 120  # bytes around a chunk
_LARGE = ("saliency", "images", "checkpoint_pictures")  # kinds of panels that hold pictures of many moments


@dataclass(frozen=True)
class SingleFile:
    """A page that is one file.

    Attributes:
        html: the page.
        left_out: what it lacks, in words; empty if nothing.
    """

    html: str
    left_out: tuple[str, ...]


def explorer_page(title: str, holds: str = "") -> str:
    """The page for a folder in which `write_explorer` has written; `holds` says in a line what else lies beside it."""
    return _rendered(title=title, policy=policy(_FOLDER), parts=None, holds=holds)


@dataclass(frozen=True)
class Held:
    """As much of an explorer as fits into a file.

    Attributes:
        index: JSON.
        parts: chunks: `path`, `number` and `text`.
        left_out: what does not fit, in words.
        script, style: of the explorer.
        title: of the page.
    """

    index: str
    parts: tuple[dict[str, Any], ...]
    left_out: tuple[str, ...]
    script: str
    style: str
    title: str


def held_explorer(folder: Path, most: int) -> Held:
    """All of an explorer that fits into so many bytes.

    What is in it is chosen in this order, each where it still fits: what was recorded, frames (exact, or else a little
    blurred), panels but those of pictures, the activity of layers, components first, and panels of pictures.

    Args:
        folder: in which `write_explorer` has written.
        most: bytes, script and style sheet among them.

    Raises:
        UserError: there is no explorer, or a part of it is missing or damaged.
    """
    data = folder / EXPLORER / DATA
    index = read_index(data)
    script = (folder / EXPLORER / "explorer.js").read_text(encoding="utf-8").replace("</script", "<\\/script")
    style = (folder / EXPLORER / "explorer.css").read_text(encoding="utf-8").replace("</style", "<\\/style")
    room = _Room(data, most - len(script.encode()) - len(style.encode()) - len(json_text(index).encode()) - 10_000)
    index = _chosen(index, room)
    return Held(json_text(index), tuple(room.parts), tuple(room.left_out), script, style, index["title"])


def single_file_page(folder: Path) -> SingleFile:
    """An explorer in one file of at most `LARGEST` bytes, with what `held_explorer` chooses.

    Args:
        folder: in which `write_explorer` has written.

    Raises:
        UserError: there is no explorer, or a part of it is missing or damaged.
    """
    held = held_explorer(folder, LARGEST)
    holds = ""
    if held.left_out:
        holds = f"This one file leaves out, to stay below {LARGEST // 1_000_000} MB: {', '.join(held.left_out)}. "
        holds += "The page in a folder holds all of it."
    html = _rendered(
        title=held.title,
        policy=policy(_ONE_FILE, style=held.style, script=held.script),
        parts=held.parts,
        holds=holds,
        index=held.index,
        style=held.style,
        script=held.script,
    )
    return SingleFile(html, held.left_out)


def read_index(data: Path) -> dict[str, Any]:
    """The index of an explorer's data.

    Raises:
        UserError: there is none, or it is damaged.
    """
    try:
        text = (data / "index.js").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    except (OSError, ValueError):
        raise UserError(f"{data}: holds no explorer, or a damaged one; make it again") from None
    return found


class _Room:
    """Chunks for which there is room."""

    def __init__(self, data: Path, left: int) -> None:
        self.data, self.left = data, left
        self.parts: list[dict[str, Any]] = []
        self.left_out: list[str] = []

    def takes(self, paths: Sequence[str], what: str, says_so: bool = True) -> bool:
        """Take all chunks of these columns, or none of them."""
        return self.takes_parts((self._part(*each) for path in paths for each in self._chunks(path)), what, says_so)

    def takes_parts(self, parts: Iterable[dict[str, Any]], what: str, says_so: bool = True) -> bool:
        """Take all of these, or none of them; what comes behind one that no longer fits is not even read."""
        taken, left = [], self.left
        for each in parts:
            left -= len(each["text"]) + len(each["path"]) + _MARKUP
            if left < 0:
                if says_so:
                    self.left_out.append(what)
                return False
            taken.append(each)
        self.left = left
        self.parts += taken
        return True

    def blurred(self, path: str) -> Iterator[dict[str, Any]]:
        """Sprite sheets at a fraction of their size."""
        for chunk in self._chunks(path):
            part = self._part(*chunk)
            yield part | {"text": base64.b64encode(smaller(base64.b64decode(part["text"]))).decode("ascii")}

    def _chunks(self, path: str) -> Iterator[tuple[str, int]]:
        for file in sorted((self.data / path).glob("*.js"), key=lambda each: int(each.stem)):
            yield path, int(file.stem)

    def _part(self, path: str, number: int) -> dict[str, Any]:
        file = self.data / path / f"{number}.js"
        pieces = file.read_text(encoding="ascii").split('"')
        if len(pieces) != 5:
            raise UserError(f"{file}: is damaged; make the explorer again")
        return {"path": path, "number": number, "text": pieces[3]}


def _chosen(index: dict[str, Any], room: _Room) -> dict[str, Any]:
    """The index without what is left out."""
    found = dict(index)
    advice = dict(index["advice"])
    if found["recording"] is not None:
        recording = dict(found["recording"])
        frames = recording.pop("frames")
        if not room.takes(_paths(recording), "what was recorded"):
            return found | {"recording": None, "layers": [], "panels": []}
        if frames is not None:
            frames = _frames_that_fit(frames, room)
            if frames is None:
                advice["frames"] = "The frames were left out of this one file; the page in a folder holds them."
        found["recording"] = recording | {"frames": frames}
    is_large = {each["name"]: each["kind"] in _LARGE for each in found["panels"]}
    shown = {each["name"] for each in found["panels"] if not is_large[each["name"]] and _takes_panel(room, each)}
    layers = sorted(found["layers"], key=lambda each: (each["quantity"] != "component", each["units"]))
    kept = [each["name"] for each in layers if room.takes(_paths(each), f"activity of {each['name']}")]
    found["layers"] = [each for each in found["layers"] if each["name"] in kept]
    shown |= {each["name"] for each in found["panels"] if is_large[each["name"]] and _takes_panel(room, each)}
    found["panels"] = [each for each in found["panels"] if each["name"] in shown]
    found["advice"] = advice
    return found


def _takes_panel(room: _Room, panel: Mapping[str, Any]) -> bool:
    return room.takes(_paths(panel), str(panel["title"]))


def _frames_that_fit(frames: dict[str, Any], room: _Room) -> dict[str, Any] | None:
    # Two fifths of the room are kept for what was found in the recording.
    whole, room.left = room.left, room.left * 3 // 5
    before = room.left
    try:
        if room.takes([frames["path"]], "frames", says_so=False):
            return frames
        if room.takes_parts(room.blurred(frames["path"]), "frames"):
            return frames | {"is_exact": False, "type": "image/webp"}
        return None
    finally:
        room.left = whole - (before - room.left)


def _paths(entry: Any) -> list[str]:
    """Paths of all columns, activities and pictures in a part of the index."""
    if isinstance(entry, dict):
        own = [entry["path"]] if isinstance(entry.get("path"), str) else []
        return list(dict.fromkeys([*own, *(path for each in entry.values() for path in _paths(each))]))
    return [path for each in entry for path in _paths(each)] if isinstance(entry, list) else []


def _rendered(**content: Any) -> str:
    return templates(_HERE).get_template("explorer.html").render(**content)
