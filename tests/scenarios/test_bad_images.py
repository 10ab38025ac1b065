"""Everything a user can get wrong about images is told in one line that names the place.

The list: a file that is missing, empty, no archive, cut short, a single array, or made of Python objects; arrays
missing, of unequal length, of the wrong type, shape, range or size; invisible images; a split that is none; classes
that are empty, unknown, without a usable name, too long or the same once sanitised; pictures that cannot be read; links
that leave the folder; too many images or classes; a set whose classes do not fit; a source that is none; a split
without images.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retinoscope.scenarios import (
    Scenario,
    choose_images,
    get_arena,
    load_labelled_images,
    load_scenario,
    new_scenario,
)
from retinoscope.scenarios.archive import build_archive, require_loadable
from retinoscope.scenarios.class_names import sanitised
from tests.arenas import image_folder_scenario
from tests.scenarios.test_bad_input import complaint

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 6, 6), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1])


class Exploding:
    """Would write a file if it were ever unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return Path.touch, (Path(self.place),)


def npz(folder, **changes):
    arrays = {"images": IMAGES, "labels": LABELS} | changes
    path = folder / "set.npz"
    np.savez(path, **{key: each for key, each in arrays.items() if each is not None})
    return path


def see_through(images):
    coloured = np.repeat(images[..., None], 4, axis=-1)
    coloured[2, ..., 3] = 100
    return coloured


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"labels": None}, "has no array 'labels'"),
        ({"images": None}, "has no array 'images'"),
        ({"labels": LABELS[:3]}, "has 4 images and 3 labels"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "images have shape 0x6x6"),
        ({"images": IMAGES.astype(float)}, "images are float64; convert them to uint8"),
        ({"images": IMAGES.astype(np.int16)}, "images are int16"),
        ({"images": IMAGES[0]}, "images have shape 6x6;"),
        ({"images": np.zeros((4, 6, 6, 2), np.uint8)}, "images have shape 4x6x6x2"),
        ({"images": np.zeros((4, 600, 2), np.uint8)}, "images are 600 x 2"),
        ({"images": np.zeros((4, 2, 60), np.uint8)}, "images are 2 x 60"),
        ({"images": see_through(IMAGES)}, "image 2 is transparent all over"),
        ({"labels": LABELS / 2}, "labels are float64"),
        ({"labels": LABELS[:, None]}, "labels are int64 with 2 axes"),
        ({"class_names": np.array(["only one"])}, "labels must be 0 to 0"),
        ({"labels": LABELS - 1, "class_names": np.array(["a", "b"])}, "labels must be 0 to 1"),
        ({"class_names": np.array([1, 2])}, "class_names are int64"),
        ({"class_names": np.array(["a b", "a  b"])}, "classes 'a b' and 'a  b' would both be called 'a_b'"),
        ({"class_names": np.array(["a", "x" * 33])}, "name of 33 letters"),
        ({"class_names": np.array(["a", "猫"])}, "class '猫' has no letter"),
        ({"split": np.array([0, 1, 2, 0])}, "split must hold a 0"),
        ({"split": np.array([0, 1])}, "split must hold a 0"),
    ],
)
def test_an_npz_whose_arrays_do_not_fit(changes, expected, tmp_path):
    path = npz(tmp_path, **changes)
    line = complaint(lambda: load_labelled_images(path))
    assert line.startswith(f"{path}: ") and re.search(re.escape(expected), line), line


def test_python_objects_in_an_npz_are_refused_and_never_run(tmp_path):
    path = npz(tmp_path, images=np.array([Exploding(tmp_path / "boom")], object))
    assert "holds Python objects" in complaint(lambda: load_labelled_images(path))
    bare = tmp_path / "bare.npz"
    bare.write_bytes(pickle.dumps(Exploding(tmp_path / "boom")))
    assert "Python objects" in complaint(lambda: load_labelled_images(bare))
    assert not (tmp_path / "boom").exists()


def spoilt(path, content):
    path.write_bytes(content)
    return path


def test_files_that_are_no_npz(tmp_path):
    whole = npz(tmp_path).read_bytes()
    single = tmp_path / "single.npz"
    with single.open("wb") as file:
        np.save(file, IMAGES)
    for path in (
        spoilt(tmp_path / "empty.npz", b""),
        spoilt(tmp_path / "text.npz", b"these are no images"),
        spoilt(tmp_path / "cut.npz", whole[:-200]),
        spoilt(tmp_path / "flipped.npz", whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]),
        single,
    ):
        line = complaint(lambda path=path: load_labelled_images(path))
        assert line.startswith(f"{path}: "), line
        assert "numpy.savez" in line
    assert "no such file" in complaint(lambda: load_labelled_images(tmp_path / "nowhere.npz"))


def test_a_source_that_is_none(tmp_path):
    for text in ("nonsense", str(tmp_path / "nowhere"), "openml:", "openml:../../etc", "digits.npy", ""):
        line = complaint(lambda text=text: load_labelled_images(text))
        assert line.startswith(f"images {text!r}: "), line


@pytest.mark.parametrize("place", ["class", "file"])
def test_a_link_that_leaves_the_folder(place, tmp_path):
    image_folder_scenario(tmp_path / "elsewhere", {"secret": [IMAGES[0]]})
    image_folder_scenario(tmp_path / "pictures", {"thing": [IMAGES[0]]})
    secret = tmp_path / "elsewhere" / "secret"
    if place == "class":
        link = tmp_path / "pictures" / "open"
        link.symlink_to(secret)
    else:
        link = tmp_path / "pictures" / "thing" / "open.png"
        link.symlink_to(secret / "000.png")
    line = complaint(lambda: load_labelled_images(tmp_path / "pictures"))
    assert line.startswith(f"{link}: leads out of the folder of images")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("my cat", "my_cat"), "classes 'my cat' and 'my_cat' would both be called 'my_cat'"),
        (("x" * 40,), "name of 40 letters; shorten it to 32"),
        (("???",), "class '???' has no letter"),
    ],
)
def test_class_folders_whose_names_cannot_be_used(names, expected, tmp_path):
    image_folder_scenario(tmp_path / "pictures", {name: [IMAGES[0]] for name in names})
    line = complaint(lambda: load_labelled_images(tmp_path / "pictures"))
    assert line.startswith(f"{tmp_path / 'pictures'}: ") and expected in line


def test_names_that_can_be_used_stay_as_they_are():
    names = ("a-b", "7", "Cat", "cat", "x_")
    assert sanitised(names, "here") == names


def test_a_folder_without_pictures_and_one_with_an_empty_class(tmp_path):
    assert "holds no images" in complaint(lambda: load_labelled_images(tmp_path))
    image_folder_scenario(tmp_path / "pictures", {"full": [IMAGES[0]], "empty": []})
    for action in (load_labelled_images, new_scenario):
        line = complaint(lambda action=action: action(tmp_path / "pictures"))
        assert line.startswith(f"{tmp_path / 'pictures' / 'empty'}: class 'empty' has no images")


def test_a_class_without_images_in_an_npz(tmp_path):
    path = npz(tmp_path, class_names=np.array(["a", "b", "c"]))
    scenario = load_scenario("digits").model_dump(mode="json")
    scenario["stimuli"] |= {"images": {"source": "npz", "path": str(path)}, "classes": [{"name": "c", "health": 1}]}
    line = complaint(lambda: get_arena(Scenario.model_validate(scenario), tmp_path / "arenas"))
    assert line == f"class 'c': has no images in {path}; add some or leave it out"
    assert "class 'c' has no images" in complaint(lambda: new_scenario(path, tmp_path / "new.yaml"))


def test_a_part_without_images(tmp_path):
    path = npz(tmp_path, split=np.array([0, 0, 0, 1]))
    scenario = choose_images(load_scenario("apples"), path, "test")
    line = complaint(lambda: get_arena(scenario, tmp_path / "arenas"))
    assert line.startswith("class '0': has no images") and "in its test part" in line


def test_a_split_that_is_none():
    line = complaint(lambda: choose_images(load_scenario("apples"), split="validation"))
    assert line.startswith("split 'validation': unknown; choose from all, train, test")


def test_a_set_whose_classes_do_not_fit_the_scenario(tmp_path):
    line = complaint(lambda: choose_images(load_scenario("digits"), npz(tmp_path)))
    assert line.startswith("images 'set': has the classes 0, 1, scenario 'digits' asks for 0, 1, 2") and "new" in line


def test_more_images_than_the_engine_can_number(tmp_path):
    scenario = load_scenario("apples")
    images = {"red": [IMAGES[0]] * 32_000, "blue": [IMAGES[0]] * 32_001}
    line = complaint(lambda: require_loadable(scenario, images))
    assert line.startswith("apples: has 64,001 images, and the engine loads 64,000 at most")
    require_loadable(scenario, images | {"blue": images["red"]})


def test_an_npz_with_more_images_than_the_engine_can_number(tmp_path):
    images = np.zeros((64_001, 1, 1), np.uint8)
    path = npz(tmp_path, images=images, labels=np.arange(64_001) % 2)
    scenario = choose_images(load_scenario("apples"), path)
    line = complaint(lambda: build_archive(scenario, tmp_path / "arenas"))
    assert "has 64,001 images" in line and "--split train" in line
    assert not (tmp_path / "arenas").exists()


def test_more_classes_than_the_engine_can_count(tmp_path):
    path = npz(tmp_path, images=np.zeros((61, 2, 2), np.uint8), labels=np.arange(61))
    line = complaint(lambda: new_scenario(path, tmp_path / "new.yaml"))
    assert "has 61 classes" in line and "60 at most" in line
    assert not (tmp_path / "new.yaml").exists()


def test_a_scenario_file_is_not_overwritten_and_has_its_own_ending(tmp_path):
    out = tmp_path / "mine.yaml"
    out.write_text("years of work")
    path = npz(tmp_path)
    assert "exists already" in complaint(lambda: new_scenario(path, out))
    assert out.read_text() == "years of work"
    assert "ends in .yaml" in complaint(lambda: new_scenario(path, tmp_path / "mine.txt"))
    assert "cannot be written" in complaint(lambda: new_scenario(path, tmp_path / "nowhere" / "mine.yaml"))


def test_pictures_that_cannot_be_read_are_named(tmp_path):
    image_folder_scenario(tmp_path / "pictures", {"thing": [IMAGES[0]]})
    bad = tmp_path / "pictures" / "thing" / "bad.jpg"
    for spoil in (lambda: bad.write_bytes(b""), lambda: bad.write_bytes(b"GIF89a"), lambda: _thin(bad)):
        spoil()
        line = complaint(lambda: load_labelled_images(tmp_path / "pictures"))
        assert line.startswith(f"{bad}: "), line


def _thin(path):
    Image.new("L", (90, 3)).save(path)
