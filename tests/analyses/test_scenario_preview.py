"""The preview's data against the scenario, the environment and the images it is about."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from retinoscope.analyses.images.scenario_preview import EXAMPLES, scenario_preview
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena, image_folder_scenario
from tests.families import family

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    arena = build_arena(tmp_path_factory.mktemp("arena"), "digits")
    return arena, scenario_preview(arena, seed=2)


def test_examples_are_images_of_their_class(digits):
    _, result = digits
    data = load_digits()
    for digit, examples in enumerate(result.data["example"].values):
        images = np.rint(data.images[data.target == digit] * 255 / 16)
        found = {
            int(np.flatnonzero((images == each[::8, ::8, 0]).all((1, 2)))[0]) for each in examples.astype(np.float64)
        }
        assert len(found) == EXAMPLES
    assert result.data["effect"].values.tolist() == [-30, -25, -20, -15, -10, 10, 15, 20, 25, 30]
    assert result.data["images"].values.tolist() == np.bincount(data.target).tolist()


def test_stimuli_and_observations_are_those_of_the_environment(digits):
    arena, result = digits
    environment = GatheringEnvironment(arena, objects_in_world=True)
    observation, info = environment.reset(seed=2)
    environment.close()
    np.testing.assert_array_equal(result.data["stimulus_class"], [each["class_index"] for each in info["world"]])
    np.testing.assert_array_equal(result.data["stimulus_position"], [each["position"] for each in info["world"]])
    np.testing.assert_array_equal(result.data["path"][0], info["position"])
    if float(result.data["seconds"][0]) == 0:
        np.testing.assert_array_equal(result.data["observation"][0], observation)


def test_the_two_views_of_a_moment_are_of_the_same_moment(digits):
    """A block mean of the large view is, but for the edges of things, what the policy sees."""
    _, result = digits
    large = result.data["eye_view"].values.reshape(3, 60, 8, 80, 8, 3).mean((2, 4))
    for first, second in zip(large, result.data["observation"].values.astype(float), strict=True):
        assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.97


def test_the_walk_comes_nearer_to_one_stimulus(digits):
    _, result = digits
    data = result.data
    assert len(set(data["ahead_class"].values.tolist())) == 1
    assert (np.diff(data["distance"]) < -30).all() and (np.diff(data["seconds"]) > 0).all()
    heading = np.deg2rad(data["angle"].values)
    targets = data["position"].values + data["distance"].values[:, None] * np.stack(
        [np.cos(heading), np.sin(heading)], 1
    )
    assert np.ptp(targets, axis=0).max() < 80  # all three look at about the same place
    width, height = data["box"].values[:, 2:].T
    assert (np.diff(width) > 0).all() and (np.diff(height) > 0).all()


@pytest.mark.parametrize("name", ["mnist_obstacles_300", "apples_with_cifar10"])
def test_obstacles_and_distractors_are_those_of_the_environment(name, tmp_path):
    """With 300 pillars in the way, the walk still comes near to what it leads to."""
    arena = build_arena(tmp_path, family(name))
    data = scenario_preview(arena, seed=4).data
    environment = GatheringEnvironment(arena, objects_in_world=True)
    _, info = environment.reset(seed=4)
    environment.close()
    np.testing.assert_array_equal(data["obstacle_position"], info["obstacles"])
    assert data.sizes["obstacle"] == (300 if "obstacles" in name else 0)
    assert data["distractor"].values.tolist() == [each.distractor for each in arena.scenario.stimuli.classes]
    sizes = {"red": 24, "blue": 24} | dict.fromkeys("0123456789", 12)
    assert data["images"].values.tolist() == [sizes.get(each, 6) for each in arena.scenario.class_names]
    assert float(data["distance"][2]) < 0.4 * float(data["distance"][0])


def test_the_same_seed_gives_the_same_preview_and_it_survives_saving(tmp_path):
    arena = build_arena(tmp_path, "apples")
    first, second, other = (scenario_preview(arena, seed) for seed in (1, 1, 3))
    assert first.data.equals(second.data)
    assert not first.data.equals(other.data)
    loaded = load_result(first.save(tmp_path / "preview.nc"))
    assert loaded.data.equals(first.data)
    assert loaded.parameters == first.parameters and loaded.provenance == first.provenance


def test_a_stream_that_starts_empty_is_waited_for(tmp_path):
    arena = build_arena(
        tmp_path, "apples", stimuli__count_per_class=0, stimuli__come_back={"mode": "stream", "tics": 5}
    )
    result = scenario_preview(arena)
    assert result.data.sizes["stimulus"] == 0 and result.data.sizes["moment"] == 3


def test_odd_images_are_fitted_whole_and_fewer_are_left_empty(tmp_path):
    wide = np.full((10, 40, 3), (200, 100, 50), np.uint8)
    arena = build_arena(tmp_path / "arena", image_folder_scenario(tmp_path / "pictures", {"thing": [wide]}))
    examples = scenario_preview(arena).data["example"].values[0]
    assert examples[0, -16:].tolist() == np.broadcast_to((200, 100, 50, 255), (16, 64, 4)).tolist()
    assert not examples[0, :-16].any() and not examples[1:].any()


def test_an_arena_with_nothing_in_it_is_one_clear_line(tmp_path):
    arena = build_arena(tmp_path, "apples", stimuli__count_per_class=0)
    with pytest.raises(UserError, match=r"^apples: no stimulus came into view in 40 s; raise count_per_class$"):
        scenario_preview(arena)


def test_a_negative_seed_is_one_clear_line():
    with pytest.raises(UserError, match=r"^seed: -1 is negative; give 0 or more$"):
        scenario_preview("apples", seed=-1)
