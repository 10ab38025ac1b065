"""An agent's walk through a room, and cells of which it is known where they are active: our own."""

from __future__ import annotations

import numpy as np

from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Declaration, Picture, Variable

SIDE = 100.0
PLACES = np.array([[25.0, 30.0], [70.0, 60.0], [35.0, 70.0]])
PLACE_DEVIATION = 10.0
DIRECTIONS = np.array([40.0, 200.0])
CONCENTRATION = 4.0
OBJECT_VECTORS = np.array([[-20.0, 30.0], [15.0, 60.0]])
OBJECT_DEVIATIONS = np.array([8.0, 10.0])
HALF_VIEW = 45.0
GAUSSIAN = 2 * np.sqrt(2 * np.log(2))  # full width at half height, in standard deviations

WORLD = Declaration(
    name="room",
    sha256="aa" * 32,
    source="a room",
    picture=Picture(60, 80, 3, field_of_view=2 * HALF_VIEW),
    actions=(),
    variables=(
        Variable("position", "cm", labels=("x", "y"), axis="axis", kind="place", low=0.0, high=SIDE),
        Variable("angle", "degrees", "heading", kind="heading", low=0.0, high=360.0),
        Variable("hunger", "points"),
    ),
    object_classes=("apple", "nettle"),
    object_valences=(1.0, -1.0),
    distance_units="cm",
)


def walk(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(row, 2) places in a room, turned back at its walls, and (row,) headings, degrees: both change slowly."""
    place, angle = random.uniform(10, SIDE - 10, 2), random.uniform(0, 360)
    places, angles = np.empty((rows, 2)), np.empty(rows)
    for row in range(rows):
        angle = (angle + random.normal(0, 25)) % 360
        step = 4 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        if not ((place + step > 0) & (place + step < SIDE)).all():
            angle = (angle + 150 + random.uniform(0, 60)) % 360
            step = 4 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        place = np.clip(place + step, 0, SIDE)
        places[row], angles[row] = place, angle
    return places, angles


def seen(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(row,) bearing, degrees, and distance of an apple, which come and go slowly; NaN where none is in view."""
    bearing = 50 * np.sin(np.cumsum(random.normal(0, 0.25, rows)))
    distance = 50 + 45 * np.sin(np.cumsum(random.normal(0, 0.2, rows)))
    return np.where(np.abs(bearing) < HALF_VIEW, bearing, np.nan), distance


def box_of(bearing: float) -> np.ndarray:
    """An object's box, whose middle is at a bearing."""
    middle = 40 + 40 * np.tan(np.radians(bearing)) / np.tan(np.radians(HALF_VIEW))
    return np.array([middle - 2, 20, 4, 9], np.float32)


def place_cells(places: np.ndarray) -> np.ndarray:
    """(row, cell) Gaussian fields."""
    squares = ((places[:, None] - PLACES) ** 2).sum(axis=2)
    return np.exp(-squares / (2 * PLACE_DEVIATION**2))


def direction_cells(angles: np.ndarray) -> np.ndarray:
    """(row, cell) von Mises."""
    return np.exp(CONCENTRATION * (np.cos(np.radians(angles[:, None] - DIRECTIONS)) - 1))


def object_cells(bearing: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """(row, cell) Gaussian in bearing and distance; silent without an object."""
    off = (np.stack([bearing, distance], axis=1)[:, None] - OBJECT_VECTORS) / OBJECT_DEVIATIONS
    return np.nan_to_num(np.exp(-(off**2).sum(axis=2) / 2))


def slow_noise(random: np.random.Generator, rows: int, cells: int, span: int = 25) -> np.ndarray:
    """(row, cell) that changes slowly and goes with nothing."""
    noise = random.normal(size=(rows + span, cells)).cumsum(axis=0)
    return (noise[span:] - noise[:-span]) / np.sqrt(span)


def room(episodes: int = 20, rows: int = 600, seed: int = 0, noise: float = 0.1, idle: int = 6) -> ArrayRecording:
    """With layer `cells`: 3 place, 2 direction and 2 object-vector cells, then `idle` ones of slow noise."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("position", "angle", "hunger", "cells")}
    objects: list[list[dict]] = []
    for _ in range(episodes):
        places, angles = walk(random, rows)
        bearing, distance = seen(random, rows)
        planted = np.concatenate(
            [place_cells(places), direction_cells(angles), object_cells(bearing, distance)], axis=1
        )
        planted = np.maximum(planted + noise * random.normal(size=planted.shape), 0)  # a rate is never negative
        cells = np.concatenate([planted, slow_noise(random, rows, idle)], axis=1)
        hunger = slow_noise(random, rows, 1)[:, 0]
        for name, values in (("position", places), ("angle", angles), ("hunger", hunger), ("cells", cells)):
            columns[name].append(values.astype(np.float32))
        objects += [
            [] if np.isnan(each) else [{"class_index": 0, "box": box_of(each), "distance": float(far)}]
            for each, far in zip(bearing, distance, strict=True)
        ]
    return ArrayRecording(
        {name: np.concatenate(parts) for name, parts in columns.items()},
        layers=["cells"],
        world=WORLD,
        episode_lengths=[rows] * episodes,
        objects=objects,
        name="room",
    )
