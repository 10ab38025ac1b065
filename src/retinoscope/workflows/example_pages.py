"""The page of `retinoscope examples`: its samples in the explorer, one after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import Samples
from retinoscope.errors import UserError
from retinoscope.page.explorer.pages import explorer_page
from retinoscope.page.explorer.writing import DATA, EXPLORER, write_explorer
from retinoscope.page.html import PAGE
from retinoscope.page.methods import METHODS, REFERENCES
from retinoscope.result import Result
from retinoscope.rollouts.recording import Episode, Recording
from retinoscope.workflows.explore import put_in_place
from retinoscope.workflows.explored import subtitle_of, title_of
from retinoscope.worlds.declaration import Declaration, Picture

ACTIVITY = "activity"
"""The one layer that samples of anyone have."""


class SampledRecording(Recording):
    """Samples as a recording in which each is an episode; sample s begins at row s * steps.

    Args:
        samples: read as rows are asked for.
    """

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.path = Path(samples.source or "samples")
        self.frames = samples.count * samples.steps
        seen = samples.frames(0)
        self._shape = None if seen is None else seen.shape[1:]
        height, width, channels = self._shape or (0, 0, 0)
        picture = Picture(height, width, channels)
        self.world = Declaration(self.path.name, "", "", picture, (), repeats_itself=False)
        self.columns = (ACTIVITY,) if self._shape is None else (ACTIVITY, "observation")
        steps = samples.steps
        self.episodes = tuple(
            Episode(each, each * steps, (each + 1) * steps, False, False, 0) for each in range(samples.count)
        )
        self.attributes = {
            "agent": self.path.name,
            "checkpoint_sha256": "",
            "world_sha256": "",
            "action_heads": {},
            "action_kinds": {},
            "layers": {ACTIVITY: samples.units},
            "roles": {ACTIVITY: "other"},
            "state_columns": {},
        }

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        """As `Recording.rows`."""
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        wanted = self.columns if names is None else tuple(names)
        steps = self._samples.steps
        first, last = start // steps, -(-stop // steps)
        cut = slice(start - first * steps, stop - first * steps)
        variables: dict[str, Any] = {}
        for name in wanted:
            if name not in self.columns:
                raise UserError(f"{self.path}: has no variable {name!r}; choose from {', '.join(self.columns)}")
            if name == ACTIVITY:
                units = self._samples.units
                values = self._samples.activity(first, last) if stop > start else np.empty((0, steps, units))
                variables[name] = (("time", f"{ACTIVITY}_unit"), values.reshape(-1, units)[cut])
            else:
                shape = self._shape or ()
                seen = [self._seen(each) for each in range(first, last)] if stop > start else []
                values = np.concatenate([np.empty((0, *shape), np.uint8), *seen])
                variables[name] = (("time", "height", "width", "channel"), values[cut])
        return xarray.Dataset(variables)

    def objects(self, start: int = 0, stop: int | None = None) -> list[list[dict[str, Any]]]:
        """As `Recording.objects`: none are known."""
        stop = self.frames if stop is None else stop
        self._check_span(start, stop)
        return [[] for _ in range(start, stop)]

    def _seen(self, sample: int) -> NDArray[Any]:
        """Frames of one sample; black where it has none, or others than the first."""
        found = self._samples.frames(sample)
        shape = (self._samples.steps, *(self._shape or ()))
        return found if found is not None and found.shape == shape else np.zeros(shape, np.uint8)


def write_page(samples: Samples, results: Mapping[str, Result], folder: Path) -> tuple[str, ...]:
    """Write index.html with the explorer into the directory of examples.

    Args:
        samples: of a recording, which is then shown whole, or of anyone.
        results: by the names of their analyses.
        folder: the directory.

    Returns:
        What was written, relative to it.
    """
    is_recorded = isinstance(samples, RecordingWindows)
    recording = samples.recording if isinstance(samples, RecordingWindows) else SampledRecording(samples)
    title = f"Examples of {recording.path.name}"
    if is_recorded:
        title = title_of(str(recording.attributes["agent"]), recording.world.name)
    about = f"{samples.count:,} samples of {samples.steps} steps."
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as made:
        write_explorer(
            Path(made),
            recording=recording,
            results=results,
            title=title,
            subtitle=subtitle_of(recording) if is_recorded else about,
        )
        holds = f"For a paper: {METHODS} and {REFERENCES} lie beside this page."
        (Path(made) / PAGE).write_text(explorer_page(title, holds), encoding="utf-8")
        put_in_place(Path(made), folder)
    return PAGE, f"{EXPLORER}/{DATA}/index.js"
