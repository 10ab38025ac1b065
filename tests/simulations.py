"""Planted behaviour: a stretch of rows of which everything is known, without playing it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import xarray

from retinoscope.analyses.behaviour.simulation import simulation
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Declaration, Endings, Event, Picture, Variable
from retinoscope.worlds.doom.world import WORDS

HEADS = {"turn": ("none", "left", "right"), "move": ("none", "forward", "backward")}
CLASSES = {"poison": -20, "stone": 0, "fruit": 25}


def planted_world(
    view: tuple[int, int, int] = (60, 80, 3), classes: dict[str, int] | None = None, **changed: Any
) -> Declaration:
    """That of an arena: health, healing and harmful pick-ups, 35/4 decisions a second."""
    return dataclasses.replace(
        Declaration(
            "planted",
            "cd" * 32,
            "planted",
            Picture(*view),
            (),
            seconds_per_decision=4 / 35,
            variables=(Variable("health", "points", low=0.0, high=200.0),),
            events=tuple(Event(name, each, "points of health") for name, each in (classes or CLASSES).items()),
            words=WORDS,
            endings=Endings("the agent died"),
        ),
        **changed,
    )


class PlantedRecording(ArrayRecording):
    """A recording of rows given as a dataset."""

    def __init__(
        self,
        rows: xarray.Dataset,
        heads: dict[str, tuple[str, ...]] = HEADS,
        world: Declaration | None = None,
        kinds: dict[str, str] | None = None,
    ) -> None:
        super().__init__(
            {str(name): rows[name].values for name in rows},
            layers=(),
            world=world or planted_world(rows["observation"].shape[1:]),
            episode_lengths=np.bincount(rows["episode"].values).tolist(),
            attributes={
                "agent": "planted",
                "checkpoint_sha256": "0" * 64,
                "seed": 0,
                "action_heads": {name: list(choices) for name, choices in heads.items()},
                "action_kinds": kinds or dict.fromkeys(heads, "choice"),
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
    """Random rows in which nothing happens; what is left over by episodes of these lengths belongs to one more."""
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
            "events": (("time", "event"), np.zeros((decisions, classes), np.uint8)),
        },
        coords={
            "episode": ("time", episode),
            "step": ("time", np.arange(decisions) - starts[episode]),
        },
    )


def planted_simulation(rows: xarray.Dataset, heads: dict[str, tuple[str, ...]] = HEADS, **named: Any) -> Result:
    """The simulation of planted rows; by default class 0 hurts, 1 does nothing, 2 heals."""
    recording = PlantedRecording(rows, heads, **named)
    return simulation(recording, frames=recording.frames)
