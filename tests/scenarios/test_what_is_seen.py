"""What the agent sees is the image: met in the real engine, it looks like its source and is labelled as its class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retinoscope.scenarios import get_arena, load_labelled_images
from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena, image_folder_scenario
from tests.scenarios.looking import correlation, every_view, largest_views
from tests.scenarios.test_archive import sprites

DATA = Path(__file__).parents[1] / "data"
SOURCES = {"digits": "digits", "mnist": DATA / "mnist_sample.npz", "cifar10": DATA / "cifar10_sample.npz"}
EYES = {"height": 480, "width": 640, "supersampling": 1}


@pytest.fixture(scope="module", params=SOURCES)
def fifty(engine, request, tmp_path_factory):
    """Name of the set, 50 random images of it by a name of their own, and what the engine shows under that name."""
    folder, known = tmp_path_factory.mktemp("fifty"), load_labelled_images(SOURCES[request.param])
    chosen = np.random.default_rng(1).choice(len(known.labels), 50, replace=False)
    images = {f"{known.class_names[known.labels[index]]}-{index}": known.images[index] for index in chosen}
    np.savez(folder / "fifty.npz", images=np.stack(list(images.values())), labels=np.array(list(images)))
    specification = {
        "name": "fifty",
        "stimuli": {
            "images": {"source": "npz", "path": str(folder / "fifty.npz")},
            "classes": [{"name": each, "health": 0} for each in images],
            "count_per_class": 1,
        },
        "health": {"hunger": 0},
        "observation": EYES,
    }
    views = largest_views(build_arena(folder, specification), tallest=40, proportion=1.0)
    assert set(views) == set(images)
    return request.param, images, views


def test_fifty_random_images_look_like_their_sources(fifty):
    """In colour too, as far as the game's 256 colours allow: they have no teal and few light greens."""
    name, images, views = fifty
    shapes = [correlation(grey(views[each]), grey(images[each])) for each in images]
    assert min(shapes) > 0.9
    colours = np.array([correlation(views[each], images[each]) for each in images])
    assert np.median(colours) > 0.95
    assert (colours > 0.9).mean() >= (0.95 if name == "cifar10" else 1.0), sorted(colours)[:5]


def test_each_is_labelled_as_what_it_is_and_not_as_another_that_looks_alike(fifty):
    _, images, views = fifty
    for each in images:
        assert max(images, key=lambda other: correlation(views[each], images[other])) == each


def grey(image):
    return np.repeat(image[..., :3].mean(-1, keepdims=True), 3, axis=-1).round().astype(np.uint8)


@pytest.mark.engine
def test_a_class_of_many_shows_every_one_of_its_images(tmp_path):
    shades = [np.full((8, 8), shade, np.uint8) for shade in (40, 100, 160, 220)]
    arena = build_arena(
        tmp_path / "arena",
        image_folder_scenario(tmp_path / "pictures", {"thing": shades}),
        stimuli__count_per_class=30,
        observation=EYES,
    )
    means = np.array([view[2:-2, 2:-2].mean() for _, view in every_view(arena, episodes=2)])
    nearest = np.abs(means[:, None] - np.array([40, 100, 160, 220])).argmin(1)
    assert set(nearest) == {0, 1, 2, 3}
    assert np.bincount(nearest).min() > len(nearest) / 12  # a quarter each is expected


@pytest.mark.engine
@pytest.mark.parametrize(("size", "offset"), [(48, 0), (96, 0), (48, 30)])
def test_size_and_vertical_offset_are_those_of_the_scenario(size, offset, tmp_path):
    image = np.full((16, 16), 200, np.uint8)
    arena = build_arena(
        tmp_path / "arena",
        image_folder_scenario(tmp_path / "pictures", {"thing": [image]}),
        stimuli={
            "images": {"source": "folder", "path": str(tmp_path / "pictures")},
            "classes": [{"name": "thing", "health": 0}],
            "size": size,
            "vertical_offset": offset,
            "count_per_class": 1,
        },
        observation=EYES,
    )
    environment = GatheringEnvironment(arena)
    found = []
    for seed in range(3):
        _, info = environment.reset(seed=seed)
        for _ in range(28):
            for each in info["objects"]:
                left, top, width, height = each["box"]
                if left > 150 and left + width < 490:
                    found.append((each["distance"], height, top + height))
            _, _, _, _, info = environment.step(np.array([1, 0]))
    environment.close()
    distance, height, bottom = np.array(found).T
    # A picture plane 320 pixels away, of pixels a fifth taller than wide; the eye is 41 above the floor.
    scale = 320 * 1.2 / distance
    assert len(found) >= 3
    np.testing.assert_allclose(height, size * scale, rtol=0.15, atol=2)
    np.testing.assert_allclose(bottom - 240, (41 - offset) * scale, rtol=0.15, atol=4)


@pytest.mark.engine
def test_transparent_grey_palette_odd_and_oblong_pictures_are_all_seen(tmp_path):
    folder = tmp_path / "pictures"
    pictures = {
        "grey16": Image.fromarray(np.full((20, 20), 180 * 256, np.uint16)),
        "grey": Image.new("L", (21, 33), 180),
        "palette": Image.new("RGB", (17, 9), (180, 180, 180)).quantize(4),
        "wide": Image.new("RGB", (40, 10), (180, 180, 180)),
        "tall": Image.new("RGB", (10, 40), (180, 180, 180)),
    }
    see_through = np.zeros((24, 24, 4), np.uint8)
    see_through[:, 12:] = (180, 180, 180, 255)
    pictures["half"] = Image.fromarray(see_through)
    for name, picture in pictures.items():
        (folder / name).mkdir(parents=True)
        picture.save(folder / name / "one.png")
    specification = image_folder_scenario(tmp_path / "none", {})
    specification["stimuli"] = {
        "images": {"source": "folder", "path": str(folder)},
        "classes": [{"name": name, "health": 0} for name in pictures],
        "count_per_class": 2,
    }
    views = largest_views(build_arena(tmp_path / "arena", specification, observation=EYES), tallest=40)
    assert set(views) == set(pictures)
    for name, view in views.items():
        height, width = view.shape[:2]
        assert abs(view[3:-3, 3:-3].mean() - 180) < 12, name
        proportions = {"wide": 4.0, "tall": 0.25, "grey": 21 / 33, "palette": 17 / 9, "half": 0.5}.get(name, 1.0)
        assert width * 1.2 / height == pytest.approx(proportions, rel=0.15), name


def test_an_arena_of_a_held_out_part_shows_only_what_is_held_out(tmp_path):
    known = load_labelled_images(SOURCES["mnist"])
    arena = get_arena("digits", tmp_path, images=SOURCES["mnist"], split="test")
    shown = {image[..., :3].tobytes() for image in sprites(arena)}
    held_out = {image.tobytes() for image in np.asarray(known.images)[known.is_test]}
    others = {image.tobytes() for image in np.asarray(known.images)[~known.is_test]}
    assert shown == held_out
    assert not shown & others
