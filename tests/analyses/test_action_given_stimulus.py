"""What the shipped agent does before what heals and harms, and what an untrained one does not."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from retinoscope.agents.policy import ActionHead, Layer, Policy, PolicyStep
from retinoscope.analyses.images.action_given_stimulus import action_given_stimulus
from retinoscope.errors import UserError
from retinoscope.scenarios import ACTION_HEADS, get_arena
from retinoscope.scenarios.image_sets import LabelledImages
from retinoscope.stimuli.arena_presentation import empty_view
from retinoscope.stimuli.places import Presentation
from tests.analyses.dataset_runs import action_result, few_digits
from tests.synthetic import small_policy

pytestmark = pytest.mark.engine


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


class TurnsToLight(Policy):
    """Turns to what is brighter than the empty arena, and away from what is darker; it does not walk."""

    observation_shape = (60, 80, 3)
    action_heads = tuple(ActionHead(name, outputs) for name, outputs in ACTION_HEADS.items())
    layers = (Layer("value", "value", (1,)), Layer("policy", "policy", (6,)))
    state_size, device = 0, torch.device("cpu")
    grey_level = 128.0

    def __init__(self, empty):
        self._empty = torch.from_numpy(empty).float()
        self._captured: list[dict[str, torch.Tensor]] = []

    def step(self, observations, state):
        brighter = (observations.float() - self._empty).sum(dim=(1, 3))
        side = torch.sign(brighter[:, 40:].sum(dim=1) - brighter[:, :40].sum(dim=1))
        nothing = torch.zeros_like(side)
        logits = torch.stack([nothing, -20 * side, 20 * side, nothing, nothing, nothing], dim=1)
        for each in self._captured:
            each.update(policy=logits, value=nothing[:, None])
        return PolicyStep(logits, nothing, state)

    @contextmanager
    def capture(self, *names):
        self._captured.append({})
        yield self._captured[-1]
        self._captured.pop()

    def encode(self, observations, until):
        raise NotImplementedError

    def receptive_field(self, layer):
        raise NotImplementedError

    def to(self, device):
        return self


def test_turning_is_towards_what_heals_and_away_from_what_harms_on_either_side():
    arena, labels = get_arena("digits"), np.arange(16) % 2
    images = np.repeat(np.where(labels == 1, 255, 0).astype(np.uint8), 8 * 8 * 3).reshape(16, 8, 8, 3)
    given = LabelledImages("dark and light", images, labels, ("0", "9"), np.arange(16) < 4)
    presentation = Presentation(distances=(100,), bearings=(0, -25, 25))
    policy = TurnsToLight(empty_view(arena))
    data = action_given_stimulus(policy, world=arena, dataset=given, presentation=presentation).data
    chances = data["mean_probability"].sel(action=["left", "right"]).values
    np.testing.assert_allclose(chances[1], [[0, 1], [1, 0]], atol=1e-3)  # left of straight ahead: dark, light
    np.testing.assert_allclose(chances[2], [[1, 0], [0, 1]], atol=1e-3)
    np.testing.assert_allclose(data["turning"][1:], 2, atol=1e-3)
    assert np.isnan(float(data["turning"][0]))


def test_an_agent_with_other_actions_is_refused():
    with pytest.raises(UserError, match="has no action 'move forward'"):
        action_given_stimulus(small_policy((60, 80, 3)), world=get_arena("digits"))
