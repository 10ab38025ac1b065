"""Run as a program: records, is killed at random moments and goes on, again and again; says what happened as JSON.

Each attempt is a forked child, so that the imports are paid once. The child reports the rows it has made through
shared memory, by which the moment of the kill is chosen.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import struct
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from retinoscope.agents.agent import Agent
from retinoscope.rollouts import open_recording, playing, record
from retinoscope.worlds.choosing import WorldLike
from tests.flicker import flicker
from tests.planted_memories import lstm_agent
from tests.rollouts.recordings import descendants, is_running, small_agent, small_arena

SECONDS_TO_DIE = 30


def player(where: str, folder: Path) -> tuple[Agent, WorldLike]:
    """Who is recorded, and where: in an arena of the game engine, or in a world without one, which starts quickly."""
    return (small_agent(), small_arena(folder)) if where == "arena" else (lstm_agent(), flicker())


def main(where: str, folder: Path, kills: int, frames: int, block_frames: int) -> None:
    chance = random.Random(0)
    agent, world = player(where, folder)
    out = folder / "killed.zarr"
    settings = {"frames": frames, "environments": 2, "workers": 1, "block_frames": block_frames}
    shared = mmap.mmap(-1, 8)
    story = []
    for attempt in range(kills):
        before = rows_of(out)
        shared[:] = struct.pack("q", before)
        child = os.fork()
        if child == 0:
            record_in_child(shared, agent, world, out, settings)
        # One in five dies while it is starting, the others after some more rows, wherever they then are.
        if attempt % 5 == 4:
            time.sleep(chance.uniform(0.0, 1.0))
        else:
            target = before + chance.randrange(2 * block_frames)
            while struct.unpack("q", shared[:])[0] < target and not has_ended(child):
                time.sleep(0.005)
            time.sleep(chance.uniform(0.0, 0.02))
        family = descendants(child)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        made = struct.unpack("q", shared[:])[0]
        story.append({"before": before, "made": made, "kept": rows_of(out), "processes": len(family)})
        story[-1]["orphans"] = orphans_of(family)
    recording = record(agent, world, out=out, **settings)
    print(json.dumps({"kills": story, "frames": recording.frames, "complete": recording.attributes["complete"]}))


def record_in_child(shared: mmap.mmap, agent: Agent, world: WorldLike, out: Path, settings: dict[str, int]) -> None:
    @contextmanager
    def report(*_):
        def advance(rows):
            shared[:] = struct.pack("q", struct.unpack("q", shared[:])[0] + rows)

        yield advance

    playing.progress_bar = report
    status = 1
    try:
        record(agent, world, out=out, **settings)
        status = 0
    finally:
        os._exit(status)


def rows_of(path: Path) -> int:
    """Opening it also checks that the index and every file are there and whole."""
    if not path.exists():
        return 0
    recording = open_recording(path)
    for block in recording.blocks():
        block.load()
    recording.objects()
    return recording.frames


def has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def orphans_of(family: list[int]) -> int:
    """How many of the processes are still there some time after their parent was killed."""
    deadline = time.monotonic() + SECONDS_TO_DIE
    while family and time.monotonic() < deadline:
        family = [process for process in family if is_running(process)]
        time.sleep(0.05)
    return len(family)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
