"""Planted behaviour: a stretch of rows of which everything is known, without playing it."""

from __future__ import annotations

import numpy as np
import xarray

from retinoscope.analyses.behaviour.simulation import simulation
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording

HEADS = {"turn": ("none", "left", "right"), "move": ("none", "forward", "backward")}
SCENARIO = "name: planted\nhealth: {start: 100, maximum: 200}\n"


class PlantedRecording(ArrayRecording):
    """A recording of rows given as a dataset."""

    def __init__(self, rows: xarray.Dataset, heads: dict[str, tuple[str, ...]], classes: dict[str, int]) -> None:
        super().__init__(
            {str(name): rows[name].values for name in rows},
            layers=(),
            episode_lengths=np.bincount(rows["episode"].values).tolist(),
            attributes={
                "agent": "planted",
                "checkpoint_sha256": "0" * 64,
                "scenario": SCENARIO,
                "seed": 0,
                "class_names": list(classes),
                "class_effects": list(classes.values()),
                "action_heads": {name: list(choices) for name, choices in heads.items()},
                "frame_skip": 4,
                "tics_per_second": 35,
            },
            name="planted.zarr",
        )


def planted_rows(
    decisions: int,
    episode_lengths: tuple[int, ...] = (),
    view: tuple[int, int, int] = (60, 80, 3),
    heads: dict[str, tuple[str, ...]] = HEADS,
    classes: int = 3,
    seed: int = 0,
) -> xarray.Dataset:
    """Random rows without pick-ups; the episodes have these lengths, and what is left over belongs to one more."""
    random = np.random.default_rng(seed)
    outputs = sum(map(len, heads.values()))
    ends = np.cumsum(episode_lengths, dtype=int)
    episode = np.searchsorted(ends, np.arange(decisions), side="right")
    starts = np.concatenate([[0], ends])
    truncated = np.zeros(decisions, bool)
    truncated[ends - 1] = True
    action = [random.integers(len(choices), size=decisions) for choices in heads.values()]
    return xarray.Dataset(
        {
            "observation": (
                ("time", "height", "width", "channel"),
                random.integers(256, size=(decisions, *view), dtype=np.uint8),
            ),
            "health": ("time", random.integers(1, 200, size=decisions).astype(np.float32)),
            "value": ("time", random.normal(2, 1, size=decisions).astype(np.float32)),
            "logits": (("time", "output"), random.normal(0, 2, size=(decisions, outputs)).astype(np.float32)),
            "action": (("time", "head"), np.stack(action, axis=1).astype(np.int8)),
            "reward": ("time", random.normal(size=decisions).astype(np.float32)),
            "terminated": ("time", np.zeros(decisions, bool)),
            "truncated": ("time", truncated),
            "pickups": (("time", "class"), np.zeros((decisions, classes), np.uint8)),
        },
        coords={
            "episode": ("time", episode),
            "step": ("time", np.arange(decisions) - starts[episode]),
        },
    )


def planted_simulation(
    rows: xarray.Dataset,
    heads: dict[str, tuple[str, ...]] = HEADS,
    classes: dict[str, int] | None = None,
) -> Result:
    """The simulation of planted rows; by default class 0 hurts, 1 does nothing, 2 heals."""
    recording = PlantedRecording(rows, heads, classes or {"poison": -20, "stone": 0, "fruit": 25})
    return simulation(recording, frames=recording.frames)  # type: ignore[arg-type]
