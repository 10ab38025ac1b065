"""From a specification to a playable archive: a PK3 (zip) with sprites, actors, map and the specification itself."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.scenarios.actors import actor_name, decorate
from retinoscope.scenarios.image_choice import change_sources
from retinoscope.scenarios.images import ImageSet, scenario_images
from retinoscope.scenarios.level import level_wad
from retinoscope.scenarios.obstacles import obstacle_images
from retinoscope.scenarios.specification import Scenario
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
    images = scenario_images(scenario)
    require_loadable(scenario, images)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path, digest = _write_archive(scenario, images, folder)
        with replacing(path.with_suffix(".yaml")) as beside:
            beside.write_bytes(scenario.to_yaml().encode())
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None
    return ArenaArchive(path, scenario, digest, actor_names(scenario))


def actor_names(scenario: Scenario) -> tuple[str, ...]:
    """Name of each class's actor in the engine, in the order of `scenario.class_names`."""
    return tuple(actor_name(scenario, index) for index in range(len(scenario.class_names)))


def require_loadable(scenario: Scenario, images: ImageSet) -> None:
    """With more the engine starts, says nothing and shows wrong images or none."""
    count = sum(len(images[name]) for name in scenario.class_names)
    if count + len(obstacle_images(scenario)) > MAXIMUM_SPRITES:
        raise UserError(
            f"{scenario.name}: has {count:,} images, and the engine loads {MAXIMUM_SPRITES:,} at most; use fewer, for"
            " example one part of the set (`--split train`)"
        )


def _write_archive(scenario: Scenario, images: ImageSet, folder: Path) -> tuple[Path, str]:
    """Write beside, then rename; a file that was cut short or changed is put right.

    Returns:
        Where it is, and the hash of its bytes.
    """
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".building-")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            _write_zip(file, _entries(scenario, images))
            digest = _sha256(file)
        os.chmod(temporary, 0o644)  # others who share this cache may play the arena too
        path = folder / f"{scenario.name}-{digest[:12]}.pk3"
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path, digest


def _entries(scenario: Scenario, images: ImageSet) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in the archive, in the order of their names, one at a time."""
    per_class = [images[name] for name in scenario.class_names]
    heights = [each[0].shape[0] for each in per_class]
    yield "DECORATE", decorate(scenario, [len(each) for each in per_class], heights).encode("ascii")
    yield "MAPINFO", _MAPINFO.encode("ascii")
    yield "maps/MAP01.wad", level_wad(scenario)
    yield "scenario.yaml", _without_folders(scenario).to_yaml().encode()
    for index, image in enumerate(itertools.chain(*per_class, obstacle_images(scenario))):
        name, frame = sprite_name(index)
        yield f"sprites/{name}{frame}0.png", encode_sprite(image)


def _without_folders(scenario: Scenario) -> Scenario:
    """The archive holds the images, and its bytes must not depend on where on this machine they came from."""
    return change_sources(
        scenario, lambda source: source | {"path": Path(source["path"]).name} if "path" in source else source
    )


def _write_zip(file: IO[bytes], entries: Iterable[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def _sha256(file: IO[bytes]) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
