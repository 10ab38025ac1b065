"""The worlds of the planted recordings: what each declares, and how its variables go."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from retinoscope.worlds.declaration import Actions, Declaration, Endings, Event, Picture, Variable, Words
from retinoscope.worlds.doom.planted import planted_arena, planted_life

REWARDS = (Event("reward", 1.0), Event("punishment", -1.0))

Life = Callable[[np.ndarray, np.ndarray, np.random.Generator], Mapping[str, np.ndarray]]
"""From events (time, event) and the place of the patch (time, [row, column]) to the variables of the world."""


def arena(shape: tuple[int, int, int], actions: tuple[Actions, ...]) -> Declaration:
    """An arena of the game engine."""
    return planted_arena(shape[0], shape[1], actions)


def arena_life(events: np.ndarray, places: np.ndarray, random: np.random.Generator) -> Mapping[str, np.ndarray]:
    """Of the arena."""
    return planted_life(events, random)


def paddles(shape: tuple[int, int, int], actions: tuple[Actions, ...]) -> Declaration:
    """A game with a ball and a paddle, four grey frames at a time; it has no time of its own."""
    return Declaration(
        name="planted game",
        sha256="ce" * 32,
        source="a game",
        picture=Picture(*shape, frames=4),
        actions=actions,
        variables=(
            Variable("ball", "pixels", labels=("x", "y"), axis="ball_axis"),
            Variable("paddle", "pixels", low=0.0, high=float(shape[1])),
        ),
        events=REWARDS,
        endings=Endings("the last ball was lost", terminations="lost games"),
    )


def paddles_life(events: np.ndarray, places: np.ndarray, random: np.random.Generator) -> Mapping[str, np.ndarray]:
    """Of the game: the ball is where the patch is."""
    paddle = 40 + np.cumsum(random.normal(size=len(events)))
    return {"ball": places[:, ::-1].astype(np.float32), "paddle": paddle.astype(np.float32)}


def grid(shape: tuple[int, int, int], actions: tuple[Actions, ...]) -> Declaration:
    """Squares and doors; an episode ends where the goal is."""
    return Declaration(
        name="planted grid",
        sha256="cf" * 32,
        source="a grid",
        picture=Picture(*shape),
        actions=actions,
        variables=(
            Variable("square", "squares", labels=("row", "column"), axis="side", kind="place"),
            Variable("direction", "degrees", kind="heading", low=0.0, high=360.0),
            Variable("has_key", long_name="the agent has the key", low=0.0, high=1.0),
        ),
        events=(Event("door opened", 1.0), Event("wall bumped", -0.5), Event("key taken", 0.0)),
        words=Words("good", "bad", "event", "events", survived=""),
        endings=Endings("the goal was reached", terminations="goals"),
        notes=("Every episode has another maze.",),
    )


def grid_life(events: np.ndarray, places: np.ndarray, random: np.random.Generator) -> Mapping[str, np.ndarray]:
    """Of the grid."""
    return {
        "square": (places // 8).astype(np.float32),
        "direction": (90 * random.integers(0, 4, len(events))).astype(np.float32),
        "has_key": (np.arange(len(events)) % 40 > 20).astype(np.float32),
    }


def road(shape: tuple[int, int, int], actions: tuple[Actions, ...]) -> Declaration:
    """A road on which there is nothing but good news, three colour frames at a time, 20 decisions a second."""
    return Declaration(
        name="planted road",
        sha256="d0" * 32,
        source="a road",
        picture=Picture(*shape, frames=3),
        actions=actions,
        seconds_per_decision=0.05,
        variables=(Variable("speed", "m/s", low=0.0),),
        events=(Event("lap", 5.0, "points"), Event("tile", 0.5, "points")),
    )


def road_life(events: np.ndarray, places: np.ndarray, random: np.random.Generator) -> Mapping[str, np.ndarray]:
    """Of the road."""
    return {"speed": (10 + np.cumsum(random.normal(size=len(events)))).astype(np.float32)}


def dark(shape: tuple[int, int, int], actions: tuple[Actions, ...]) -> Declaration:
    """A world that says nothing of itself but its rewards, and never shows the same twice."""
    return Declaration(
        name="planted dark",
        sha256="d1" * 32,
        source="the dark",
        picture=Picture(*shape),
        actions=actions,
        events=REWARDS,
        repeats_itself=False,
    )


def pole(shape: tuple[int, int, int], actions: tuple[Actions, ...]) -> Declaration:
    """A pole to be balanced, seen as floats; nothing ever happens that could be counted."""
    return Declaration(
        name="planted pole",
        sha256="d2" * 32,
        source="a pole",
        picture=Picture(*shape, dtype="float32"),
        actions=actions,
        seconds_per_decision=0.02,
        variables=(Variable("pole", "rad", "angle of the pole"),),
        endings=Endings("the pole fell", terminations="falls"),
    )


def pole_life(events: np.ndarray, places: np.ndarray, random: np.random.Generator) -> Mapping[str, np.ndarray]:
    """Of the pole."""
    return {"pole": np.sin(np.arange(len(events)) / 9).astype(np.float32)}


def nothing(events: np.ndarray, places: np.ndarray, random: np.random.Generator) -> Mapping[str, np.ndarray]:
    """Of a world without variables."""
    return {}
