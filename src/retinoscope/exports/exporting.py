"""`retinoscope export`: a recording written in a format of others, block by block."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from retinoscope.errors import UserError
from retinoscope.settings import nearest

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

FORMATS = {"nwb": ".nwb", "minari": "-v0", "npz": ".npz"}
"""What a recording can be exported to, and how the names of files end; a Minari data set is a folder."""

_WRITERS = {"nwb": "nwb", "minari": "minari_sets", "npz": "npz"}
_LIBRARIES = {"nwb": "pynwb", "minari": "minari"}


def export(
    recording: Recording | str | Path,
    to: str,
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    progress: bool = False,
) -> Path:
    """Write a recording in another format.

    It is read in blocks, so that memory does not grow with it; of Minari, with its longest episode.

    Args:
        recording: a recording, or its path.
        to: one of `FORMATS`. `nwb`, a file of Neurodata Without Borders (extra `nwb`); `minari`, a data set of Minari
            (extra `minari`); `npz`, an archive of NumPy.
        out: the file, or of Minari the folder; None for the name of the recording with the ending of the format.
        overwrite: replace what is there.
        progress: show a progress bar on standard error if that is a terminal.

    Returns:
        Where it was written.

    Raises:
        UserError: the format is unknown, its library is not installed, the recording cannot be opened or exported, or
            `out` is there already or cannot be written.
    """
    from retinoscope.rollouts import Recording, open_recording

    if to not in FORMATS:
        raise UserError(f"export to {to!r}: unknown; {nearest(to, FORMATS)}")
    writer = importlib.import_module(f"retinoscope.exports.{_WRITERS[to]}")
    if to in _LIBRARIES:
        require_library(_LIBRARIES[to], to)
    source = recording if isinstance(recording, Recording) else open_recording(recording)
    place = Path(out) if out is not None else _default(source.path, to)
    if place.exists() and not overwrite:
        raise UserError(f"{place}: is there already; choose another place, or overwrite it")
    with _made_beside(place) as unfinished:
        writer.write(source, unfinished, progress)
    return place


def require_library(library: str, extra: str) -> None:
    """An extra is asked for in words, before anything is written.

    Raises:
        UserError: it is not installed.
    """
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise UserError(
            f"{extra}: {library} is not installed, or does not go with what is ({error}); "
            f"pip install 'retinoscope[{extra}]', of minari in an environment without the extra train"
        ) from None


def _default(path: Path, to: str) -> Path:
    return path.with_name(f"{path.stem}{FORMATS[to]}")


@contextmanager
def _made_beside(place: Path) -> Iterator[Path]:
    """A place beside it, renamed when all is written; a file or a folder."""
    unfinished = place.with_name(f".unfinished-{place.name}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove(unfinished)
        yield unfinished
        _remove(place)
        unfinished.rename(place)
    except OSError as error:
        if error.strerror is None:
            raise
        raise UserError(f"{place}: cannot be written ({error.strerror}); choose another place") from None
    finally:
        _remove(unfinished)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
