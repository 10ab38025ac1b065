"""Recording against the older way and against the ceiling, all measured in one run.

    python benchmarks/recording.py [--rows 6000] [--rounds 3]

- ours: rows a second that `retinoscope.record` brings to the disk, compressed, from its first decision to its last
  written byte (the start of the engines and the self-test are not in it; the other sides do not count theirs either).
- older way: one environment, batch 1, one forward pass for each layer, the activity kept in a list.
- engine alone: the same environments in the same processes, random actions, nothing stored.
- network alone: the forward pass at the recorder's batch size, one process per core, one thread each.

Where engine and network share the same cores, a row costs at least what both cost: the ceiling is
1 / (1 / engine + 1 / network) rows a second. The sides are measured in turn, several rounds; medians are printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead, inference
from retinoscope.rollouts import playing, record
from retinoscope.rollouts.environment import GatheringEnvironment
from retinoscope.rollouts.parallel import ParallelEnvironments
from retinoscope.scenarios import ACTION_HEADS, ArenaArchive, get_arena, load_scenario

ENVIRONMENTS = 16
CORES = os.cpu_count() or 1
GROUPS = (range(ENVIRONMENTS // 2), range(ENVIRONMENTS // 2, ENVIRONMENTS))


def network() -> ActorCriticPolicy:
    """The network of the shipped agents; its weights do not change its speed."""
    heads = tuple(ActionHead(name, outputs) for name, outputs in ACTION_HEADS.items())
    return ActorCriticPolicy.untrained(NetworkDescription(NetworkConfig(), (60, 80, 3), heads))


def ours(agent: Agent, arena: ArenaArchive, rows: int) -> float:
    began: list[float] = []
    seconds: list[float] = []

    @contextmanager
    def stopwatch(*_: object) -> Iterator[object]:
        yield lambda count: began.append(time.perf_counter()) if not began else None
        seconds.append(time.perf_counter() - began[0])

    shown = playing.progress_bar
    playing.progress_bar = stopwatch
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "recording.zarr"
            recording = record(agent, arena, frames=rows, out=out, environments=ENVIRONMENTS, block_frames=2048)
    finally:
        playing.progress_bar = shown
    return (recording.frames - ENVIRONMENTS) / seconds[0]


def older_way(agent: Agent, arena: ArenaArchive, rows: int) -> float:
    policy, environment = agent.policy, GatheringEnvironment(arena)
    observation, _ = environment.reset(seed=0)
    state = policy.initial_state(1)
    kept = []
    began = time.perf_counter()
    with inference():
        for _ in range(rows):
            pixels = torch.from_numpy(observation)[None]
            row: dict[str, object] = {"observation": observation}
            for layer in policy.layers:
                with policy.capture(layer.name) as activity:
                    step = policy.step(pixels, state)
                row[layer.name] = activity[layer.name].numpy().copy()
            state = step.state
            action = policy.sample_actions(step.logits)[0].numpy()
            observation, reward, terminated, truncated, info = environment.step(action)
            kept.append(row | info | {"reward": reward})
            if terminated or truncated:
                observation, _ = environment.reset()
    seconds = time.perf_counter() - began
    environment.close()
    return len(kept) / seconds


def engine_alone(arena: ArenaArchive, rows: int) -> float:
    generator = np.random.default_rng(0)
    with ParallelEnvironments(arena, 0, GROUPS, min(CORES, ENVIRONMENTS)) as played:
        for group in range(2):
            played.receive(group)
        began = time.perf_counter()
        for _ in range(rows // ENVIRONMENTS):
            for group, members in enumerate(GROUPS):
                played.table["action"][members.start : members.stop] = generator.integers(3, size=(len(members), 2))
                played.send(group)
            for group in range(2):
                played.receive(group)
        return rows // ENVIRONMENTS * ENVIRONMENTS / (time.perf_counter() - began)


def network_rows(seconds: float) -> float:
    """Rows a second of one process, with every layer captured that a recording stores."""
    policy, batch = network(), ENVIRONMENTS // 2
    pixels = torch.randint(0, 256, (batch, *policy.observation_shape), dtype=torch.uint8)
    state, rows = policy.initial_state(batch), 0
    with inference(), policy.capture("fc", "rnn"):
        policy.step(pixels, state)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            state = policy.step(pixels, state).state
            rows += batch
        return rows / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=6000, help="rows per side and round (the older way: a twentieth)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    scenario = load_scenario("digits")
    agent, arena = Agent("untrained", network(), scenario), get_arena(scenario)
    sides: dict[str, list[float]] = {"ours": [], "older way": [], "engine alone": [], "network alone": []}
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as cores:
        list(cores.map(network_rows, [0.1] * CORES))
        for _ in range(options.rounds):
            sides["engine alone"].append(engine_alone(arena, options.rows))
            sides["ours"].append(ours(agent, arena, options.rows))
            sides["older way"].append(older_way(agent, arena, max(options.rows // 20, 1)))
            sides["network alone"].append(sum(cores.map(network_rows, [1.0] * CORES)))
    ceilings = [1 / (1 / e + 1 / n) for e, n in zip(sides["engine alone"], sides["network alone"], strict=True)]
    for name, rates in (sides | {"ceiling": ceilings}).items():
        print(f"{name:14} {statistics.median(rates):8,.0f} rows/s   ({', '.join(f'{rate:,.0f}' for rate in rates)})")
    faster = statistics.median(a / b for a, b in zip(sides["ours"], sides["older way"], strict=True))
    share = statistics.median(a / c for a, c in zip(sides["ours"], ceilings, strict=True))
    print(f"ours / older way: {faster:.1f}x (goal: at least 5x)")
    print(f"ours / ceiling 1 / (1 / engine + 1 / network) on {CORES} cores: {share:.0%} (goal: at least 60%)")


if __name__ == "__main__":
    main()
