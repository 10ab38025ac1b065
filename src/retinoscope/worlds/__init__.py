"""What an agent lives in: the declaration of a world, arenas of the game engine, and any Gymnasium environment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retinoscope.worlds.choosing import world_of
    from retinoscope.worlds.declaration import Actions, Declaration, Endings, Event, Picture, Variable, Words
    from retinoscope.worlds.from_gymnasium import gymnasium_world
    from retinoscope.worlds.world import World

_HOMES = {
    "Actions": "declaration",
    "Declaration": "declaration",
    "Endings": "declaration",
    "Event": "declaration",
    "Picture": "declaration",
    "Variable": "declaration",
    "Words": "declaration",
    "World": "world",
    "gymnasium_world": "from_gymnasium",
    "world_of": "choosing",
}

__all__ = [
    "Actions",
    "Declaration",
    "Endings",
    "Event",
    "Picture",
    "Variable",
    "Words",
    "World",
    "gymnasium_world",
    "world_of",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the game engine is loaded only for its own arenas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
