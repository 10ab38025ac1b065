"""Recording: several environments in other processes, one batched policy here, everything written as it comes."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError
from retinoscope.rollouts.kept_frames import KEEP
from retinoscope.rollouts.locking import only_writer
from retinoscope.rollouts.opening import open_recording
from retinoscope.rollouts.parts import PART, default_batch, part_numbers, part_path, parts_in, share
from retinoscope.rollouts.playing import Player, full_disk_explained
from retinoscope.rollouts.recording import Recording
from retinoscope.rollouts.rendered_recording import require_repeating, with_frames
from retinoscope.rollouts.replay import replay_error
from retinoscope.rollouts.schema import SCHEMA_VERSION, describe, require_storable, stored_columns
from retinoscope.rollouts.store import EpisodeStore
from retinoscope.rollouts.stored_recording import StoredRecording, open_stored
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.world import World

_FRAMES_PER_ENVIRONMENT = 2000  # about four whole episodes of the shipped arenas
_MOST_ENVIRONMENTS = 16  # two batches of 8: larger ones make the network no faster on a CPU
_TESTED, _TESTED_ALONE, _FIRST = 512, 128, 16  # rows replayed; where not all have frames; of each episode rendered


def record(
    agent: Agent,
    world: WorldLike | None = None,
    *,
    frames: int,
    out: str | Path,
    seed: int = 0,
    environments: int | None = None,
    batch: int | None = None,
    part: str | None = None,
    parts: int | None = None,
    cluster: str | None = None,
    workers: int | None = None,
    block_frames: int = 4096,
    progress: bool = False,
    greedy: bool = False,
    keep_frames: int = 1,
) -> Recording:
    """Let the agent play and store every decision: what it saw, computed and did, and what followed.

    Every environment is recorded for the same number of decisions, ceil(frames / environments), whatever happens in
    it; see `Recording` for why. Episode k of environment e depends on (seed, e, k) and the agent alone, where the world
    repeats itself; where it does not, the recording says so (`Recording.world.repeats_itself`). On one machine
    the same agent, world, seed, number of environments, batch and frames give the same bytes, whatever the number of
    workers, however often the recording was interrupted, and whether it was made in parts (`join`).

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
            the machine busy while each plays about four episodes: frames / 2000, from 1 to 16, in each part.
        batch: environments that the network decides for at a time; None for half of them, or of those of a part.
            Larger ones make the network faster on a GPU, and no faster on a CPU.
        part: as `3/64`, to record this part of the recording alone, to a folder of its own in `out`. All other
            arguments are those of the whole recording, the same for all parts; `join` makes one of them.
        parts: record so many parts side by side, each by a process of its own, and join them in `out`. None for one
            recording in one piece; on a cluster for as many as are there already, else as it has workers.
        cluster: where the parts are recorded, see `scale.cluster.connected`; its workers have to see `out`.
        workers: processes that play, or that record parts; None for one per core.
        block_frames: rows that are lost at most if this process is killed; they are also what is held in memory, 16 kB
            each. Where a recording is there already, its own holds.
        progress: show a progress bar on standard error if that is a terminal.
        greedy: take the likeliest action instead of drawing from the policy.
        keep_frames: keep the frames of the decisions 0, n, 2 n ... of each environment: 1 for all, 0 for none. They are
            most of what a recording weighs; `with_frames` renders all of them again, where the world repeats itself.

    Raises:
        UserError: the agent does not fit the world; `frames` is below 1; `out` cannot be written, holds something
            else, or holds a recording of another agent, world, seed or setting; the disk is full (what was recorded
            stays readable).
        RuntimeError: the self-test failed, or a process that plays died: a fault of ours.
    """
    _check_counts(frames=frames, environments=environments, batch=batch, parts=parts)
    _check_counts(workers=workers, block_frames=block_frames)
    for name, number in (("seed", seed), ("keep_frames", keep_frames)):
        if number < 0:
            raise UserError(f"{name}: {number} is negative; give 0 or more")
    if parts is not None or cluster is not None:
        from retinoscope.rollouts.in_parts import record_in_parts

        settings = {"frames": frames, "seed": seed, "environments": environments, "batch": batch}
        settings |= {"block_frames": block_frames, "greedy": greedy, "keep_frames": keep_frames}
        return record_in_parts(agent, world, Path(out), part, parts, cluster, workers, progress, settings)
    number, of = (1, 1) if part is None else part_numbers(part)
    where = world_of(agent, world)
    where.require_playable()
    require_storable(where.declaration, agent)
    if keep_frames == 0:
        require_repeating(where)
    path = Path(out) if part is None else _place_of_part(Path(out), number, of)
    there = _already_there(path, is_part=part is not None)
    if there is not None:
        environments = environments or there.attributes["environments"]
    environments = environments or of * min(max(frames // of // _FRAMES_PER_ENVIRONMENT, 1), _MOST_ENVIRONMENTS)
    if there is not None:
        batch = batch or there.attributes.get("batch", default_batch(environments))
    batch = batch or default_batch(environments, of)
    attributes = describe(agent, where.declaration, seed, environments, greedy, keep_frames)
    if batch != default_batch(environments):
        attributes["batch"] = batch
    if there is not None:
        _check_same(there, attributes)
    if there is None or there.path != path:
        columns = stored_columns(where.declaration, agent.policy)
        own = environments
        if part is not None:
            mine, own = share(number, of, environments, batch)
            attributes[PART] = asdict(mine)
        with full_disk_explained(path):
            EpisodeStore.create(path, columns, attributes, own, _block_steps(block_frames, own))
    with only_writer(path):
        store = EpisodeStore(path, writable=True)
        steps = -(-frames // environments)
        if store.steps < steps:
            _require_present_schema(store)
            Player(store, agent.policy, where, workers or os.cpu_count() or 1).run(steps, progress)
        if not store.complete:
            _self_test(agent, where, path)
            with full_disk_explained(path):
                store.mark_complete()
    return open_recording(path)


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"{name}: {count} is too few; give at least 1")


def _place_of_part(folder: Path, number: int, of: int) -> Path:
    """Raises `UserError` if the folder is none for parts, or for so many."""
    if (folder / "zarr.json").is_file():
        raise UserError(f"{folder}: holds a recording that was not made in parts; choose another path")
    path = part_path(folder, number, of)
    if others := [each for each in parts_in(folder) if not each.match(f"*-of-{of}.zarr")]:
        raise UserError(f"{folder}: holds {others[0].name}, another number of parts than {of}; choose another path")
    return path


def _already_there(path: Path, is_part: bool) -> StoredRecording | None:
    """What of this recording is there: at this path, or of its parts another one."""
    if path.is_dir() and any(path.iterdir()):
        found = open_recording(path)
        if not isinstance(found, StoredRecording):
            raise UserError(f"{path}: holds a recording in parts; choose another path, or say which part to record")
        return found
    others = parts_in(path.parent) if is_part else []
    return open_stored(others[0]) if others else None


def _check_same(recording: StoredRecording, asked: dict[str, Any]) -> None:
    """Raises `UserError` naming the first thing in which the recording differs from what is asked for."""
    for name in ("checkpoint_sha256", "world_sha256", "seed", "environments", "batch", "greedy", KEEP):
        there, value = (each.get(name, 1 if name == KEEP else None) for each in (recording.attributes, asked))
        if there != value:
            raise UserError(
                f"{recording.path}: holds a recording with {name} {_short(there)}, not {_short(value)}; "
                "choose another path"
            )


def _require_present_schema(store: EpisodeStore) -> None:
    version = store.attributes["schema_version"]
    if version < SCHEMA_VERSION:
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


def _self_test(agent: Agent, where: World, path: Path) -> None:
    recording: Recording = open_recording(path)
    rows: int | list[int] = _TESTED
    if KEEP in recording.attributes:
        generator = np.random.default_rng(0)
        if recording.attributes[KEEP]:
            rows = generator.permutation(recording.rows_with_frames)[:_TESTED_ALONE].tolist()
        else:
            starts = generator.permutation([each.start for each in recording.episodes])[: _TESTED_ALONE // _FIRST]
            rows = [row for start in starts for row in range(start, min(start + _FIRST, recording.frames))]
            recording = with_frames(recording, where)
    report = replay_error(recording, agent, rows)
    if not report.holds:
        found = ", ".join(f"{name} by {report.maximum_difference[name]:.2g}" for name in report.failures)
        raise RuntimeError(f"{path}: the self-test failed: shown its stored rows, the agent differs in {found}")
