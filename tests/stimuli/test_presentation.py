"""Images shown by the real engine: against the same stimuli met in a real arena."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive
from retinoscope.stimuli import arena_presentation
from retinoscope.stimuli.arena_presentation import empty_view
from retinoscope.stimuli.places import InArena, Pasted
from retinoscope.stimuli.presentation import present
from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena, image_folder_scenario

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def arena(image: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> ArenaArchive:
    """One stimulus, of one known image, in an arena that leaves it little choice where to be."""
    folder = tmp_path_factory.mktemp("one")
    content = image_folder_scenario(folder / "images", {"thing": [image]})
    content["stimuli"]["count_per_class"] = 1
    content["stimuli"]["clearance"] = 120
    content["arena"] = {"half_width": 400, "spawn_half_width": 250}
    return build_arena(folder / "arena", content)


def seen_from(info: dict) -> InArena:
    """Distance and bearing of the only stimulus in the world."""
    away = info["world"][0]["position"] - info["position"]
    bearing = info["angle"] - math.degrees(math.atan2(away[1], away[0]))
    return InArena(float(np.hypot(*away)), (bearing + 180) % 360 - 180)


def shown(arena: ArenaArchive, images: np.ndarray, places: list, size: int = 256) -> np.ndarray:
    """(place, image, ...), all of them."""
    found: dict[tuple[int, int], np.ndarray] = {}
    for each in present(arena, images, places, size):
        assert len(each.observations) <= size
        for offset, observation in enumerate(each.observations):
            found[each.place, each.start + offset] = observation
    return np.array([[found[place, image] for image in range(len(images))] for place in range(len(places))])


def test_a_stimulus_seen_from_the_start_is_shown_alike_to_the_pixel(arena, image):
    environment = GatheringEnvironment(arena, objects_in_world=True)
    met = 0
    for seed in range(40):
        observation, info = environment.reset(seed=seed)
        place = seen_from(info)
        if abs(place.bearing) < 40:
            np.testing.assert_array_equal(shown(arena, image[None], [place])[0, 0], observation)
            met += 1
        if met == 3:
            break
    environment.close()
    assert met == 3


def test_a_stimulus_walked_up_to_is_shown_alike_to_the_pixel(arena, image):
    environment = GatheringEnvironment(arena, objects_in_world=True)
    for seed in range(40):  # one that is nearly straight ahead, so that walking leads to it
        _, info = environment.reset(seed=seed)
        if abs(seen_from(info).bearing) < 8 and seen_from(info).distance > 200:
            break
    while seen_from(info).distance > 160:
        observation, *_, info = environment.step(np.array([0, 1]))
    for _ in range(12):  # until the agent stands still and its head no longer bobs
        observation, *_, info = environment.step(np.array([0, 0]))
    environment.close()
    place = seen_from(info)
    assert 40 < place.distance < 160  # not picked up, and not come back elsewhere
    left, top, width, height = info["objects"][0]["box"]
    inside = (slice(math.ceil(top), int(top + height)), slice(math.ceil(left), int(left + width)))
    ours = shown(arena, image[None], [place])[0, 0]
    assert observation[inside].size > 300
    np.testing.assert_array_equal(ours[inside], observation[inside])


def test_every_image_is_shown_at_every_place_however_they_are_divided(arena, monkeypatch):
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (7, 6, 5, 3)).astype(np.uint8)
    places = [InArena(90), InArena(150, -20), InArena(200, 25)]
    whole = shown(arena, images, places)
    assert len(np.unique(whole.reshape(21, -1), axis=0)) == 21
    monkeypatch.setattr(arena_presentation, "MOST_AT_ONCE", 3)
    np.testing.assert_array_equal(shown(arena, images, places, size=2), whole)
    np.testing.assert_array_equal(shown(arena, images[4:5], places[1:2])[0, 0], whole[1, 4])


def test_a_positive_bearing_is_to_the_right_and_near_is_large(arena):
    white = np.full((1, 8, 8, 3), 255, np.uint8)
    views = shown(arena, white, [InArena(100, -20), InArena(100, 20), InArena(200, 20)])[:, 0]
    covered = (views != empty_view(arena)).any(axis=-1)
    columns = [np.flatnonzero(each.any(axis=0)).mean() for each in covered]
    assert columns[0] < 35 and columns[1] > 45
    assert covered[1].sum() > 2 * covered[2].sum()


def test_transparent_pixels_show_the_arena(arena):
    image = np.zeros((1, 8, 8, 4), np.uint8)
    image[:, 4:] = 255
    for place in (InArena(80), Pasted(30, 30, 40)):
        covered = (shown(arena, image, [place])[0, 0] != empty_view(arena)).any(axis=-1)
        rows = np.flatnonzero(covered.any(axis=1))
        assert len(rows) and rows.max() - rows.min() < 0.6 * 64 * 48 / 80


def test_pasting_is_onto_the_empty_arena(arena, image):
    view = shown(arena, image[None], [Pasted(16, 20, 30)])[0, 0]
    np.testing.assert_array_equal(view[28:], empty_view(arena)[28:])
    np.testing.assert_array_equal(view[12:28, 22:38], image.repeat(2, axis=0).repeat(2, axis=1))


def test_what_cannot_be_shown_is_refused(arena, image):
    with pytest.raises(UserError, match="outside the view"):
        next(present(arena, image[None], [InArena(100, 60)]))
    with pytest.raises(UserError, match="uint8"):
        next(present(arena, image[None].astype(float), [InArena(100)]))
    with pytest.raises(UserError, match="two calls"):
        next(present(arena, image[None], [InArena(100), Pasted(20, 30, 40)]))


def test_nothing_is_left_behind(arena, image, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    shown(arena, image[None], [InArena(100)])
    assert not list(tmp_path.iterdir())


def test_hunger_does_not_strike_while_images_are_shown(image, tmp_path):
    content = image_folder_scenario(tmp_path / "images", {"thing": [image]})
    content["health"] = {"start": 40, "hunger": 39, "hunger_tics": 8}
    arena = build_arena(tmp_path / "arena", content)
    found = shown(arena, np.repeat(image[None], 40, axis=0), [InArena(100.0), InArena(160.0)])
    assert (found == found[:, :1]).all(), "the agent would have died of it within the first ten"
