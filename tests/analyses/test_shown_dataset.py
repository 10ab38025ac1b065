"""What is shown to the agent, what its classes do to it, and sets that cannot be shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import xarray

from retinoscope.analyses.images.display import evoke, place_coordinates, places_of
from retinoscope.analyses.images.shown_dataset import shown_dataset
from retinoscope.errors import UserError
from retinoscope.scenarios import get_arena
from retinoscope.scenarios.image_sets import LabelledImages
from retinoscope.stimuli.places import InArena, Pasted
from retinoscope.stimuli.presentation import present
from tests.rollouts.recordings import small_agent


def labelled(
    names: tuple[str, ...] = ("1", "9", "4"), per_class: int = 10, shape=(6, 6, 3), seed: int = 0
) -> LabelledImages:
    random = np.random.default_rng(seed)
    labels = np.tile(np.arange(len(names)), per_class)
    images = random.integers(0, 256, (len(labels), *shape)).astype(np.uint8)
    return LabelledImages("planted", images, labels, names, np.arange(len(labels)) // len(names) % 4 == 0)


def test_classes_are_ordered_by_their_effect():
    given = labelled()
    shown = shown_dataset(get_arena("digits"), given)
    assert shown.class_names == ("1", "4", "9") and shown.effects == (-25, -10, 30)
    names = np.array(shown.class_names)[shown.labels]
    np.testing.assert_array_equal(names, np.array(given.class_names)[given.labels])
    np.testing.assert_array_equal(shown.images, given.images)


def test_without_a_set_the_arenas_own_images_are_shown():
    shown = shown_dataset(get_arena("digits"))
    assert shown.class_names == tuple("0123456789") and len(shown.images) == 1797
    assert 0.1 < shown.is_test.mean() < 0.3


def test_classes_the_arena_does_not_know_need_an_effect():
    given = labelled(("cat", "dog", "9"))
    with pytest.raises(UserError, match=r"does not say what cat, dog would do.*--class-effects cat="):
        shown_dataset(get_arena("digits"), given)
    shown = shown_dataset(get_arena("digits"), given, {"cat": -5, "dog": 50})
    assert shown.class_names == ("cat", "9", "dog") and shown.effects == (-5, 30, 50)
    with pytest.raises(UserError, match="has no class 'bird'"):
        shown_dataset(get_arena("digits"), given, {"bird": 1})


def test_sets_that_cannot_be_shown_are_refused():
    arena, good = get_arena("digits"), labelled()
    short = LabelledImages("short", good.images, good.labels[:-1], good.class_names, good.is_test)
    with pytest.raises(UserError, match="30 images, 29 labels"):
        shown_dataset(arena, short)
    one = LabelledImages("one", good.images, np.zeros(30, int), good.class_names, good.is_test)
    with pytest.raises(UserError, match="at least two"):
        shown_dataset(arena, one)
    unsplit = LabelledImages("unsplit", good.images, good.labels, good.class_names, np.zeros(30, bool))
    with pytest.raises(UserError, match="no image in the held-out part"):
        shown_dataset(arena, unsplit)


def test_images_of_several_sizes_become_equally_tall_and_padded():
    images = [np.full((4, 4, 3), 200, np.uint8), np.full((8, 4, 3), 100, np.uint8)] * 4
    given = LabelledImages("mixed", images, np.arange(8) % 2, ("1", "9"), np.arange(8) < 4)
    shown = shown_dataset(get_arena("digits"), given)
    assert shown.images.shape == (8, 8, 8, 4)
    assert (shown.images[0] == (200, 200, 200, 255)).all()
    assert (shown.images[1, :, 2:6] == (100, 100, 100, 255)).all() and (shown.images[1, :, :2] == 0).all()


def test_some_are_chosen_evenly_over_classes_and_the_same_for_the_same_seed():
    shown = shown_dataset(get_arena("digits"))
    chosen = shown.some(100, seed=3, where=~shown.is_test)
    assert np.bincount(shown.labels[chosen]).tolist() == [10] * 10
    assert not shown.is_test[chosen].any() and (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, shown.some(100, seed=3, where=~shown.is_test))
    assert len(shown.some(10_000)) == 1797


@pytest.mark.engine
def test_what_is_evoked_is_what_the_network_answers_to_what_is_seen():
    agent, arena = small_agent(), get_arena("digits")
    shown = shown_dataset(arena, labelled(per_class=30))  # more than pass the network at a time
    seen = np.concatenate([each.observations for each in present(arena, shown.images, (InArena(100),))])
    found = evoke(agent.policy, seen, ("conv1", "fc", "rnn", "pixels"))
    np.testing.assert_array_equal(found.activity["pixels"].reshape(seen.shape), seen)
    for number in (0, 17, 80):
        with torch.no_grad(), agent.policy.capture("conv1", "fc", "rnn") as alone:
            step = agent.policy.step(torch.from_numpy(seen[number : number + 1]), agent.policy.initial_state(1))
        for layer in ("conv1", "fc", "rnn"):
            np.testing.assert_allclose(found.activity[layer][number], alone[layer].flatten(), atol=1e-5)
        np.testing.assert_allclose(found.logits[number], step.logits[0], atol=1e-5)
        np.testing.assert_allclose(found.probabilities[number], agent.policy.probabilities(step.logits)[0], atol=1e-5)


def test_fewer_images_are_always_among_more():
    shown = shown_dataset(get_arena("digits"))
    chosen = [set(shown.some(most, seed=2).tolist()) for most in (10, 77, 300, 1_797)]
    assert all(few < more for few, more in itertools.pairwise(chosen))
    assert set(shown.labels[list(chosen[0])]) == set(range(10))


def test_places_are_read_back_as_they_were_written():
    for places in ((InArena(100, 0), InArena(60.5, -20)), (Pasted(20, 30, 40), Pasted(15.5, 12, 70))):
        assert places_of(xarray.Dataset(coords=place_coordinates(places))) == places
