"""What the agents of a comparison play: each recorded once, when it is first asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from retinoscope.analyses.compared import Member
from retinoscope.errors import NotMeasurable
from retinoscope.progress import say
from retinoscope.worlds.world import World

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_DECISIONS, _MOST = 250, 8  # that an environment plays at least, and environments at most: intervals need episodes


@dataclass
class Played(Mapping[str, "Recording"]):
    """Recordings by the names of members.

    Attributes:
        members: the agents.
        worlds: where each plays, by its name; those that are missing cannot play.
        frames: decisions of each.
        seed: of worlds and actions; the same for all, so that they play in the same worlds.
        folder: where recordings are made.
        kept: where recordings of an earlier call lie.
        workers: processes that play; None for one per core.
        progress: show progress bars.
        used: those that were asked for, by the names of their folders.
    """

    members: tuple[Member, ...]
    worlds: Mapping[str, World]
    frames: int
    seed: int
    folder: Path
    kept: Path
    workers: int | None = None
    progress: bool = False
    used: dict[str, Recording] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Recording:
        """What a member played.

        Raises:
            NotMeasurable: its world is not known.
        """
        from retinoscope.rollouts import open_recording, record

        member = next(each for each in self.members if each.name == name)
        if name not in self.worlds:
            raise NotMeasurable(
                f"agent {name!r}: the world it lives in is not known, so that it cannot play; name --world"
            )
        file = self._file(member)
        if file in self.used:
            return self.used[file]
        if (self.kept / file).is_dir():
            self.used[file] = open_recording(self.kept / file)
            return self.used[file]
        say(f"recording {name}", self.progress)
        self.folder.mkdir(parents=True, exist_ok=True)
        environments = min(max(self.frames // _DECISIONS, 1), _MOST)
        self.used[file] = record(
            member.agent,
            self.worlds[name],
            frames=self.frames,
            out=self.folder / file,
            seed=self.seed,
            environments=environments,
            workers=self.workers,
            progress=self.progress,
        )
        return self.used[file]

    def __iter__(self) -> Iterator[str]:
        return iter(self.worlds)

    def __len__(self) -> int:
        return len(self.worlds)

    def _file(self, member: Member) -> str:
        """A name that says whose recording it is, and is the same for nothing else."""
        declared = self.worlds[member.name].declaration
        content = json.dumps([member.agent.checkpoint_sha256, declared.sha256, self.frames, self.seed])
        plain = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in member.name)
        return f"{plain}-{hashlib.sha256(content.encode()).hexdigest()[:8]}.zarr"
