"""Recording against the older way and against the ceiling, all measured in one run.

    python benchmarks/recording.py [--rows 6000] [--rounds 3]

- ours: rows a second that `retinoscope.record` brings to the disk, compressed, from its first decision to its last
  written byte (the start of the engines and the self-test are not in it; the other sides do not count theirs either).
- older way: one environment, batch 1, one forward pass for each layer, the activity kept in a list.
- engine alone: the same environments in the same processes, random actions, nothing stored.
- network alone: the forward pass at the recorder's batch size, one process per core, one thread each.

Where engine and network share the same cores, a row costs at least what both cost: the ceiling is
1 / (1 / engine + 1 / network) rows a second. The sides are measured in turn, several rounds; medians are printed.

The same is measured in processor time, which other work on the machine changes far less than the clock: what a row
costs in the engines and the processes that play them, in the network, in the rest of this process's main thread, and in
the threads that compress and write. How busy the cores were says what was lost by waiting for each other.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead, inference
from retinoscope.rollouts import playing, record
from retinoscope.rollouts.parallel import ParallelEnvironments
from retinoscope.scenarios import ACTION_HEADS, ArenaArchive, get_arena, load_scenario
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.doom.world import DoomWorld

ENVIRONMENTS = 16
CORES = os.cpu_count() or 1
GROUPS = (range(ENVIRONMENTS // 2), range(ENVIRONMENTS // 2, ENVIRONMENTS))


def network() -> ActorCriticPolicy:
    """The network of the shipped agents; its weights do not change its speed."""
    heads = tuple(ActionHead(name, outputs) for name, outputs in ACTION_HEADS.items())
    return ActorCriticPolicy.untrained(NetworkDescription(NetworkConfig(), (60, 80, 3), heads))


class Cost(NamedTuple):
    """What rows took, in seconds.

    Attributes:
        clock: by the clock.
        players, main, others: of the processors' time, in the processes that play, in this one's main thread, and in
            its other threads.
    """

    clock: float
    players: float
    main: float
    others: float

    @property
    def processor(self) -> float:
        return self.players + self.main + self.others


class Meter:
    """Measures from where it is made."""

    def __init__(self) -> None:
        self._began = self._now()

    def cost(self) -> Cost:
        return Cost(*(now - before for now, before in zip(self._now(), self._began, strict=True)))

    @staticmethod
    def _now() -> tuple[float, float, float, float]:
        thread = threading.main_thread().ident
        assert thread is not None
        main = time.clock_gettime(time.pthread_getcpuclockid(thread))
        return time.perf_counter(), _processor_time_of_children(), main, time.process_time() - main


def _processor_time_of_children() -> float:
    """Of all processes that this one started, and these; the network's own are idle meanwhile. From ps, in 1/100 s."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    left, ticks = [os.getpid()], 0
    while left:
        found = children.get(left.pop(), [])
        left += found
        for process in found:
            try:
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            except OSError:  # ended meanwhile, as `ps` itself
                continue
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def ours(agent: Agent, arena: ArenaArchive, rows: int) -> tuple[float, Cost]:
    """Rows a second, and what one row costs."""
    meters: list[Meter] = []
    costs: list[Cost] = []

    @contextmanager
    def at_the_first_decision(*_: object) -> Iterator[object]:
        yield lambda count: meters.append(Meter()) if not meters else None

    def append(*arguments: Any) -> None:
        append_block(*arguments)
        costs.append(meters[0].cost())  # the last one counts

    shown, append_block = playing.progress_bar, playing.Player._append
    playing.progress_bar, playing.Player._append = at_the_first_decision, append
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "recording.zarr"
            recording = record(agent, arena, frames=rows, out=out, environments=ENVIRONMENTS, block_frames=2048)
    finally:
        playing.progress_bar, playing.Player._append = shown, append_block
    return _per_row(costs[-1], recording.frames - ENVIRONMENTS)


def _per_row(cost: Cost, rows: int) -> tuple[float, Cost]:
    return rows / cost.clock, Cost(*(each / rows for each in cost))


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


def engine_alone(arena: ArenaArchive, rows: int) -> tuple[float, Cost]:
    """Rows a second, and what one row costs."""
    generator = np.random.default_rng(0)
    with ParallelEnvironments(DoomWorld(arena), 0, GROUPS, min(CORES, ENVIRONMENTS)) as played:
        for group in range(2):
            played.receive(group)
        meter = Meter()
        for _ in range(rows // ENVIRONMENTS):
            for group, members in enumerate(GROUPS):
                played.table["action"][members.start : members.stop] = generator.integers(3, size=(len(members), 2))
                played.send(group)
            for group in range(2):
                played.receive(group)
        return _per_row(meter.cost(), rows // ENVIRONMENTS * ENVIRONMENTS)


def network_alone(seconds: float) -> tuple[float, float]:
    """Rows a second of one process, with every layer captured that a recording stores; processor seconds of one row."""
    policy, batch = network(), ENVIRONMENTS // 2
    pixels = torch.randint(0, 256, (batch, *policy.observation_shape), dtype=torch.uint8)
    state, rows = policy.initial_state(batch), 0
    with inference(), policy.capture("fc", "rnn"):
        policy.step(pixels, state)
        began, processor = time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            state = policy.step(pixels, state).state
            rows += batch
        return rows / (time.perf_counter() - began), (time.process_time() - processor) / rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=6000, help="rows per side and round (the older way: a twentieth)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    scenario = load_scenario("digits")
    agent, arena = Agent("untrained", network(), scenario), get_arena(scenario)
    sides: dict[str, list[float]] = {"ours": [], "older way": [], "engine alone": [], "network alone": []}
    costs: list[tuple[Cost, Cost, float]] = []
    with ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn")) as cores:
        list(cores.map(network_alone, [0.1] * CORES))
        for _ in range(options.rounds):
            engine_rate, engine = engine_alone(arena, options.rows)
            our_rate, our = ours(agent, arena, options.rows)
            networks = list(cores.map(network_alone, [1.0] * CORES))
            sides["engine alone"].append(engine_rate)
            sides["ours"].append(our_rate)
            sides["older way"].append(older_way(agent, arena, max(options.rows // 20, 1)))
            sides["network alone"].append(sum(rate for rate, _ in networks))
            costs.append((our, engine, statistics.mean(cost for _, cost in networks)))
    ceilings = [1 / (1 / e + 1 / n) for e, n in zip(sides["engine alone"], sides["network alone"], strict=True)]
    for name, rates in (sides | {"ceiling": ceilings}).items():
        print(f"{name:14} {statistics.median(rates):8,.0f} rows/s   ({', '.join(f'{rate:,.0f}' for rate in rates)})")
    faster = statistics.median(a / b for a, b in zip(sides["ours"], sides["older way"], strict=True))
    share = statistics.median(a / c for a, c in zip(sides["ours"], ceilings, strict=True))
    print(f"ours / older way: {faster:.1f}x (goal: at least 5x)")
    print(f"ours / ceiling 1 / (1 / engine + 1 / network) on {CORES} cores: {share:.0%} (goal: at least 75%)")
    print_costs(costs)


def print_costs(costs: list[tuple[Cost, Cost, float]]) -> None:
    """Where the processors' time of a row goes; medians over rounds."""

    def median(of: Callable[[Cost, Cost, float], float]) -> float:
        return statistics.median(of(*each) for each in costs)

    rows = {
        "engines and the processes that play them": median(lambda our, *_: our.players),
        "  the same, with nothing else going on": median(lambda _, engine, __: engine.players),
        "  and what it takes to drive them": median(lambda _, engine, __: engine.main + engine.others),
        "network, by itself": median(lambda *each: each[2]),
        "main thread beyond the network": median(lambda our, _, net: our.main - net),
        "threads that compress and write": median(lambda our, *_: our.others),
    }
    print("processor time of a row, microseconds:")
    for name, seconds in rows.items():
        print(f"  {name:42} {seconds * 1e6:7.0f}")
    share = median(lambda our, engine, net: (engine.processor + net) / our.processor)
    busy = median(lambda our, *_: our.processor / our.clock / CORES)
    print(
        f"  engine and network alone / ours: {share:.0%}; the {CORES} cores were busy with it {busy:.0%} of the clock"
    )


if __name__ == "__main__":
    main()
