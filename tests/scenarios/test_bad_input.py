"""Everything a user can get wrong about a scenario is told in one line that names the place."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from retinoscope.errors import UserError
from retinoscope.scenarios import Scenario, get_arena, load_scenario
from tests.arenas import image_folder_scenario

GOOD = {
    "name": "mine",
    "arena": {"half_width": 640},
    "stimuli": {
        "images": {"source": "digits"},
        "classes": [{"name": "1", "health": -5}, {"name": "7", "health": 5}],
        "come_back": {"mode": "stream"},
    },
    "health": {"start": 100},
}


def complaint(action):
    with pytest.raises(UserError) as caught:
        action()
    line = str(caught.value)
    assert "\n" not in line and len(line) < 400
    assert ";" in line, "says what to do"
    return line


def write(folder, content):
    path = folder / "mine.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def changed(path, value):
    content = copy.deepcopy(GOOD)
    *parents, key = path.split(".")
    place = content
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    if value is None:
        del place[key]
    else:
        place[key] = value
    return content


def test_a_misspelt_key_is_called_unknown_rather_than_missing(tmp_path):
    content = copy.deepcopy(GOOD)
    content["stimuly"] = content.pop("stimuli")
    assert "unknown key 'stimuly'" in complaint(lambda: load_scenario(write(tmp_path, content)))


def test_the_good_one_is_good(tmp_path):
    assert load_scenario(write(tmp_path, GOOD)).class_names == ("1", "7")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("colour", "red", "unknown key 'colour'"),
        ("stimuli.clases", [], "unknown key 'stimuli.clases'"),
        ("stimuli.images.pixels", 9, "unknown key 'stimuli.images.pixels'"),
        ("arena.half_width", "wide", "arena.half_width: .*integer.*'wide'"),
        ("arena.half_width", 5, "arena.half_width: .*greater than or equal to 128"),
        ("arena.spawn_half_width", 630, "arena: spawn_half_width must be at least 32 less than half_width"),
        ("arena.wall", "../../etc", "arena.wall"),
        ("arena.wall", 'X"; }', "arena.wall"),
        ("name", "../elsewhere", "name: .*'../elsewhere'"),
        ("name", None, "name: is missing"),
        ("stimuli", None, "stimuli: is missing"),
        ("stimuli.images", {"source": "folder"}, "stimuli.images.path: is missing"),
        ("stimuli.images.source", "mnist", "stimuli.images: .*'mnist'"),
        ("stimuli.classes", [], "stimuli.classes: .*at least 1"),
        ("stimuli.classes", [{"name": f"{n}", "health": 1} for n in range(61)], "stimuli.classes: .*at most 60"),
        ("stimuli.classes.0.name", "..", "stimuli.classes.0.name"),
        ("stimuli.classes.0.name", "a/b", "stimuli.classes.0.name"),
        ("stimuli.classes.0.name", "1\n", "stimuli.classes.0.name"),
        ("stimuli.classes.0.name", 1, "stimuli.classes.0.name: .*valid string"),
        ("stimuli.classes.0.name", "7", "stimuli: class '7' appears more than once"),
        ("stimuli.classes.0.name", "eleven", "class 'eleven': has no images in scikit-learn's digits"),
        ("stimuli.classes.0.health", None, "stimuli.classes.0.health: is missing"),
        ("stimuli.classes.0.health", 1.5, "stimuli.classes.0.health: .*1.5"),
        ("stimuli.size", float("nan"), "stimuli.size: .*finite"),
        ("stimuli.size", 0, "stimuli.size: .*greater than 0"),
        ("stimuli.vertical_offset", 100, "stimuli.vertical_offset"),
        ("stimuli.clearance", 501, r"stimuli.clearance \(501\) must not be above arena.spawn_half_width \(500\)"),
        ("stimuli.come_back.mode", "never", "stimuli.come_back.mode: .*'replace' or 'stream'"),
        ("health.start", 500, r"health: start \(500\) must not be above maximum \(200\)"),
        ("health.start", 3, r"health: start \(3\) must be above hunger \(3\)"),
        ("health.hunger", -1, "health.hunger"),
        ("frame_skip", 0, "frame_skip: .*greater than or equal to 1"),
        ("episode_tics", "long", "episode_tics: .*'long'"),
    ],
)
def test_a_wrong_value_is_named_with_the_file_or_class(path, value, expected, tmp_path):
    file = write(tmp_path, changed(path, value))
    line = complaint(lambda: get_arena(file, tmp_path / "arenas"))
    assert re.search(expected, line), line
    assert line.startswith((f"{file}: ", "class "))
    assert not (tmp_path / "arenas").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("name: [unclosed", "is not YAML"),
        ("name: mine\nname: yours\n", "is not YAML .*'name' is repeated"),
        ("- a\n- list\n", "holds no mapping"),
        ("", "holds no mapping"),
        ("name: !!python/object/apply:os.system [true]\n", "is not YAML .*constructor"),
        ("[" * 400, "is not YAML"),
    ],
)
def test_a_file_that_is_not_a_scenario(content, expected, tmp_path):
    file = write(tmp_path, content)
    line = complaint(lambda: load_scenario(file))
    assert line.startswith(f"{file}: ") and re.search(expected, line), line


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(bytes(range(128, 256)))
    assert complaint(lambda: load_scenario(file)).startswith(f"{file}: is not YAML")


def test_nested_aliases_that_would_fill_the_memory_are_refused_quickly(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    file = write(tmp_path, "\n".join([*lines, "name: *a11", "stimuli: *a11"]))
    assert complaint(lambda: load_scenario(file)).startswith(f"{file}: ")


def test_a_missing_file_and_a_folder_in_its_place(tmp_path):
    missing = tmp_path / "missing.yaml"
    assert complaint(lambda: load_scenario(missing)).startswith(f"{missing}: cannot be read (No such file")
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    assert complaint(lambda: load_scenario(folder)).startswith(f"{folder}: cannot be read (Is a directory")


def test_an_unknown_name_lists_the_known_ones():
    line = complaint(lambda: load_scenario("digit"))
    assert line.startswith("scenario 'digit': unknown; choose from apples, ") and ", digits, " in line


def picture(folder, **classes):
    specification = image_folder_scenario(folder, {name: [np.zeros((8, 8), np.uint8)] for name in classes or ["thing"]})
    return Scenario.model_validate(specification)


def bad_picture(folder, make):
    scenario = picture(folder / "pictures")
    file = folder / "pictures" / "thing" / "bad.png"
    make(file)
    line = complaint(lambda: get_arena(scenario, folder / "arenas"))
    assert line.startswith(f"{file}: "), line
    return line


def test_an_image_file_that_is_not_one(tmp_path):
    assert "is not an image" in bad_picture(tmp_path, lambda file: file.write_text("not an image"))


def test_an_image_file_that_is_empty(tmp_path):
    assert "is not an image" in bad_picture(tmp_path, lambda file: file.touch())


def test_a_folder_named_like_an_image(tmp_path):
    assert "is not an image" in bad_picture(tmp_path, Path.mkdir)


def test_an_image_that_was_cut_short(tmp_path):
    def make(file):
        Image.fromarray(np.random.default_rng(0).integers(256, size=(64, 64), dtype=np.uint8)).save(file)
        file.write_bytes(file.read_bytes()[:-1000])

    assert "is not an image" in bad_picture(tmp_path, make)


def test_an_image_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "is not an image" in bad_picture(tmp_path, lambda file: Image.new("L", (50, 50)).save(file))


def test_an_image_that_is_all_transparent(tmp_path):
    assert "transparent all over" in bad_picture(tmp_path, lambda file: Image.new("RGBA", (8, 8)).save(file))


def test_an_image_that_is_a_thin_line(tmp_path):
    assert "8 times as wide as tall" in bad_picture(tmp_path, lambda file: Image.new("L", (100, 2)).save(file))


def test_a_class_without_images(tmp_path):
    scenario = picture(tmp_path / "pictures", thing=1, empty=1)
    (tmp_path / "pictures" / "empty" / "000.png").rename(tmp_path / "pictures" / "empty" / "notes.txt")
    line = complaint(lambda: get_arena(scenario, tmp_path / "arenas"))
    assert line.startswith(f"{tmp_path / 'pictures' / 'empty'}: class 'empty' has no images")


def test_a_folder_of_images_that_does_not_exist(tmp_path):
    specification = changed("stimuli.images", {"source": "folder", "path": "nowhere"})
    file = write(tmp_path, specification)
    line = complaint(lambda: get_arena(file, tmp_path / "arenas"))
    assert line.startswith(f"{tmp_path / 'nowhere'}: no such folder of images")


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    line = complaint(lambda: get_arena("apples", tmp_path / "file" / "arenas"))
    assert line.startswith(f"{tmp_path / 'file' / 'arenas'}: cannot be written")


def test_hidden_files_beside_the_images_are_passed_over(tmp_path):
    scenario = picture(tmp_path / "pictures")
    (tmp_path / "pictures" / "thing" / "._000.png").write_text("what some systems leave behind")
    assert get_arena(scenario, tmp_path / "arenas").path.is_file()
