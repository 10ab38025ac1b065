"""Recording: several environments in other processes, one batched policy here, everything written as it comes."""

from __future__ import annotations

import os
from pathlib import Path

from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError
from retinoscope.rollouts.locking import only_writer
from retinoscope.rollouts.playing import Player, full_disk_explained
from retinoscope.rollouts.recording import Recording, open_recording
from retinoscope.rollouts.replay import replay_error
from retinoscope.rollouts.schema import SCHEMA_VERSION, describe, require_storable, stored_columns
from retinoscope.rollouts.store import EpisodeStore
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.world import World

_FRAMES_PER_ENVIRONMENT = 2000  # about four whole episodes of the shipped arenas
_MOST_ENVIRONMENTS = 16  # two batches of 8: larger ones make the network no faster on a CPU


def record(
    agent: Agent,
    world: WorldLike | None = None,
    *,
    frames: int,
    out: str | Path,
    seed: int = 0,
    environments: int | None = None,
    workers: int | None = None,
    block_frames: int = 4096,
    progress: bool = False,
    greedy: bool = False,
) -> Recording:
    """Let the agent play and store every decision: what it saw, computed and did, and what followed.

    Every environment is recorded for the same number of decisions, ceil(frames / environments), whatever happens in
    it; see `Recording` for why. Episode k of environment e depends on (seed, e, k) and the agent alone, where the world
    repeats itself; where it does not, the recording says so (`Recording.world.repeats_itself`). On one machine
    the same agent, world, seed, number of environments and frames give the same bytes, whatever the number of workers
    and however often the recording was interrupted.

    Calling it again with the same `out` goes on with a recording that was interrupted, or that has too few frames; one
    that has enough is returned as it is. Memory does not grow with `frames`.

    At the end some rows are replayed (`replay_error`); only then is the recording complete.

    Args:
        agent: who plays.
        world: where: a world, an arena, or the name of one (`worlds.find_world`); None for that of the agent.
        frames: at least so many rows (decisions; an engine frame is `frame_skip` times shorter).
        out: path of the recording, customarily `NAME.zarr`.
        seed: of worlds and actions.
        environments: played side by side. None for those of the recording that is there already, else enough to keep
            the machine busy while each plays about four episodes: frames / 2000, from 1 to 16.
        workers: processes that play them; None for one per core.
        block_frames: rows that are lost at most if this process is killed; they are also what is held in memory, 16 kB
            each. Where a recording is there already, its own holds.
        progress: show a progress bar on standard error if that is a terminal.
        greedy: take the likeliest action instead of drawing from the policy.

    Raises:
        UserError: the agent does not fit the world; `frames` is below 1; `out` cannot be written, holds something
            else, or holds a recording of another agent, world, seed or setting; the disk is full (what was recorded
            stays readable).
        RuntimeError: the self-test failed, or a process that plays died: a fault of ours.
    """
    path = Path(out)
    _check_counts(frames=frames, environments=environments, workers=workers, block_frames=block_frames)
    if seed < 0:
        raise UserError(f"seed: {seed} is negative; give 0 or more")
    where = world_of(agent, world)
    where.require_playable()
    require_storable(where.declaration, agent)
    if path.is_dir() and any(path.iterdir()):
        _check_same(open_recording(path), agent, where, seed, environments, greedy)
    else:
        environments = environments or min(max(frames // _FRAMES_PER_ENVIRONMENT, 1), _MOST_ENVIRONMENTS)
        columns = stored_columns(where.declaration, agent.policy)
        attributes = describe(agent, where.declaration, seed, environments, greedy)
        with full_disk_explained(path):
            EpisodeStore.create(path, columns, attributes, environments, _block_steps(block_frames, environments))
    with only_writer(path):
        store = EpisodeStore(path, writable=True)
        steps = -(-frames // store.environments)
        if store.steps < steps:
            _require_present_schema(store)
            Player(store, agent.policy, where, workers or os.cpu_count() or 1).run(steps, progress)
        if not store.complete:
            _self_test(agent, path)
            with full_disk_explained(path):
                store.mark_complete()
    return open_recording(path)


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"{name}: {count} is too few; give at least 1")


def _check_same(
    recording: Recording, agent: Agent, world: World, seed: int, environments: int | None, greedy: bool
) -> None:
    """Raises `UserError` naming the first thing in which the recording differs from what is asked for."""
    there = recording.attributes
    asked = {
        "checkpoint_sha256": agent.checkpoint_sha256,
        "world_sha256": world.declaration.sha256,
        "seed": seed,
        "environments": environments or there["environments"],
        "greedy": greedy,
    }
    for name, value in asked.items():
        if there[name] != value:
            raise UserError(
                f"{recording.path}: holds a recording with {name} {_short(there[name])}, not {_short(value)}; "
                "choose another path"
            )


def _require_present_schema(store: EpisodeStore) -> None:
    version = store.attributes["schema_version"]
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{store.path}: was recorded by an earlier version (schema {version}) and can be read, not gone on with; "
            "choose another path"
        )


def _short(value: object) -> str:
    return f"{value[:12]}..." if isinstance(value, str) and len(value) > 12 else repr(value)


def _block_steps(block_frames: int, environments: int) -> int:
    """Steps per stored block: half of the rows that may be lost, as one block is written while the next is filled.

    Whole pieces of 64 where it is that many, so that single rows are read quickly.
    """
    steps = max(1, block_frames // (2 * environments))
    return steps - steps % 64 if steps >= 64 else steps


def _self_test(agent: Agent, path: Path) -> None:
    report = replay_error(open_recording(path), agent)
    if not report.holds:
        found = ", ".join(f"{name} by {report.maximum_difference[name]:.2g}" for name in report.failures)
        raise RuntimeError(f"{path}: the self-test failed: shown its stored rows, the agent differs in {found}")
