"""What an explorer is made of: the Results of a directory, what could not be made, and the title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retinoscope.result import Result, load_result

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


class SavedResults(Mapping[str, Result]):
    """Results by the names of their analyses, each loaded anew when it is asked for, so that none stays in memory.

    Args:
        paths: of the files, which are called as their analyses.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = {each.stem: each for each in paths}

    def __getitem__(self, name: str) -> Result:
        return load_result(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def not_made_of(manifest: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    """The analyses of a run that could not be made, by its manifest, and why."""
    titles = {each["name"]: each["title"] for each in manifest["analyses"]}
    return tuple(
        {"analysis": name, "title": titles.get(name, name), "reason": reason}
        for name, reason in manifest.get("omitted", {}).items()
    )


def title_of(agent: str, world: str) -> str:
    """Of a page about this agent in this world."""
    return agent if agent == world else f"{agent} in {world}"


def subtitle_of(recording: Recording) -> str:
    """How much was recorded: one line."""
    episodes = len(recording.episodes)
    return f"{recording.frames:,} decisions in {episodes:,} episode{'s' if episodes != 1 else ''}."
