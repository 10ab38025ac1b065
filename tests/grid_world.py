"""A planted grid world that has nothing of an arena: no time, no health, one good event, two memories and no critic."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Actions, Declaration, Endings, Event, Picture, Variable

HEADS = {"move": ["north", "east", "south", "west"]}
LAYERS = {"net_features": "encoder output", "net_gru_1": "memory", "net_gru_2": "memory"}
LENGTH = 120
OPENED = 4
"""Rows of an episode, and the unit of `net_features` that is high in the three rows up to an event."""

WORLD = Declaration(
    name="doors",
    sha256="ef" * 32,
    source="planted",
    picture=Picture(21, 28, 6, dtype="float32", low=-1.0, high=1.0, frames=2),
    actions=(Actions("move", tuple(HEADS["move"])),),
    variables=(
        Variable("square", "squares", labels=("row", "column"), axis="square_axis", kind="place"),
        Variable("key", long_name="keys carried", low=0, high=3),
        Variable("facing", "degrees", kind="heading"),
    ),
    events=(Event("door opened", 1.0), Event("key found"), Event("wall touched", 0.0)),
    endings=Endings("the exit was reached", "the time limit ended the episode"),
)


class GridRecording(ArrayRecording):
    """Episodes of 60 decisions in the grid.

    Args:
        episodes: how many.
        kind: of the head, `choice` or `q_values`.
        world: changes of `WORLD`.
        **columns: further arrays, or others in place of the planted ones; None to leave one out.
    """

    def __init__(self, episodes: int = 12, kind: str = "choice", world: dict[str, Any] | None = None, **columns: Any):
        declared = dataclasses.replace(WORLD, **(world or {}))
        rows, random = LENGTH * episodes, np.random.default_rng(0)
        events = np.zeros((rows, 3), np.uint8)
        events[np.cumsum(random.integers(9, 24, rows // 10))[: rows // 30], 0] = 1
        events[:, 1] = random.random(rows) < 0.02
        steps = random.integers(-1, 2, (rows, 2)).cumsum(axis=0)
        walk = [_correlated(random, rows, 6) for _ in LAYERS]
        features = walk[0]
        for back in range(3):
            features[np.maximum(np.flatnonzero(events[:, 0]) - back, 0), OPENED] += 4
        walk[2][:, 0] += 3 * np.sin(steps[:, 0] / 3)
        arrays: dict[str, Any] = {
            "observation": random.uniform(-1, 1, (rows, 21, 28, 6)).astype(np.float32),
            "square": (np.abs(steps) % 8).astype(np.float32),
            "key": (np.arange(rows) // 7 % 4).astype(np.float32),
            "facing": (90.0 * random.integers(0, 4, rows)).astype(np.float32),
            "events": events,
            "reward": events[:, 0].astype(np.float32),
            "logits": random.normal(0, 2, (rows, 4)).astype(np.float32),
            "action": random.integers(0, 4, (rows, 1)).astype(np.int8),
            "value": np.full(rows, np.nan, np.float32),
            **{name: each.astype(np.float32) for name, each in zip(LAYERS, walk, strict=True)},
            **columns,
        }
        super().__init__(
            {name: each for name, each in arrays.items() if each is not None},
            layers=tuple(LAYERS),
            roles=LAYERS,  # type: ignore[arg-type]
            world=declared,
            episode_lengths=[LENGTH] * episodes,
            terminated=[number % 2 == 0 for number in range(episodes)],
            attributes={
                "agent": "walker",
                "checkpoint_sha256": "0" * 64,
                "action_heads": HEADS,
                "action_kinds": {"move": kind},
                "state_columns": {"net_gru_1": [0, 6], "net_gru_2": [6, 12]},
            },
            name="grid",
        )


def _correlated(random: np.random.Generator, rows: int, units: int) -> np.ndarray:
    noise = random.normal(size=(rows, units))
    for row in range(1, rows):
        noise[row] += 0.7 * noise[row - 1]
    return noise
