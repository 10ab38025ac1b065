"""Recording in parts: two workers against one, a cluster against plain processes, and what 10⁸ decisions would take.

    python benchmarks/scale.py [--rows 20000] [--rounds 1]

Every side records the same rows, in the same two parts, from the start of its processes to the index over the parts:

- one worker: one process records the parts one after the other; it and all that it starts may use one core.
- two jobs: `record --part 1/2` and `--part 2/2`, as a job array runs them, a core each, and then `join`.
- two workers: one command that starts two processes (`record --parts 2 --workers 2`), which share two cores.
- cluster: the same two parts on a Dask cluster of two workers on this machine, which is there already; two cores.

That all of them hold the same rows is checked. A worker that may use both cores would use one and a half: what was
played is compressed while the next is played. How busy the machine was otherwise is printed. Processor time, which
other work on the machine changes far less than the clock, is what 10⁸ decisions are reckoned from: of one recording in
one piece, whose processes are all children of this one, less that of a quarter of its rows, so that starting them does
not count. A recording without frames (`--keep-frames 0`) is made too, and its frames rendered again, for what that
saves on the disk and costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import distributed

from retinoscope.agents.load import load_agent
from retinoscope.rollouts import Recording, open_recording, record, with_frames

CORES, DECISIONS = 64, 10**8
EVERY = 8  # of how many decisions the frame of one is kept, in a line of the table


class Cost(NamedTuple):
    """Seconds by the clock, and of the processors' time, of all that was started."""

    clock: float
    processor: float

    def plus(self, other: Cost) -> Cost:
        return Cost(self.clock + other.clock, self.processor + other.processor)


def processor_seconds() -> float:
    """Of this process and of its children that have ended, with theirs; not of what a pool forked from its server."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measured(make: Callable[[], object]) -> Cost:
    clock, processor = time.monotonic(), processor_seconds()
    make()
    return Cost(time.monotonic() - clock, processor_seconds() - processor)


def run(*jobs: tuple[list[str], list[int]]) -> None:
    """Commands side by side, each and all that it starts on some of the two cores."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        raise SystemExit("This benchmark needs two cores.")
    started = []
    for words, cores in jobs:
        used = [mine[core] for core in cores]
        confined = f"import os, sys; os.sched_setaffinity(0, {used}); os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-c", confined, sys.executable, "-m", "retinoscope", *words]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    if any(each.wait() for each in started):
        raise SystemExit("A side failed.")


def same(first: Recording, second: Recording) -> bool:
    """To the last bit, a block at a time."""
    return all(one.identical(other) for one, other in zip(first.blocks(), second.blocks(), strict=True))


def bytes_of(folder: Path) -> dict[str, int]:
    """On the disk, by column."""
    found: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            parts = path.relative_to(folder).parts
            name = parts[1] if len(parts) > 2 else "rest"
            found[name] = found.get(name, 0) + path.stat().st_size
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    chosen = parser.parse_args()
    agent = load_agent("digits")
    play = {"frames": chosen.rows, "environments": 32, "batch": 16}
    settings = play | {"parts": 2}
    options = [word for name, value in play.items() for word in (f"--{name}", str(value))]
    costs: dict[str, list[Cost]] = {"one worker": [], "two jobs": [], "two workers": [], "cluster": []}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        local = stack.enter_context(
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
            )
        )
        cluster = {"cluster": local.scheduler_address}
        record(agent, out=folder / "warm", **settings | {"frames": 64}, **cluster)  # its processes have loaded all
        for number in range(chosen.rounds):
            for side in costs:
                out = f"{folder}/{side}-{number}"
                words = ["record", "digits", "--out", out, *options]
                whole = [*words, "--parts", "2"]
                jobs = {
                    "one worker": [([*whole, "--workers", "1"], [0])],
                    "two jobs": [([*words, "--part", f"{part}/2", "--workers", "1"], [part - 1]) for part in (1, 2)],
                    "two workers": [([*whole, "--workers", "2"], [0, 1])],
                    "cluster": [([*whole, "--cluster", local.scheduler_address], [0, 1])],
                }[side]
                cost = measured(lambda jobs=jobs: run(*jobs))
                if side == "two jobs":
                    cost = cost.plus(measured(lambda out=out: run((["join", out], [0]))))
                costs[side].append(cost)
                print(f"{side} {cost.clock:.1f} s", file=sys.stderr)
        sides = [open_recording(folder / f"{side}-0") for side in costs]
        are_same = all(same(sides[0], each) for each in sides[1:])
        rows, sizes = sides[0].frames, bytes_of(folder / "one worker-0")
        alone = play | {"workers": 1}
        busy = measured(lambda: record(agent, out=folder / "alone", **alone))
        are_same = are_same and same(sides[0], open_recording(folder / "alone"))
        quarter = measured(lambda: record(agent, out=folder / "quarter", **alone | {"frames": chosen.rows // 4}))
        fewer = open_recording(folder / "quarter").frames
        without = record(
            agent, out=folder / "none", **settings | {"frames": chosen.rows // 4, "keep_frames": 0}, workers=1
        )
        unkept = sum(bytes_of(folder / "none").values()) / without.frames
        again = with_frames(without, "digits")
        again.rows(0, 1, ["observation"])  # the engine has started
        rendered = measured(lambda: [None for _ in again.blocks(512, ["observation"])]).clock / again.frames
    clock = {side: statistics.median(each.clock for each in found) for side, found in costs.items()}
    print(f"{rows:,} rows in 2 parts, {chosen.rounds} rounds; load of the machine {os.getloadavg()[0]:.1f}")
    for side, seconds in clock.items():
        print(f"{side:12} {seconds:8.1f} s by the clock, {rows / seconds:8,.0f} rows/s")
    print(f"the same rows on all sides: {'yes' if are_same else 'NO'}")
    for side in ("two jobs", "two workers", "cluster"):
        print(f"{side}: {clock['one worker'] / clock[side]:.2f} times the rows a second of one worker")
    print(f"the cluster takes {clock['cluster'] / clock['two workers']:.2f} times as long as plain processes")
    each = (busy.processor - quarter.processor) / (rows - fewer)
    print(f"\n{1e6 * each:,.0f} µs of one core for a row; reckoned from it, 10⁸ decisions on {CORES} cores:")
    whole, frames = sum(sizes.values()), sizes["observation"]
    print(f"time {DECISIONS * each / CORES / 3600:.1f} h")
    some = (whole - frames * (1 - 1 / EVERY)) / rows
    for kept, size in (("all frames", whole / rows), (f"one frame in {EVERY}", some), ("no frames", unkept)):
        print(f"disk {DECISIONS * size / 1e9:,.0f} GB with {kept}")
    print(f"frames rendered again: {1e6 * rendered:,.0f} µs each, {DECISIONS * rendered / CORES / 3600:.1f} h for all")


if __name__ == "__main__":
    main()
