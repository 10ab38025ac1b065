"""A small agent and arena to record, a slow recorder to compare with, and a process that can be killed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead
from retinoscope.rollouts import Recording
from retinoscope.scenarios import ACTION_HEADS, ArenaArchive
from retinoscope.worlds.doom.environment import GatheringEnvironment
from tests.arenas import build_arena

SEED = 5


def small_arena(folder: Path) -> ArenaArchive:
    """Apples, in episodes of at most 40 decisions of which hunger and poison end some earlier."""
    return build_arena(
        folder, "apples", episode_tics=160, health__start=40, health__hunger=6, stimuli__count_per_class=20
    )


def small_agent(seed: int = 0, **network: Any) -> Agent:
    """An untrained network with little to compute, whose actions depend visibly on what it sees."""
    heads = tuple(ActionHead(name, outputs) for name, outputs in ACTION_HEADS.items())
    config = NetworkConfig(**{"global_channels": 4, "hidden_size": 16, "rnn_size": 8} | network)
    policy = ActorCriticPolicy.untrained(NetworkDescription(config, (60, 80, 3), heads), seed)
    with torch.no_grad():
        policy.network.policy.weight *= 5
    return Agent(f"small-{seed}", policy, checkpoint_sha256=f"{seed:064x}")


def slow_recording(agent: Agent, arena: ArenaArchive, seed: int, environment: int, steps: int) -> dict[str, list[Any]]:
    """One environment, one row at a time, written from the definition of a row alone."""
    game = GatheringEnvironment(arena)
    rows: dict[str, list[Any]] = {}
    episode = -1
    over = True
    for _ in range(steps):
        if over:
            episode += 1
            world = np.random.SeedSequence(seed, spawn_key=(environment, episode, 0)).generate_state(1)[0]
            chance = np.random.SeedSequence(seed, spawn_key=(environment, episode, 1))
            noise = np.random.Generator(np.random.PCG64(chance))
            observation, info = game.reset(seed=int(world))
            state = torch.zeros(1, agent.policy.state_size)
            step = 0
        row = {name: info[name] for name in ("health", "position", "angle", "objects")}
        row |= {"observation": observation, "state_entering": state[0].numpy(), "episode": episode, "step": step}
        with torch.no_grad(), agent.policy.capture("fc", "rnn") as activity:
            logits, value, state = agent.policy.step(torch.from_numpy(observation)[None], state)
        row |= {"fc": activity["fc"][0].numpy(), "rnn": activity["rnn"][0].numpy()}
        row |= {"logits": logits[0].numpy(), "value": value[0].item()}
        scores = logits[0].numpy() + noise.gumbel(size=6)
        row["action"] = np.array([np.argmax(scores[:3]), np.argmax(scores[3:])])
        observation, row["reward"], row["terminated"], row["truncated"], info = game.step(row["action"])
        row["events"] = info["pickups"]
        over = row["terminated"] or row["truncated"]
        step += 1
        for name, value_of_row in row.items():
            rows.setdefault(name, []).append(value_of_row)
    game.close()
    return rows


def assert_same_content(first: Recording, second: Recording) -> None:
    """Every row, object, episode and attribute is the same, to the last bit."""
    assert first.attributes == second.attributes
    assert first.episodes == second.episodes
    xarray.testing.assert_identical(first.rows(), second.rows())
    for ours, theirs in zip(first.objects(), second.objects(), strict=True):
        assert [(each["class_index"], each["box"].tolist(), each["distance"]) for each in ours] == [
            (each["class_index"], each["box"].tolist(), each["distance"]) for each in theirs
        ]


def descendants(process: int) -> list[int]:
    """Processes that this one started, and those that these started, and so on."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, left = [], [process]
    while left:
        new = children.get(left.pop(), [])
        found += new
        left += new
    return found


def is_running(process: int) -> bool:
    """It exists and is not merely waiting for its parent to take note of its end."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    listing = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return listing.stdout.strip()[:1] not in ("", "Z")
