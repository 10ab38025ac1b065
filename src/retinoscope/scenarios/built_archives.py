"""Which archives are built already, so that a second process plays at once.

An entry of the index is found by all that an archive is made of: the specification, the bytes of the images, this
room's own code and the versions of the libraries it uses. What has changed in any way is built again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from retinoscope.files import replacing
from retinoscope.scenarios.archive import ArenaArchive, actor_names, build_archive
from retinoscope.scenarios.cache import cache_folder
from retinoscope.scenarios.image_files import list_folder
from retinoscope.scenarios.image_sources import FolderImages, ImageSource, NpzImages, OpenmlImages
from retinoscope.scenarios.openml_images import fetched_file
from retinoscope.scenarios.specification import Scenario

_LIBRARIES = ("numpy", "pillow", "scikit-learn")


def build_if_changed(scenario: Scenario, folder: Path) -> ArenaArchive:
    """The archive of a scenario in `folder`; built, unless it lies there as it was built.

    Raises:
        UserError: as `build_archive`, or the images cannot be had.
    """
    entry = cache_folder() / "index" / f"{_key(scenario, folder)}.json"
    found = _look_up(entry, scenario, folder)
    if found is not None:
        return found
    arena = build_archive(scenario, folder)
    # Images that changed while they were built into the archive are not those that the key was made of.
    if entry.name == f"{_key(scenario, folder)}.json":
        with contextlib.suppress(OSError):  # without its entry the archive is built again, and that is all
            entry.parent.mkdir(parents=True, exist_ok=True)
            with replacing(entry) as beside:
                beside.write_text(json.dumps(_state(arena.path) | {"sha256": arena.sha256}), encoding="utf-8")
    return arena


def _look_up(entry: Path, scenario: Scenario, folder: Path) -> ArenaArchive | None:
    try:
        noted = json.loads(entry.read_text(encoding="utf-8"))
        path = folder / noted["name"]
        if _state(path) | {"sha256": noted["sha256"]} != noted or not path.with_suffix(".yaml").is_file():
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ArenaArchive(path, scenario, noted["sha256"], actor_names(scenario))


def _state(path: Path) -> dict[str, str | int]:
    """By which an archive that was replaced, cut short or written to is told from the one that was built."""
    status = path.stat()
    return {"name": path.name, "bytes": status.st_size, "modified_ns": status.st_mtime_ns}


def _key(scenario: Scenario, folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=20)
    parts = [str(folder.absolute()), scenario.model_dump_json()]
    parts += [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    for part in parts:
        digest.update(f"{len(part)} {part}".encode())
    sources = {scenario.stimuli.images} | {each.images for each in scenario.stimuli.classes if each.images is not None}
    code = [(file.name, file) for file in sorted(Path(__file__).parent.glob("*.py"))]
    for name, file in [*code, *(each for source in sorted(sources, key=repr) for each in _files(source))]:
        digest.update(f"{len(name)} {name}".encode())
        try:
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        except OSError:  # building will say what is wrong with it, if it is wanted
            digest.update(b"unreadable")
    return digest.hexdigest()


def _files(source: ImageSource) -> Iterator[tuple[str, Path]]:
    """The files that the images of a source are in, each with the name by which it counts."""
    if isinstance(source, FolderImages):
        for files in list_folder(source.path).files.values():
            yield from ((file.relative_to(source.path).as_posix(), file) for file in files)
    elif isinstance(source, NpzImages):
        yield source.path.name, source.path
    elif isinstance(source, OpenmlImages):
        path = fetched_file(source)
        yield path.name, path
