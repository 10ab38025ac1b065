"""Scenario preview: what a scenario is made of, before anybody plays in it.

Examples of every class with their effect on health, where things lie at the start of an episode, and what is seen on a
first walk: far from a stimulus, nearer, and close.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from PIL import Image

from retinoscope.errors import UserError
from retinoscope.result import Result, provenance
from retinoscope.scenarios import ArenaArchive, Scenario, get_arena
from retinoscope.scenarios.images import scenario_images
from retinoscope.scenarios.specification import TICS_PER_SECOND, Observation
from retinoscope.worlds.doom.world import DoomWorld

EXAMPLES = 6
EXAMPLE_PIXELS = 64
EYE_VIEW = Observation(height=480, width=640, supersampling=1)
"""What a person is shown of the moments of which the policy sees the scenario's small observation."""
DISTANT = 400.0
"""How far away the stimulus should be that is walked to, map units."""
APPROACH = (1.0, 0.5, 0.25)
"""The three moments: at which part of the first distance to it."""
STRAIGHT_AHEAD = 8.0
"""Bearing in degrees up to which a stimulus is ahead; one decision of turning covers up to 14."""
FREE_WAY = 28.0
"""How far from a way obstacles have to be for the agent, whose walk sways a little, to get past."""
LOOK_SECONDS = 40


def scenario_preview(arena: ArenaArchive | Scenario | str | Path, seed: int = 0) -> Result:
    """Look at a scenario: its classes, its map, and three moments of a walk to a stimulus.

    Args:
        arena: built arena, specification, name or path.
        seed: of the choice of examples and of the episode.

    Returns:
        A Result with `example` (class, example, row, column, rgba) uint8, pictures fitted into a square and padded with
        transparency; `effect` (class), change of health per pick-up; `distractor` (class), bool; `images` (class), how
        many there are; `stimulus_class` (stimulus), `stimulus_position` (stimulus, axis) and `obstacle_position`
        (obstacle, axis) at the start of the episode; `path` (decision, axis), the walk; and for the three moments
        `seconds` since the start, `health`, `position` (moment, axis) and `angle` in degrees of the agent,
        `ahead_class`, `distance` and `box` (moment, edge) of the stimulus it walks to, the box as left, top, width and
        height in fractions of the view, `eye_view` (moment, eye_row, eye_column, channel) and `observation` (moment,
        row, column, channel), both uint8.

    Raises:
        UserError: the scenario is wrong (as `get_arena`), `seed` is negative, or nothing ever comes into view.
    """
    if seed < 0:
        raise UserError(f"seed: {seed} is negative; give 0 or more")
    if not isinstance(arena, ArenaArchive):
        arena = get_arena(arena)
    scenario = arena.scenario
    data = _examples(scenario, seed) | _walk(arena, seed)
    coordinates = {
        "class": ("class", list(scenario.class_names)),
        "axis": ("axis", ["x", "y"]),
        "edge": ("edge", ["left", "top", "width", "height"]),
    }
    room = scenario.arena
    parameters = {
        "seed": seed,
        "scenario": scenario.name,
        "title": scenario.title or scenario.name,
        "half_width": room.half_width,
        "spawn_half_width": room.spawn_half_width,
        "clearance": scenario.stimuli.clearance,
        "stimulus_size": scenario.stimuli.size,
        "obstacles": scenario.obstacles.model_dump() if scenario.obstacles else None,
        "come_back": scenario.stimuli.come_back.model_dump(),
        "health": scenario.health.model_dump(),
        "seconds_per_episode": scenario.episode_tics / TICS_PER_SECOND,
    }
    return Result("scenario_preview", xarray.Dataset(data, coordinates), parameters, provenance(world=DoomWorld(arena)))


def _examples(scenario: Scenario, seed: int) -> dict[str, Any]:
    images = scenario_images(scenario)
    random = np.random.default_rng(seed)
    shape = (len(scenario.class_names), EXAMPLES, EXAMPLE_PIXELS, EXAMPLE_PIXELS, 4)
    examples = np.zeros(shape, np.uint8)
    for index, name in enumerate(scenario.class_names):
        count = len(images[name])
        for place, number in enumerate(np.sort(random.permutation(count)[:EXAMPLES])):
            examples[index, place] = _fitted(images[name][number])
    return {
        "example": (("class", "example", "row_of_example", "column_of_example", "rgba"), examples),
        "effect": ("class", np.array(scenario.class_effects), {"units": "health points per pick-up"}),
        "distractor": ("class", np.array([each.distractor for each in scenario.stimuli.classes])),
        "images": ("class", np.array([len(images[name]) for name in scenario.class_names])),
    }


def _fitted(image: np.ndarray) -> np.ndarray:
    """The image, as large as fits into the square and standing in the middle of its lower edge, with hard pixels."""
    picture = Image.fromarray(image).convert("RGBA")
    scale = EXAMPLE_PIXELS / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    square = Image.new("RGBA", (EXAMPLE_PIXELS, EXAMPLE_PIXELS))
    resample = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    square.paste(picture.resize((width, height), resample), ((EXAMPLE_PIXELS - width) // 2, EXAMPLE_PIXELS - height))
    return np.asarray(square)


def _walk(arena: ArenaArchive, seed: int) -> dict[str, Any]:
    """Walk once as an eye would see it to choose the moments; walk again, the same way, as the policy sees it."""
    for_eyes = dataclasses.replace(arena, scenario=arena.scenario.model_copy(update={"observation": EYE_VIEW}))
    walk = list(_approach(for_eyes, seed))
    in_sight = [decision for decision, step in enumerate(walk) if step.target_seen is not None]
    if not in_sight:
        raise UserError(f"{arena.scenario.name}: no stimulus came into view in {LOOK_SECONDS} s; raise count_per_class")
    distances = np.array([walk[decision].target_seen["distance"] for decision in in_sight])
    wanted = np.array(APPROACH) * distances[0]
    chosen = [in_sight[int(np.abs(distances - distance).argmin())] for distance in wanted]
    observations = _seen_on_the_way(arena, seed, [step.action for step in walk[: chosen[-1]]])
    moments = [walk[decision] for decision in chosen]
    targets = [moment.target_seen for moment in moments]
    size = np.array([EYE_VIEW.width, EYE_VIEW.height] * 2)
    seconds = np.array(chosen) * arena.scenario.frame_skip / TICS_PER_SECOND
    stimuli, units = walk[0].info["world"], {"units": "map units"}
    return {
        "stimulus_class": ("stimulus", np.array([each["class_index"] for each in stimuli], int)),
        "stimulus_position": (
            ("stimulus", "axis"),
            np.array([each["position"] for each in stimuli]).reshape(-1, 2),
            units,
        ),
        "obstacle_position": (("obstacle", "axis"), walk[0].info["obstacles"], units),
        "path": (("decision", "axis"), np.array([step.info["position"] for step in walk[: chosen[-1] + 1]]), units),
        "seconds": ("moment", seconds, {"units": "s"}),
        "health": ("moment", np.array([moment.info["health"] for moment in moments])),
        "distance": ("moment", np.array([target["distance"] for target in targets]), units),
        "ahead_class": ("moment", np.array([target["class_index"] for target in targets])),
        "position": (("moment", "axis"), np.array([moment.info["position"] for moment in moments]), units),
        "angle": ("moment", np.array([moment.info["angle"] for moment in moments]), {"units": "degrees"}),
        "box": (("moment", "edge"), np.array([target["box"] / size for target in targets])),
        "eye_view": (("moment", "eye_row", "eye_column", "channel"), np.stack([each.view for each in moments])),
        "observation": (("moment", "row", "column", "channel"), np.stack([observations[each] for each in chosen])),
    }


@dataclass(frozen=True)
class _Step:
    """A decision of the walk; `target_seen` is the stimulus walked to, if it is ahead and in sight."""

    view: np.ndarray
    info: dict[str, Any]
    action: np.ndarray
    target_seen: Any


def _approach(arena: ArenaArchive, seed: int) -> Iterator[_Step]:
    """Choose a distant stimulus with nothing before it, turn to it and walk until it is picked up."""
    from retinoscope.worlds.doom.environment import GatheringEnvironment

    environment = GatheringEnvironment(arena, objects_in_world=True)
    try:
        view, info = environment.reset(seed=seed)
        target = None
        for _ in range(LOOK_SECONDS * TICS_PER_SECOND // arena.scenario.frame_skip):
            if target is None and info["world"]:
                target = _freest(info["world"], info["obstacles"], info["position"])
            if target is not None and not _is_there(target, info["world"]):
                return
            action, bearing = _towards(target, info)
            seen = None if target is None or abs(bearing) > STRAIGHT_AHEAD else _in_view(target, info)
            yield _Step(view, info, action, seen)
            view, _, terminated, truncated, info = environment.step(action)
            if terminated or truncated:
                return
    finally:
        environment.close()


def _freest(world: list[dict[str, Any]], obstacles: np.ndarray, position: np.ndarray) -> dict[str, Any]:
    """Of the stimuli about `DISTANT` away, the one whose line of sight passes other things at the greatest distance.

    Where obstacles bar the way to all of these, it is the one of the others with a free way that is nearest to it.
    """
    places = np.array([each["position"] for each in world])
    distances = np.linalg.norm(places - position, axis=1)
    from_wanted = np.abs(distances - DISTANT)
    passed = np.array([_nearest_to_the_way(position, place, obstacles) for place in places])
    free = np.flatnonzero(passed > FREE_WAY)
    if not len(free):
        free = np.arange(len(world))
    candidates = free[from_wanted[free] < 0.25 * DISTANT]
    if not len(candidates):
        return world[int(free[from_wanted[free].argmin()])]

    def room(index: int) -> float:
        others = np.delete(places, index, axis=0)
        return min(passed[index], _nearest_to_the_way(position, places[index], others, beyond=100.0))

    return world[max(candidates, key=room)]


def _nearest_to_the_way(start: np.ndarray, end: np.ndarray, things: np.ndarray, beyond: float = 0.0) -> float:
    """How near to the straight way, or its continuation by `beyond`, the nearest of some things (thing, axis) is."""
    length = float(np.linalg.norm(end - start))
    direction, to = (end - start) / length, things - start
    along, across = to @ direction, np.abs(to @ np.array([-direction[1], direction[0]]))
    return float(across[(along > 0) & (along < length + beyond)].min(initial=np.inf))


def _towards(target: dict[str, Any] | None, info: dict[str, Any]) -> tuple[np.ndarray, float]:
    """The action that turns to the target, or walks once it is ahead; and its bearing in degrees, left positive."""
    if target is None:
        return np.array([0, 0]), 0.0
    x, y = target["position"] - info["position"]
    bearing = float((np.rad2deg(np.arctan2(y, x)) - info["angle"] + 180) % 360 - 180)
    if abs(bearing) <= STRAIGHT_AHEAD:
        return np.array([0, 1]), bearing
    return np.array([1 if bearing > 0 else 2, 0]), bearing


def _is_there(target: dict[str, Any], world: list[dict[str, Any]]) -> bool:
    return any(np.array_equal(each["position"], target["position"]) for each in world)


def _in_view(target: dict[str, Any], info: dict[str, Any]) -> dict[str, Any] | None:
    distance = np.linalg.norm(target["position"] - info["position"])
    for each in info["objects"]:
        if each["class_index"] == target["class_index"] and abs(each["distance"] - distance) < 1e-3:
            return each
    return None


def _seen_on_the_way(arena: ArenaArchive, seed: int, actions: list[np.ndarray]) -> list[np.ndarray]:
    """The policy's observations on the same walk: the size of the view does not change what happens."""
    from retinoscope.worlds.doom.environment import GatheringEnvironment

    environment = GatheringEnvironment(arena, objects_in_view=False)
    try:
        observations = [environment.reset(seed=seed)[0]]
        observations += [environment.step(action)[0] for action in actions]
    finally:
        environment.close()
    return observations
