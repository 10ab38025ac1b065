"""Agents with memories of other kinds, of which it is known what lies where and how fast it is forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import inference
from retinoscope.rollouts import ArrayRecording
from tests.flicker import VIEW

FEATURES, UNITS = 4, 3


def _keeping(cell: nn.RNNCellBase, leak: float) -> None:
    """The gate that keeps what there was is `leak` everywhere, the others half open; only what is new looks around."""
    units = cell.hidden_size
    with torch.no_grad():
        cell.weight_hh.zero_()
        cell.bias_hh.zero_()
        cell.bias_ih.zero_()
        kept, new = (slice(units, 2 * units), 2)  # of both kinds the second gate keeps and the third part is new
        cell.bias_ih[kept] = float(np.log(leak / (1 - leak)))
        is_new = torch.arange(len(cell.weight_ih)) // units == new
        cell.weight_ih[~is_new] = 0
        cell.weight_ih[is_new] *= 3


def _decided(actor: nn.Linear) -> None:
    """What it does depends visibly on what it remembers."""
    with torch.no_grad():
        actor.weight *= 15


class LSTMNetwork(nn.Module):
    """Its state is (h, c), of which c keeps the share `leak`, and h shows half of tanh(c)."""

    def __init__(self, leak: float) -> None:
        super().__init__()
        self.dense = nn.Linear(int(np.prod(VIEW)), FEATURES)
        self.cell = nn.LSTMCell(FEATURES, UNITS)
        self.actor, self.critic = nn.Linear(UNITS, 3), nn.Linear(UNITS, 1)
        _keeping(self.cell, leak)
        _decided(self.actor)

    def forward(self, pixels: torch.Tensor, state: Any) -> Any:
        seen = torch.relu(self.dense(pixels.flatten(1).to(self.dense.weight.dtype) / 255))
        hidden, kept = self.cell(seen, state)
        return self.actor(hidden), self.critic(hidden), (hidden, kept)


class TwoMemories(nn.Module):
    """Two GRU cells beside each other, of which each keeps a share of its own; no critic."""

    def __init__(self, leaks: tuple[float, float]) -> None:
        super().__init__()
        self.dense = nn.Linear(int(np.prod(VIEW)), FEATURES)
        self.quick, self.slow = nn.GRUCell(FEATURES, UNITS), nn.GRUCell(FEATURES, UNITS + 1)
        self.actor = nn.Linear(2 * UNITS + 1, 3)
        for cell, leak in zip((self.quick, self.slow), leaks, strict=True):
            _keeping(cell, leak)
        _decided(self.actor)

    def forward(self, pixels: torch.Tensor, state: Any) -> Any:
        seen = torch.relu(self.dense(pixels.flatten(1).to(self.dense.weight.dtype) / 255))
        quick, slow = self.quick(seen, state["quick"]), self.slow(seen, state["slow"])
        return self.actor(torch.cat([quick, slow], 1)), {"quick": quick, "slow": slow}


def lstm_agent(leak: float = 0.7, start: float = 0.0) -> Agent:
    """The state lies as [h | c] in a vector of 2 * UNITS; at the start of an episode all of it is `start`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = LSTMNetwork(leak)
    return retinoscope.from_module(
        network,
        observation_shape=VIEW,
        actions=3,
        initial_state=lambda batch: (torch.full((batch, UNITS), start), torch.full((batch, UNITS), start)),
        name="lstm",
    )


class Stacked(nn.Module):
    """One LSTM of two layers, the second of which is read: its state is h and c, (layer, batch, unit) each."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(int(np.prod(VIEW)), FEATURES)
        self.memory = nn.LSTM(FEATURES, UNITS, num_layers=2)
        self.actor = nn.Linear(UNITS, 3)
        _decided(self.actor)

    def forward(self, pixels: torch.Tensor, state: Any) -> Any:
        seen = torch.relu(self.dense(pixels.flatten(1).to(self.dense.weight.dtype) / 255))
        hidden, state = self.memory(seen[None], state)
        return self.actor(hidden[0]), state


def stacked_agent() -> Agent:
    """The state lies as [first h | second h | first c | second c] in a vector of 4 * UNITS."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = Stacked()
    return retinoscope.from_module(
        network,
        observation_shape=VIEW,
        actions=3,
        initial_state=lambda batch: (torch.zeros(2, batch, UNITS), torch.zeros(2, batch, UNITS)),
        name="stacked",
    )


def two_memories_agent(leaks: tuple[float, float] = (0.4, 0.8)) -> Agent:
    """The state lies as [quick | slow] in a vector of 2 * UNITS + 1; there is no value."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = TwoMemories(leaks)
    return retinoscope.from_module(
        network,
        observation_shape=VIEW,
        actions=3,
        initial_state=lambda batch: {"quick": torch.zeros(batch, UNITS), "slow": torch.zeros(batch, UNITS + 1)},
        name="two memories",
    )


def lived(agent: Agent, episodes: int = 4, rows: int = 120, seed: int = 0) -> ArrayRecording:
    """What the agent computes from random observations, as the recorder would write it; nothing ever happens."""
    random, policy = np.random.default_rng(seed), agent.policy
    layers = [each for each in policy.layers if len(each.shape) == 1 and each.role not in ("value", "policy")]
    names = [each.name for each in layers]
    observations = random.integers(0, 256, (episodes * rows, *VIEW), dtype=np.uint8)
    found: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "state_entering", "logits", "value")}
    with inference(), policy.capture(*names) as activity:
        for row, view in enumerate(observations):
            if row % rows == 0:
                state = policy.initial_state(1)
            found["state_entering"].append(state[0].numpy())
            logits, value, state = policy.step(torch.from_numpy(view)[None], state)
            found["logits"].append(logits[0].numpy())
            found["value"].append(value[0].numpy())
            for name in names:
                found[name].append(activity[name][0].numpy().copy())
    columns = {name: policy.state_columns(name) for name in names}
    return ArrayRecording(
        {"observation": observations, "action": random.integers(0, 3, (len(observations), 1))}
        | {name: np.stack(values) for name, values in found.items()},
        layers=names,
        roles={each.name: each.role for each in layers},
        episode_lengths=[rows] * episodes,
        attributes={
            "agent": agent.name,
            "checkpoint_sha256": agent.checkpoint_sha256,
            "state_columns": {name: [each.start, each.stop] for name, each in columns.items() if each is not None},
            "action_heads": {head.name: list(head.outputs) for head in policy.action_heads},
            "action_kinds": {head.name: head.kind for head in policy.action_heads},
        },
        name=agent.name,
    )
