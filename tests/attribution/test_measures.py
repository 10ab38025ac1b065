"""What the checks measure, against loops over single frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retinoscope.attribution import attribute, default_targets, parse_target
from retinoscope.attribution.measures import FRACTIONS, Frames, Task, measure
from tests.oracles_attribution import lively_policy

METHODS = ("gradient", "gradient_x_input", "occlusion")
SETTINGS = {"window": 6, "stride": 4}


def frames_with_an_object(policy, count=3):
    """Views that differ from what lies behind only where one object is; the last one has none."""
    random = np.random.default_rng(5)
    behind = random.integers(0, 256, (count, *policy.observation_shape), dtype=np.uint8)
    masks = [np.zeros((1, *policy.observation_shape[:2]), bool) for _ in range(count - 1)]
    seen = behind.copy()
    for number, mask in enumerate(masks):
        mask[0, 4 + number : 14, 3 : 12 + number] = True
        seen[number][mask[0]] = random.integers(0, 256, (int(mask.sum()), 3))
    states = random.normal(0, 0.5, (count, policy.state_size)).astype(np.float32)
    masks.append(np.zeros((0, *policy.observation_shape[:2]), bool))
    objects = tuple(np.arange(len(mask)) for mask in masks)
    return Frames(np.arange(40, 40 + count), seen, states, behind, tuple(masks), objects)


def clipping(policy):
    """With pixels clipped, though so far out that none is: a first layer that is not known to be affine."""
    policy.network.input_limit.fill_(1e6)
    return policy


@pytest.fixture(scope="module", params=["affine", "not known to be"])
def measured(request):
    policy = lively_policy() if request.param == "affine" else clipping(lively_policy())
    targets = tuple(parse_target(policy, each) for each in default_targets(policy))
    frames = frames_with_an_object(policy)
    return policy, targets, frames, measure((Task(policy, targets, METHODS, SETTINGS, seed=2), frames))


def answer(policy, picture, state):
    with torch.no_grad():
        step = policy.step(torch.from_numpy(picture)[None], torch.from_numpy(state)[None])
        return np.array([float(step.value), *policy.probabilities(step.logits)[0].tolist()])


@pytest.mark.parametrize("order", ["gradient_x_input", "difference", "random"])
def test_curves_are_those_of_pixels_taken_away_and_put_in_one_mixture_after_the_other(measured, order):
    policy, targets, frames, found = measured
    number = [*METHODS, "difference", "random"].index(order)
    pixels = frames.observations[0].shape[0] * frames.observations[0].shape[1]
    for frame, target in ((0, 0), (1, 0), (1, 2), (2, 1)):
        seen, behind, state = frames.observations[frame], frames.backgrounds[frame], frames.states[frame]
        chance = np.random.default_rng((2, int(frames.rows[frame]), 1)).permutation(pixels)
        values = np.zeros(pixels)
        if order == "difference":
            values = np.abs(seen.astype(float) - behind).sum(axis=-1).ravel()
        if order == "gradient_x_input":
            maps = attribute(policy, seen[None], state[None], targets[target], order, baseline=behind.astype(float))
            values = np.abs(maps[0]).sum(axis=-1).ravel()
        sequence = np.lexsort((chance, -values))
        whole = answer(policy, seen, state)[target]
        for place, fraction in enumerate(FRACTIONS):
            first = np.zeros(pixels, bool)
            first[sequence[: int(np.ceil(fraction * pixels))]] = True
            first = first.reshape(*seen.shape[:2], 1)
            for name, picture in (
                ("deletion", np.where(first, behind, seen)),
                ("insertion", np.where(first, seen, behind)),
            ):
                expected = abs(answer(policy, picture, state)[target] - whole)
                assert found[name][number, target, frame, place] == pytest.approx(expected, abs=1e-5), (name, place)


def test_objects_painted_out_are_those_of_one_picture_after_the_other(measured):
    policy, targets, frames, found = measured
    assert found["object_frame"].tolist() == [40, 41]
    for number, mask in enumerate(each[0] for each in frames.masks if len(each)):
        painted = np.where(mask[..., None], frames.backgrounds[number], frames.observations[number])
        state = frames.states[number]
        change = answer(policy, frames.observations[number], state) - answer(policy, painted, state)
        np.testing.assert_allclose(found["change"][:, number], change, atol=1e-5)
        maps = attribute(
            policy,
            frames.observations[number][None],
            state[None],
            targets[0],
            "occlusion",
            baseline=frames.backgrounds[number].astype(float),
            **SETTINGS,
        )[0]
        assert found["mass_signed"][2, 0, number] == pytest.approx(maps[mask].sum(), rel=1e-3, abs=1e-6)
        assert found["mass_absolute"][2, 0, number] == pytest.approx(np.abs(maps[mask]).sum(), rel=1e-3, abs=1e-6)
        assert found["object_pixels"][number] == mask.sum()


def test_where_there_is_nothing_to_see_methods_with_a_baseline_are_not_ranked(measured):
    _, _, _, found = measured
    assert np.isfinite(found["signed"][0]).all()
    assert np.isfinite(found["signed"][1, :, :, :2]).all() and np.isnan(found["signed"][1:, :, :, 2]).all()
