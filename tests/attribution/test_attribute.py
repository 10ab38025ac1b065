"""Maps against finite differences, hand-written backward passes, double loops and networks that look at one patch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, IntegratedGradients, Occlusion

import retinoscope
from retinoscope.attribution import (
    ATTRIBUTION_METHODS,
    attribute,
    attribute_targets,
    attribute_windows,
    default_targets,
)
from retinoscope.errors import UserError
from tests.oracles_attribution import (
    answers,
    finite_differences,
    guided_by_hand,
    in_float64,
    lively_policy,
    occluded,
    patch_policy,
    perturbed,
)
from tests.synthetic import small_policy

DIRECTION = np.array([0.3, -1.0, 0.0, 0.5, 2.0])
TARGETS = {
    "value": lambda step, _: step.value,
    "logit:turn left": lambda step, _: step.logits[:, 1],
    "probability:turn right": lambda step, _: torch.softmax(step.logits, 1)[:, 2],
    "log_probability:turn none": lambda step, _: torch.log_softmax(step.logits, 1)[:, 0],
    "fc:6": lambda _, activity: activity["fc"][:, 6],
    "rnn:4": lambda _, activity: activity["rnn"][:, 4],
    "conv2:1,2,3": lambda _, activity: activity["conv2"][:, 1, 2, 3],
    "direction": lambda step, _: step.state @ torch.from_numpy(DIRECTION),
}
"""Each target, written from its definition."""


def function_of(target: str):
    def compute(policy, pixels, states):
        with policy.capture("fc", "rnn", "conv2") as activity:
            step = policy.step(pixels, states)
        return TARGETS[target](step, activity)

    return compute


def asked(target: str):
    return DIRECTION if target == "direction" else target


@pytest.fixture(scope="module")
def scene():
    """A float64 policy, observations, entering states, and a baseline."""
    random = np.random.default_rng(0)
    policy = in_float64(lively_policy())
    observations = random.normal(70, 40, (3, *policy.observation_shape))
    return policy, observations, random.normal(0, 0.5, (3, 5)), random.normal(60, 10, policy.observation_shape)


@pytest.mark.parametrize("target", TARGETS)
def test_gradients_are_those_of_finite_differences(scene, target):
    policy, observations, states, _ = scene
    maps = attribute(policy, observations, states, asked(target), "gradient")
    pixels = np.r_[np.abs(maps[1]).ravel().argsort()[-8:], np.arange(0, maps[1].size, 97)]
    expected = finite_differences(answers(policy, function_of(target), states[1]), observations[1], pixels)
    assert np.abs(expected).max() > 1e-7
    np.testing.assert_allclose(maps[1].ravel()[pixels], expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["gradient_x_input", "smoothgrad", "integrated_gradients"])
def test_methods_made_of_derivatives_are_those_of_finite_differences(scene, target, method):
    policy, observations, states, baseline = scene
    settings = {"steps": 24, "samples": 3, "noise_sigma": 12.0, "seed": 5}
    maps = attribute(policy, observations, states, asked(target), method, baseline=baseline, **settings)
    answer, away = answers(policy, function_of(target), states[2]), observations[2] - baseline
    pixels = np.abs(maps[2]).ravel().argsort()[-6:]
    if method == "gradient_x_input":
        expected = finite_differences(answer, observations[2], pixels) * away.ravel()[pixels]
    elif method == "smoothgrad":
        generator = torch.Generator().manual_seed(5)
        noise = [12.0 * torch.randn(away.shape, generator=generator)[None].double().numpy()[0] for _ in range(3)]
        expected = np.mean([finite_differences(answer, observations[2] + each, pixels) for each in noise], axis=0)
    else:  # the midpoint rule, with many more steps
        way = (np.arange(150) + 0.5) / 150
        slopes = [finite_differences(answer, baseline + part * away, pixels) for part in way]
        expected = np.mean(slopes, axis=0) * away.ravel()[pixels]
    np.testing.assert_allclose(maps[2].ravel()[pixels], expected, rtol=2e-3, atol=1e-9)


def test_integrated_gradients_add_up_to_the_change_from_the_baseline(small_recording):
    agent = retinoscope.load_agent("apples")
    rows = small_recording.rows(0, 100, ["observation"])["observation"].values[::13]
    baseline = np.full(agent.policy.observation_shape, 60, np.float32)
    targets = default_targets(agent.policy)
    maps = attribute_targets(agent, rows, None, targets, "integrated_gradients", baseline=baseline)
    with torch.no_grad():
        values = []
        for frames in (rows, np.repeat(baseline[None], len(rows), 0)):
            step = agent.policy.step(torch.from_numpy(frames), agent.policy.initial_state(len(rows)))
            values.append(torch.cat([step.value[:, None], agent.policy.probabilities(step.logits)], 1).numpy())
    change = (values[0] - values[1]).T
    error = np.abs(maps.sum(axis=(2, 3, 4)) - change)
    assert (error.max(axis=1) < 0.01 * np.abs(change).max(axis=1)).all()
    assert error.mean() < 0.01 * np.abs(change).mean()


@pytest.mark.parametrize("activation", ["relu", "elu", "tanh"])
def test_guided_backprop_is_that_of_a_hand_written_backward_pass(activation):
    policy = lively_policy(activation=activation, kernel_size=3)
    observations = np.random.default_rng(1).normal(70, 40, (2, *policy.observation_shape)).astype(np.float32)
    differing = 0
    for unit in range(7):
        maps = attribute(policy, observations, None, f"fc:{unit}", "guided_backprop")
        expected = np.stack([guided_by_hand(policy, unit, each, activation) for each in observations])
        np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
        plain = attribute(policy, observations, None, f"fc:{unit}", "gradient")
        differing += np.abs(maps - plain).max() > 0.1 * np.abs(plain).max() > 0  # a dead unit has no gradient
    assert differing >= 3


def test_on_relu_guided_backprop_is_captums():
    policy = lively_policy(activation="relu")
    observations = np.random.default_rng(2).normal(70, 40, (3, *policy.observation_shape)).astype(np.float32)
    maps = attribute(policy, observations, None, "fc:3", "guided_backprop")
    inputs = policy.network.input_of_encoder(torch.from_numpy(observations)).detach().requires_grad_()
    with pytest.warns(UserWarning, match="backward hooks on ReLU"):
        found = GuidedBackprop(policy.network.encoder.layers).attribute(inputs, target=3)
    expected = found.permute(0, 2, 3, 1).detach().numpy() / float(policy.network.pixel_scale)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_the_rule_is_gone_after_its_block():
    policy = lively_policy()
    observations = np.random.default_rng(3).normal(70, 40, (2, *policy.observation_shape)).astype(np.float32)
    before = attribute(policy, observations, None, "value", "gradient")
    attribute(policy, observations, None, "value", "guided_backprop")
    np.testing.assert_array_equal(attribute(policy, observations, None, "value", "gradient"), before)


@pytest.mark.parametrize(("window", "stride"), [(7, 3), (5, 5), (40, 40), (1, 1)])
def test_occlusion_is_that_of_a_double_loop(scene, window, stride):
    policy, observations, states, baseline = scene
    if window == 1:  # as many windows as pixels; one row of them will do
        policy = in_float64(lively_policy(shape=(16, 16, 3)))
        observations, baseline = observations[:, :16, :16], baseline[:16, :16]
    maps = attribute(
        policy, observations, states, "value", "occlusion", baseline=baseline, window=window, stride=stride
    )
    answer = answers(policy, function_of("value"), states[0])
    expected = occluded(answer, observations[0], baseline, window, stride)
    np.testing.assert_allclose(maps[0], np.repeat(expected[..., None], 3, axis=-1), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("sigma", "spacing"), [(None, None), (2.5, 3), (1.0, 40)])
def test_perturbation_is_that_of_a_double_loop_over_discs(scene, sigma, spacing):
    policy, observations, states, _ = scene
    maps = attribute(
        policy, observations, states, "value", "perturbation", disc_sigma=sigma, disc_spacing=spacing, batch_size=7
    )
    side = min(policy.observation_shape[:2])
    answer = answers(policy, function_of("value"), states[1])
    expected = perturbed(answer, observations[1], sigma or side / 16, spacing or round(side / 16), 3 * side / 80)
    assert expected.max() > 0
    np.testing.assert_allclose(maps[1], np.repeat(expected[..., None], 3, axis=-1), rtol=1e-9, atol=1e-15)


def test_perturbation_of_the_policy_is_the_sum_over_its_logits(scene):
    policy, observations, states, _ = scene
    logits = [f"logit:{name}" for name in policy.output_names()]
    maps = attribute_targets(policy, observations[:1], states[:1], logits, "perturbation", disc_spacing=6)
    step = [
        answers(policy, lambda policy, pixels, states, n=n: policy.step(pixels, states).logits[:, n], states[0])
        for n in range(len(logits))
    ]
    side = min(policy.observation_shape[:2])
    each = [perturbed(one, observations[0], side / 16, 6, 3 * side / 80) for one in step]
    np.testing.assert_allclose(maps.sum(axis=0)[0, ..., 0], np.sum(each, axis=0), rtol=1e-9, atol=1e-15)


def test_perturbation_blurs_one_step_of_a_window_at_a_time(scene):
    policy, observations, states, _ = scene
    found = attribute_windows(policy, observations[None], states[:1], "value", "perturbation", disc_spacing=8)
    side = min(policy.observation_shape[:2])

    def answer(first):
        state = torch.from_numpy(states[:1])
        for pixels in (first, observations[1:2], observations[2:]):
            step = policy.step(torch.from_numpy(np.asarray(pixels)), state)
            state = step.state
        return step.value.detach().numpy()

    expected = perturbed(answer, observations[0], side / 16, 8, 3 * side / 80)
    np.testing.assert_allclose(found[0, 0, ..., 0], expected, rtol=1e-9, atol=1e-15)


def test_captums_own_calls_give_the_same_maps():
    policy, targets = lively_policy(), ("probability:turn left", "probability:turn right", "probability:turn none")
    observations = np.random.default_rng(4).normal(70, 40, (2, *policy.observation_shape)).astype(np.float32)
    baseline = np.full(policy.observation_shape, 50, np.float32)

    def forward(pixels):
        return policy.probabilities(policy.step(pixels, policy.initial_state(len(pixels))).logits)

    inputs, against = torch.from_numpy(observations), torch.from_numpy(baseline)[None]
    settings = {"baseline": baseline, "steps": 9, "window": 6, "stride": 4}
    for method, call in (
        (
            "integrated_gradients",
            lambda index: IntegratedGradients(forward).attribute(inputs, against, index, n_steps=9),
        ),
        ("occlusion", lambda index: Occlusion(forward).attribute(inputs, (6, 6, 3), (4, 4, 3), against, index)),
    ):
        maps = attribute_targets(policy, observations, None, targets, method, **settings)
        for found, index in zip(maps, (1, 2, 0), strict=True):
            expected = call(index).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("activation", ["elu", "relu", "tanh"])
@pytest.mark.parametrize("method", ATTRIBUTION_METHODS)
def test_a_policy_that_looks_at_one_patch_has_all_its_mass_there(method, activation):
    policy, (rows, columns) = patch_policy(activation=activation)
    observations = np.random.default_rng(6).normal(70, 40, (3, *policy.observation_shape)).astype(np.float32)
    settings = {"window": 3, "stride": 1, "disc_sigma": 0.5, "disc_spacing": 1}
    maps = np.abs(attribute(policy, observations, None, "value", method, **settings))
    inside = np.zeros(policy.observation_shape, bool)
    # A square or disc that touches the patch reaches this far beyond.
    spill = 2 if method in ("occlusion", "perturbation") else 0
    inside[max(rows.start - spill, 0) : rows.stop + spill, max(columns.start - spill, 0) : columns.stop + spill] = True
    assert maps[:, inside].sum() > 0
    assert maps[:, ~inside].max() <= 1e-6 * maps.max()


@pytest.mark.parametrize("method", ATTRIBUTION_METHODS)
def test_a_map_does_not_depend_on_its_company(method):
    policy = lively_policy()
    random = np.random.default_rng(7)
    observations = random.integers(0, 256, (5, *policy.observation_shape), dtype=np.uint8)
    states = random.normal(0, 0.5, (5, 5)).astype(np.float32)
    baselines = random.integers(0, 256, observations.shape).astype(np.float32)
    settings = {"steps": 6, "samples": 3}
    targets = default_targets(policy)
    together = attribute_targets(
        policy, observations, states, targets, method, baseline=baselines, batch_size=13, **settings
    )
    for number, target in enumerate(targets):
        one = attribute(
            policy, observations[3:4], states[3:4], target, method, baseline=baselines[3], batch_size=7, **settings
        )
        np.testing.assert_allclose(together[number, 3], one[0], rtol=1e-3, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize("config", [{}, {"encoder": "linear"}, {"greyscale": True}, {"rnn": "none"}])
def test_behind_the_first_preactivation_a_step_is_the_same_and_it_is_affine_in_the_pixels(config):
    policy = lively_policy(**config)
    random = np.random.default_rng(9)
    one, other = (torch.from_numpy(random.uniform(0, 255, (2, *policy.observation_shape))).float() for _ in range(2))
    states = torch.from_numpy(random.normal(0, 0.5, (2, policy.state_size))).float()
    names = [layer.name for layer in policy.layers]
    with policy.capture(*names) as expected:
        whole = policy.step(one, states)
    with policy.capture(*names) as found:
        rest = policy.step_from_first(policy.first_activation(policy.first_preactivation(one)), states)
    for before, after in zip(whole, rest, strict=True):
        torch.testing.assert_close(after, before)
    assert all(torch.equal(found[name], expected[name]) for name in names)
    mixed = policy.first_preactivation(0.3 * one + 0.7 * other)
    ends = policy.first_preactivation(one), policy.first_preactivation(other)
    torch.testing.assert_close(mixed, 0.3 * ends[0] + 0.7 * ends[1], rtol=1e-4, atol=1e-4)


def test_a_policy_that_clips_pixels_gives_no_preactivation_and_the_same_maps_where_nothing_is_clipped():
    policy, clipped = lively_policy(), lively_policy()
    clipped.network.input_limit.fill_(1e6)
    observations = np.random.default_rng(10).normal(70, 40, (3, *policy.observation_shape)).astype(np.float32)
    assert clipped.first_preactivation(torch.from_numpy(observations)) is None
    for method in ("integrated_gradients", "smoothgrad"):
        expected = attribute_targets(clipped, observations, None, default_targets(policy), method, steps=5, samples=3)
        found = attribute_targets(policy, observations, None, default_targets(policy), method, steps=5, samples=3)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_squares_that_look_the_same_painted_over_do_not_pass_the_network():
    policy = lively_policy()
    observations = np.random.default_rng(11).integers(0, 256, (2, *policy.observation_shape), dtype=np.uint8)
    baselines = observations.copy()
    baselines[0, 3:7, 3:7] += 9
    seen = []
    step = policy.step
    policy.step = lambda pixels, state: seen.append(len(pixels)) or step(pixels, state)
    maps = attribute(policy, observations, None, "value", "occlusion", baseline=baselines, window=5, stride=5)
    assert sum(seen) == 2 + 4  # both frames, and of one the four squares that the difference touches
    assert maps[0, :10, :10].any() and not maps[0, 10:].any() and not maps[1].any()


@pytest.mark.engine
def test_the_baseline_is_the_empty_arena_of_an_agent_and_the_mid_grey_of_a_policy():
    agent = retinoscope.load_agent("apples")
    frame = retinoscope.attribution.baseline_frame(agent)
    assert frame.shape == agent.policy.observation_shape and np.ptp(frame) > 50
    assert (retinoscope.attribution.baseline_frame(small_policy()) == 60).all()
    observations = np.random.default_rng(8).integers(0, 256, (1, *frame.shape), dtype=np.uint8)
    given = attribute(agent, observations, None, "value", "gradient_x_input", baseline=frame)
    np.testing.assert_array_equal(attribute(agent, observations, None, "value", "gradient_x_input"), given)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("vallue", r"target 'vallue': unknown; choose value; .*turn left.*fc \(7 units\).*array of 5 numbers"),
        ("probability:fly", "there is no action 'fly'; choose from turn none, turn left, turn right"),
        ("fc:7", "there is no such unit"),
        ("fc:-1", "write fc:UNIT"),
        ("conv2:1", "write conv2:CHANNEL,ROW,COLUMN"),
        ("conv2:1,1,99", "there is no such unit"),
        (np.ones(4), "a direction has 5 finite numbers"),
        (np.array([1, np.nan, 0, 0, 0]), "a direction has 5 finite numbers"),
        (np.zeros(5), "not all zero"),
    ],
)
def test_targets_that_do_not_exist_are_refused_and_what_there_is_listed(target, message):
    policy = small_policy()
    with pytest.raises(UserError, match=message):
        attribute(policy, np.zeros((1, *policy.observation_shape)), None, target, "gradient")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "lime"}, "unknown; choose from gradient, gradient_x_input, guided_backprop"),
        ({"samples": 0}, "samples is 0; give at least 1"),
        ({"stride": 9, "window": 4}, "leaves gaps"),
        ({"noise_sigma": 0.0}, "noise_sigma is 0; give a number above 0|noise_sigma is 0; give above 0"),
        ({"seed": -1}, "seed is -1; give "),
        ({"metod": 1}, "there is no parameter 'metod'"),
        ({"observations": np.zeros((24, 20, 3))}, r"have shape \(24, 20, 3\); this agent sees \(24, 20, 3\)"),
        ({"observations": np.full((1, 24, 20, 3), np.nan)}, "observations: hold what is not a finite number"),
        ({"states": np.zeros((2, 5))}, r"give \(1, 5\)"),
        ({"method": "occlusion", "baseline": np.zeros((3, 3))}, r"baseline: has shape \(3, 3\)"),
        ({"method": "occlusion", "baseline": np.inf}, "baseline: holds"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(settings, message):
    policy = small_policy()
    given = {"observations": np.zeros((1, *policy.observation_shape)), "method": "gradient"} | settings
    with pytest.raises(UserError, match=message) as caught:
        attribute(policy, **given)
    assert "\n" not in str(caught.value)


def test_a_target_without_gradient_path_is_refused_but_can_be_occluded():
    policy = small_policy()
    policy.network.encoder.layers.fc.register_forward_hook(lambda *given: given[2].detach())
    observations = np.random.default_rng(0).normal(70, 40, (2, *policy.observation_shape))
    with pytest.raises(UserError, match=r"target 'rnn:1': no gradient leads from it to the pixels .*'occlusion'"):
        attribute(policy, observations.astype(np.float32), None, "rnn:1", "gradient")
    assert attribute(policy, observations.astype(np.float32), None, "conv2:0,0,0", "gradient").any()
    assert attribute(policy, observations.astype(np.float32), None, "rnn:1", "occlusion").any()


@pytest.mark.parametrize("method", ["gradient", "integrated_gradients", "occlusion"])
@pytest.mark.parametrize(("poisoned", "first"), [("conv2.convolution", "conv2"), ("fc.linear", "fc")])
def test_nans_are_traced_to_the_layer_where_they_first_appear(poisoned, first, method):
    policy = small_policy()
    policy.network.encoder.layers.get_submodule(poisoned).weight.view(-1)[0] = float("nan")
    with pytest.raises(UserError, match=f"not a number, first in layer {first} "):
        attribute(policy, np.zeros((1, *policy.observation_shape), np.float32), None, "value", method)


def test_guided_backprop_of_a_network_without_activation_functions_is_refused():
    policy = small_policy(encoder="linear", rnn="none")
    with pytest.raises(UserError, match="it would be the plain gradient"):
        attribute(policy, np.zeros((1, *policy.observation_shape), np.float32), None, "value", "guided_backprop")
