"""Decoding from networks whose code is planted, and from the shipped agent."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import torch

from retinoscope.agents.agent import Agent
from retinoscope.analyses.images.decoding import DecodingParameters, class_score_text, decoding
from retinoscope.errors import UserError
from retinoscope.scenarios import get_arena, load_scenario
from retinoscope.scenarios.image_sets import LabelledImages
from tests.analyses.dataset_runs import NEAR, decoding_result
from tests.rollouts.recordings import small_agent

pytestmark = pytest.mark.engine


def grey_squares(per_class: int = 60, seed: int = 0) -> LabelledImages:
    """Class k is a grey of its own, with a little noise: a linear code in the pixels."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.arange(4), per_class)
    grey = 30 + 55 * labels[:, None, None, None] + random.normal(0, 3, (len(labels), 4, 4, 1))
    images = np.repeat(grey.clip(0, 255).astype(np.uint8), 3, axis=-1)
    return LabelledImages("greys", images, labels, ("0", "2", "6", "9"), np.arange(len(labels)) // 4 % 3 == 0)


def linear_agent() -> Agent:
    """Its only layers are linear in the pixels."""
    agent = dataclasses.replace(small_agent(encoder="linear", rnn="none"), scenario=load_scenario("digits"))
    with torch.no_grad():
        agent.policy.network.pixel_scale.fill_(50.0)
    return agent


def test_a_network_that_encodes_the_class_linearly_is_read_at_ceiling():
    data = decoding(linear_agent(), presentation=NEAR, dataset=grey_squares(), components=8, permutations=100).data
    for layer in ("pixels", "fc"):
        chosen = data.sel(layer=layer, task="class").isel(checkpoint=0)
        assert float(chosen["balanced"]) == 1.0 and float(chosen["p"]) == pytest.approx(1 / 101)
        assert (np.diag(data["confusion"].sel(layer=layer).values[0]) == 20).all()


def test_random_labels_are_at_chance():
    given = grey_squares()
    shuffled = np.random.default_rng(1).permutation(given.labels)
    given = LabelledImages("shuffled", given.images, shuffled, given.class_names, given.is_test)
    data = decoding(linear_agent(), presentation=NEAR, dataset=given, components=8).data
    chosen = data.sel(layer="fc", task="class").isel(checkpoint=0)
    assert float(chosen["low"]) <= 0.25 <= float(chosen["high"])
    assert float(chosen["p"]) > 0.05


def test_the_scaler_and_the_components_never_see_the_held_out_part():
    """Held-out images of another kind leave what is fitted as it was: the training accuracy does not move."""
    given = grey_squares()
    images = given.images.copy()
    images[given.is_test] = np.random.default_rng(2).integers(0, 256, images[given.is_test].shape)
    changed = LabelledImages("changed", images, given.labels, given.class_names, given.is_test)
    found = [decoding(linear_agent(), presentation=NEAR, dataset=each, components=2).data for each in (given, changed)]
    np.testing.assert_array_equal(found[0]["train"], found[1]["train"])
    np.testing.assert_array_equal(found[0]["permuted_train"], found[1]["permuted_train"])
    assert float(found[1]["balanced"].sel(layer="fc", task="class")[0]) < 0.6


def test_the_shipped_agent_is_decoded_at_all_checkpoints():
    result = decoding_result()
    data = result.data
    assert data["checkpoint"].values.tolist() == ["untrained", "early", "final"]
    assert data["layer"].values.tolist() == ["pixels", "conv2", "fc", "policy"]
    scores = data["balanced"].sel(task="effect", layer="policy")
    assert float(scores[2]) > float(scores[0])
    assert float(data["rise_low"].sel(task="effect", layer="policy")) > 0
    assert (data["balanced"].sel(layer="pixels") == data["balanced"].sel(layer="pixels")[0]).all()
    assert "rises in" in data.attrs["caption"] and "60 held out" in data.attrs["caption"]
    assert data["confusion"].sel(layer="fc").values[-1].sum() == 60


def test_the_scores_are_written_in_the_older_tools_form():
    text = class_score_text(decoding_result())
    number = r"-Train: [01]\.\d{4}\n-Test: [01]\.\d{4}\n"
    titles = ("multi", "permuted multi", "bin", "permuted bin")
    assert re.fullmatch("".join(f"{title} classification scores:\n{number}" for title in titles), text)
    final = decoding_result().data.isel(checkpoint=-1).sel(layer="fc")
    assert f"\n-Test: {float(final['test'].sel(task='class')):.4f}\npermuted multi" in text
    assert text.endswith(f"-Test: {float(final['permuted_test'].sel(task='effect')):.4f}\n")


def test_wrong_parameters_and_layers_are_refused():
    with pytest.raises(UserError, match="permutations"):
        DecodingParameters(permutations=0)
    with pytest.raises(UserError, match="layer 'conv9'"):
        decoding(small_agent(), world=get_arena("digits"), parameters=DecodingParameters(("conv9",)))
    with pytest.raises(UserError, match=r"decoding: there is no parameter 'permutation'; did you mean 'permutations'"):
        decoding(small_agent(), permutation=3)
