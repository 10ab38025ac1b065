"""Images are shown once for all analyses of them, and each of these finds what it would have seen alone."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter

import numpy as np
import pytest
import xarray

import retinoscope
from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.images import passes
from retinoscope.analyses.images.action_given_stimulus import action_given_stimulus
from retinoscope.analyses.images.dataset_attribution import dataset_attribution
from retinoscope.analyses.images.dataset_embedding import dataset_embedding
from retinoscope.analyses.images.dataset_presentation import dataset_presentation
from retinoscope.analyses.images.decoding import decoding
from retinoscope.analyses.images.display import evoke
from retinoscope.analyses.images.recurrent_response import recurrent_response
from retinoscope.analyses.images.shown_dataset import shown_dataset
from retinoscope.analyses.images.shown_images import ANALYSIS, ShownImagesParameters, shown_images
from retinoscope.analyses.images.twin_comparison import twin_comparison
from retinoscope.analyses.registry import select_analyses
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import record
from retinoscope.scenarios import get_arena
from retinoscope.settings import stated
from retinoscope.statistics.decoding import fit_reduction
from retinoscope.stimuli import arena_presentation
from retinoscope.stimuli.places import InArena, Presentation
from retinoscope.stimuli.presentation import present
from retinoscope.workflows.chosen import chosen_parameters
from retinoscope.workflows.running import computed
from retinoscope.worlds.doom.world import DoomWorld
from tests.analyses.dataset_runs import NEAR, few_digits
from tests.rollouts.recordings import small_agent

pytestmark = pytest.mark.engine

PRESENTATION = Presentation(distances=(100.0, 300.0), bearings=(0.0, 20.0))
SHOWN = {"images": 100, "images_elsewhere": 60, "fit_images": 80, "held_out_per_class": 3, "components": 12}
SETTINGS = {
    "dataset_presentation": {"images": 40},
    "dataset_embedding": {"images": 90, "perplexity": 8.0},
    "decoding": {"permutations": 5},
    "action_given_stimulus": {"images": 60},
    "recurrent_response": {"images": 90, "settled": 5, "steps": 2, "histories": 2, "permutations": 3},
    "dataset_attribution": {"images_per_class": 2, "method": "gradient", "targets": ("value",)},
    "twin_comparison": {"untrained": 2, "permutations": 3},
}


@functools.cache
def digits_shown() -> Result:
    return shown_images(
        retinoscope.load_agent("digits"), dataset=few_digits(), presentation=PRESENTATION, checkpoints=False, **SHOWN
    )


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    agent = retinoscope.load_agent("digits")
    return record(agent, get_arena("digits"), frames=60, out=tmp_path_factory.mktemp("digits") / "digits.zarr")


def test_a_run_shows_every_image_once_at_every_place_and_passes_it_once_through_every_checkpoint(
    recording, monkeypatch
):
    shown, passed, running = Counter(), Counter(), [""]
    render, step = arena_presentation.present_in_arena, ActorCriticPolicy.step

    def counted_render(arena, images, places, size):
        for place, start, views in render(arena, images, places, size):
            shown.update((str(places[place]), image.tobytes()) for image in images[start : start + len(views)])
            yield place, start, views

    def counted_step(policy, observations, state):
        passed[running[0]] += len(observations)
        return step(policy, observations, state)

    monkeypatch.setattr(arena_presentation, "present_in_arena", counted_render)
    monkeypatch.setattr(ActorCriticPolicy, "step", counted_step)
    given = {"dataset": few_digits(), "presentation": PRESENTATION, "twin": retinoscope.load_agent("digits", "early")}
    analyses = [each for each in select_analyses(only=SETTINGS) if each.name in ("shown_images", *SETTINGS)]
    parameters = chosen_parameters(analyses, {**SETTINGS, "shown_images": SHOWN}, given, seed=0)
    inputs, results = Inputs(retinoscope.load_agent("digits"), recording, DoomWorld(get_arena("digits"))), {}
    for each in analyses:
        running[0] = each.name
        results[each.name] = computed(each, inputs, parameters[each.name], results)
        assert "omitted" not in results[each.name].data.attrs, results[each.name].data.attrs
    images = Counter(image.tobytes() for image in few_digits().images)
    assert len(results) == 8 and sum(shown.values()) == 240 + 3 * 60
    assert all(count <= images[image] for (_, image), count in shown.items())
    assert passed.pop("shown_images") == 3 * 240 + 3 * 60
    assert passed.pop("recurrent_response") == 2 * 2 * (90 + 1)
    assert passed.pop("twin_comparison") == results["shown_images"].data.sizes["view"]
    passed.pop("dataset_attribution")
    assert not passed, passed


@pytest.mark.parametrize(
    ("run", "needs"),
    [
        (dataset_presentation, True),
        (dataset_embedding, False),
        (decoding, False),
        (action_given_stimulus, False),
        (recurrent_response, True),
        (dataset_attribution, False),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_an_analysis_called_alone_finds_what_it_finds_in_a_run(run, needs, recording):
    agent = retinoscope.load_agent("digits")
    settings = SETTINGS[run.__name__] | ({"recording": recording} if needs else {})
    in_a_run = run(agent, given={"shown_images": digits_shown()}, **settings)
    of_showing = {"dataset": few_digits(), "presentation": PRESENTATION}
    if run is decoding:
        of_showing |= {"fit_images": 80, "components": 12}
    alone = run(agent, **of_showing, **settings, **({"checkpoints": False} if run is action_given_stimulus else {}))
    first = {"checkpoint": "final"} if run is decoding else {}
    in_a_run_data, alone_data = in_a_run.data, alone.data.sel(first) if first else alone.data
    if first:
        in_a_run_data = in_a_run_data.isel(checkpoint=0)
        names = ["balanced", "low", "high", "p", "confusion"]
        in_a_run_data, alone_data = (each[names].drop_vars("checkpoint") for each in (in_a_run_data, alone_data))
    xarray.testing.assert_allclose(in_a_run_data, alone_data, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("at_once", [5_000, 50])
def test_scores_are_those_of_components_fitted_to_the_training_images_that_are_shown_first(at_once, monkeypatch):
    monkeypatch.setattr(passes, "_AT_ONCE", at_once)
    agent, arena = small_agent(), get_arena("digits")
    result = shown_images(
        agent, world=arena, dataset=few_digits(), presentation=NEAR, fit_images=70, components=6, images=20
    )
    shown = shown_dataset(arena, few_digits())
    views = np.concatenate([each.observations for each in present(arena, shown.images, (InArena(100),))])
    fitted = shown.some(70, 0, ~shown.is_test)
    np.testing.assert_array_equal(result.data["fitted"], fitted)
    for layer in ("pixels", "conv1", "fc", "rnn"):
        evoked = evoke(agent.policy, views, (layer,))
        expected = fit_reduction(evoked.activity[layer][fitted], 6).scores(evoked.activity[layer])
        found = result.data[f"{layer}_score"].values.reshape(expected.shape)
        np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(result.data["probability"][0], evoked.probabilities, atol=1e-5)
    np.testing.assert_allclose(result.data["logit"], evoked.logits, atol=1e-4)
    kept = result.data["kept"].values
    assert set(fitted) | set(shown.some(20)) <= set(kept)
    np.testing.assert_array_equal(result.data["observation"], views[kept])
    np.testing.assert_allclose(
        result.data["activity"], evoke(agent.policy, views[kept], ("fc",)).activity["fc"], atol=1e-4
    )


def test_of_many_images_little_is_kept(tmp_path):
    result = digits_shown()
    per_image = [each for each in result.data.data_vars.values() if "image" in each.dims]
    assert sum(each.nbytes for each in per_image) / 240 < 8 * 4 * 12 + 100  # of 14,400 that a view takes
    assert result.data.sizes["view"] < 80 + 100 + 30 + 1
    path = result.save(tmp_path / "shown_images.nc")
    xarray.testing.assert_identical(load_result(path).data, result.data)
    assert path.stat().st_size < 0.5 * result.data["observation"].nbytes


def test_at_the_other_places_there_is_an_example_of_every_class():
    data = digits_shown().data
    shown = shown_dataset(get_arena("digits"), few_digits())
    assert data["example"].shape[:2] == (4, 10)
    first = shown.some(10)
    for number, image in enumerate(first[np.argsort(shown.labels[first])]):
        (seen,) = present(get_arena("digits"), shown.images[image : image + 1], (InArena(300, 20),))
        np.testing.assert_array_equal(data["example"][3, number], seen.observations[0])


def test_what_is_shown_can_be_said_in_words():
    chosen = ShownImagesParameters(
        presentation="arena distance=100,200 bearing=-20,0,20", class_effects="cat=-20,dog=+10", dataset="pets.npz"
    )
    assert chosen.presentation == Presentation(distances=(100, 200), bearings=(-20, 0, 20))
    assert chosen.class_effects == {"cat": -20, "dog": 10}
    assert ShownImagesParameters(presentation={"how": "paste", "heights": [20]}).presentation.heights == (20,)
    assert ShownImagesParameters(class_effects={"cat": 3}).class_effects == {"cat": 3}


def test_labelled_images_are_known_by_what_they_hold():
    """A run uses a Result again where its parameters are stated alike."""
    images = few_digits().images.copy()
    images[120, 3, 3] ^= 1
    texts = []
    for each in (few_digits(), few_digits(), dataclasses.replace(few_digits(), images=images)):
        texts.append(json.dumps(stated(ShownImagesParameters(each))))
    assert texts[0] == texts[1] != texts[2] and all(len(text) < 1_000 for text in texts)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"presentation": "arena distance"}, "presentation: 'distance' is not understood"),
        ({"presentation": {"how": "throw"}}, "presentation: how 'throw' is unknown; choose from arena or paste"),
        ({"class_effects": "cat"}, "class effects: 'cat' is not understood"),
        ({"class_effects": [3]}, "shown images: class_effects"),
        ({"images": 10, "images_elsewhere": 11}, "images_elsewhere 11 is more than images 10"),
        ({"fit_images": 1}, "fit_images is 1; give a whole number, at least 2|fit_images is 1; give .*2"),
        ({"dataset": 3}, "shown images: dataset"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(settings, says):
    with pytest.raises(UserError, match=says) as refused:
        ShownImagesParameters(**settings)
    assert "\n" not in str(refused.value)


def test_layers_that_are_not_there_or_too_large_are_refused():
    agent, given = small_agent(), {"world": get_arena("digits"), "dataset": few_digits()}
    with pytest.raises(UserError, match="layer 'conv1': is a convolution"):
        shown_images(agent, layer="conv1", **given)
    with pytest.raises(UserError, match="layer 'conv9': unknown"):
        shown_images(agent, layers=("conv9",), **given)


def test_where_nothing_can_be_shown_a_run_goes_on_and_what_is_wrong_ends_it():
    agent, arena = small_agent(), get_arena("vizdoom:basic")
    ANALYSIS.refuse(Inputs(agent, None, DoomWorld(arena)), ShownImagesParameters())
    with pytest.raises(NotMeasurable, match="has no place where images could be shown"):
        shown_images(agent, world=arena)
    with pytest.raises(UserError, match="outside the view"):
        shown = ShownImagesParameters("digits", "arena bearing=80")
        ANALYSIS.refuse(Inputs(agent, None, DoomWorld(get_arena("digits"))), shown)


def test_what_was_shown_is_not_asked_for_twice_nor_of_another_agent():
    given = {"shown_images": digits_shown()}
    with pytest.raises(UserError, match="dataset: belongs to shown_images, whose Result was given"):
        decoding(retinoscope.load_agent("digits"), given=given, dataset="digits")
    with pytest.raises(UserError, match="images were shown to 'digits', not to 'small-0'"):
        decoding(small_agent(), world=get_arena("digits"), given=given)


@pytest.mark.parametrize(
    ("run", "settings", "says"),
    [
        (dataset_embedding, {"images": 230}, r"raise shown_images\.images$"),
        (action_given_stimulus, {"images": 80}, r"raise shown_images\.images_elsewhere"),
        (dataset_attribution, {"images_per_class": 5}, r"raise shown_images\.held_out_per_class"),
    ],
)
def test_more_than_is_kept_cannot_be_had(run, settings, says):
    with pytest.raises(NotMeasurable, match=says):
        run(retinoscope.load_agent("digits"), given={"shown_images": digits_shown()}, **settings)


def test_a_class_without_held_out_images_cannot_be_decoded(recording):
    given = {"shown_images": digits_shown()}
    with pytest.raises(NotMeasurable, match=r"none of class '.' is of the held-out part, which decoding needs"):
        recurrent_response(retinoscope.load_agent("digits"), recording=recording, given=given, images=12, settled=5)


def test_scores_that_were_not_kept_cannot_be_decoded():
    agent, arena = small_agent(), get_arena("digits")
    given = {"shown_images": shown_images(agent, world=arena, dataset=few_digits(), presentation=NEAR, layers=("fc",))}
    assert decoding(agent, world=arena, given=given, permutations=2).data["layer"].values.tolist() == ["pixels", "fc"]
    with pytest.raises(NotMeasurable, match=r"name it in shown_images\.layers too"):
        decoding(agent, world=arena, given=given, layers=("conv1",))
    with pytest.raises(UserError, match="layer 'conv9': unknown"):
        decoding(agent, world=arena, given=given, layers=("conv9",))


def test_the_twin_sees_the_views_that_the_agent_saw():
    agent, arena = small_agent(), get_arena("digits")
    given = {"shown_images": shown_images(agent, world=arena, dataset=few_digits(), presentation=NEAR, **SHOWN)}
    data = twin_comparison(agent, world=arena, given=given, twin=agent, untrained=2, permutations=3).data
    np.testing.assert_array_equal(data["balanced"][0], data["balanced"][1])
    assert data["layer"].values.tolist()[0] == "pixels" and "fc" in data["layer"].values
