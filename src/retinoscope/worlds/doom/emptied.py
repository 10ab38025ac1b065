"""The arena without its stimuli: what the agent would see if there were nothing to gather."""

from __future__ import annotations

import functools

import numpy as np

from retinoscope.errors import NotMeasurable
from retinoscope.scenarios import Scenario
from retinoscope.scenarios.foreign import ForeignScenario
from retinoscope.worlds.doom.environment import GatheringEnvironment

_PLENTY = 10_000  # the most health that a scenario can give


def without_stimuli(scenario: Scenario | ForeignScenario) -> Scenario:
    """The same arena with nothing in it, where the same actions lead along the same path and nobody dies of hunger.

    Hunger stays, at its smallest: without any, the engine starts an episode a tic later.

    Raises:
        NotMeasurable: the arena was made elsewhere, and what is in it cannot be left out.
    """
    if not isinstance(scenario, Scenario):
        raise NotMeasurable(
            f"arena {scenario.name!r}: was made elsewhere, and cannot be shown without what is in it; give a baseline"
        )
    stimuli = scenario.stimuli.model_copy(
        update={
            "count_per_class": 0,
            "classes": tuple(each.model_copy(update={"count": None}) for each in scenario.stimuli.classes),
            "come_back": scenario.stimuli.come_back.model_copy(update={"mode": "replace"}),
        }
    )
    health = scenario.health.model_copy(
        update={"start": _PLENTY, "maximum": _PLENTY, "hunger": min(scenario.health.hunger, 1)}
    )
    return scenario.model_copy(update={"stimuli": stimuli, "health": health})


def empty_frame(scenario: Scenario | ForeignScenario) -> np.ndarray:
    """The first view of an episode in the empty arena, (height, width, 3) uint8, read-only.

    Raises:
        UserError: as `GatheringEnvironment`.
    """
    return _first_view(without_stimuli(scenario).model_dump_json())


@functools.lru_cache(maxsize=8)
def _first_view(scenario_json: str) -> np.ndarray:
    environment = GatheringEnvironment(Scenario.model_validate_json(scenario_json), objects_in_view=False)
    try:
        frame, _ = environment.reset(seed=0)
    finally:
        environment.close()
    frame.setflags(write=False)
    return frame
