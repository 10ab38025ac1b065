"""Looking at a training run while it goes on: every new checkpoint is analysed as it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from retinoscope.agents.agent import Agent
from retinoscope.agents.sample_factory_run import Checkpoint, list_checkpoints, load_checkpoint
from retinoscope.errors import UserError

POLL_SECONDS = 5.0


def folder_of(checkpoint: Checkpoint) -> str:
    """Where the analysis of a checkpoint is written, `frames_000030000128`."""
    return f"frames_{checkpoint.frames:012d}"


def new_checkpoints(
    run_directory: Path, out: Path, poll_seconds: float = POLL_SECONDS, sleep: Callable[[float], None] = time.sleep
) -> Iterator[tuple[Agent, Path]]:
    """Every checkpoint of a run that has not been analysed, oldest first, and those to come until training has ended.

    Training has ended when a checkpoint has as many frames as were asked for; one that was stopped before is waited
    for, as it may be resumed (Ctrl-C ends the waiting).

    Args:
        run_directory: that `retinoscope train` writes to.
        out: folder of the analyses, each in a folder of its own; those with a manifest are done.
        poll_seconds: between looks.
        sleep: waits so long.

    Yields:
        The agent, and the folder to analyse it into.

    Raises:
        UserError: it is no run directory.
    """
    if not (run_directory / "config.json").is_file() and not (run_directory / "scenario.yaml").is_file():
        raise UserError(f"{run_directory}: is no training run; --follow needs the directory of one")
    while True:
        # Asked for before the checkpoints are listed: the last one is never missed.
        has_ended = _has_ended(run_directory)
        for checkpoint in _checkpoints(run_directory):
            folder = out / folder_of(checkpoint)
            if (folder / "manifest.json").is_file():
                continue
            try:
                agent = load_checkpoint(checkpoint.path)
            except UserError:
                if checkpoint.path.is_file():
                    raise
                continue  # training keeps only the latest few
            yield agent, folder
        if has_ended:
            return
        sleep(poll_seconds)


def _checkpoints(run_directory: Path) -> tuple[Checkpoint, ...]:
    try:
        return list_checkpoints(run_directory)
    except UserError:  # none has been saved yet
        return ()


def _has_ended(run_directory: Path) -> bool:
    found = _checkpoints(run_directory)
    planned = _planned_frames(run_directory)
    return bool(found) and planned is not None and found[-1].frames >= planned


def _planned_frames(run_directory: Path) -> float | None:
    for name, keys in (("training.json", ("config", "frames")), ("config.json", ("train_for_env_steps",))):
        try:
            content: Any = json.loads((run_directory / name).read_text(encoding="utf-8"))
            for key in keys:
                content = content[key]
            return float(content)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
