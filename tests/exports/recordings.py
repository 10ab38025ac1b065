"""A small recording with one of everything that an export has to carry, and a reader for every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.rollouts import ArrayRecording, Recording
from retinoscope.worlds.declaration import Actions, Declaration, Event, Picture, Variable

LENGTHS = (5, 1, 7, 4)


def everything(decisions: int = 17, continuous: bool = False) -> ArrayRecording:
    """Four episodes, two terminated, the last unfinished; names that paths cannot hold; NaN, infinity, minus nought."""
    random = np.random.default_rng(0)
    heads = (Actions("turn", ("none", "left", "right")), Actions("move", ("none", "forward")))
    drive = (Actions("drive", ("steer", "pedal"), ((-1.0, 1.0), (0.0, float("inf")))),)
    world = Declaration(
        "planted / world",
        "ab" * 32,
        "source",
        Picture(4, 6, 3),
        drive if continuous else heads,
        seconds_per_decision=0.125,
        variables=(
            Variable("fuel", "litres"),
            Variable("place", "cells", labels=("x", "y"), axis="xy", kind="place"),
            Variable("north", kind="heading"),
        ),
        events=(Event("food / red", 2.0, "points"), Event("crash: wall", -1.0), Event("never")),
        object_classes=("ball", "box"),
        distance_units="cells",
    )

    def floats(*shape: int) -> NDArray[Any]:
        return random.normal(size=(decisions, *shape)).astype(np.float32)

    value = floats()
    value[:3] = (np.nan, np.inf, -0.0)
    events = random.integers(0, 3, (decisions, 3)).astype(np.uint8)
    events[:, 2] = 0
    arrays = {
        "observation": random.integers(0, 256, (decisions, 4, 6, 3)).astype(np.uint8),
        "fuel": floats(),
        "place": floats(2),
        "north": floats() % 360,
        "state_entering": floats(4),
        "rnn": floats(4),
        "value": value,
        "action": np.abs(floats(2)).clip(0, 1) if continuous else random.integers(0, 2, (decisions, 2)).astype(np.int8),
        "reward": floats(),
        "events": events,
    }
    seen = [
        [{"class_index": row % 2, "box": np.arange(4, dtype=np.float32) + row, "distance": float(row)}] * (row % 3)
        for row in range(decisions)
    ]
    outputs = {head.name: list(head.outputs) for head in world.actions}
    return ArrayRecording(
        arrays,
        layers=("rnn",),
        roles={"rnn": "memory"},
        world=world,
        episode_lengths=LENGTHS[:-1],
        terminated=(True, False, True),
        objects=seen,
        attributes={"agent": "planted", "action_heads": outputs, "checkpoint_sha256": "cd" * 32},
        name="planted",
    )


def same(left: Any, right: Any) -> bool:
    """Bit for bit, in the same type."""
    one, other = np.asarray(left), np.asarray(right)
    is_alike = one.dtype == other.dtype and one.shape == other.shape
    return is_alike and np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


def in_nwb(path: Path) -> dict[str, Any]:
    """Every series by its name."""
    from pynwb import NWBHDF5IO, TimeSeries

    with NWBHDF5IO(path, "r") as opened:
        file = opened.read()
        return {each.name: each.data[:] for each in file.objects.values() if isinstance(each, TimeSeries)}


def assert_same_columns(recording: Recording, found: dict[str, Any]) -> None:
    rows = recording.rows()
    assert set(recording.columns) <= set(found)
    for name in recording.columns:
        assert same(found[name], rows[name].values), name
