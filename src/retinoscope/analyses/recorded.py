"""What analyses of a recording share: its clock, and whether agent, arena and recording belong together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive
    from retinoscope.worlds.declaration import Declaration


def seconds_per_decision(recording: Recording) -> float:
    """Game time from one decision to the next, seconds."""
    return float(recording.attributes["frame_skip"] / recording.attributes["tics_per_second"])


def words_attribute(world: Declaration) -> str:
    """What events are called there, for `data.attrs["event_words"]`: JSON of [positive, negative, event, events]."""
    words = world.words
    return json.dumps([words.positive, words.negative, words.event, words.events])


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
