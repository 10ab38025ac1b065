"""Other images, or one part of them, for a scenario; and what of that is built when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import retinoscope
from retinoscope.scenarios import (
    ArenaArchive,
    Scenario,
    built_archives,
    choose_images,
    get_arena,
    load_labelled_images,
    load_scenario,
)
from retinoscope.scenarios.cache import cache_folder
from tests.arenas import build_arena
from tests.scenarios.test_archive import DIGITS_SHA256, sprites

DATA = Path(__file__).parents[1] / "data"
MNIST, CIFAR = DATA / "mnist_sample.npz", DATA / "cifar10_sample.npz"


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RETINOSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def builds(monkeypatch):
    """Names of the arenas that are really built."""
    names: list[str] = []
    build = built_archives.build_archive

    def noted(scenario: Scenario, folder: Path) -> ArenaArchive:
        names.append(scenario.name)
        return build(scenario, folder)

    monkeypatch.setattr(built_archives, "build_archive", noted)
    return names


def test_other_images_of_the_same_classes_keep_names_and_effects():
    chosen = choose_images(load_scenario("digits"), MNIST)
    assert chosen.stimuli.classes == load_scenario("digits").stimuli.classes
    assert chosen.name == "digits_mnist_sample"
    assert chosen.arena == load_scenario("digits").arena


def test_other_images_of_as_many_classes_take_over_names_in_their_order():
    chosen = choose_images(load_scenario("digits"), CIFAR)
    assert chosen.class_names[:3] == ("airplane", "automobile", "bird")
    assert chosen.class_effects == load_scenario("digits").class_effects


def test_of_a_set_with_a_split_of_its_own_the_training_part_makes_the_arena(own_cache, tmp_path):
    """As of `mnist.npz`, whose 70,000 images the engine could not show."""
    known = load_labelled_images(MNIST)
    held_out = {image.tobytes() for image in np.asarray(known.images)[known.is_test]}
    met = {image.tobytes() for image in np.asarray(known.images)[~known.is_test]}
    for scenario in ("digits", "mnist"):
        arena = get_arena(scenario, tmp_path, images=MNIST)
        shown = {image.tobytes() for image in sprites(arena)}
        assert shown == met and not shown & held_out
        again = load_labelled_images(arena.scenario.stimuli.images)
        np.testing.assert_array_equal(again.is_test, known.is_test)
    everything = get_arena("digits", tmp_path, images=MNIST, split="all")
    assert {image.tobytes() for image in sprites(everything)} == met | held_out


def test_a_set_without_a_split_is_shown_whole(tmp_path):
    with np.load(MNIST) as content:
        arrays = {name: content[name] for name in ("images", "labels", "class_names")}
    np.savez(tmp_path / "whole.npz", **arrays)
    np.savez(tmp_path / "one_part.npz", **arrays, split=np.zeros(len(arrays["labels"]), np.uint8))
    for name in ("whole", "one_part"):
        assert choose_images(load_scenario("digits"), tmp_path / f"{name}.npz").stimuli.images.split == "all"


def test_distractors_keep_their_own_images():
    scenario = choose_images(load_scenario("apples_with_mnist"), MNIST, "test")
    apples, digit = scenario.stimuli.classes[0], scenario.stimuli.classes[2]
    assert apples.images is not None and apples.images.source == "apples" and apples.images.split == "test"
    assert digit.images is None and scenario.stimuli.images.source == "npz"
    assert scenario.class_effects == load_scenario("apples_with_mnist").class_effects


def test_a_split_is_part_of_the_identity_and_of_the_name(tmp_path):
    arenas = {split: get_arena("digits", tmp_path, split=split) for split in (None, "all", "train", "test")}
    assert arenas[None].sha256 == arenas["all"].sha256 == DIGITS_SHA256
    assert len({arena.sha256 for arena in arenas.values()}) == 3
    assert arenas["test"].scenario.name == "digits_test"
    assert "split: test" in arenas["test"].path.with_suffix(".yaml").read_text()
    parts = {split: {image.tobytes() for image in sprites(arena)} for split, arena in arenas.items()}
    assert not parts["train"] & parts["test"]
    assert parts["train"] | parts["test"] == parts["all"]
    known = load_labelled_images("digits")
    assert parts["test"] == {image.tobytes() for image in np.asarray(known.images)[known.is_test]}
    again = get_arena(arenas["test"].path.with_suffix(".yaml"), tmp_path / "again")
    assert again.sha256 == arenas["test"].sha256


def test_changing_one_pixel_of_an_npz_changes_the_hash_and_moving_it_does_not(own_cache, tmp_path):
    with np.load(MNIST) as content:
        arrays = dict(content)
    hashes = {}
    for place, value in (("here", 0), ("there", 0), ("changed", 1)):
        (tmp_path / place).mkdir()
        arrays["images"][77, 3, 3] = value
        np.savez(tmp_path / place / "set.npz", **arrays)
        hashes[place] = get_arena("digits", tmp_path / "arenas", images=tmp_path / place / "set.npz").sha256
    assert hashes["here"] == hashes["there"] != hashes["changed"]


def test_a_second_process_does_not_build_again(own_cache, tmp_path):
    first = get_arena("digits", images=MNIST)
    program = (
        "import sys; from retinoscope.scenarios import built_archives, get_arena\n"
        "def build(*_): raise SystemExit('built again')\n"
        "built_archives.build_archive = build\n"
        "print(get_arena('digits', images=sys.argv[1]).sha256)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(MNIST)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(retinoscope.__file__).parents[1])},
    )
    assert done.stdout.strip() == first.sha256, done.stderr


def test_what_is_built_is_built_once(own_cache, builds, tmp_path):
    arenas = [get_arena("apples", tmp_path) for _ in range(3)]
    assert builds == ["apples"] and len({arena.sha256 for arena in arenas}) == 1
    assert arenas[0] == arenas[1]
    get_arena("apples", tmp_path / "another")
    build_arena(tmp_path, "apples", health__hunger=7)
    assert len(builds) == 3


def test_a_changed_picture_is_never_answered_with_an_old_archive(own_cache, builds, tmp_path):
    """Not even if size and time of its file are the same as before."""
    path = tmp_path / "set.npz"
    images = np.zeros((4, 8, 8), np.uint8)
    found = []
    for shade in (10, 20):
        np.savez(path, images=images + np.uint8(shade), labels=np.array([0, 1, 0, 1]))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        arena = get_arena("apples", tmp_path / "arenas", images=path)
        found.append([int(each.max()) for each in sprites(arena)])
    assert found == [[10] * 4, [20] * 4] and len(builds) == 2


@pytest.mark.parametrize("harm", ["cut", "touched", "removed", "without its specification"])
def test_a_harmed_archive_is_built_again(harm, own_cache, builds, tmp_path):
    path = get_arena("apples", tmp_path).path
    whole = path.read_bytes()
    if harm == "cut":
        path.write_bytes(whole[:-1])
    elif harm == "touched":
        path.write_bytes(b"X" + whole[1:])
        os.utime(path, ns=(path.stat().st_mtime_ns + 1,) * 2)
    else:
        (path if harm == "removed" else path.with_suffix(".yaml")).unlink()
    assert get_arena("apples", tmp_path).path.read_bytes() == whole
    assert builds == ["apples", "apples"] and path.with_suffix(".yaml").is_file()


def test_a_harmed_index_only_costs_time(own_cache, builds, tmp_path):
    get_arena("apples", tmp_path)
    (entry,) = (cache_folder() / "index").iterdir()
    for content in ("", "[]", json.dumps({"name": "../../elsewhere.pk3"})):
        entry.write_text(content)
        assert get_arena("apples", tmp_path).path.is_file()
    assert len(builds) == 4


def test_images_that_change_while_they_are_built_are_not_remembered(own_cache, monkeypatch, tmp_path):
    path = tmp_path / "set.npz"

    def write(shade):
        np.savez(path, images=np.full((2, 8, 8), shade, np.uint8), labels=np.array([0, 1]))

    build = built_archives.build_archive

    def changed_meanwhile(scenario: Scenario, folder: Path) -> ArenaArchive:
        arena = build(scenario, folder)
        write(99)
        return arena

    write(10)
    monkeypatch.setattr(built_archives, "build_archive", changed_meanwhile)
    before = get_arena("apples", tmp_path / "arenas", images=path)
    monkeypatch.setattr(built_archives, "build_archive", build)
    write(10)
    assert not list((own_cache).glob("index/*"))
    assert get_arena("apples", tmp_path / "arenas", images=path).sha256 == before.sha256
