"""Image sets -> a playable arena archive. This room never starts the game."""

from retinoscope.scenarios.archive import ArenaArchive, build_archive
from retinoscope.scenarios.catalogue import get_arena, load_scenario, scenario_from
from retinoscope.scenarios.foreign import ForeignScenario, foreign_part
from retinoscope.scenarios.foreign_reading import bundled_scenarios
from retinoscope.scenarios.image_choice import choose_images
from retinoscope.scenarios.image_sets import LabelledImages, load_labelled_images
from retinoscope.scenarios.scenario_files import read_scenario, shipped_scenarios
from retinoscope.scenarios.specification import ACTION_HEADS, Scenario
from retinoscope.scenarios.starter import new_scenario

__all__ = [
    "ACTION_HEADS",
    "ArenaArchive",
    "ForeignScenario",
    "LabelledImages",
    "Scenario",
    "build_archive",
    "bundled_scenarios",
    "choose_images",
    "foreign_part",
    "get_arena",
    "load_labelled_images",
    "load_scenario",
    "new_scenario",
    "read_scenario",
    "scenario_from",
    "shipped_scenarios",
]
