"""Files that extend files: what is merged, what is replaced, and every way in which it can go wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from retinoscope.errors import UserError
from retinoscope.scenarios import load_scenario, read_scenario
from retinoscope.scenarios.scenario_files import LIBRARY


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def complaint(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_scenario(path)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 500 and ";" in line
    return line


def test_mappings_are_merged_key_by_key_and_lists_are_replaced(tmp_path):
    base = load_scenario("digits")
    path = write(
        tmp_path,
        "mine.yaml",
        {
            "extends": "digits",
            "name": "mine",
            "health": {"hunger": 5},
            "stimuli": {"come_back": {"tics": 30}, "classes": [{"name": "7", "health": 4}]},
        },
    )
    mine = read_scenario(path)
    assert mine.name == "mine" and mine.title == base.title
    assert mine.health == base.health.model_copy(update={"hunger": 5})
    assert mine.stimuli.come_back.model_dump() == {"mode": "replace", "tics": 30}
    assert (mine.class_names, mine.class_effects) == (("7",), (4,))
    assert mine.stimuli.images == base.stimuli.images


def test_extending_changes_nothing_else(tmp_path):
    base = load_scenario("digits_obstacles_300")
    assert read_scenario(write(tmp_path, "same.yaml", {"extends": "digits_obstacles_300"})) == base
    without = read_scenario(write(tmp_path, "without.yaml", {"extends": "digits_obstacles_300", "obstacles": None}))
    assert without == base.model_copy(update={"obstacles": None})


def test_images_of_another_source_replace_the_former_and_of_the_same_are_merged(tmp_path):
    other = {"extends": "mnist", "stimuli": {"images": {"source": "folder", "path": "pictures"}}}
    images = read_scenario(write(tmp_path, "other.yaml", other)).stimuli.images
    assert images.model_dump(mode="json") == {"source": "folder", "path": str(tmp_path / "pictures")}
    part = {"extends": "mnist", "stimuli": {"images": {"split": "test"}}}
    images = read_scenario(write(tmp_path, "part.yaml", part)).stimuli.images
    assert (images.source, images.name, images.split) == ("openml", "mnist_784", "test")


def test_files_are_found_from_the_file_that_names_them_and_images_too(tmp_path):
    """Three files in three folders, each found from the one before; images lie where the file says that names them."""
    own = {"source": "folder", "path": "own"}
    grandparent = {
        "name": "grandparent",
        "stimuli": {
            "images": {"source": "folder", "path": "pictures"},
            "classes": [{"name": "a", "health": 1}, {"name": "b", "health": 0, "images": own, "image_class": "c"}],
        },
    }
    write(tmp_path, "one/grandparent.yaml", grandparent)
    write(tmp_path, "two/parent.yml", {"extends": "../one/grandparent.yaml", "name": "parent", "frame_skip": 2})
    path = write(tmp_path, "three/child.yaml", {"extends": "../two/parent.yml", "episode_tics": 70})
    child = read_scenario(path)
    assert (child.name, child.frame_skip, child.episode_tics) == ("parent", 2, 70)
    assert child.stimuli.images.path.resolve() == tmp_path / "one" / "pictures"
    assert child.stimuli.classes[1].images.path.resolve() == tmp_path / "one" / "own"


def test_one_file_may_be_extended_by_two_of_a_chain_that_is_no_circle(tmp_path):
    write(tmp_path, "digits.yaml", {"extends": "digits", "frame_skip": 2})
    path = write(tmp_path, "mine.yaml", {"extends": "digits.yaml"})
    assert read_scenario(path).frame_skip == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"extends": "digit"}, r"extends: 'digit' is no scenario; choose from apples, .*digits"),
        ({"extends": "missing.yaml"}, r"extends: there is no file .*missing\.yaml; correct"),
        ({"extends": ["digits"]}, r"extends: \[.*\] is no scenario"),
        ({"extends": 7}, r"extends: 7 is no scenario"),
        ({"extends": None}, r"extends: None is no scenario"),
        ({"extends": "mine.yaml"}, r"extends itself \(mine\.yaml -> mine\.yaml\); extend another"),
        ({"extends": "./mine.yaml"}, r"extends itself"),
        ({"extends": "digits", "stimuly": {}}, r"unknown key 'stimuly'"),
        ({"extends": "digits", "obstacles": {"number": 5}}, r"unknown key 'obstacles\.number'"),
        ({"extends": "digits", "stimuli": []}, r"stimuli: .*given: \[\]"),
        ({"extends": "digits", "stimuli": {"classes": {"name": "1"}}}, r"stimuli\.classes: .*tuple"),
        ({"extends": "digits", "stimuli": {"images": "digits"}}, r"stimuli\.images: .*'digits'"),
        ({"extends": "digits", "obstacles": {"count": 1.5}}, r"obstacles\.count: .*1\.5"),
        ({"extends": "digits", "obstacles": {}}, r"obstacles\.count: is missing; add it"),
        ({"extends": "digits", "obstacles": {"count": 280}}, r"obstacles: 280 of radius 8 do not fit .*; 279 do"),
        (
            {"extends": "digits", "obstacles": {"count": 9, "radius": 65}},
            r"obstacles\.radius: .*less than or equal to 64",
        ),
        (
            {"extends": "digits", "obstacles": {"count": 9, "height": 193}},
            r"obstacles\.height \(193\) must not be above",
        ),
        (
            {"extends": "digits", "stimuli": {"radius": 100}, "obstacles": {"count": 34}},
            r"obstacles: 34 of radius 8 do not fit .*; 33 do",
        ),
        (
            {"extends": "digits", "stimuli": {"classes": [{"name": "1", "health": 5, "distractor": True}]}},
            r"stimuli\.classes\.0: distractor '1' has health 5, which must be 0; correct it",
        ),
        (
            {"extends": "digits", "stimuli": {"classes": [{"name": "1", "health": 5, "count": -1}]}},
            r"stimuli\.classes\.0\.count: .*greater than or equal to 0",
        ),
        (
            {"extends": "digits", "stimuli": {"classes": [{"name": "1", "health": 5}, {"name": "1", "health": 0}]}},
            r"stimuli: class '1' appears more than once",
        ),
        (
            {"extends": "digits", "stimuli": {"classes": [{"name": f"{n}", "health": 0} for n in range(61)]}},
            r"stimuli\.classes: .*at most 60",
        ),
        (
            {"extends": "digits", "stimuli": {"classes": [{"name": "a" * 33, "health": 0}]}},
            r"stimuli\.classes\.0\.name",
        ),
        (
            {"extends": "digits", "stimuli": {"classes": [{"name": "a", "health": 0, "images": {"source": "web"}}]}},
            r"stimuli\.classes\.0\.images: .*'web'",
        ),
        (
            {"extends": "digits", "stimuli": {"classes": [{"name": "a", "health": 0, "image_class": "../b"}]}},
            r"stimuli\.classes\.0\.image_class",
        ),
        ({"extends": "digits", "arena": {"spawn_half_width": 620}}, r"spawn_half_width must be at least 32 less"),
    ],
)
def test_a_wrong_file_is_one_clear_line(changes, expected, tmp_path):
    path = write(tmp_path, "mine.yaml", changes)
    line = complaint(path)
    assert line.startswith(f"{path}: ")
    assert re.search(expected, line), line


def test_a_circle_of_files_is_told_with_all_its_members(tmp_path):
    write(tmp_path, "a.yaml", {"extends": "b.yaml"})
    write(tmp_path, "b.yaml", {"extends": "c.yaml"})
    write(tmp_path, "c.yaml", {"extends": "a.yaml"})
    assert "extends itself (a.yaml -> b.yaml -> c.yaml -> a.yaml)" in complaint(tmp_path / "a.yaml")


def test_a_fault_in_the_file_that_is_extended_names_that_file(tmp_path):
    base = write(tmp_path, "base.yaml", "name: [unclosed")
    assert complaint(write(tmp_path, "mine.yaml", {"extends": "base.yaml"})).startswith(f"{base}: is not YAML")
    write(tmp_path, "base.yaml", "- a list")
    assert complaint(tmp_path / "mine.yaml").startswith(f"{base}: holds no mapping")


def test_shipped_files_that_extend_are_small():
    for file in LIBRARY.glob("*.yaml"):
        if "\nextends: " in file.read_text(encoding="utf-8"):
            assert len(file.read_text(encoding="utf-8").splitlines()) <= 25, file.name
