"""Every shipped family of scenarios, played in the real engine: what happens is what its YAML says.

Each family is started once and played for a while by a walker that goes to the nearest thing of a class that it has not
met. For the sake of time
there are more things in the arena than the YAML says, in the same proportions, and more health to lose.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from retinoscope.scenarios import Scenario, shipped_scenarios
from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena, count_by_class
from tests.families import family

FAMILIES = shipped_scenarios()
WITH_OBSTACLES = [name for name in FAMILIES if "obstacles" in name]
TICS, EPISODES = 350, 10
THINGS = 240
AGENT_HALF_WIDTH = 16
LONGEST_STEP = 12  # map units a tic: an agent walks at most this far
SMALLEST_P = 1e-3  # of a test of evenness: below this, one in a thousand, it is not the luck of the seed


@dataclass(frozen=True)
class Played:
    """A family as played: the world at the start of some episodes, and every tic of the last of them."""

    scenario: Scenario
    starts: list[dict[str, Any]]
    tics: list[dict[str, Any]]

    @functools.cached_property
    def eaten(self) -> np.ndarray:
        """(tic, class), since the start."""
        return np.cumsum([info["pickups"] for info in self.tics], axis=0)

    @functools.cached_property
    def present(self) -> np.ndarray:
        """(tic, class) in the world."""
        return np.array([count_by_class(info, len(self.scenario.class_names)) for info in self.tics])


@pytest.fixture(scope="module", params=FAMILIES)
def played(request, tmp_path_factory) -> Played:
    specification = family(request.param)
    stimuli = specification["stimuli"]
    counts = Scenario.model_validate(specification).class_counts
    for each, count in zip(stimuli["classes"], counts, strict=True):
        each["count"] = count * (THINGS // sum(counts))
    arena = build_arena(
        tmp_path_factory.mktemp("arenas"),
        specification,
        health=specification["health"] | {"start": 5000, "maximum": 10_000},
        frame_skip=1,
    )
    environment = GatheringEnvironment(arena, objects_in_world=True)
    starts = [environment.reset(seed=seed)[1] for seed in range(EPISODES)]
    tics = list(forage(environment, seed=EPISODES))
    environment.close()
    return Played(arena.scenario, starts, tics)


def forage(environment: GatheringEnvironment, seed: int) -> Iterator[dict[str, Any]]:
    """Walk to the nearest thing in view, of a new class if there is one; where nothing moves any more, turn aside."""
    random = np.random.default_rng(seed)
    _, info = environment.reset(seed=seed)
    yield info
    met = np.zeros(len(environment.scenario.class_names), bool)
    aside, places = [], [info["position"]] * 4
    for _ in range(TICS):
        if not aside and np.ptp(places[-4:], axis=0).max() < 1:
            aside = [int(random.integers(1, 3))] * 12
        action = np.array([aside.pop(), 1]) if aside else towards_nearest(environment, info, met)
        info = environment.step(action)[-1]
        met |= info["pickups"] > 0
        places.append(info["position"])
        yield info


def towards_nearest(environment: GatheringEnvironment, info: dict[str, Any], met: np.ndarray) -> np.ndarray:
    objects = [each for each in info["objects"] if not met[each["class_index"]]]
    if not objects and not met.all():
        return np.array([1, 1])
    if not (objects or info["objects"]):
        return np.array([1, 0])
    left, _, width, _ = (objects or info["objects"])[0]["box"]
    offset = left + width / 2 - environment.scenario.observation.width / 2
    return np.array([0 if abs(offset) < 4 else 1 if offset < 0 else 2, 1])


def rated_distance(places, place) -> np.ndarray:
    """The engine's estimate of a distance, up to 12% above the true one: the longer leg and half the shorter."""
    legs = np.abs(np.asarray(places).reshape(-1, 2) - place)
    return legs.max(1) + legs.min(1) / 2


def gaps(obstacles, place) -> np.ndarray:
    """Half-widths at which square bodies at `place` and at the obstacles would touch."""
    return np.abs(obstacles - place).max(-1)


def places_of(info) -> np.ndarray:
    return np.array([each["position"] for each in info["world"]])


def test_each_class_changes_health_by_what_the_yaml_says_and_hunger_takes_its_share_at_its_time(played):
    health = played.scenario.health
    tics = np.arange(len(played.tics))
    hunger = health.hunger * (1 + tics // health.hunger_tics)
    assert health.hunger == 3 and health.hunger_tics == 32
    expected = 5000 - hunger + played.eaten @ np.array(played.scenario.class_effects)
    np.testing.assert_array_equal([info["health"] for info in played.tics], expected)
    assert played.eaten[-1].min() >= 1, "every class was met"


def test_each_pickup_is_counted_once_and_comes_back_after_the_stated_time(played):
    """The tic of the pick-up is the first of the stated ten."""
    assert played.scenario.stimuli.come_back.model_dump() == {"mode": "replace", "tics": 10}
    returned = np.concatenate([np.zeros((9, played.eaten.shape[1]), int), played.eaten[:-9]])
    np.testing.assert_array_equal(played.present, np.array(played.scenario.class_counts) - played.eaten + returned)


def test_distractors_change_nothing(played):
    distractors = np.array([each.distractor for each in played.scenario.stimuli.classes])
    assert distractors.any() == ("_with_" in played.scenario.name)
    picked_up = np.diff(played.eaten, axis=0)
    bites = np.diff(np.arange(len(played.tics)) // played.scenario.health.hunger_tics)
    changes = np.diff([info["health"] for info in played.tics]) + 3 * bites
    only_distractors = (picked_up[:, distractors].sum(1) > 0) & (picked_up[:, ~distractors].sum(1) == 0)
    assert not changes[only_distractors].any()
    assert only_distractors.any() == distractors.any()


def test_an_arena_begins_with_the_stated_number_of_each_class(played):
    for info in played.starts:
        counts = count_by_class(info, len(played.scenario.class_names))
        np.testing.assert_array_equal(counts, played.scenario.class_counts)


def test_stimuli_fill_the_arena_evenly(played):
    """Chi-square over 8 x 8 fields: as many in each as its share of the places where a stimulus may appear.

    These are all places of the spawn area away from the agent and from the obstacles of the episode.
    """
    reach, stimuli = played.scenario.arena.spawn_half_width, played.scenario.stimuli
    edges = np.linspace(-reach, reach, 9)
    ticks = (np.arange(80) + 0.5) / 40 * reach - reach
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    counts, expected = np.zeros((8, 8)), np.zeros((8, 8))
    for info in played.starts:
        free = rated_distance(grid, info["position"]) >= stimuli.clearance
        for obstacle in info["obstacles"]:
            free &= rated_distance(grid, obstacle) >= 1.5 * (played.scenario.obstacles.radius + stimuli.radius)
        places = places_of(info)
        counts += np.histogram2d(*places.T, (edges, edges))[0]
        expected += len(places) / free.sum() * np.histogram2d(*grid[free].T, (edges, edges))[0]
        assert reach - 60 < np.abs(places).max() <= reach
    assert expected.min() > 2
    assert stats.chisquare(counts.ravel(), expected.ravel()).pvalue > SMALLEST_P, counts


def test_nothing_appears_near_the_agent(played):
    clearance = played.scenario.stimuli.clearance
    for info in played.starts:
        assert rated_distance(places_of(info), info["position"]).min() >= clearance
    new = []
    for before, after in pairwise(played.tics):
        known = {tuple(each["position"]) for each in before["world"]}
        appeared = [each["position"] for each in after["world"] if tuple(each["position"]) not in known]
        new += rated_distance(appeared, after["position"]).tolist()
    assert len(new) > 10
    assert min(new) >= clearance - LONGEST_STEP


def test_obstacles_are_as_many_as_stated_touch_nothing_and_leave_room_to_pass(played):
    obstacles, room = played.scenario.obstacles, played.scenario.arena.half_width
    stated = int(played.scenario.name.rsplit("_", 1)[1]) if "obstacles" in played.scenario.name else 0
    for info in played.starts:
        assert info["obstacles"].shape == (stated, 2)
        if stated:
            between = gaps(info["obstacles"][:, None], info["obstacles"])[~np.eye(stated, dtype=bool)]
            assert between.min() >= 2 * obstacles.radius + 2 * AGENT_HALF_WIDTH
            assert np.abs(info["obstacles"]).max() <= room - obstacles.radius - 2 * AGENT_HALF_WIDTH
            assert gaps(info["obstacles"], info["position"]).min() >= obstacles.radius + AGENT_HALF_WIDTH
    if stated:
        first, second = (info["obstacles"] for info in played.starts[:2])
        assert not set(map(tuple, first)) & set(map(tuple, second)), "elsewhere in every episode"
        for info in (*played.starts, played.tics[-1]):
            apart = gaps(info["obstacles"][:, None], places_of(info))
            assert apart.min() >= obstacles.radius + played.scenario.stimuli.radius


def test_obstacles_stop_the_agent_and_stay_where_they_are(played):
    if played.scenario.obstacles is None:
        assert not any(len(info["obstacles"]) for info in played.tics)
        return
    width = played.scenario.obstacles.radius + AGENT_HALF_WIDTH
    nearest = np.array([gaps(info["obstacles"], info["position"]).min() for info in played.tics])
    assert nearest.min() >= width - 1e-3, "the agent is never inside an obstacle"
    assert (nearest < width + 1).sum() > 20, "it was in touch with obstacles for a while"
    for info in played.tics:
        np.testing.assert_array_equal(info["obstacles"], played.tics[0]["obstacles"])


def test_obstacles_fill_the_room_evenly(tmp_path):
    """Chi-square over 6 x 6 fields but the four in the middle, where the agent starts."""
    arena = build_arena(tmp_path, family("digits_obstacles_100"), stimuli__count_per_class=0)
    environment = GatheringEnvironment(arena, objects_in_world=True)
    places = np.concatenate([environment.reset(seed=seed)[1]["obstacles"] for seed in range(40)])
    environment.close()
    reach = arena.scenario.arena.half_width - 8 - 34
    assert reach - 5 < np.abs(places).max() <= reach
    edges = np.linspace(-reach, reach, 7)
    counts, _, _ = np.histogram2d(*places.T, (edges, edges))
    outside = np.ones((6, 6), bool)
    outside[2:4, 2:4] = False
    assert stats.chisquare(counts[outside]).pvalue > SMALLEST_P, counts


@pytest.mark.parametrize("name", ["apples_with_cifar10", "mnist_obstacles_300"])
def test_a_stream_adds_one_of_a_random_class_per_interval(name, tmp_path):
    arena = build_arena(
        tmp_path,
        family(name),
        stimuli__come_back={"mode": "stream", "tics": 4},
        health={"start": 5000, "maximum": 10_000, "hunger": 0},
        frame_skip=1,
    )
    environment = GatheringEnvironment(arena, objects_in_world=True)
    infos = list(forage(environment, seed=3))
    environment.close()
    run = Played(arena.scenario, [], infos)
    added = run.present + run.eaten - np.array(arena.scenario.class_counts)
    np.testing.assert_array_equal(added.sum(1), np.arange(TICS + 1) // 4)
    assert run.eaten[-1].sum() > 5
    assert stats.chisquare(added[-1]).pvalue > SMALLEST_P, added[-1]
