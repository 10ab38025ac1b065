"""An encoder whose output is a map, as of A3C's agents: how sparse it is, against all its units looked at slowly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import retinoscope
from retinoscope.analyses.behaviour.convolutions import convolutions, output_maps
from retinoscope.analyses.behaviour.event_triggered import ANALYSIS, event_triggered
from retinoscope.errors import NotMeasurable
from retinoscope.rollouts import ArrayRecording

ROWS, LENGTH, SIDE = 240, 60, 12


class EndsInMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 5, 3)
        self.gru, self.actor, self.critic = nn.GRUCell(5 * 9, 6), nn.Linear(6, 3), nn.Linear(6, 1)

    def forward(self, pictures: torch.Tensor, state: torch.Tensor) -> Any:
        maps = torch.relu(self.conv2(torch.relu(self.conv1(pictures))))
        state = self.gru(maps.flatten(1), state)
        return self.actor(state), self.critic(state), state


def _start(rows: int) -> torch.Tensor:
    return torch.zeros(rows, 6)


def _channels_first(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.permute(0, 3, 1, 2) / 255


@pytest.fixture(scope="module")
def lived() -> tuple[Any, ArrayRecording]:
    torch.manual_seed(0)
    about: dict[str, Any] = {"observation_shape": (SIDE, SIDE, 3), "actions": 3, "initial_state": _start}
    agent = retinoscope.from_module(EndsInMap(), preprocess=_channels_first, **about)
    random = np.random.default_rng(0)
    events = np.zeros((ROWS, 1), np.uint8)
    events[np.arange(10, ROWS, 15)] = 1
    rows: dict[str, Any] = {
        "observation": random.integers(0, 256, (ROWS, SIDE, SIDE, 3), dtype=np.uint8),
        "memory": random.standard_normal((ROWS, 6)).astype(np.float32),
        "value": random.standard_normal(ROWS).astype(np.float32),
        "events": events,
    }
    attributes = {"checkpoint_sha256": agent.checkpoint_sha256}
    lengths = [LENGTH] * (ROWS // LENGTH)
    told: dict[str, Any] = {"roles": {"memory": "memory"}, "events": {"found": 1.0}, "attributes": attributes}
    return agent, ArrayRecording(rows, layers=["memory"], episode_lengths=lengths, **told)


def test_its_sparseness_is_that_of_all_its_units(lived: tuple[Any, ArrayRecording]) -> None:
    agent, recording = lived
    (name,) = output_maps(agent, recording)
    maps = agent.policy.encode(torch.from_numpy(recording.rows()["observation"].values), name).detach().numpy()
    rates = maps.reshape(ROWS, -1).astype(np.float64)
    per_row = [(1 - each.mean() ** 2 / (each**2).mean()) / (1 - 1 / len(each)) for each in rates]
    settings: dict[str, Any] = {"burn_in_steps": 2, "seconds": 5.0, "isolation_seconds": 2.0, "shuffles": 40}
    given = {"convolutions": convolutions(recording, agent=agent)}
    kept = np.arange(ROWS) % LENGTH >= 2
    for known in (given, None):  # what `convolutions` has passed already, and computed on the spot
        result = event_triggered(recording, agent=agent, given=known, **settings)
        assert (result.data.attrs["encoded"], result.data.attrs["encoded_is_map"]) == (name, 1)
        assert float(result.data["sparseness"]) == pytest.approx(np.nanmean(np.array(per_row)[kept]))
        assert float(result.data["active"]) == pytest.approx((rates[kept] > 0).mean())
        assert np.isfinite(float(result.data["before_ratio"])) and "lifetime_sparseness" not in result.data
    claims = next(each for each in ANALYSIS.draw(result) if each.name == "event_triggered_claims")
    assert f"all units of the maps of {name}" in claims.caption and "not at hand" not in claims.caption


def test_where_no_episode_is_as_long_as_the_window_more_decisions_are_not_asked_for(
    lived: tuple[Any, ArrayRecording],
) -> None:
    agent, recording = lived
    with pytest.raises(NotMeasurable) as caught:
        event_triggered(recording, agent=agent, burn_in_steps=2, seconds=30.0)
    said = str(caught.value)
    assert "the longest episode has 60 decisions, of which the first 2" in said and "take 60" in said
    assert "with event_triggered.seconds=29 or less a window fits" in said
    assert "record longer" not in said and "\n" not in said
    with pytest.raises(NotMeasurable, match="needs at least"):  # now events are missing, and no longer the room
        event_triggered(recording, agent=agent, burn_in_steps=2, seconds=29.0, fewest_events=1_000)
    with pytest.raises(NotMeasurable, match="take 60; record longer episodes"):
        event_triggered(recording, agent=agent, burn_in_steps=59, seconds=30.0)
