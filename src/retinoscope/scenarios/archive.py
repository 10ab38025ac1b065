"""From a specification to a playable archive: a PK3 (zip) with sprites, actors, map and the specification itself."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from retinoscope.errors import UserError
from retinoscope.scenarios.actors import actor_name, decorate
from retinoscope.scenarios.images import ImageSet, load_images
from retinoscope.scenarios.level import level_wad
from retinoscope.scenarios.specification import FolderImages, Scenario
from retinoscope.scenarios.sprites import MAXIMUM_SPRITES, encode_sprite, sprite_name

_TIMESTAMP = (1993, 12, 10, 0, 0, 0)  # fixed, so that the archive's bytes depend on its content alone
_MAPINFO = """gameinfo
{
  playerclasses = "Forager"
}
map MAP01 "Arena"
{
  nojump
  nocrouch
  sky1 = "RSKY1"
}
"""


@dataclass(frozen=True)
class ArenaArchive:
    """A built arena on disk.

    Attributes:
        path: the PK3.
        scenario: its specification.
        sha256: hash of the archive's bytes.
        actor_names: name of each class's actor in the engine, in the order of `scenario.class_names`.
    """

    path: Path
    scenario: Scenario
    sha256: str
    actor_names: tuple[str, ...]


def build_archive(scenario: Scenario, folder: Path) -> ArenaArchive:
    """Build the arena into `folder` as `NAME-HASH.pk3` beside `NAME-HASH.yaml`; the same input gives the same bytes.

    Raises:
        UserError: the images cannot be had, are too many, or the folder cannot be written.
    """
    content = archive_bytes(scenario, load_images(scenario.stimuli.images, scenario.class_names))
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{scenario.name}-{digest[:12]}.pk3"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_if_different(path, content)
        _write_if_different(path.with_suffix(".yaml"), scenario.to_yaml().encode())
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None
    names = tuple(actor_name(scenario, index) for index in range(len(scenario.class_names)))
    return ArenaArchive(path, scenario, digest, names)


def archive_bytes(scenario: Scenario, images: ImageSet) -> bytes:
    """The PK3 as bytes, without touching the disk."""
    per_class = [images[name] for name in scenario.class_names]
    if sum(map(len, per_class)) > MAXIMUM_SPRITES:
        raise UserError(f"{scenario.name}: more than {MAXIMUM_SPRITES:,} images; use fewer")
    heights = [each[0].shape[0] for each in per_class]
    entries = {
        "DECORATE": decorate(scenario, [len(each) for each in per_class], heights).encode("ascii"),
        "MAPINFO": _MAPINFO.encode("ascii"),
        "maps/MAP01.wad": level_wad(scenario),
        "scenario.yaml": _without_folders(scenario).to_yaml().encode(),
    }
    for index, image in enumerate(image for each in per_class for image in each):
        name, frame = sprite_name(index)
        entries[f"sprites/{name}{frame}0.png"] = encode_sprite(image)
    return _zip(entries)


def _without_folders(scenario: Scenario) -> Scenario:
    """The archive holds the images, and its bytes must not depend on where on this machine they came from."""
    images = scenario.stimuli.images
    if not isinstance(images, FolderImages):
        return scenario
    images = images.model_copy(update={"path": Path(images.path.name)})
    return scenario.model_copy(update={"stimuli": scenario.stimuli.model_copy(update={"images": images})})


def _zip(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _write_if_different(path: Path, content: bytes) -> None:
    """Write beside, then rename; a file that was cut short or changed is put right."""
    if path.is_file() and path.read_bytes() == content:
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".building-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # others who share this cache may play the arena too
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
