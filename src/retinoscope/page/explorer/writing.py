"""The explorer of a run, written into its directory: the bundle, the columns, and the index last."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retinoscope.page.explorer.data_folder import SCHEMA, DataFolder, json_text
from retinoscope.page.explorer.frames import write_frames
from retinoscope.page.explorer.layers import write_layers
from retinoscope.page.explorer.panels import panels_of
from retinoscope.page.explorer.recorded import write_recording
from retinoscope.result import Result
from retinoscope.rollouts.recording import Recording

EXPLORER, DATA = "explorer", "data"
"""Folders: of the explorer in a run's directory, and of its data in that."""

BUNDLE = Path(__file__).parent / "bundle"
"""Where script and style sheet are copied from."""

ADVICE = {
    "recording": "Record an agent: retinoscope record AGENT --out recording.zarr",
    "frames": "This recording holds no frames. Recordings of agents hold them; arrays do with observation.npy.",
    "points": "Make an embedding: retinoscope analyze AGENT --responses behaviour",
    "order": "Sort the units: retinoscope analyze AGENT --responses behaviour",
    "unit_pictures": "Measure receptive fields: retinoscope analyze AGENT",
    "unit_curves": "Measure activity around events: retinoscope analyze AGENT --responses behaviour",
    "unit_numbers": "Measure what units follow: retinoscope analyze AGENT --responses behaviour",
    "examples": "Find examples of each component: retinoscope analyze AGENT --responses memory",
    "saliency": "Attribute to pixels: retinoscope analyze AGENT --responses attribution",
    "images": "Show images to the agent: retinoscope analyze AGENT --responses images",
    "table": "Make more analyses: retinoscope analyze AGENT --responses behaviour --responses memory",
}
"""What to run for what is not there; commands of any agent."""


def write_explorer(
    folder: Path,
    *,
    recording: Recording | None,
    results: Mapping[str, Result],
    title: str,
    subtitle: str = "",
    not_made: Sequence[Mapping[str, str]] = (),
    advice: Mapping[str, str] | None = None,
) -> None:
    """Write `explorer/` into a folder.

    Args:
        folder: the directory of the page.
        recording: what is explored; None for what needs none, as receptive fields.
        results: by the names of their analyses; may load them when they are asked for.
        title: of the page.
        subtitle: one line.
        not_made: of analyses that could not be made `analysis`, `title` and `reason`.
        advice: what to run for a kind of panel that is not there, in addition to `ADVICE`.
    """
    place = folder / EXPLORER
    data = DataFolder(place / DATA)
    for name in ("explorer.js", "explorer.css"):
        shutil.copyfile(BUNDLE / name, place / name)
    recorded, layers, note = None, [], ""
    if recording is not None:
        frames, note = write_frames(data, recording)
        recorded = write_recording(data, recording, frames)
        layers = write_layers(data, recording, results)
    panels = panels_of(data, results)
    found = {"recording": recorded, "layers": layers, "panels": panels}
    data.index(
        {
            "schema": SCHEMA,
            "identity": _identity(recording, found),
            "title": title,
            "subtitle": " ".join(filter(None, (subtitle, note))),
            **found,
            "not_made": [dict(each) for each in not_made],
            "advice": {**ADVICE, **(advice or {})},
        }
    )


def _identity(recording: Recording | None, found: Mapping[str, Any]) -> str:
    """Hash of what moments are moments of: it stays when further analyses are made, and notes with it."""
    spoken_of: dict[str, Any] = dict(found)
    if recording is not None:
        known = recording.attributes
        stored = [each for each in found["layers"] if each["name"] in known["layers"]]
        made_of = {name: known.get(name) for name in ("agent", "checkpoint_sha256", "world_sha256", "seed")}
        spoken_of = {"recording": found["recording"], "layers": stored, **made_of}
    return hashlib.sha256(json_text(spoken_of).encode()).hexdigest()
