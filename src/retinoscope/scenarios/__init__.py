"""Image sets -> a playable arena archive. This room never starts the game."""

from retinoscope.scenarios.archive import ArenaArchive, build_archive
from retinoscope.scenarios.catalogue import get_arena, load_scenario, shipped_scenarios
from retinoscope.scenarios.specification import ACTION_HEADS, Scenario, read_scenario

__all__ = [
    "ACTION_HEADS",
    "ArenaArchive",
    "Scenario",
    "build_archive",
    "get_arena",
    "load_scenario",
    "read_scenario",
    "shipped_scenarios",
]
