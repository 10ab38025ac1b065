"""Which arena an agent plays in, and whether it can."""

from __future__ import annotations

from pathlib import Path

from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive, Scenario, get_arena


def arena_of(agent: Agent, arena: ArenaArchive | Scenario | str | Path | None = None) -> ArenaArchive:
    """The named arena, or the one that the agent was trained in.

    Raises:
        UserError: neither is known, or the agent's view or actions are not those of the arena.
    """
    if not isinstance(arena, ArenaArchive):
        chosen = agent.scenario if arena is None else arena
        if chosen is None:
            raise UserError(
                f"agent {agent.name!r}: the arena it was trained in is not known; name an arena with --arena"
            )
        arena = get_arena(chosen)
    _require_fit(agent, arena)
    return arena


def _require_fit(agent: Agent, arena: ArenaArchive) -> None:
    name, view = arena.scenario.name, arena.scenario.observation
    shape = (view.height, view.width, 3)
    if shape != agent.policy.observation_shape:
        raise UserError(
            f"arena {name!r}: shows observations of {shape}, agent {agent.name!r} sees "
            f"{agent.policy.observation_shape}; choose an arena with its view"
        )
    heads = {head.name: head.outputs for head in agent.policy.action_heads}
    # The order counts: an action is one index per head.
    if list(heads.items()) != list(arena.scenario.action_heads.items()):
        asked, there = _listed(arena.scenario.action_heads), _listed(heads)
        raise UserError(
            f"arena {name!r}: is played with the heads {asked}, agent {agent.name!r} has {there}; choose another agent"
        )


def _listed(heads: dict[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{name} ({'/'.join(outputs)})" for name, outputs in heads.items())
