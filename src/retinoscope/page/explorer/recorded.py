"""A recording as the explorer reads it, whatever holds it: read block by block, one column after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.page.explorer.data_folder import DataFolder, Encoding
from retinoscope.rollouts.recording import Recording

Entry = dict[str, Any]
Blocks = Callable[[], Iterable[NDArray[Any]]]

_BLOCK = 8192


def write_recording(folder: DataFolder, recording: Recording, frames: Entry | None) -> Entry:
    """Write what was recorded, but for frames and activity.

    Args:
        folder: where to.
        recording: which.
        frames: its `Pictures`.

    Returns:
        A `Recording` of the schema.
    """
    world, heads = recording.world, _heads(recording)
    words = world.words
    return {
        "rows": recording.frames,
        "seconds_per_decision": world.seconds_per_decision,
        "episodes": _episodes(recording),
        "frames": frames,
        "heads": heads,
        "actions": _actions(folder, recording),
        "outputs": _outputs(folder, recording, heads),
        "value": _number(folder, recording, "value"),
        "reward": _number(folder, recording, "reward"),
        "variables": _variables(folder, recording),
        "events": _events(folder, recording),
        "objects": _objects(folder, recording),
        "words": {
            "positive": f"{words.positive} {words.event}",
            "negative": f"{words.negative} {words.event}",
            "event": words.event,
            "events": words.events,
        },
    }


def blocks_of(recording: Recording, name: str) -> Blocks:
    """A function that reads a variable of a recording from the beginning."""
    return lambda: (block[name].values for block in recording.blocks(_BLOCK, [name]))


def _episodes(recording: Recording) -> list[Entry]:
    endings = recording.world.endings

    def ending(is_terminated: bool, is_truncated: bool) -> str:
        return endings.terminated if is_terminated else endings.truncated if is_truncated else ""

    return [
        {"start": each.start, "stop": each.stop, "ending": ending(each.terminated, each.truncated)}
        for each in recording.episodes
    ]


def _heads(recording: Recording) -> list[Entry]:
    kinds, found = recording.attributes["action_kinds"], []
    for name, outputs in recording.attributes["action_heads"].items():
        kind = kinds.get(name, "choice")
        # Behind the means of continuous actions stand as many deviations.
        names = outputs[: len(outputs) // 2] if kind == "gaussian" else outputs
        found.append({"name": name, "kind": kind, "outputs": list(names)})
    return found


def _actions(folder: DataFolder, recording: Recording) -> Entry | None:
    if "action" not in recording.columns:
        return None
    kind = recording.rows(0, min(1, recording.frames), ["action"])["action"].dtype.kind
    return _column(folder, recording, "action", "float32" if kind == "f" else "int32")


def _outputs(folder: DataFolder, recording: Recording, heads: list[Entry]) -> Entry | None:
    """Probabilities of choices, Q-values, means of Gaussian heads, side by side; None where these are not known."""
    if "logits" not in recording.columns or not heads:
        return None
    stored = [len(outputs) for outputs in recording.attributes["action_heads"].values()]
    if _width(recording, "logits") != sum(stored):
        return None

    def shown() -> Iterator[NDArray[np.float32]]:
        for block in blocks_of(recording, "logits")():
            parts = np.split(block, np.cumsum(stored)[:-1], axis=1)
            yield np.concatenate([_shown(part, head) for part, head in zip(parts, heads, strict=True)], axis=1)

    width = sum(len(head["outputs"]) for head in heads)
    return folder.column("recording/outputs", shown, rows=recording.frames, width=width)


def _shown(numbers: NDArray[Any], head: Entry) -> NDArray[np.float32]:
    if head["kind"] != "choice":
        return np.asarray(numbers[:, : len(head["outputs"])], np.float32)
    numbers = numbers.astype(np.float64)
    with np.errstate(invalid="ignore"):  # what is not finite has no probability, and becomes NaN
        weights = np.exp(numbers - numbers.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _number(folder: DataFolder, recording: Recording, name: str) -> Entry | None:
    """A column of one number for each moment; None if the recording has none that is known."""
    if name not in recording.columns or _width(recording, name) != 1:
        return None
    if not any(np.isfinite(block).any() for block in blocks_of(recording, name)()):
        return None
    return _column(folder, recording, name)


def _variables(folder: DataFolder, recording: Recording) -> list[Entry]:
    return [
        {
            "name": each.name,
            "title": each.title,
            "units": each.units,
            "kind": each.kind,
            "labels": list(each.labels),
            "column": _column(folder, recording, each.name, path=f"variables/{each.name}"),
        }
        for each in recording.world.variables
        if each.name in recording.columns and _width(recording, each.name) == max(1, len(each.labels))
    ]


def _events(folder: DataFolder, recording: Recording) -> list[Entry]:
    classes = recording.world.events
    if "events" not in recording.columns or _width(recording, "events") != len(classes):
        return []
    rows: list[list[NDArray[np.int64]]] = [[] for _ in classes]
    start = 0
    for block in blocks_of(recording, "events")():
        for found, counts in zip(rows, block.T, strict=True):
            found.append(start + np.flatnonzero(counts > 0))
        start += len(block)
    none = np.empty(0, np.int64)
    return [
        {
            "name": each.name,
            "valence": each.valence,
            "units": each.units,
            "rows": folder.column(f"events/{each.name}", np.concatenate([none, *found]), "int32"),
        }
        for each, found in zip(classes, rows, strict=True)
    ]


def _objects(folder: DataFolder, recording: Recording) -> Entry | None:
    """The objects in view; None where they are not listed, or none ever was."""
    world = recording.world
    if not world.object_classes:
        return None
    counts: list[NDArray[np.int64]] = []

    def blocks() -> Iterator[NDArray[np.float32]]:
        counts.clear()
        for start in range(0, recording.frames, _BLOCK):
            rows = recording.objects(start, min(start + _BLOCK, recording.frames))
            counts.append(np.array([len(each) for each in rows], np.int64))
            listed = [(each["class_index"], *each["box"], each["distance"]) for row in rows for each in row]
            yield np.array(listed, np.float32).reshape(-1, 6)

    objects = folder.column("recording/objects", blocks, rows=_count(recording), width=6)
    if not objects["rows"]:
        return None
    first = np.cumsum(np.concatenate([[0], *counts]))
    valences = world.object_valences or (None,) * len(world.object_classes)
    return {
        "classes": list(world.object_classes),
        "valences": list(valences),
        "first": folder.column("recording/first_object", first, "int32"),
        "objects": objects,
        "distance_units": world.distance_units,
    }


def _count(recording: Recording) -> int:
    """Of all objects in view."""
    if "object_count" in recording.columns:
        return sum(int(block.sum(dtype=np.int64)) for block in blocks_of(recording, "object_count")())
    starts = range(0, recording.frames, _BLOCK)
    return sum(len(row) for start in starts for row in recording.objects(start, min(start + _BLOCK, recording.frames)))


def _column(
    folder: DataFolder, recording: Recording, name: str, encoding: Encoding = "float32", path: str = ""
) -> Entry:
    width = _width(recording, name)
    return folder.column(
        path or f"recording/{name}", blocks_of(recording, name), encoding, rows=recording.frames, width=width
    )


def _width(recording: Recording, name: str) -> int:
    return int(np.prod(recording.rows(0, 0, [name])[name].shape[1:], dtype=int))
