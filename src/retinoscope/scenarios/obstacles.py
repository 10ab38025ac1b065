"""Obstacles: how they look, and the actors that they are and that place them."""

from __future__ import annotations

import math

import numpy as np

from retinoscope.scenarios.drawn_images import draw_pillar
from retinoscope.scenarios.specification import GAP_FOR_AGENT, Obstacles, Scenario

OBSTACLE_ACTOR = "ArenaObstacle"
"""Name of all obstacles in the engine."""
OBSTACLE_PLACER = "ObstaclePlacer"
OBSTACLE_IMAGES = 4
_PIXELS_PER_UNIT = 2


def obstacle_images(scenario: Scenario) -> list[np.ndarray]:
    """The images of the scenario's obstacles, each (height, width, 3) uint8; none if it has no obstacles."""
    if scenario.obstacles is None:
        return []
    width, height = 2 * scenario.obstacles.radius, scenario.obstacles.height
    return [
        draw_pillar(variation, width * _PIXELS_PER_UNIT, height * _PIXELS_PER_UNIT)
        for variation in range(OBSTACLE_IMAGES)
    ]


def near_obstacle(scenario: Scenario) -> int:
    """Up to what distance, as the engine rates it, something of a stimulus's size could touch an obstacle.

    The engine's estimate is the longer leg and half the shorter. Two square bodies that do not touch may be as near as
    the sum of their half-widths along an axis, rated 1 time that sum, but from 1.5 times on they never touch.
    """
    if scenario.obstacles is None:
        return 0
    return math.ceil(1.5 * (scenario.obstacles.radius + scenario.stimuli.radius))


def obstacle_actors(scenario: Scenario, obstacles: Obstacles, appearance: str) -> str:
    """The actors in DECORATE: the obstacle, and a placer that tries places until enough obstacles stand.

    The placer is solid and as wide as an obstacle with room for the agent on every side. It warps, for the engine
    checks that nothing solid is in the way, to random places, and leaves an obstacle where it fits, all in one tic.

    Args:
        scenario: the specification.
        obstacles: those of the scenario.
        appearance: states of the obstacle's looks.
    """
    width = obstacles.radius + GAP_FOR_AGENT
    reach = scenario.arena.half_width - width
    return f"""actor {OBSTACLE_ACTOR}
{{
  var int user_image;
  Radius {obstacles.radius}
  Height {obstacles.height}
  Scale {1 / _PIXELS_PER_UNIT}
  +SOLID
  States
  {{
  Spawn:
{appearance}  }}
}}
actor {OBSTACLE_PLACER}
{{
  var int user_left;
  Radius {width}
  Height 56
  +SOLID
  States
  {{
  Spawn:
    TNT1 A 0 NoDelay A_SetUserVar("user_left", {obstacles.count})
  Try:
    TNT1 A 0 A_Warp(AAPTR_DEFAULT, random(-{reach}, {reach}), random(-{reach}, {reach}), 0, 0, \
WARPF_ABSOLUTEPOSITION, "Fits")
    Goto Try
  Fits:
    TNT1 A 0 A_SpawnItemEx("{OBSTACLE_ACTOR}", 0, 0, 0, 0, 0, 0, 0, SXF_NOCHECKPOSITION)
    TNT1 A 0 A_SetUserVar("user_left", user_left - 1)
    TNT1 A 0 A_JumpIf(user_left < 1, "Done")
    Goto Try
  Done:
    TNT1 A 0
    Stop
  }}
}}
"""
