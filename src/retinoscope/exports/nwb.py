"""A recording as a file of Neurodata Without Borders (Ruebel et al. 2022, eLife 11:e78362).

Frames are the stimulus, an `ImageSeries`; the activity of layers and what the network puts out are `TimeSeries` of the
processing module `network`; actions, rewards, events and the world's variables are those of `behavior`, places and
headings as `Position` and `CompassDirection`; episodes are trials. All series have the names of the recording's
columns and hold the same arrays.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.exports.described import NOTES, attributes_json, first_row, rows_at_a_time
from retinoscope.progress import progress_bar

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.declaration import Event

OBSERVATION = "observation"
_OF_NETWORK = ("logits", "value", "state_entering")
_UNITS_OF_PLACE = ("meters", "centimeters", "millimeters", "micrometers", "pixels")
_LONGEST_NAMES = 2000  # characters of a description


def write(recording: Recording, path: Path, progress: bool = False) -> None:
    """Write the file.

    Where the world has no time of its own, a decision is said to take a second, and the session's description says so.

    Args:
        recording: which.
        path: the file.
        progress: show a progress bar.
    """
    from pynwb import NWBHDF5IO

    with progress_bar("rows of columns", recording.frames * len(recording.columns), progress) as advance:
        file = _file(recording)
        for name, column in first_row(recording).data_vars.items():
            _add(file, recording, str(name), column, advance)
        _add_occurrences(file, recording)
        _add_episodes(file, recording)
        _add_objects(file, recording)
        with NWBHDF5IO(path, "w") as opened:
            opened.write(file)


def seconds_per_decision(recording: Recording) -> float:
    """Of the axis of time in the file."""
    return recording.world.seconds_per_decision or 1.0


def _file(recording: Recording) -> Any:
    """The file with what it says of itself, and its empty processing modules."""
    from pynwb import NWBFile
    from pynwb.file import Subject

    agent, world = recording.attributes["agent"], recording.world
    text = attributes_json(recording)
    clock = "" if world.seconds_per_decision else " The world has no time of its own: one decision is said to take 1 s."
    start = datetime.datetime.now(datetime.UTC)
    if recording.path.exists():
        start = datetime.datetime.fromtimestamp(recording.path.stat().st_mtime, datetime.UTC)
    file = NWBFile(
        session_description=f"Artificial agent {agent} in world {world.name}: {recording.frames} decisions.{clock}",
        identifier=hashlib.sha256(text.encode()).hexdigest(),
        session_start_time=start,
        experiment_description="What an artificial agent that acts from pixels saw, computed and did.",
        keywords=["artificial agent", "reinforcement learning", "neural network"],
        notes=NOTES,
        source_script="retinoscope export",
        source_script_file_name="retinoscope",
        subject=Subject(
            subject_id=str(agent),
            description="An artificial agent and no animal: a network that acts from pixels. Its age means nothing.",
            sex="U",
            age="P0D",  # files without one are refused by archives
        ),
    )
    file.add_scratch(
        text, name="recording", description="Attributes of the recording and declaration of its world, JSON."
    )
    file.create_processing_module("network", "Activity of the layers of the network, and what it puts out.")
    file.create_processing_module("behavior", "What the agent did, what followed, and the variables of its world.")
    return file


def _add(file: Any, recording: Recording, name: str, column: xarray.DataArray, advance: Any) -> None:
    """One column of the recording as a series of the file."""
    from pynwb import TimeSeries
    from pynwb.behavior import CompassDirection, Position, SpatialSeries
    from pynwb.image import ImageSeries

    variables = {each.name: each for each in recording.world.variables}
    kind, units = "", column.attrs.get("units")
    if name in variables:
        kind, units = variables[name].kind, "degrees" if variables[name].kind == "heading" else variables[name].units
    said = {
        "name": name,
        "data": _streamed(recording, name, column, advance),
        "unit": units or "n.a.",
        "rate": 1 / seconds_per_decision(recording),
        "starting_time": 0.0,
        "description": _described(name, column),
    }
    if name == OBSERVATION:
        file.add_stimulus(ImageSeries(**said | {"format": "raw"}))
    elif name in recording.attributes["layers"] or name in _OF_NETWORK:
        file.processing["network"].add(TimeSeries(**said))
    elif kind == "place":
        said |= {"unit": units if units in _UNITS_OF_PLACE else "n.a."}
        series = SpatialSeries(**said, reference_frame=f"the world's own coordinates, {units or 'without unit'}")
        file.processing["behavior"].add(Position(name=f"position of {name}", spatial_series=series))
    elif kind == "heading":
        series = SpatialSeries(**said, reference_frame="degrees, from 0 to 360, in the world's own coordinates")
        file.processing["behavior"].add(CompassDirection(name=f"direction of {name}", spatial_series=series))
    else:
        file.processing["behavior"].add(TimeSeries(**said))


def _described(name: str, column: xarray.DataArray) -> str:
    """What a series is, along which dimensions it lies, and the names along these."""
    labelled = [each for each in column.dims[1:] if each in column.coords]
    named = [f"{each}: {', '.join(map(str, column[each].values))}" for each in labelled]
    text = f"{column.attrs.get('long_name', name)} ({', '.join(map(str, column.dims))})."
    return text + (f" {'; '.join(named)}." if named and len("; ".join(named)) < _LONGEST_NAMES else "")


def _streamed(recording: Recording, name: str, column: xarray.DataArray, advance: Any) -> Any:
    """The column, read while it is written, in compressed chunks."""
    from hdmf.backends.hdf5.h5_utils import H5DataIO
    from hdmf.data_utils import AbstractDataChunkIterator, DataChunk

    shape = (recording.frames, *column.shape[1:])
    if 0 in shape:  # of a world without events; there is nothing to compress
        return np.empty(shape, column.dtype)
    size = min(rows_at_a_time(column), recording.frames)

    class Column(AbstractDataChunkIterator):  # type: ignore[misc, unused-ignore]
        """Blocks of rows."""

        def __init__(self) -> None:
            self._blocks = self._read()

        def _read(self) -> Iterator[Any]:
            start = 0
            for block in recording.blocks(size, (name,)):
                values = block[name].values
                where = (slice(start, start + len(values)), *(slice(0, each) for each in shape[1:]))
                yield DataChunk(values, where)
                start += len(values)
                advance(len(values))

        def __iter__(self) -> Column:
            return self

        def __next__(self) -> Any:
            return next(self._blocks)

        def recommended_chunk_shape(self) -> tuple[int, ...]:
            return (max(1, min(recording.frames, 1_000_000 // max(1, column.nbytes))), *column.shape[1:])

        def recommended_data_shape(self) -> tuple[int, ...]:
            return shape

        @property
        def dtype(self) -> np.dtype[Any]:
            return column.dtype

        @property
        def maxshape(self) -> tuple[int, ...]:
            return shape

    return H5DataIO(Column(), compression="gzip", compression_opts=1)


def _add_occurrences(file: Any, recording: Recording) -> None:
    """A table for each kind of event that happened: when, and how often at once."""
    from hdmf.common import VectorData
    from pynwb.event import EventsTable, TimestampVectorData

    if "events" not in recording.columns:
        return
    found = [np.empty((0, 3), np.int64)]
    start = 0
    for block in recording.blocks(names=("events",)):
        counts = block["events"].values
        rows, kinds = np.nonzero(counts)
        found.append(np.stack([kinds, rows + start, counts[rows, kinds]], axis=1).astype(np.int64))
        start += len(counts)
    happened = np.concatenate(found)
    for number, event in enumerate(recording.world.events):
        _, rows, times = happened[happened[:, 0] == number].T
        if not len(rows):
            continue
        when = "of the observation before it"
        columns = [
            TimestampVectorData(name="timestamp", data=rows * seconds_per_decision(recording), description=when),
            VectorData(name="count", data=times, description="how often it happened before the next observation"),
        ]
        about = f"{event.name}: {_valence(event)}, at the time {when}."
        file.add_events_table(EventsTable(name=_name(f"event {event.name}"), description=about, columns=columns))


def _valence(event: Event) -> str:
    if event.valence is None:
        return "not known whether it is good for the agent"
    return f"valence for the agent {event.valence:g} {event.units}".strip()


def _name(text: str) -> str:
    """Names in the file cannot hold what parts paths."""
    return text.replace("/", " ").replace(":", " ")


def _add_episodes(file: Any, recording: Recording) -> None:
    """Episodes as trials."""
    file.add_trial_column("terminated", "the world ended it")
    file.add_trial_column("truncated", "a limit ended it; if neither, the recording ended first")
    file.add_trial_column("environment", "in which of the environments that were played side by side")
    seconds = seconds_per_decision(recording)
    for each in recording.episodes:
        file.add_trial(
            start_time=each.start * seconds,
            stop_time=each.stop * seconds,
            terminated=each.terminated,
            truncated=each.truncated,
            environment=each.environment,
        )


def _add_objects(file: Any, recording: Recording) -> None:
    """The objects in view, a row of a table each, where the world lists them."""
    from hdmf.common import DynamicTable, VectorData

    classes = recording.world.object_classes
    if classes is None:
        return
    rows, kinds, boxes, distances = [], [], [], []
    size = 2048
    for start in range(0, recording.frames, size):
        for row, seen in enumerate(recording.objects(start, min(start + size, recording.frames)), start):
            for each in seen:
                rows.append(row)
                kinds.append(each["class_index"])
                boxes.append(each["box"])
                distances.append(each["distance"])
    if not rows:
        return
    numbered = ", ".join(f"{number} {name}" for number, name in enumerate(classes))
    table = {
        "row": (np.array(rows, np.int64), "row of all series in which it was in view"),
        "time": (np.array(rows) * seconds_per_decision(recording), "of that row, seconds"),
        "class_index": (np.array(kinds, np.int64), f"its class: {numbered}"),
        "box": (np.array(boxes, np.float32), "left, top, width, height in pixels of the observation"),
        "distance": (np.array(distances, np.float32), f"from the agent, {recording.world.distance_units or 'no unit'}"),
    }
    columns = [VectorData(name=name, data=data, description=text) for name, (data, text) in table.items()]
    about = "Objects in view at the time of each observation, nearest first."
    file.processing["behavior"].add(DynamicTable(name="objects_in_view", description=about, columns=columns))
