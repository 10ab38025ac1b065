"""A recording as an archive of NumPy, each column written block by block."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retinoscope.exports.described import attributes_json, first_row, rows_at_a_time
from retinoscope.progress import progress_bar

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

ATTRIBUTES = "recording"
"""Name of the text (JSON) that says what everything is."""


def write(recording: Recording, path: Path, progress: bool = False) -> None:
    """Write every column, `episode`, `step`, the first and last row of episodes, and what the recording is.

    Args:
        recording: which.
        path: the file.
        progress: show a progress bar.
    """
    row = first_row(recording)
    columns = [*recording.columns, "episode", "step"]
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        progress_bar("columns", len(columns), progress) as advance,
    ):
        for name in columns:
            shape = (recording.frames, *row[name].shape[1:])
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                header = {
                    "descr": np.lib.format.dtype_to_descr(row[name].dtype),
                    "fortran_order": False,
                    "shape": shape,
                }
                np.lib.format.write_array_header_2_0(file, header)
                wanted = (name,) if name in recording.columns else ()
                for block in recording.blocks(rows_at_a_time(row[name]), wanted):
                    file.write(np.ascontiguousarray(block[name].values).tobytes())
            advance(1)
        rows = [[each.start, each.stop] for each in recording.episodes]
        _write_whole(archive, "episode_rows", np.array(rows, np.int64).reshape(-1, 2))
        _write_whole(archive, ATTRIBUTES, np.array(attributes_json(recording)))


def _write_whole(archive: zipfile.ZipFile, name: str, array: np.ndarray[Any, Any]) -> None:
    with archive.open(f"{name}.npy", "w") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
