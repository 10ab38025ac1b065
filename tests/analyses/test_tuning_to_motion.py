"""Tuning to motion of networks whose units are known: in stacked frames, and in a memory."""

from __future__ import annotations

import dataclasses
import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import xarray
from torch import nn

from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.early_vision import motion_responses, tuning_to_motion, untrained
from retinoscope.analyses.early_vision.motion_parameters import motion_design_of, motion_layers_of
from retinoscope.analyses.early_vision.tuning_to_motion import ANALYSIS, TuningToMotionParameters
from retinoscope.analyses.early_vision.tuning_to_motion import tuning_to_motion as measure
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.testing import planted_inputs
from retinoscope.worlds.declaration import Picture
from tests.planted_filters import SIDE, gabor, noisy
from tests.synthetic import small_policy

CASES = 200
NOISE = 0.3
"""Length of the white noise on the weights of a filter, relative to the filter's own."""
FRAMES = 4
HEIGHT, WIDTH = 33, 37
SMALL: dict[str, Any] = {
    "directions": 4,
    "frequencies": 3,
    "cycle_steps": (4,),
    "settling_steps": 3,
    "most_units": 4,
    "untrained": 0,
}


class Stack(nn.Module):
    """conv: filters of stacked frames, then a rectifier."""

    def __init__(self, filters: np.ndarray) -> None:
        super().__init__()
        count = len(filters)
        scaled = filters / np.linalg.norm(filters.reshape(count, -1), axis=1)[:, None, None, None]
        self.conv = nn.Conv2d(FRAMES, count, SIDE, stride=4)
        self.actor = nn.Linear(count, 2)
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(scaled))
            self.conv.bias.zero_()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.actor(torch.relu(self.conv((pictures - 128.0) / 64.0)).mean(dim=(2, 3)))


def world_of(*shape: int, frames: int = FRAMES) -> Any:
    declared = planted_inputs("Atari").declaration
    return SimpleNamespace(declaration=dataclasses.replace(declared, picture=Picture(*shape, frames=frames)))


def stack_of(filters: np.ndarray) -> Agent:
    return from_module(
        Stack(filters),
        observation_shape=(HEIGHT, WIDTH, FRAMES),
        actions=2,
        preprocess=lambda pixels: pixels.permute(0, 3, 1, 2).float(),
        name="planted stack",
    )


def drawn() -> tuple[np.ndarray, ...]:
    """Directions, spatial frequencies, phases and lengths of a cycle of the planted filters."""
    random = np.random.default_rng(0)
    frequencies = np.exp(random.uniform(np.log(0.1), np.log(0.3), CASES))
    return random.uniform(0, 360, CASES), frequencies, random.uniform(0, 360, CASES), random.choice([4, 8], CASES)


@functools.cache
def tuned(kind: str) -> xarray.Dataset:
    """Of 200 noisy units of a kind; a cycle of the gratings takes 4, 8 or 16 decisions."""
    filters = []
    for direction, frequency, phase, cycle in zip(*drawn(), strict=True):
        if kind == "directional":
            ages = np.arange(FRAMES - 1, -1, -1)
            filters.append([gabor(direction, frequency, phase - 360 * age / cycle) for age in ages])
        else:
            over_time = np.array({"still": [1, 1, 1, 1], "change": [-1, -1, 1, 1]}[kind], float)
            filters.append(over_time[:, None, None] * gabor(direction, frequency, phase))
    agent = stack_of(noisy(np.array(filters), NOISE))
    world = world_of(HEIGHT, WIDTH, FRAMES)
    return measure(agent, world=world, layers=("conv",), untrained=0).data.isel(network=0)


def recognised(data: xarray.Dataset) -> np.ndarray:
    """What each unit is, by two numbers of its tuning."""
    is_directional = data["classic_direction_selectivity"].values > 0.5
    by_change = np.where(data["motion_index"].values > 0.4, "change", "still")
    return np.where(is_directional, "directional", by_change)


@pytest.mark.parametrize("kind", ["directional", "still", "change"])
def test_noisy_units_are_recognised_as_what_they_are_in_200_of_200_cases(kind):
    assert (recognised(tuned(kind)) == kind).sum() == CASES


def test_direction_frequency_and_rate_of_planted_units_are_returned_within_a_bin_in_all_cases():
    data, (directions, frequencies, _, cycles) = tuned("directional"), drawn()
    turned = (data["preferred_direction"].values - directions + 180) % 360 - 180
    assert np.abs(turned).max() < 22.5
    step = np.log2(0.5 * WIDTH) / 5
    assert np.abs(np.log2(data["preferred_frequency"].values / frequencies)).max() < step
    np.testing.assert_array_equal(data["preferred_rate"].values, 1 / cycles)
    expected = data["preferred_rate"].values / data["preferred_frequency"].values
    np.testing.assert_allclose(data["preferred_speed"].values, expected)


def test_a_unit_that_weighs_all_frames_alike_answers_to_both_directions_alike():
    filters = np.repeat(gabor(30, 0.2, 0)[None, None], FRAMES, axis=1)
    data = measure(stack_of(filters), world=world_of(HEIGHT, WIDTH, FRAMES), layers=("conv",), untrained=0).data
    assert float(data["classic_direction_selectivity"][0, 0]) < 1e-4
    # Of four frames, 1/16 of a cycle apart: sin(4 x) / (4 sin x) with x = pi / 16 is what is left of standing stripes.
    left = np.sin(np.pi / 4) / 4 / np.sin(np.pi / 16)
    assert float(data["motion_index"][0, 0]) == pytest.approx((left - 1) / (left + 1), abs=1e-3)
    assert float(data["preferred_rate"][0, 0]) == pytest.approx(1 / 16)


def test_a_unit_that_only_standing_stripes_move_has_no_direction():
    """All frames alike, a quarter of a cycle apart: what they add up to is nothing."""
    agent = stack_of(np.repeat(gabor(0, 0.2, 0)[None, None], FRAMES, axis=1))
    data = measure(agent, world=world_of(HEIGHT, WIDTH, FRAMES), layers=("conv",), **SMALL).data.isel(network=0)
    assert float(data["motion_index"][0]) == pytest.approx(-1, abs=1e-4) and float(data["still_strength"][0]) > 0
    assert np.isnan(data["preferred_direction"].values[0]) and np.isnan(data["direction_curve"].values[0]).all()


class Delay(nn.Module):
    """Two filters a quarter of a cycle apart, and a memory that adds the second's last answer to the first's."""

    def __init__(self) -> None:
        super().__init__()
        filters = np.stack([gabor(0, 0.2, phase) for phase in (0, -90)]).reshape(2, -1)
        self.features = nn.Linear(SIDE * SIDE, 2, bias=False)
        self.memory = nn.RNN(2, 2, bias=False)
        self.actor = nn.Linear(2, 2)
        with torch.no_grad():
            self.features.weight.copy_(torch.from_numpy(filters))
            self.memory.weight_ih_l0.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
            self.memory.weight_hh_l0.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))

    def forward(self, pictures: torch.Tensor, state: torch.Tensor) -> Any:
        hidden, state = self.memory(self.features(pictures.flatten(1))[None], state)
        return self.actor(hidden[0]), state


def test_a_memory_that_compares_now_with_before_prefers_the_planted_direction():
    agent = from_module(
        Delay(),
        observation_shape=(SIDE, SIDE, 1),
        actions=2,
        preprocess=lambda pixels: (pixels.float() - 128.0) * 1e-5,  # so small that tanh is a straight line
        initial_state=lambda batch: torch.zeros(1, batch, 2),
        name="planted delay",
    )
    settings = {"lowest_frequency": 0.1, "highest_frequency": 0.4, "frequencies": 5, "cycle_steps": (4,)}
    result = measure(agent, untrained=0, **settings)
    data = result.data.isel(network=0)
    assert data["layer"].values.tolist() == [each.name for each in agent.policy.layers_of("memory")]
    np.testing.assert_allclose(data["classic_direction_selectivity"].values, [0, 1], atol=0.02)
    assert abs((float(data["preferred_direction"][1]) + 180) % 360 - 180) < 5  # to the right
    assert float(data["preferred_frequency"][1]) == pytest.approx(0.2, rel=0.1)
    assert "after 32 decisions at the same grating" in data.attrs["caption"]


def seen(policy: Policy, frames: int, angle: float, frequency: float, phase: Any, middle: tuple[float, float]) -> Any:
    """An observation, frame by frame; `phase(age)` is that of a frame, radians."""
    height, width, channels = policy.observation_shape
    row, column = np.mgrid[:height, :width]
    across = (column - middle[1]) * np.cos(angle) + (middle[0] - row) * np.sin(angle)
    mean = policy.grey_level
    waves = [np.cos(2 * np.pi * frequency * across - phase(age)) for age in range(frames - 1, -1, -1)]
    picture = mean + min(mean, 255 - mean) * np.repeat(np.stack(waves, axis=-1), channels // frames, axis=-1)
    return torch.from_numpy(picture.astype(np.float32))[None]


@pytest.mark.parametrize("case", ["memory", "stack"])
def test_the_strengths_are_those_of_a_slow_measurement(case):
    """One observation at a time, drawn frame by frame."""
    frames, policy = (
        (1, small_policy(seed=3)) if case == "memory" else (3, planted_inputs("stacked frames").agent.policy)
    )
    world = world_of(*policy.observation_shape, frames=frames)
    layer = "rnn" if case == "memory" else "conv2"
    data = measure(policy, world=world, **SMALL, layers=(layer,)).data.isel(network=0)
    waited = 3 if case == "memory" else 0
    middle = ((policy.observation_shape[0] - 1) / 2, (policy.observation_shape[1] - 1) / 2)
    if case == "stack":
        field = policy.receptive_field(layer)
        top, left = field.starts(*policy.middle_unit(layer))
        middle = (top + (field.height - 1) / 2, left + (field.width - 1) / 2)

    def answers(observations: list[torch.Tensor]) -> np.ndarray:
        """(step, unit)."""
        state, found = policy.initial_state(1), []
        for each in observations:
            with torch.no_grad(), policy.capture(layer) as activity:
                state = policy.step(each, state if case == "memory" else policy.initial_state(1)).state
            values = activity[layer][0].double()
            found.append((values if values.ndim == 1 else values[(slice(None), *policy.middle_unit(layer))]).numpy())
        return np.array(found)[:, data["unit_number"].values]

    low = 1 / max(policy.observation_shape[:2])
    table = []
    for angle in np.radians([0, 90, 180, 270]):
        for frequency in np.geomspace(low, 0.5, 3):
            grey = answers([seen(policy, frames, 0, 0, lambda _: np.pi / 2, middle)] * (waited + 4))
            shown = [
                seen(policy, frames, angle, frequency, lambda age, t=t: np.pi / 2 * (t - age), middle)
                for t in range(-waited, 4)
            ]
            table.append(np.sqrt(np.mean(np.square(answers(shown) - grey)[waited:], axis=0)))
    strengths = np.array(table).reshape(4, 3, -1)
    np.testing.assert_allclose(data["strength"].values, strengths.max(axis=(0, 1)), rtol=2e-3)
    for unit in range(strengths.shape[-1]):
        if np.isfinite(data["strength"].values[unit]):
            best = strengths[..., unit].max(axis=0).argmax()
            np.testing.assert_allclose(data["direction_curve"].values[unit], strengths[:, best, unit], rtol=2e-3)


def test_an_older_frame_shows_what_was_seen_before():
    policy = planted_inputs("stacked frames").agent.policy
    design = motion_design_of(policy, TuningToMotionParameters(), 3)
    now, before = (design.drifting(1, np.array([step])).draw(0, 50, policy.observation_shape) for step in (5, 3))
    np.testing.assert_allclose(now[..., :3], before[..., 6:], atol=1e-3)
    np.testing.assert_array_equal(now[..., 0], now[..., 2])


def test_units_that_no_grating_moves_are_nan_and_said():
    newest = np.eye(FRAMES)[-1][:, None, None]
    agent = stack_of(np.stack([newest * gabor(angle, 0.2, 0) for angle in (0, 90)]))
    conv = next(each for each in agent.policy.module.modules() if isinstance(each, nn.Conv2d))
    with torch.no_grad():
        conv.bias[1] = -1_000
    result = measure(agent, world=world_of(HEIGHT, WIDTH, FRAMES), layers=("conv",), **SMALL)
    for name in ("strength", "preferred_direction", "motion_index"):
        assert np.isnan(result.data[name].values[0]).tolist() == [False, True]
    assert "Units that no grating moves are left out: 1 of conv." in result.data.attrs["caption"]
    ANALYSIS.draw(result)[0].draw()


def test_untrained_networks_stand_beside_the_agent_and_a_large_one_has_fewer(monkeypatch):
    agent = planted_inputs("agent with memory").agent
    settings = {name: value for name, value in SMALL.items() if name != "untrained"}
    usual = measure(agent, **settings)
    assert usual.data["network"].values.tolist() == ["trained", *(f"redrawn {number + 1}" for number in range(5))]
    strengths = usual.data["strength"].values
    medians = usual.data["median"].sel(index="classic_direction_selectivity", layer="rnn").values
    np.testing.assert_allclose(medians, np.nanmedian(usual.data["classic_direction_selectivity"].values, axis=1))
    assert not np.allclose(strengths[1], strengths[2])
    costs = []

    def counted(*asked: Any) -> float:
        costs.append(motion_responses.motion_operations_of(*asked))
        return costs[-1]

    monkeypatch.setattr(tuning_to_motion, "motion_operations_of", counted)
    measure(agent, **settings)
    monkeypatch.setattr(untrained, "BUDGET_OPERATIONS", 3.5 * costs[0])
    few = measure(agent, **settings)
    assert few.parameters["untrained"] == 3 and "no more than 3 are drawn anew" in few.data.attrs["caption"]
    xarray.testing.assert_equal(few.data["strength"], usual.data["strength"][:4])


def test_as_many_observations_are_shown_as_are_counted():
    policy = planted_inputs("stacked frames").agent.policy
    asked = TuningToMotionParameters(**SMALL)
    design = motion_design_of(policy, asked, 3)
    layers = [*motion_layers_of(policy, asked, 3), policy.layers[-1]]
    units = {each.name: np.arange(1) for each in layers}
    shown: list[float] = []
    dict(motion_responses.measure(policy, layers, units, design, 3, 5, shown.append))
    assert sum(shown) == sum(motion_responses.observations_of(layers, policy, design, 3))
    assert max(shown) <= 5


def test_a_saved_result_comes_back_and_parts_are_those_of_the_whole(tmp_path):
    whole = measure(small_policy(), **SMALL)
    loaded = load_result(whole.save(tmp_path / "motion.nc"))
    assert loaded.data.equals(whole.data) and loaded.parameters == whole.parameters
    parts = measure(small_policy(), batch_size=7, **SMALL)
    xarray.testing.assert_allclose(whole.data.drop_attrs(), parts.data.drop_attrs(), rtol=1e-3)


def test_what_sees_one_frame_and_remembers_none_tells_no_motion():
    inputs = planted_inputs("no memory")
    assert ANALYSIS.why_not(inputs) == (
        "agent 'planted': has no memory, and no world says that it sees several frames at once"
    )
    stack = planted_inputs("stacked frames").agent
    world = world_of(*stack.policy.observation_shape, frames=3)
    assert ANALYSIS.why_not(Inputs(stack, None, world)) is None
    names = [each.name for each in motion_layers_of(stack.policy, TuningToMotionParameters(), 3)]
    assert names == ["conv1", "conv2", "fc"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": ("conv9",)}, "layer 'conv9'"),
        ({"directions": 7}, "directions is 7; give an even number"),
        ({"cycle_steps": (2, 8)}, "cycle_steps has 2; give 3 at least"),
        ({"lowest_frequency": 0.4, "highest_frequency": 0.3}, "tuning to motion: lowest_frequency is 0.4; give less"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        measure(small_policy(), **settings)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=message):
        ANALYSIS.refuse(Inputs(Agent("planted", small_policy()), None), TuningToMotionParameters(**settings))
