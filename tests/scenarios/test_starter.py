"""`scenario new`: a starter file that can be played as it is."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.scenarios import get_arena, load_scenario, new_scenario
from retinoscope.scenarios.starter import spread_effects
from tests.arenas import image_folder_scenario
from tests.scenarios.test_archive import sprites

IMAGES = list(np.random.default_rng(0).integers(0, 256, (3, 6, 6), dtype=np.uint8))


@pytest.mark.parametrize(
    ("count", "effects"),
    [
        (1, (20,)),
        (2, (-20, 20)),
        (3, (-20, 0, 20)),
        (5, (-30, -10, 0, 10, 30)),
        (10, (-30, -25, -20, -15, -10, 10, 15, 20, 25, 30)),
    ],
)
def test_effects_are_spread_from_hurt_to_heal(count, effects):
    assert spread_effects(count) == effects


@pytest.mark.parametrize("count", range(1, 61))
def test_as_much_heals_as_hurts_and_the_order_is_kept(count):
    effects = spread_effects(count)
    assert len(effects) == count and list(effects) == sorted(effects)
    assert sum(effects) == 0 or count == 1
    assert max(map(abs, effects)) <= 30


def test_a_folder_of_classes_becomes_a_playable_file_beside_it(tmp_path):
    image_folder_scenario(tmp_path / "My Pets!", {"dog": IMAGES, "old cat": IMAGES[:1], "bird": IMAGES[:2]})
    path = new_scenario(tmp_path / "My Pets!", tmp_path / "pets.yaml")
    scenario = load_scenario(path)
    assert dict(zip(scenario.class_names, scenario.class_effects, strict=True)) == {
        "bird": -20,
        "dog": 0,
        "old_cat": 20,
    }
    assert scenario.name == "my_pets" and scenario.stimuli.count_per_class == 17
    assert "path: My Pets!" in path.read_text()
    moved = tmp_path / "moved"
    moved.mkdir()
    path.rename(moved / "pets.yaml")
    (tmp_path / "My Pets!").rename(moved / "My Pets!")
    assert len(sprites(get_arena(moved / "pets.yaml", tmp_path / "arenas"))) == 6


def test_twenty_pictures_without_subfolders_become_twenty_classes(tmp_path, monkeypatch):
    image_folder_scenario(tmp_path, {"mine": IMAGES * 6 + IMAGES[:2]})
    monkeypatch.chdir(tmp_path)
    path = new_scenario("mine")
    scenario = load_scenario(path)
    assert str(path) == "mine.yaml" and len(scenario.class_names) == 20
    assert scenario.class_names[:2] == ("000", "001") and scenario.class_effects[0] == -30
    assert sum(scenario.class_counts) == 40
    assert [each.shape[0] for each in sprites(get_arena(path, tmp_path / "arenas"))] == [6] * 20


def test_images_elsewhere_are_found_from_the_file(tmp_path):
    image_folder_scenario(tmp_path / "far" / "away", {"a": IMAGES, "b": IMAGES})
    (tmp_path / "here").mkdir()
    path = new_scenario(tmp_path / "far" / "away", tmp_path / "here" / "new.yaml")
    assert get_arena(path, tmp_path / "arenas").scenario.class_names == ("a", "b")


def test_any_set_by_name_and_replacing_a_file(tmp_path):
    out = tmp_path / "stripes.yaml"
    out.write_text("old")
    assert load_scenario(new_scenario("gabors", out, overwrite=True)).name == "gabors"
    assert load_scenario(out).class_names == tuple(sorted(load_scenario("gabors").class_names))
