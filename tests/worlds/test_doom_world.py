"""What happens in the arena, against the specification: effects on health, counting, hunger, coming back, places."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena, count_by_class, wander


def engine_distance(x, y):
    """The engine's estimate of a distance, up to 12% above the true one: the longer leg and half the shorter."""
    return np.maximum(np.abs(x), np.abs(y)) + np.minimum(np.abs(x), np.abs(y)) / 2


@pytest.mark.parametrize("scenario", ["digits", "apples"])
def test_each_pickup_changes_health_by_what_the_yaml_says_and_is_counted_once(scenario, tmp_path):
    arena = build_arena(
        tmp_path,
        scenario,
        stimuli__count_per_class=300 // len(build_arena(tmp_path, scenario).scenario.class_names),
        stimuli__come_back={"mode": "replace", "tics": 100_000},
        health={"start": 5000, "maximum": 10_000, "hunger": 0},
        frame_skip=1,
    )
    effects = np.array(arena.scenario.class_effects)
    assert set(effects) == ({-20, 20} if scenario == "apples" else {-30, -25, -20, -15, -10, 10, 15, 20, 25, 30})
    environment, totals = GatheringEnvironment(arena, objects_in_world=True), np.zeros(len(effects), int)
    infos = []
    for info in wander(environment, steps=400):
        infos.append(info | {"in_world": count_by_class(info, len(arena.scenario.class_names))})
    for before, after in pairwise(infos):
        assert after["health"] - before["health"] == after["pickups"] @ effects
        np.testing.assert_array_equal(before["in_world"] - after["in_world"], after["pickups"])
        totals += after["pickups"]
    environment.close()
    assert totals.min() >= 2, totals


def test_healing_stops_at_the_maximum_of_health(tmp_path):
    arena = build_arena(
        tmp_path,
        "apples",
        stimuli__classes=[{"name": "red", "health": 20}],
        stimuli__count_per_class=300,
        health={"start": 150, "maximum": 197, "hunger": 0},
        frame_skip=1,
    )
    environment = GatheringEnvironment(arena, objects_in_world=True)
    infos = list(wander(environment, steps=300))
    environment.close()
    eaten = np.cumsum([info["pickups"].sum() for info in infos])
    np.testing.assert_array_equal([info["health"] for info in infos], np.minimum(150 + 20 * eaten, 197))
    assert eaten[-1] > 4


@pytest.mark.parametrize(("hunger", "interval"), [(3, 32), (7, 10)])
def test_hunger_takes_the_stated_amount_at_the_stated_interval(hunger, interval, tmp_path):
    arena = build_arena(
        tmp_path,
        "apples",
        stimuli__count_per_class=0,
        health={"start": 100, "maximum": 200, "hunger": hunger, "hunger_tics": interval},
        frame_skip=1,
    )
    environment = GatheringEnvironment(arena, objects_in_world=True)
    _, info = environment.reset(seed=0)
    health = [info["health"]]
    for _ in range(100):
        health.append(environment.step(np.array([0, 0]))[-1]["health"])
    environment.close()
    np.testing.assert_array_equal(health, 100 - hunger * (1 + np.arange(101) // interval))


def test_replaced_stimuli_keep_the_composition_constant_and_come_back_after_the_stated_time(tmp_path):
    arena = build_arena(
        tmp_path,
        "digits",
        stimuli__count_per_class=20,
        stimuli__come_back={"mode": "replace", "tics": 10},
        health={"start": 5000, "maximum": 10_000, "hunger": 0},
        frame_skip=1,
    )
    environment, counts, pickups = GatheringEnvironment(arena, objects_in_world=True), [], []
    for info in wander(environment, steps=300):
        counts.append(count_by_class(info, len(arena.scenario.class_names)))
        pickups.append(info["pickups"])
    environment.close()
    eaten = np.cumsum(pickups, axis=0)
    assert eaten[-1].sum() > 20
    # The tic of the pick-up is the first of the stated ten.
    returned = np.concatenate([np.zeros((9, 10), int), eaten[:-9]])
    np.testing.assert_array_equal(counts, 20 - eaten + returned)


def test_a_stream_adds_one_random_class_per_interval_whatever_is_taken(tmp_path):
    arena = build_arena(
        tmp_path,
        "digits",
        stimuli__count_per_class=2,
        stimuli__come_back={"mode": "stream", "tics": 4},
        health={"start": 5000, "maximum": 10_000, "hunger": 0},
        frame_skip=1,
        episode_tics=3000,
    )
    environment, added = GatheringEnvironment(arena, objects_in_world=True), []
    eaten = np.zeros(10, int)
    for info in wander(environment, steps=1200):
        eaten += info["pickups"]
        added.append(count_by_class(info, len(arena.scenario.class_names)) + eaten - 2)
    environment.close()
    assert eaten.sum() > 10
    total = np.sum(added, axis=1)
    np.testing.assert_array_equal(total, np.arange(len(total)) // 4)
    assert stats.chisquare(added[-1]).pvalue > 1e-3, added[-1]


def test_stimuli_fill_the_arena_evenly_and_leave_the_agent_room(tmp_path):
    arena = build_arena(
        tmp_path,
        "apples",
        stimuli__classes=[{"name": "red", "health": 0}],
        stimuli__count_per_class=250,
        stimuli__clearance=150,
        arena__spawn_half_width=400,
        health__hunger=0,
    )
    environment, places = GatheringEnvironment(arena, objects_in_world=True), []
    for seed in range(24):
        _, info = environment.reset(seed=seed)
        places.append([each["position"] for each in info["world"]])
    environment.close()
    assert {len(each) for each in places} == {250}
    x, y = np.concatenate(places).T
    assert engine_distance(x, y).min() >= 150
    assert -400 <= min(x.min(), y.min()) < -390
    assert 390 < max(x.max(), y.max()) <= 400
    edges = np.linspace(-400, 400, 9)
    counts, _, _ = np.histogram2d(x, y, (edges, edges))
    nearest = np.where(np.abs(edges[:-1] + 50) < 51, 0, np.minimum(np.abs(edges[:-1]), np.abs(edges[1:])))
    clear = np.hypot(*np.meshgrid(nearest, nearest)) >= 150
    assert 40 <= clear.sum() < 64
    assert stats.chisquare(counts[clear]).pvalue > 1e-3, counts


def test_nothing_comes_back_near_the_agent(tmp_path):
    arena = build_arena(
        tmp_path,
        "apples",
        stimuli__classes=[{"name": "red", "health": 0}],
        stimuli__count_per_class=150,
        stimuli__clearance=200,
        stimuli__come_back={"mode": "replace", "tics": 1},
        arena={"half_width": 300, "spawn_half_width": 250},
        health__hunger=0,
        frame_skip=1,
    )
    environment, known, new = GatheringEnvironment(arena, objects_in_world=True), None, []
    for info in wander(environment, steps=250):
        places = {tuple(each["position"]) for each in info["world"]}
        if known is not None:
            new += [engine_distance(*(np.array(place) - info["position"])) for place in places - known]
        known = places
    environment.close()
    one_tic_of_walking = 10
    assert len(new) > 30
    assert min(new) >= 200 - one_tic_of_walking
