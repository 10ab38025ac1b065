"""Pick-ups and objects in view by kind, in arenas made elsewhere: against the engine's own counts and labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.scenarios import foreign_part, get_arena
from retinoscope.worlds.choosing import find_world
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.doom.foreign import REACH, Things, gone_within_reach
from retinoscope.worlds.doom.trial import Trial, trial_of
from tests.foreign import counted_arena
from tests.worlds.test_doom_foreign import to_the_nearest

KINDS = ("Stimulus00_blue", "Stimulus01_red", "StimulusSpawner")


@pytest.fixture(scope="module")
def cfg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counted_arena(tmp_path_factory.mktemp("kinds"))[0]


def tried(name: str | Path) -> Trial:
    arena = get_arena(name)
    foreign = foreign_part(arena.scenario)
    assert foreign is not None
    return trial_of(arena, foreign)


def test_the_trial_meets_what_is_there_and_what_scripts_bring(cfg: Path) -> None:
    assert tried(cfg).objects == tried(cfg).pickups == KINDS
    supreme = tried("vizdoom:health_gathering_supreme")
    assert supreme.kinds == (("CustomMedikit", "Health"), ("Poison", "Health"))
    deathmatch = tried("vizdoom:deathmatch")
    assert {"Stimpack", "Medikit", "BlueArmor", "ShellBox", "PlasmaRifle"} <= set(deathmatch.pickups)
    assert len(deathmatch.pickups) > 11
    corridor = tried("vizdoom:deadly_corridor")
    assert {"ChaingunGuy", "GreenArmor"} <= set(corridor.objects) and corridor.pickups == ("GreenArmor",)


def test_pick_ups_by_kind_are_those_that_the_engine_counts(cfg: Path) -> None:
    """In every decision, however many were picked up in it, and whatever became of health."""
    environment, several = GatheringEnvironment(get_arena(cfg)), 0
    counted = np.zeros(2, int)
    try:
        for seed in range(3):
            _, info = environment.reset(seed=seed)
            before = np.array([info["variables"]["USER1"], info["variables"]["USER2"]])
            assert not info["pickups"].any()
            for _ in range(150):
                _, _, terminated, truncated, info = environment.step(to_the_nearest(info))
                counts = np.array([info["variables"]["USER1"], info["variables"]["USER2"]])
                picked, before = counts - before, counts
                if terminated:
                    break
                assert info["pickups"][2:].tolist() == [*picked, 0, 0]
                several += picked.sum() > 1
                counted += picked.astype(int)
                if truncated:
                    break
    finally:
        environment.close()
    assert (counted > 5).all(), counted


def test_things_are_gone_within_reach_of_the_path_by_a_slow_loop() -> None:
    random = np.random.default_rng(0)
    before: Things = {each: (f"kind {each % 3}", *random.uniform(-300, 300, 2).tolist()) for each in range(300)}
    after = {number: thing for number, thing in before.items() if random.random() < 0.5}
    after[1000] = ("new", 0.0, 0.0)
    start, end = np.array([-40.0, 10.0]), np.array([90.0, -30.0])
    expected = []
    for number in sorted(set(before) - set(after)):
        name, x, y = before[number]
        # The nearest point of the path, found by trying many.
        path = start + np.linspace(0, 1, 5001)[:, None] * (end - start)
        nearest = path[np.hypot(*(path - [x, y]).T).argmin()]
        if abs(nearest[0] - x) <= REACH and abs(nearest[1] - y) <= REACH:
            expected.append(name)
    assert sorted(gone_within_reach(before, after, (start, end))) == sorted(expected)
    assert 5 < len(expected) < 100
    here = np.array([3.0, 4.0])
    assert gone_within_reach({1: ("kit", 3.0 + REACH, 4.0)}, {}, (here, here)) == ["kit"]
    assert gone_within_reach({1: ("kit", 4.0 + REACH, 4.0)}, {}, (here, here)) == []


def test_they_are_declared_recorded_and_labelled(cfg: Path, tmp_path: Path) -> None:
    world = find_world(str(cfg))
    declared = world.declaration
    assert [each.name for each in declared.events] == ["healing", "harmful", *KINDS, "other pick-up"]
    assert declared.valences.tolist() == [1, -1, 0, 0, 0, 0]
    assert [each.valence for each in declared.events[2:]] == [None] * 4
    assert declared.object_classes == (*KINDS, "other") and declared.object_valences == (None,) * 4
    recording = retinoscope.record(
        retinoscope.random_agent(str(cfg)), frames=600, out=tmp_path / "r.zarr", environments=2, workers=1
    )
    assert recording.world == declared
    rows, objects = recording.rows(), recording.objects()
    np.testing.assert_array_equal(rows["event"], [each.name for each in declared.events])
    # The engine's own counters are recorded as variables: what they rise by is what was picked up of each kind.
    goes_on = (np.diff(rows["episode"]) == 0)[:, None]
    rise = np.diff(np.stack([rows["USER1"], rows["USER2"]], axis=1), axis=0)
    np.testing.assert_array_equal(rows["events"].values[:-1, 2:4] * goes_on, rise * goes_on)
    assert (rise * goes_on).sum() > 0
    assert {each["class_index"] for row in objects for each in row} == {0, 1}


def test_objects_in_view_are_of_the_kind_that_the_engine_names() -> None:
    """What only shooting brings, the puffs of bullets, is of no kind that the trial met."""
    environment = GatheringEnvironment("vizdoom:defend_the_center")
    kinds = find_world("vizdoom:defend_the_center").declaration.object_classes
    assert kinds is not None
    seen: set[str] = set()
    try:
        _, info = environment.reset(seed=0)
        over = False
        while not over:
            _, _, terminated, truncated, info = environment.step(np.array([1, 1]))
            over = terminated or truncated
            for each in info["objects"]:
                name = kinds[each["class_index"]]
                assert name == (each["name"] if each["name"] in kinds else "other")
                seen.add(name)
    finally:
        environment.close()
    assert seen == {"Demon", "MarineChainsawVzd", "other"}
