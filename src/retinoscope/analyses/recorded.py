"""What analyses of a recording share: where results come from, and whether agent and recording belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive

_PROVENANCE = ("agent", "checkpoint_sha256", "frames_trained", "scenario", "arena_sha256", "seed", "versions")


def provenance_of(recording: Recording) -> dict[str, Any]:
    """Where a result that was computed from a recording comes from."""
    return {name: recording.attributes[name] for name in _PROVENANCE if name in recording.attributes}


def require_same(recording: Recording, agent: Agent | None = None, arena: ArenaArchive | None = None) -> None:
    """A recording may be analysed only with the agent and the arena it was made of.

    Raises:
        UserError: naming what differs, with the beginnings of both hashes.
    """
    given = []
    if agent is not None:
        given.append(("agent", "checkpoint_sha256", agent.checkpoint_sha256, agent.name))
    if arena is not None:
        given.append(("arena", "arena_sha256", arena.sha256, arena.scenario.name))
    for kind, key, sha256, name in given:
        there = recording.attributes[key]
        if there != sha256:
            raise UserError(
                f"{recording.path}: was made with another {kind}: its {key} is {_short(there)}, that of {kind} "
                f"{name!r} is {_short(sha256)}; give the {kind} of the recording, or record again"
            )


def _short(sha256: str) -> str:
    return f"{sha256[:12]}..." if sha256 else "unknown"
