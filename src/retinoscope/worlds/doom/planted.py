"""An arena that never was: what one declares, and how it goes for an agent in it, for recordings that are planted."""

from __future__ import annotations

import numpy as np

from retinoscope.worlds.declaration import Actions, Declaration, Endings, Event, Picture, Variable
from retinoscope.worlds.doom.world import TIME_LIMIT, WORDS

_EFFECTS = {"poison": -20.0, "stone": 0.0, "fruit": 25.0}
_HUNGER = 0.5  # points of health in every decision


def planted_arena(height: int, width: int, actions: tuple[Actions, ...]) -> Declaration:
    """Poison, stones and fruit, in a room that an agent walks through at ten decisions a second."""
    effects = tuple(_EFFECTS.values())
    return Declaration(
        name="planted",
        sha256="cd" * 32,
        source="name: planted\n",
        picture=Picture(height, width, 3),
        actions=actions,
        seconds_per_decision=0.1,
        variables=(
            Variable("health", "points", low=0.0, high=200.0),
            Variable("position", "map units", labels=("x", "y"), axis="axis", kind="place"),
            Variable("angle", "degrees", "heading", kind="heading", low=0.0, high=360.0),
        ),
        events=tuple(Event(name, effect, "points of health") for name, effect in _EFFECTS.items()),
        words=WORDS,
        endings=Endings("the agent died", TIME_LIMIT, "deaths"),
        object_classes=tuple(_EFFECTS),
        object_valences=effects,
        distance_units="map units",
        can_be_emptied=True,
        can_show_images=True,
    )


def planted_life(events: np.ndarray, random: np.random.Generator) -> dict[str, np.ndarray]:
    """The variables of that arena, (time, ...) each, where this was picked up: (time, event) counts."""
    count = len(events)
    health = 100 + np.cumsum(events @ np.array(list(_EFFECTS.values())) - _HUNGER)
    return {
        "health": np.clip(health, 1, 200).astype(np.float32),
        "position": np.cumsum(random.normal(size=(count, 2)), 0).astype(np.float32),
        "angle": random.uniform(0, 360, count).astype(np.float32),
    }
