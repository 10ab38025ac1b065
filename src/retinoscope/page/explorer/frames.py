"""What the agent saw, as sprite sheets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.page.explorer.data_folder import DataFolder
from retinoscope.rollouts.recording import Recording
from retinoscope.worlds.declaration import Picture

MOST_EXACT = 20_000
"""Up to so many frames are kept to the last bit; of more they would take hundreds of megabytes."""

_BLOCK = 512


def write_frames(folder: DataFolder, recording: Recording) -> tuple[dict[str, Any] | None, str]:
    """Write the frames of a recording, the newest where several are stacked in an observation.

    Args:
        folder: where to.
        recording: read block by block.

    Returns:
        `Pictures`, None if the recording holds no frames; and one line on what of a frame is shown, empty if all of it.
    """
    if "observation" not in recording.columns or not recording.frames:
        return None, ""
    first = recording.rows(0, 1, ["observation"])["observation"].values
    if first.ndim != 4 or 0 in first.shape:
        return None, ""
    world = recording.world.picture
    _, height, width, channels = first.shape
    is_exact = recording.frames <= MOST_EXACT
    found = folder.pictures("frames", _pictures(recording), recording.frames, height, width, is_exact=is_exact)
    of_one = channels // world.frames
    is_whole = first.dtype == np.uint8 and (world.low, world.high) == (0, 255) and of_one in (1, 3)
    notes = []
    if world.frames > 1:
        notes.append(f"Of {world.frames} stacked frames the newest is shown.")
    if of_one not in (1, 3):
        notes.append(f"Of {of_one} channels the first is shown, in grey.")
    return found | {"is_exact": is_exact and is_whole}, " ".join(notes)


def shown(observations: NDArray[Any], picture: Picture) -> NDArray[np.uint8]:
    """(time, height, width, channel) -> the newest frames, uint8, of three channels if these are colours, else of one.

    Args:
        observations: as recorded.
        picture: how they are stacked, and which numbers are black and white.
    """
    one = observations.shape[-1] // picture.frames
    newest = observations[..., one * (picture.frames - 1) :][..., : 3 if one == 3 else 1]
    if newest.dtype == np.uint8 and (picture.low, picture.high) == (0, 255):
        return newest
    span = picture.high - picture.low or 1.0
    share = np.nan_to_num((newest.astype(np.float32) - picture.low) / span)
    return (255 * np.clip(share, 0, 1)).round().astype(np.uint8)


def _pictures(recording: Recording) -> Iterator[NDArray[np.uint8]]:
    for block in recording.blocks(_BLOCK, ["observation"]):
        yield shown(block["observation"].values, recording.world.picture)
