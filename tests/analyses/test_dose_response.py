"""Pushing memories of which it is known what every push does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from retinoscope.agents.agent import Agent
from retinoscope.analyses.memory.dose_response import dose_response
from retinoscope.analyses.memory.held_views import Stretches
from retinoscope.analyses.memory.pushing import divergence
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.rollouts import ArrayRecording
from retinoscope.statistics.state_edits import add, clamp, reading_along, reading_of_decoder
from retinoscope.testing.networks import continuous, q_network
from tests.analyses.test_fixed_points import VIEW, Remembering, agent_of, lived

KEPT, GAIN, UNITS = 0.5, 3.0, 4
LENGTH = 120


def one_unit_acts() -> Agent:
    """h <- h / 2 + x, all above zero; unit 0 alone acts: the logit of `left` is three times h, the others are zero."""
    memory = nn.RNN(UNITS, UNITS, nonlinearity="relu")
    network = Remembering(memory, UNITS)
    with torch.no_grad():
        for each in network.parameters():
            each.zero_()
        memory.weight_hh_l0.copy_(KEPT * torch.eye(UNITS))
        memory.weight_ih_l0.copy_(torch.eye(UNITS))
        network.encoder.weight.normal_(generator=torch.Generator().manual_seed(1)).abs_()
        network.encoder.bias.fill_(-3.0)
        network.actor.weight[0, 0] = GAIN
    return agent_of(network, lambda batch: torch.zeros(1, batch, UNITS))


@pytest.fixture(scope="module")
def agent() -> Agent:
    return one_unit_acts()


@pytest.fixture(scope="module")
def recording(agent: Agent) -> ArrayRecording:
    views = np.random.default_rng(0).integers(0, 255, (5 * LENGTH, *VIEW)).astype(np.uint8)
    return lived(agent, views, LENGTH)


def pushed(agent: Agent, recording: ArrayRecording, *directions: str, **settings: Any) -> Result:
    quick = {"decisions": 40, "followed": 20, "follow_steps": 5, "random_directions": 3, "untrained": False}
    return dose_response(recording, agent=agent, directions=directions, **(quick | settings))


def of_left(logit: np.ndarray) -> np.ndarray:
    return np.exp(logit) / (np.exp(logit) + 2)


def slow_divergence(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """From the definition, for one logit and two zeros."""
    p, q = of_left(before), of_left(after)
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


@pytest.mark.parametrize("do", ["clamp", "add"])
def test_a_causal_unit_has_its_dose_response_and_the_others_none(
    agent: Agent, recording: ArrayRecording, do: str
) -> None:
    data = pushed(agent, recording, "unit:0", "unit:1", do=do, decisions=5000).data
    layer = recording.layers_of("memory")[0]
    activity = recording.rows(names=[layer])[layer].values[:, 0].astype(float)
    assert (data["divergence"].sel(direction="unit:1").values < 1e-6).all()
    np.testing.assert_allclose(data["change"].sel(direction="unit:1").values, 0, atol=1e-5)
    own = data.sel(direction="unit:0")
    flat = activity[Stretches.of(recording).flat]
    mean, deviation = flat.mean(), flat.std()
    for dose in data["dose"].values:
        after = np.full(len(flat), mean + dose * deviation) if do == "clamp" else flat + dose * deviation
        expected = slow_divergence(GAIN * flat, GAIN * after).mean()
        np.testing.assert_allclose(float(own["divergence"].sel(dose=dose)), expected, rtol=2e-3, atol=1e-5)
        change = (of_left(GAIN * after) - of_left(GAIN * flat)).mean()
        np.testing.assert_allclose(float(own["change"].sel(dose=dose, output="action left")), change, atol=1e-4)
    assert (own["divergence_low"] <= own["divergence"]).all() and (own["divergence"] <= own["divergence_high"]).all()
    assert float(data["p"].sel(direction="unit:1")) == 1.0


def test_a_push_and_a_patch_are_forgotten_as_the_memory_forgets(agent: Agent, recording: ArrayRecording) -> None:
    all_rows = {"decisions": 5000, "followed": 5000, "random_directions": 1}
    data = pushed(agent, recording, "unit:0", "unit:1", doses=(-1.0, 1.0), **all_rows).data
    own, other = data.sel(direction="unit:0"), data.sel(direction="unit:1")
    assert (other["steered"].values < 1e-6).all() and (other["patched"].values < 1e-6).all()
    np.testing.assert_allclose(own["patched"], own["patched_whole"], rtol=1e-4, atol=1e-6)
    layer = recording.layers_of("memory")[0]
    activity = recording.rows(names=[layer])[layer].values[:, 0].astype(float)
    rows = Stretches.of(recording).flat
    deviation = activity[rows].std()
    for lag in range(5):
        later = activity[rows[rows % LENGTH + lag < LENGTH] + lag]
        expected = slow_divergence(GAIN * later, GAIN * (later + KEPT**lag * deviation)).mean()
        np.testing.assert_allclose(float(own["steered"][lag]), expected, rtol=2e-3)


def test_directions_from_moments_files_and_decoders_are_the_planted_one(
    agent: Agent, recording: ArrayRecording, tmp_path: Path
) -> None:
    layer = recording.layers_of("memory")[0]
    activity = recording.rows(names=[layer])[layer].values.astype(float)
    order = np.argsort(activity[:, 0])
    notes = [_note(order[:60]), _note(order[-60:])]
    path = tmp_path / "notes.json"
    path.write_text(json.dumps({"retinoscope_notes": 1, "identity": "", "notes": notes}))
    np.save(tmp_path / "vector.npy", 7.0 * np.eye(UNITS)[0])
    data = pushed(agent, recording, f"moments:{path}:1:2", f"file:{tmp_path}/vector.npy", "unit:0", decisions=80).data
    by_moments, by_file, by_unit = (data["divergence"].values[each] for each in range(3))
    np.testing.assert_allclose(by_file, by_unit, rtol=1e-5)
    assert float(data["change"].values[0, -1, 0]) > 0.5 * float(data["change"].values[2, -1, 0]) > 0
    assert by_moments[-1] > 0.2 * by_unit[-1]
    few = pushed(agent, recording, "unit:0", moments=f"{path}:1")
    assert "60 recorded decisions" in few.data.attrs["caption"]


def test_components_are_pushed_beside_the_untrained_network(agent: Agent, recording: ArrayRecording) -> None:
    result = dose_response(
        recording, agent=agent, decisions=30, followed=10, follow_steps=3, random_directions=2, untrained=False
    )
    assert result.data["kind"].values.tolist() == ["component"] * UNITS
    assert np.isnan(result.data["untrained_divergence"]).all()


def test_what_there_is_none_of_is_refused(agent: Agent, recording: ArrayRecording, tmp_path: Path) -> None:
    for direction, says in (
        ("unit:9", "units 0 to 3"),
        ("component:77", "components 0 to"),
        ("up", "unknown; write component:3"),
        ("decoder:fuel", "choose from"),
        ("moments:notes.json", "write moments:FILE:1:2"),
        (f"file:{tmp_path}/none.npy", "cannot be read"),
    ):
        with pytest.raises(UserError, match=says):
            pushed(agent, recording, direction)
    with pytest.raises(UserError, match="write FILE:1"):
        pushed(agent, recording, "unit:0", moments="notes.json")


def test_readings_have_unit_variance_and_edits_do_what_they_say() -> None:
    random = np.random.default_rng(1)
    states = random.normal(size=(500, 6)) @ random.normal(size=(6, 6)) + 3
    for reading in (reading_along(random.normal(size=6), states), reading_of_decoder(random.normal(size=6), states)):
        read = (states - reading.mean) @ reading.direction
        np.testing.assert_allclose([read.mean(), read.std(), reading.direction @ reading.pattern], [0, 1, 1], atol=1e-9)
        held = (clamp(reading, -1.5).apply(states) - reading.mean) @ reading.direction
        np.testing.assert_allclose(held, -1.5, atol=1e-9)
        moved = (add(reading, 2.0).apply(states) - reading.mean) @ reading.direction
        np.testing.assert_allclose(moved, read + 2, atol=1e-9)
    with pytest.raises(UserError, match="varies along"):
        reading_along(np.zeros(6), states)


def test_divergence_of_numbers_is_that_of_gaussians_and_of_q_values_none() -> None:
    policy = continuous().policy
    before, after = torch.tensor([[0.0, 1.0, 0.0, -1.0]]), torch.tensor([[0.5, 1.0, 0.2, -1.0]])
    one, other = (torch.distributions.Normal(each[:, :2], each[:, 2:].exp()) for each in (before, after))
    expected = torch.distributions.kl_divergence(one, other).sum(1).numpy()
    np.testing.assert_allclose(divergence(policy, before, after), expected, rtol=1e-5)
    assert np.isnan(divergence(q_network().policy, torch.zeros(1, 4), torch.ones(1, 4))).all()


def _note(rows: np.ndarray) -> dict[str, Any]:
    found = [int(row) for row in rows]
    places = {"episodes": [row // LENGTH for row in found], "steps": [row % LENGTH for row in found]}
    return {"text": "here", "created": "2026-01-01T00:00:00Z", "rows": found} | places
