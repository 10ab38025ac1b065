"""Recording in parts, each by a process of its own, here or on a cluster; then they are joined."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.rollouts.joined_recording import JoinedRecording, join
from retinoscope.rollouts.locking import Occupied
from retinoscope.rollouts.parts import parts_in
from retinoscope.scale.spawning import nothing_to_import_again
from retinoscope.scale.work import computing_on, executor, workers_at_work
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.world import World

_SECONDS_TO_WAIT = 60.0
"""For the writer of a part: what a killed worker leaves ends within a second, its lock on a network's files later."""


def record_in_parts(
    agent: Agent,
    world: WorldLike | None,
    out: Path,
    part: str | None,
    parts: int | None,
    cluster: str | None,
    workers: int | None,
    progress: bool,
    settings: Mapping[str, Any],
) -> JoinedRecording:
    """Record all parts and join them; those that are there already are left as they are, or gone on with.

    Args:
        agent: who plays.
        world: where.
        out: folder of the parts and of the index over them.
        part: None; a part is not recorded in parts.
        parts: how many; None for those that are there, else as many as the cluster has workers.
        cluster: where; None for this machine.
        workers: processes here that record; on a cluster None.
        progress: show a bar.
        settings: of `record`, for the whole recording.

    Raises:
        UserError: as `record`, or the cluster cannot be reached or its workers do not see `out`.
    """
    if part is not None:
        raise UserError(f"part {part}: one part is recorded here and by itself; leave parts and cluster out")
    where = world_of(agent, world)
    folder = out.resolve()
    with computing_on(workers, cluster):
        count = parts or _those_there(folder) or workers_at_work()
        if not count:
            raise UserError("parts: the cluster has no workers yet, so their number is not known; say how many")
        with progress_bar("parts", count, progress) as advance, executor() as chosen:
            with nothing_to_import_again():
                futures = [
                    chosen.submit(_record_part, agent, where, folder, f"{number}/{count}", dict(settings))
                    for number in range(1, count + 1)
                ]
            try:
                for future in as_completed(futures):
                    future.result()
                    advance(1)
            finally:
                for future in futures:
                    future.cancel()
    if not folder.is_dir():
        raise UserError(f"{out}: is not there for the workers of the cluster; choose a folder that all machines share")
    return join(out)


def _record_part(agent: Agent, world: World, folder: Path, part: str, settings: dict[str, Any]) -> None:
    """In a process of its own: one part, after whoever else is still at it, as one whose worker was killed may be."""
    from retinoscope.rollouts.recorder import record

    began = time.monotonic()
    while True:
        try:
            record(agent, world, out=folder, part=part, workers=1, **settings)
            return
        except Occupied:
            if time.monotonic() - began > _SECONDS_TO_WAIT:
                raise
            time.sleep(0.5)


def _those_there(folder: Path) -> int:
    """How many parts the recording has of which some are there."""
    return max((int(path.stem.rpartition("-of-")[2]) for path in parts_in(folder)), default=0)
