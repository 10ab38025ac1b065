"""Opening a recording, whatever holds it."""

from __future__ import annotations

from pathlib import Path

from retinoscope.errors import UserError
from retinoscope.rollouts.joined_recording import INDEX, JoinedRecording, open_joined
from retinoscope.rollouts.parts import parts_in
from retinoscope.rollouts.stored_recording import StoredRecording, open_stored


def is_recording(path: str | Path) -> bool:
    """Whether a recording is there: one store, or parts that were joined."""
    return any((Path(path) / each).is_file() for each in ("zarr.json", INDEX))


def open_recording(path: str | Path) -> StoredRecording | JoinedRecording:
    """Open a recording that `record` made, finished or not, or that `join` made of its parts.

    Raises:
        UserError: there is none at this path, or it is damaged, or of a schema version that is not known here; its
            parts are not joined yet, or have changed since.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path}: there is no recording; make one with `retinoscope record`")
    if (path / INDEX).is_file():
        return open_joined(path)
    if not (path / "zarr.json").is_file() and parts_in(path):
        raise UserError(f"{path}: holds parts of a recording; make one of them with `retinoscope join {path}`")
    return open_stored(path)
