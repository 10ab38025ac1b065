"""Recordings of which everything is known: planted activity and pick-ups, and agents whose memory is set by hand."""

from __future__ import annotations

import numpy as np
import torch

from retinoscope.agents.agent import Agent
from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Declaration, Endings, Event, Picture
from retinoscope.worlds.doom.world import WORDS
from tests.oracles_events import PlantedEpisode
from tests.synthetic import small_policy

SHA = "ab" * 32
ROLES = {"fc": "encoder output", "rnn": "memory"}
WORLD = Declaration(
    "planted",
    "cd" * 32,
    "planted",
    Picture(0, 0, 3),
    (),
    seconds_per_decision=0.1,
    events=(Event("poison", -10, "points of health"), Event("fruit", 10, "points of health")),
    words=WORDS,
    endings=Endings("the agent died"),
)


class PlantedMemory(ArrayRecording):
    """Episodes of rows with all their variables; every other one ends by death, the others by the time limit."""

    def __init__(self, episodes: list[dict[str, np.ndarray]], layers: dict[str, int]) -> None:
        super().__init__(
            {name: np.concatenate([each[name] for each in episodes]) for name in episodes[0]},
            layers=layers,
            roles={name: role for name, role in ROLES.items() if name in layers},
            world=WORLD,
            episode_lengths=[len(next(iter(each.values()))) for each in episodes],
            terminated=[index % 2 == 0 for index in range(len(episodes))],
            attributes={
                "agent": "planted",
                "checkpoint_sha256": SHA,
                "state_columns": {"rnn": [0, layers["rnn"]]} if "rnn" in layers else {},
            },
            name="planted.zarr",
        )


def recording_of(
    episodes: list[PlantedEpisode], harmful: list[np.ndarray] | None = None, seed: int = 0
) -> PlantedMemory:
    """Planted activity as fc, with a healing pick-up at each event, and harmful ones where said."""
    random = np.random.default_rng(seed)
    rows = []
    for number, episode in enumerate(episodes):
        pickups = np.zeros((len(episode.activity), 2), np.uint8)
        pickups[episode.events, 1] = 1
        if harmful is not None:
            pickups[harmful[number], 0] = 1
        value = random.normal(size=len(pickups)).astype(np.float32)
        rows.append({"fc": episode.activity.astype(np.float32), "events": pickups, "value": value})
    return PlantedMemory(rows, {"fc": rows[0]["fc"].shape[1]})


def leaking_agent(leak: float) -> Agent:
    """An agent whose state keeps the share `leak` of itself at every decision, and is otherwise driven by what it sees.

    In h = (1 - z) n + z h, the gate z is `leak` everywhere and n does not look at h, so that two states with the same
    input differ by `leak` times what they differed by before.
    """
    policy = small_policy(shape=(24, 20, 3), hidden_size=6, rnn_size=5)
    memory, size = policy.network.rnn, 5
    with torch.no_grad():
        memory.weight_hh_l0.zero_()
        memory.bias_hh_l0.zero_()
        memory.weight_ih_l0[: 2 * size] = 0
        memory.bias_ih_l0[: 2 * size] = 0
        memory.bias_ih_l0[size : 2 * size] = np.log(leak / (1 - leak))
        memory.weight_ih_l0[2 * size :] *= 3
    return Agent("leaking", policy, checkpoint_sha256=SHA)


def recording_of_agent(agent: Agent, episodes: int = 8, rows: int = 150, seed: int = 0) -> PlantedMemory:
    """What the agent computes from random observations, starting from zero in every episode."""
    random = np.random.default_rng(seed)
    policy, found = agent.policy, []
    for _ in range(episodes):
        state, states = policy.initial_state(1), []
        observations = random.integers(0, 256, (rows, *policy.observation_shape), dtype=np.uint8)
        with torch.no_grad():
            for observation in observations:
                state = policy.step(torch.from_numpy(observation)[None], state).state
                states.append(state[0].numpy())
        found.append({"observation": observations, "rnn": np.array(states)})
    return PlantedMemory(found, {"rnn": policy.state_size})
