"""The directory of one run of `analyze`: whose it is, and how it changes from old to new without ever being half.

Everything is made in a folder `.unfinished` inside, where the manifest is written last. Only when that is complete is
each product renamed to its place, and the old manifest replaced at the very end. Killed before the manifest of
`.unfinished` is complete, a run leaves the directory as it was (and its recording to go on with); killed after, the
next run first finishes the renaming.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.page.html import PAGE, SCRIPT, SINGLE_FILE, STYLE
from retinoscope.page.methods import METHODS, REFERENCES
from retinoscope.rollouts.locking import only_writer
from retinoscope.worlds.earlier import manifest_of_today

MANIFEST = "manifest.json"
RECORDING = "recording.zarr"
_PRODUCTS = (
    PAGE,
    STYLE,
    SCRIPT,
    SINGLE_FILE,
    METHODS,
    REFERENCES,
    "explorer",
    "figures",
    "movies",
    "tables",
    "results",
    "recordings",
    RECORDING,
)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


class RunDirectory:
    """A directory that holds the products of one run.

    Attributes:
        path: the directory.
        unfinished: where products are made before `publish`.
        cache: what is costly and can be used again by the same run after an interruption; emptied by `publish`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.unfinished = self.path / ".unfinished"
        self.cache = self.unfinished / "cache"

    @contextlib.contextmanager
    def claimed(self, identity: Mapping[str, Any] | None, overwrite: bool = False) -> Iterator[None]:
        """Within the `with` block the directory is ready for a run of this identity; it changes only at `publish`.

        Until it ends, the directory is this process's alone.

        If the block fails, nothing is left of it but the recording it began and `cache`, for the next run of the same
        identity.

        Args:
            identity: what makes two runs the same; None for that of the run which the directory holds.
            overwrite: whether results of another run may be replaced.

        Raises:
            UserError: the directory cannot be written, holds another run's results and `overwrite` is not set, or holds
                none and no identity is given; or another process works there.
        """
        with contextlib.ExitStack() as held, self._explained_failures():
            is_new = not self.path.exists()
            if identity is not None:
                self.path.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                held.enter_context(only_writer(self.path, doing="working"))
            self.finish_publishing()
            if identity is None:
                identity = self.manifest()["identity"]
            if not overwrite:
                self._refuse_others(identity)
            note = self.unfinished / "identity.json"
            self._clear(keep_work=_read_json(note) == identity)
            try:
                for folder in ("figures", "movies", "results"):
                    (self.unfinished / folder).mkdir(parents=True)
                self.cache.mkdir(exist_ok=True)
                write_json(note, identity)
                yield
            except BaseException:
                self._clear(keep_work=True)
                if is_new and not any(self.path.iterdir()):
                    self.path.rmdir()
                raise

    def manifest(self) -> dict[str, Any]:
        """The manifest of the run that the directory holds.

        Raises:
            UserError: there is none.
        """
        manifest = _read_json(self.path / MANIFEST)
        if not isinstance(manifest, dict) or "products" not in manifest:
            raise UserError(f"{self.path}: holds no run; give a directory that `retinoscope analyze` wrote")
        return manifest_of_today(manifest)

    @property
    def report(self) -> Path:
        """The page of the run that the directory holds; the version before gave it another name.

        Raises:
            UserError: there is no run.
        """
        return self.path / next(each["path"] for each in self.manifest()["products"] if each["kind"] == "report")

    def _identity(self) -> Any:
        """What makes the run that the directory holds; None if it holds none."""
        held = _read_json(self.path / MANIFEST)
        if not isinstance(held, dict) or "identity" not in held:
            return None
        return manifest_of_today(held)["identity"]

    def recording(self, identity: Mapping[str, Any]) -> Path:
        """Where the recording of a run of this identity is, or is to be made."""
        if self._identity() == identity and (self.path / RECORDING).is_dir():
            return self.path / RECORDING
        return self.unfinished / RECORDING

    def publish(self, manifest: Mapping[str, Any]) -> None:
        """Put every product in `unfinished` in its place, and remove those of the run before that are no more.

        Args:
            manifest: JSON-able; `products` lists each with its `path` relative to the directory.
        """
        write_json(self.unfinished / MANIFEST, manifest)
        self.finish_publishing()

    def finish_publishing(self) -> None:
        """Do what is left to do of a `publish` that was begun; nothing if there was none."""
        new = _read_json(self.unfinished / MANIFEST)
        if not isinstance(new, dict):
            return
        old = _read_json(self.path / MANIFEST)
        products = [each["path"] for each in new["products"]]
        for name in [each["path"] for each in (old or {}).get("products", [])]:
            if name not in products and _is_inside(name):
                _remove(self.path / name)
        for name in products:
            made, place = self.unfinished / name, self.path / name
            if made.exists():
                place.parent.mkdir(exist_ok=True)
                if place.is_dir():
                    _remove(place)
                os.replace(made, place)
        os.replace(self.unfinished / MANIFEST, self.path / MANIFEST)
        _remove(self.unfinished)

    @contextlib.contextmanager
    def _explained_failures(self) -> Iterator[None]:
        """Turn what the file system refuses into one line for the user."""
        try:
            yield
        except OSError as error:
            elsewhere = error.filename and not Path(os.fsdecode(error.filename)).is_relative_to(self.path)
            if error.errno in _NO_SPACE:
                raise UserError(f"{self.path}: no space left on the disk; free some and run again") from None
            if error.errno in _NOT_WRITABLE and not elsewhere:
                reason = os.strerror(error.errno)
                raise UserError(f"{self.path}: cannot be written ({reason}); choose another directory") from None
            raise

    def _clear(self, keep_work: bool) -> None:
        """Empty `unfinished`, but for a recording and a cache that a run of its identity can go on with."""
        work = [RECORDING] if (self.unfinished / RECORDING).exists() else []
        if self.cache.is_dir() and any(self.cache.iterdir()):
            work.append(self.cache.name)
        kept = [*work, "identity.json"] if keep_work and work else []
        for leftover in self.unfinished.glob("*"):
            if leftover.name not in kept:
                _remove(leftover)
        if not kept and self.unfinished.exists():
            self.unfinished.rmdir()

    def _refuse_others(self, identity: Mapping[str, Any]) -> None:
        held = self._identity()
        if held is not None:
            if held != identity:
                raise UserError(f"{self.path}: already holds results of another run; choose another directory")
            return
        for name in (MANIFEST, *_PRODUCTS):
            if (self.path / name).exists():
                raise UserError(
                    f"{self.path}: already holds {name}, not made by this command; choose another directory"
                )


def write_json(path: Path, content: Any) -> None:
    """Write beside, then rename."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _read_json(path: Path) -> Any:
    """The content of a JSON file; None if there is no such file or it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _is_inside(name: str) -> bool:
    """Whether a path from a manifest stays inside the directory; a manifest may have been edited."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
