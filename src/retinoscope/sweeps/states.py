"""What is known of each run of a sweep, in a file of its own that is either what it was or complete."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

from retinoscope.files import replacing
from retinoscope.sweeps.plan import Member

DOING = {"train": "training", "evaluate": "evaluating", "analyze": "analyzing"}


class State:
    """How far a run is.

    Args:
        folder: of the sweep.
        member: which run.

    Attributes:
        done: stages that are finished.
        doing: the stage it is at, or was when it was interrupted; None before and after all.
        error: why it failed; None if it has not.
        seconds: that stages took, by name.
    """

    def __init__(self, folder: Path, member: Member) -> None:
        self._path = folder / "states" / f"{member.name}.json"
        self._member, self._folder = member, folder
        self.done: list[str] = []
        self.doing: str | None = None
        self.error: str | None = None
        self.seconds: dict[str, float] = {}
        self.definition = member.definition
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # not begun, or damaged: what is there of the run is found by each stage
            return
        for name in ("done", "doing", "error", "seconds", "definition"):
            setattr(self, name, kept[name])

    @property
    def is_done(self) -> bool:
        """All stages are finished."""
        return set(self._member.stages) <= set(self.done)

    def begin(self, stage: str) -> None:
        """Note that a stage is begun."""
        self.doing, self.error, self._began = stage, None, time.monotonic()
        self._write()

    def finish(self, stage: str) -> None:
        """Note that it is finished."""
        self.done, self.doing = [*self.done, stage], None
        self.seconds[stage] = round(time.monotonic() - self._began, 1)
        self._write()

    def fail(self, reason: str) -> None:
        """Note why it cannot go on."""
        self.doing, self.error = None, " ".join(reason.split())
        self._write()

    def words(self, is_running: bool) -> str:
        """The state in words: `waiting`, `training 40%`, `done`, `failed`, `interrupted while training 40%`."""
        if self.error is not None:
            return "failed"
        if self.is_done:
            return "done"
        if self.doing is None:
            return f"waiting ({', '.join(self.done)} done)" if self.done else "waiting"
        doing = DOING[self.doing]
        if self.doing == "train" and (share := self._share_trained()) is not None:
            doing += f" {share:.0%}"
        return doing if is_running else f"interrupted while {doing}"

    def _share_trained(self) -> float | None:
        run = self._folder / "runs" / self._member.name
        last, frames = last_of_curve(run), frames_of(run) or self._member.training.get("frames")
        return None if last is None or not frames else min(last["frames"] / float(frames), 1.0)

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {
            name: getattr(self, name) for name in ("done", "doing", "error", "seconds", "definition")
        }
        with replacing(self._path) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def frames_of(run: Path) -> float | None:
    """How many frames a run is to have in all; None if it has not begun."""
    try:
        return float(json.loads((run / "training.json").read_text(encoding="utf-8"))["config"]["frames"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def last_of_curve(run: Path) -> dict[str, float] | None:
    """The last row of a run's learning curve; None if there is none yet."""
    try:
        with (run / "learning_curve.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: float(value) for name, value in rows[-1].items()} if rows else None
    except (OSError, ValueError, TypeError):
        return None
