"""Labelled images: every kind of source gives the images it holds, under names that can be used, and splits them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from retinoscope.scenarios import choose_images, get_arena, load_labelled_images, load_scenario, new_scenario
from retinoscope.scenarios.image_files import at_height

DATA = Path(__file__).parents[1] / "data"


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def noise(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def picture(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def test_the_digits_are_those_of_scikit_learn():
    found, known = load_labelled_images("digits"), load_digits()
    np.testing.assert_array_equal(found.labels, known.target)
    np.testing.assert_array_equal(found.images[..., 1], np.rint(known.images * 255 / 16))
    assert found.class_names == tuple("0123456789")


@pytest.mark.parametrize("name", ["apples", "gabors"])
def test_drawn_sets_have_as_many_images_of_each_class(name):
    found = load_labelled_images(name)
    assert set(np.bincount(found.labels, minlength=len(found.class_names))) == {24}
    assert found.name == name


@pytest.mark.parametrize(("name", "share"), [("mnist", 1 / 4), ("cifar10", 1 / 4)])
def test_a_set_with_a_split_of_its_own_keeps_it(name, share):
    path = DATA / f"{name}_sample.npz"
    found = load_labelled_images(path)
    with np.load(path) as known:
        np.testing.assert_array_equal(found.is_test, known["split"] == 1)
        np.testing.assert_array_equal(found.labels, known["labels"])
        assert found.class_names == tuple(known["class_names"])
        np.testing.assert_array_equal(
            found.images[..., 0], known["images"].reshape(*found.images.shape[:3], -1)[..., 0]
        )
    assert found.is_test.mean() == share


def test_a_folder_of_a_training_and_a_held_out_part_has_a_split_of_its_own(tmp_path):
    images = noise(6, 5, 5, 3)
    places = ("train/cat/a", "train/cat/b", "train/dog/a", "test/cat/c", "test/dog/z", "test/dog/y")
    for place, image in zip(places, images, strict=True):
        picture(tmp_path / "pets" / f"{place}.png", image)
    found = load_labelled_images(tmp_path / "pets")
    assert found.class_names == ("cat", "dog")
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.is_test.tolist() == [False, False, True, False, True, True]
    np.testing.assert_array_equal(found.images, images[[0, 1, 3, 2, 5, 4]])
    chosen = choose_images(load_scenario("apples"), tmp_path / "pets")
    assert chosen.class_names == ("cat", "dog") and chosen.stimuli.images.split == "train"
    written = new_scenario(tmp_path / "pets", tmp_path / "pets.yaml").read_text(encoding="utf-8")
    assert written.startswith("# 3 images in 2 classes") and "split: train" in written
    scenario = load_scenario(tmp_path / "pets.yaml")
    moved = [get_arena(scenario, tmp_path / "arenas").sha256]
    # The same files in the same order, and one fewer of them to be met.
    (tmp_path / "pets/train/cat/b.png").rename(tmp_path / "pets/test/cat/b.png")
    moved.append(get_arena(scenario, tmp_path / "arenas").sha256)
    assert moved[0] != moved[1]


def test_folders_called_train_and_test_that_hold_images_are_classes(tmp_path):
    for name, image in zip(("train", "test"), noise(2, 5, 5, 3), strict=True):
        picture(tmp_path / name / "a.png", image)
    assert load_labelled_images(tmp_path).class_names == ("test", "train")


def test_the_split_by_hash_is_the_same_everywhere_and_about_a_fifth():
    """The indices were noted once; another machine, process or version of numpy has to give the same."""
    found = load_labelled_images("digits")
    assert np.flatnonzero(found.is_test)[:8].tolist() == [1, 9, 15, 17, 25, 28, 36, 45]
    assert abs(found.is_test.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / len(found.is_test))


def test_the_split_by_hash_depends_on_the_image_and_not_on_its_place(tmp_path):
    images = noise(200, 6, 6)
    order = np.random.default_rng(1).permutation(200)
    labels = np.zeros(200, int)
    one = load_labelled_images(save(tmp_path / "one.npz", images=images, labels=labels))
    other = load_labelled_images(save(tmp_path / "other.npz", images=images[order], labels=labels))
    np.testing.assert_array_equal(one.is_test[order], other.is_test)
    assert 0 < one.is_test.sum() < 100


def test_the_same_image_twice_is_never_in_both_parts(tmp_path):
    images = np.repeat(noise(100, 5, 5), 2, axis=0)
    found = load_labelled_images(save(tmp_path / "twins.npz", images=images, labels=np.arange(200) % 2))
    np.testing.assert_array_equal(found.is_test[::2], found.is_test[1::2])


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 3), (9, 7, 4)])
def test_an_npz_may_be_grey_or_coloured_or_partly_transparent(shape, tmp_path):
    images = noise(10, *shape)
    found = load_labelled_images(save(tmp_path / "set.npz", images=images, labels=np.arange(10) % 2))
    assert found.images.shape == (10, 9, 7, 4 if shape[-1] == 4 else 3)
    for channel in range(3):
        source = images[..., channel] if shape[2:] and shape[2] > 1 else images.reshape(10, 9, 7)
        np.testing.assert_array_equal(found.images[..., channel], source)
    assert found.class_names == ("0", "1")


def test_labels_may_be_words_and_names_are_made_usable(tmp_path):
    labels = np.array(["Café noir", "thé", "Café noir"])
    found = load_labelled_images(save(tmp_path / "drinks.npz", images=noise(3, 4, 4), labels=labels))
    assert found.class_names == ("Cafe_noir", "the")
    assert found.labels.tolist() == [0, 1, 0]


def test_a_folder_is_read_in_the_order_of_its_names_whatever_the_sizes(tmp_path):
    shapes = {"b": [(4, 6, 3), (8, 5, 3)], "a dog": [(7, 7, 4)]}
    for name, each in shapes.items():
        for index, shape in enumerate(each):
            picture(tmp_path / name / f"{index}.png", noise(1, *shape)[0] | 128)
    picture(tmp_path / ".hidden" / "0.png", noise(1, 4, 4)[0])
    (tmp_path / "b" / "notes.txt").write_text("no image")
    found = load_labelled_images(tmp_path)
    assert found.class_names == ("a_dog", "b")
    assert found.labels.tolist() == [0, 1, 1]
    assert [image.shape for image in found.images] == [(7, 7, 4), (4, 6, 3), (8, 5, 3)]


def test_without_subfolders_every_picture_is_a_class(tmp_path):
    for name in ("me", "my house", "you"):
        picture(tmp_path / f"{name}.png", noise(1, 6, 6)[0])
    found = load_labelled_images(str(tmp_path))
    assert found.class_names == ("me", "my_house", "you")
    assert found.images.shape == (3, 6, 6, 3)
    assert found.name == tmp_path.name


def test_sixteen_bit_grey_palette_and_see_through_pictures_mean_what_they_show(tmp_path):
    grey = np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)
    picture(tmp_path / "grey" / "0.png", grey)
    (tmp_path / "palette").mkdir()
    flat = Image.new("P", (8, 8), 1)
    flat.putpalette([0, 0, 0, 10, 20, 30])
    flat.putpixel((0, 0), 0)
    flat.save(tmp_path / "palette" / "0.png", transparency=0)
    found = load_labelled_images(tmp_path)
    np.testing.assert_array_equal(found.images[0][..., 2], grey // 256)
    assert found.images[1][5, 5].tolist() == [10, 20, 30, 255]
    assert found.images[1][0, 0, 3] == 0


def test_a_photograph_larger_than_any_screen_is_reduced_and_turned_as_its_camera_noted(tmp_path):
    left_is_bright = np.zeros((600, 800), np.uint8)
    left_is_bright[:, :400] = 240
    (tmp_path / "photo").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise when shown
    Image.fromarray(left_is_bright).save(tmp_path / "photo" / "0.jpg", exif=exif)
    (image,) = load_labelled_images(tmp_path).images
    assert image.shape == (512, 384, 3)
    assert image[:200].mean() > 200 and image[-200:].mean() < 20


def test_links_within_a_folder_are_followed(tmp_path):
    picture(tmp_path / "set" / "a" / "0.png", noise(1, 4, 4)[0])
    (tmp_path / "set" / "b").symlink_to(tmp_path / "set" / "a")
    assert load_labelled_images(tmp_path / "set").class_names == ("a", "b")


def test_images_are_brought_to_a_height_with_their_proportions():
    image = noise(1, 10, 20, 3)[0]
    assert at_height(image, 10) is image
    np.testing.assert_array_equal(at_height(image, 30)[1::3, 1::3], image)
    assert at_height(image, 5).shape == (5, 10, 3)
