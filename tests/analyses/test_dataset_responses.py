"""Embedding, presentation, memory, attribution and the twin: on the shipped agent, against slow oracles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.analyses.images.dataset_presentation import dataset_presentation
from retinoscope.analyses.images.recurrent_response import RecurrentParameters, recurrent_response
from retinoscope.analyses.images.twin_comparison import TwinParameters, twin_comparison
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.figures.dataset_presentation import dataset_presentation as draw_presentation
from retinoscope.figures.recurrent_response import recurrent_response as draw_response
from retinoscope.figures.twin_comparison import twin_comparison as draw_twin
from retinoscope.scenarios import get_arena
from retinoscope.stimuli.arena_presentation import empty_view
from retinoscope.stimuli.places import InArena, Presentation
from retinoscope.stimuli.presentation import present
from tests.analyses.dataset_runs import NEAR, attribution_result, embedding_result, few_digits
from tests.gallery import check_gallery
from tests.rollouts.recordings import small_agent
from tests.synthetic import convolution_of, small_policy

pytestmark = pytest.mark.engine


def test_the_embedding_says_how_far_to_trust_it():
    result = embedding_result()
    data = result.data
    labels, plane = data["label"].values, data["fc_tsne"].values
    assert plane.shape == (150, 2) and np.isfinite(plane).all()
    far = np.linalg.norm(plane[:, None] - plane[None], axis=2) + 1e9 * np.eye(150)
    same = np.mean([labels[np.argsort(row)[:10]] == label for row, label in zip(far, labels, strict=True)])
    assert float(data["same_class"].sel(layer="fc", space="tsne")) == pytest.approx(same, abs=0.01)
    assert same > 4 * float(data["same_class_chance"])
    kept = data["preserved"].sel(layer="fc")
    assert float(kept.sel(embedding="tsne")) > float(kept.sel(embedding="principal")) > float(data["preserved_chance"])
    assert result.parameters["perplexity"] == 12 and "perplexity 12" in data.attrs["caption"]


def test_what_the_agent_met_is_familiar_and_a_white_wall_is_not(small_recording, small_recording_arena):
    presentation = Presentation(distances=(60, 200), bearings=(0,))
    result = dataset_presentation(
        small_agent(), recording=small_recording, world=small_recording_arena, presentation=presentation, images=10
    )
    data = result.data
    assert data["example"].shape == (2, 2, 60, 80, 3)
    assert np.median(data["recorded_distance"]) == pytest.approx(1)
    first = data["relative_distance"].values[1, 0]
    assert float(data["median"][1, 0]) == pytest.approx(np.nanmedian(first))
    assert draw_presentation(result).axes


def test_the_response_of_the_memory_is_the_difference_to_the_same_history_without_the_stimulus(
    small_recording, small_recording_arena
):
    agent, steps = small_agent(), 3
    parameters = RecurrentParameters(steps, histories=4, settled=5, images=24, components=4, permutations=5)
    given = {"recording": small_recording, "world": small_recording_arena, "presentation": NEAR}
    result = recurrent_response(agent, parameters=parameters, **given)
    from retinoscope.analyses.images.shown_dataset import shown_dataset

    shown = shown_dataset(small_recording_arena)
    chosen = shown.some(24, 0)
    (seen,) = present(small_recording_arena, shown.images[chosen], (InArena(100),))
    every = small_recording.rows(names=["state_entering"])
    settled = np.flatnonzero(every["step"].values >= 5)
    rows = settled[np.linspace(0, len(settled) - 1, 4).round().astype(int)]
    empty = torch.from_numpy(empty_view(small_recording_arena))[None]
    for image in (0, 13):
        responses = []
        for row in rows:
            entering = torch.from_numpy(every["state_entering"].values[row][None].copy())
            with_it = without = entering
            for _ in range(steps):
                with torch.no_grad():
                    with_it = agent.policy.step(torch.from_numpy(seen.observations[image : image + 1]), with_it).state
                    without = agent.policy.step(empty, without).state
            responses.append((with_it - without)[0].numpy())
        np.testing.assert_allclose(result.data["response"].values[image], np.mean(responses, axis=0), atol=1e-5)
    assert result.data["balanced"].sizes == {"shown_steps": steps}
    assert (result.data["history_share"] >= -1e-6).all() and (result.data["history_share"] <= 1).all()
    assert draw_response(result).axes


def test_a_network_without_memory_has_no_such_response(small_recording, small_recording_arena):
    with pytest.raises(NotMeasurable, match="no recurrent core"):
        recurrent_response(small_agent(rnn="none"), recording=small_recording, world=small_recording_arena)


def test_attribution_lies_on_the_stimulus_more_than_by_chance():
    data = attribution_result().data
    assert data["map"].dims == ("target", "class", "height", "width")
    assert float(data["area"].mean()) < float(data["inside"].mean()) < 1
    assert (data["inside_low"] <= data["inside"]).all() and (data["inside"] <= data["inside_high"]).all()


def test_an_agent_matches_itself_and_another_at_chance():
    agent = small_agent()
    parameters = TwinParameters(untrained=4, permutations=3)
    arena = get_arena("digits")
    given = {"world": arena, "dataset": few_digits(), "presentation": NEAR, "parameters": parameters}
    same = twin_comparison(agent, twin=agent, **given)
    np.testing.assert_allclose(same.data["correlation"], 1, atol=1e-5)
    assert float(same.data["correlation_p"]) == 1 / 5
    np.testing.assert_array_equal(same.data["balanced"][0], same.data["balanced"][1])
    other = twin_comparison(agent, twin=Agent("other", small_agent(7).policy), **given)
    assert abs(float(other.data["mean_correlation"]) - float(other.data["chance_correlation"].mean())) < 0.2
    assert draw_twin(other).axes
    check_gallery(other)


def test_filters_of_a_twin_stand_beside_their_partners():
    """The twin's first convolution is the agent's, its filters in another order."""
    agent, twin, order = small_agent(), small_agent(), [2, 0, 3, 1]
    convolution = convolution_of(twin.policy, "conv1")
    with torch.no_grad():
        convolution.weight.copy_(convolution.weight[order].clone())
        convolution.bias.copy_(convolution.bias[order].clone())
    given = {"world": get_arena("digits"), "dataset": few_digits(), "presentation": NEAR}
    data = twin_comparison(agent, twin=twin, untrained=2, permutations=2, **given).data
    assert data["partner"].values.tolist() == [order.index(each) for each in range(4)]
    np.testing.assert_allclose(
        data["twin_filter"], data["agent_filter"], atol=1e-5 * float(abs(data["agent_filter"]).max())
    )
    np.testing.assert_allclose(data["correlation"], 1, atol=1e-4)


def test_a_twin_that_sees_otherwise_is_refused():
    with pytest.raises(UserError, match="train a twin with the agent's view"):
        twin_comparison(small_agent(), world=get_arena("digits"), twin=Agent("other", small_policy((32, 32, 3))))


def test_without_a_twin_nothing_is_compared():
    with pytest.raises(NotMeasurable, match="train-classifier"):
        twin_comparison(retinoscope.load_agent("digits"))
