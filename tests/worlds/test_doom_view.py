"""What the agent sees: the images themselves, named rightly, of the stated size, each equally often."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import stats
from sklearn.datasets import load_digits

from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena, image_folder_scenario, wander

LARGE_VIEW = {"height": 480, "width": 640, "supersampling": 1}


def correlation(first, second):
    return np.corrcoef(first.ravel(), second.ravel())[0, 1]


def look_around(environment, seeds, steps=30):
    """Observation and objects while turning on the spot."""
    for seed in seeds:
        observation, info = environment.reset(seed=seed)
        for _ in range(steps):
            yield observation, info["objects"]
            observation, *_, info = environment.step(np.array([1, 0]))


def test_what_is_seen_is_the_image_and_the_label_names_its_class(tmp_path):
    chosen = np.random.default_rng(0).choice(1797, 10, replace=False)
    sources = [np.rint(load_digits().images[index] * 255 / 16).astype(np.uint8) for index in chosen]
    names = [f"image-{index}" for index in chosen]
    images = {name: [each] for name, each in zip(names, sources, strict=True)}
    specification = image_folder_scenario(tmp_path / "images", images)
    arena = build_arena(
        tmp_path, specification, stimuli__count_per_class=1, arena__spawn_half_width=300, observation=LARGE_VIEW
    )
    assert arena.scenario.class_names == tuple(names)
    environment, checked = GatheringEnvironment(arena), set()
    for frame, objects in look_around(environment, seeds=range(8)):
        for nearest in objects[:1]:
            left, top, width, height = nearest["box"].astype(int)
            if left < 2 or left + width > 638 or nearest["distance"] > 300 or nearest["class_index"] in checked:
                continue
            crop = np.asarray(Image.fromarray(frame[top : top + height, left : left + width]).convert("L"), float)
            shown = [
                np.asarray(Image.fromarray(each).resize((width, height), Image.Resampling.NEAREST), float)
                for each in sources
            ]
            likeness = [correlation(crop, each) for each in shown]
            assert np.argmax(likeness) == nearest["class_index"]
            assert max(likeness) > 0.9
            assert max(likeness) > correlation(crop, shown[nearest["class_index"]][:, ::-1])
            assert max(likeness) > correlation(crop, shown[nearest["class_index"]][::-1])
            checked.add(nearest["class_index"])
    environment.close()
    assert len(checked) == 10


def test_every_image_is_drawn_at_the_stated_height_whatever_its_own_size_and_kind(tmp_path):
    """Each class has one odd image beside a plain 8 x 8 one of the same light grey; all should look equally tall."""
    grey = 230
    plain = np.full((8, 8), grey, np.uint8)
    odd = {
        "tall": np.full((24, 6), grey, np.uint8),
        "wide": np.full((4, 9), grey, np.uint8),
        "huge": np.full((700, 700, 3), grey, np.uint8),
        "transparent": np.dstack([np.full((16, 16, 3), grey), np.full((16, 16), 255)]).astype(np.uint8),
        "sixteen-bit": np.full((12, 12), grey * 256, np.uint16),
    }
    specification = image_folder_scenario(tmp_path / "images", {name: [plain, each] for name, each in odd.items()})
    arena = build_arena(
        tmp_path,
        specification,
        stimuli__count_per_class=4,
        stimuli__size=48,
        arena__spawn_half_width=400,
        observation=LARGE_VIEW,
    )
    environment = GatheringEnvironment(arena)
    eye, pixel_aspect, height_times_distance, aspects = 41, 1.2, [], set()
    for frame, objects in look_around(environment, seeds=range(10)):
        for nearest in objects[:1]:
            left, top, width, height = nearest["box"]
            if left < 2 or left + width > 638 or nearest["distance"] > 300:
                continue
            assert abs(float(frame[int(top + height / 2), int(left + width / 2)].mean()) - grey) < 12
            depth = nearest["distance"] * np.cos(np.arctan((left + width / 2 - 320) / 320))
            height_times_distance.append(height * depth)
            aspects.add((nearest["class_index"], round(width * 2 / height) / 2))
    environment.close()
    assert len(height_times_distance) > 30
    assert eye < 48
    np.testing.assert_allclose(height_times_distance, 48 * 320 * pixel_aspect, rtol=0.06)
    assert {(0, 1.0), (0, 0.0), (1, 1.0), (1, 2.0)} <= aspects, aspects


@pytest.mark.parametrize("offset", [0, 30])
def test_the_vertical_offset_lifts_what_is_drawn_and_what_is_picked_up_stays_in_reach(offset, tmp_path):
    arena = build_arena(
        tmp_path,
        image_folder_scenario(tmp_path / "images", {"block": [np.full((8, 8), 230, np.uint8)]}),
        stimuli__count_per_class=30,
        stimuli__size=16,
        stimuli__vertical_offset=offset,
        arena__spawn_half_width=300,
        observation=LARGE_VIEW,
    )
    environment, heights = GatheringEnvironment(arena), []
    for _, objects in look_around(environment, seeds=range(3)):
        for nearest in objects[:1]:
            left, top, width, height = nearest["box"]
            if left > 2 and left + width < 638:
                units_per_pixel = 16 / height
                heights.append(41 - (top + height - 240) * units_per_pixel)
    np.testing.assert_allclose(heights, offset, atol=4)
    assert len(heights) > 20
    assert sum(info["pickups"].sum() for info in wander(environment, steps=60)) > 0
    environment.close()


def test_the_images_of_a_class_appear_equally_often(tmp_path):
    shades = np.array([20, 75, 130, 185, 240])
    images = [np.full((8, 8), shade, np.uint8) for shade in shades]
    arena = build_arena(
        tmp_path,
        image_folder_scenario(tmp_path / "images", {"block": images}),
        stimuli__count_per_class=12,
        stimuli__size=24,
        observation=LARGE_VIEW,
    )
    environment, counts = GatheringEnvironment(arena), np.zeros(5, int)
    for seed in range(150):
        observation, info = environment.reset(seed=seed)
        for nearest in info["objects"][:1]:
            left, top, width, height = nearest["box"]
            if left > 0 and left + width < 640:
                shade = float(observation[int(top + height / 2), int(left + width / 2)].mean())
                index = np.abs(shades - shade).argmin()
                assert abs(shades[index] - shade) < 20  # the engine has 256 colours
                counts[index] += 1
    environment.close()
    assert counts.sum() > 100
    assert stats.chisquare(counts).pvalue > 1e-3, counts
