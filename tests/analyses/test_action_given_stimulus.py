"""What the shipped agent does before what heals and harms, and what an untrained one does not."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.analyses.images.action_given_stimulus import action_given_stimulus
from retinoscope.errors import UserError
from retinoscope.scenarios import get_arena
from retinoscope.stimuli.places import Presentation
from tests.analyses.dataset_runs import action_result, few_digits
from tests.synthetic import small_policy


def test_the_summary_is_above_zero_for_the_trained_agent_and_not_for_the_untrained_one():
    data = action_result().data
    assert data["checkpoint"].values.tolist() == ["untrained", "early", "final"]
    assert float(data["summary_low"][2]) > 0.5
    assert float(data["summary_low"][0]) <= 0 <= float(data["summary_high"][0])
    assert float(data["summary_p"][2]) == pytest.approx(1 / 252)  # of all ways to choose five of ten classes
    assert float(data["summary"][2]) == pytest.approx(float(data["contrast"][0]), abs=1e-6)


def test_it_is_recomputed_from_the_probabilities():
    data = action_result().data
    walking = data["probability"].sel(action="forward").values - data["probability"].sel(action="backward").values
    labels = data["label"].values
    means = np.array([walking[labels == label].mean() for label in range(10)])
    assert float(data["contrast"][0]) == pytest.approx(means[5:].mean() - means[:5].mean(), abs=1e-5)
    forward = data["probability"].sel(action="forward").values
    for label in range(10):
        assert float(data["median"].sel(action="forward")[label]) == pytest.approx(np.median(forward[labels == label]))
        np.testing.assert_allclose(
            data["mean_probability"].sel(action="forward")[0, label], forward[labels == label].mean(), atol=1e-6
        )
    assert data["images_of_class"].values.tolist() == [20] * 10


def test_what_is_far_away_moves_it_less_and_where_it_decides_is_said():
    result = action_result()
    data = result.data
    assert data["distance"].values.tolist() == [100, 100, 400, 400]
    assert abs(float(data["contrast"][2])) < float(data["contrast"][0]) / 3
    assert "lies above zero up to 100 map units away" in data.attrs["decides"]
    assert np.isnan(float(data["turning"][0])) and np.isfinite(float(data["turning"][1]))


def test_components_of_the_logits_leave_out_what_no_action_depends_on():
    data = action_result().data
    axes = data["logit_axis"].values
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(axes[:, :3].sum(axis=1), 0, atol=1e-6)
    assert 0 < data["logit_share"].values.sum() <= 1 + 1e-9


def test_an_arena_in_which_nothing_harms_has_no_summary():
    effects = dict.fromkeys(few_digits().class_names, 5)
    presentation = Presentation(distances=(100,), bearings=(0,))
    from retinoscope.agents.load import load_agent

    result = action_given_stimulus(
        load_agent("digits", "early"), dataset=few_digits(), presentation=presentation, class_effects=effects
    )
    assert np.isnan(result.data["summary"].values).all() and np.isnan(result.data["summary_p"].values).all()


def test_an_agent_with_other_actions_is_refused():
    with pytest.raises(UserError, match="has no action 'move forward'"):
        action_given_stimulus(small_policy((60, 80, 3)), get_arena("digits"))
