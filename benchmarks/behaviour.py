"""From the agent to its activity: what a decision costs on its way, and against the engine's ceiling, in one run.

    python benchmarks/behaviour.py [--rows 8000] [--rounds 3]

- recorded: rows a second of `retinoscope.record`, from the first decision to the last written byte.
- activity: rows a second at which stored observations become the activity of every layer, convolutions included
  (`activity_blocks`, one process, one thread).
- around pick-ups: rows a second of the whole event-triggered analysis, all layers.
- engine alone: the same environments in the same processes, random actions, nothing stored: the ceiling.

Rows that are to have all of their activity are first recorded and then looked at, so that together they cost
1 / (1 / recorded + 1 / activity). How recording compares with the older way and with the network's share of the ceiling
is measured by benchmarks/recording.py, whose sides are used here.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from recording import ENVIRONMENTS, engine_alone, ours

import retinoscope
from retinoscope.analyses.behaviour.event_triggered import event_triggered
from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.scenarios import get_arena


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    agent = retinoscope.load_agent("digits")
    arena = get_arena("digits")
    layers = tuple(layer.name for layer in agent.policy.layers)
    sides: dict[str, list[float]] = {"recorded": [], "activity": [], "around pick-ups": [], "engine alone": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.zarr"
        recording = retinoscope.record(agent, arena, frames=options.rows, out=path, environments=ENVIRONMENTS)
        for _ in range(options.rounds):
            sides["engine alone"].append(engine_alone(arena, options.rows))
            sides["recorded"].append(ours(agent, arena, options.rows))
            activity = seconds_of(lambda: [None for _ in activity_blocks(recording, layers, agent.policy, 256)])
            sides["activity"].append(recording.frames / activity)
            around = seconds_of(lambda: event_triggered(recording, agent=agent, burn_in_steps=24))
            sides["around pick-ups"].append(recording.frames / around)
    for name, rates in sides.items():
        print(f"{name:16} {statistics.median(rates):8,.0f} rows/s   ({', '.join(f'{rate:,.0f}' for rate in rates)})")
    pairs = list(zip(sides["recorded"], sides["activity"], strict=True))
    both = [1 / (1 / recorded + 1 / activity) for recorded, activity in pairs]
    print(f"{'agent to activity':16} {statistics.median(both):7,.0f} rows/s, all layers")
    for name, rates in (("recorded", sides["recorded"]), ("agent to activity", both)):
        share = statistics.median(a / b for a, b in zip(rates, sides["engine alone"], strict=True))
        print(f"{name} / engine alone: {share:.0%}")


if __name__ == "__main__":
    main()
