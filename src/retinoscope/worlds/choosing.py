"""Which world an agent plays in, and whether it can."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from retinoscope.errors import UserError
from retinoscope.scenarios import ArenaArchive, ForeignScenario, Scenario, get_arena
from retinoscope.user_code import load_named, names_code
from retinoscope.worlds.declaration import Actions, Declaration
from retinoscope.worlds.doom.world import DoomWorld, declaration_of
from retinoscope.worlds.world import World

if TYPE_CHECKING:
    from retinoscope.agents.actions import ActionHead
    from retinoscope.agents.agent import Agent

WorldLike = World | ArenaArchive | Scenario | ForeignScenario | str | Path


def world_of(agent: Agent, world: WorldLike | None = None) -> World:
    """The world that is meant, or the one that the agent was trained in.

    Args:
        agent: who is to live in it.
        world: a world, an arena, or what `find_world` takes; None for that of the agent.

    Raises:
        UserError: none is known, there is no such world, or the agent's view or actions are not those of the world.
    """
    chosen = agent.world if world is None else world
    if chosen is None:
        chosen = agent.scenario
    if chosen is None:
        raise UserError(
            f"agent {agent.name!r}: the world it was trained in is not known; name an arena, or file.py:name of a "
            "retinoscope.gymnasium_world, with --world"
        )
    found = find_world(chosen)
    heads = agent.policy.action_heads
    if isinstance(found, DoomWorld) and all(each.kind != "gaussian" for each in heads):
        found = found.lived_in_by(agent.policy.observation_shape, {each.name: each.outputs for each in heads})
    _require_fit(agent, found)
    return found


def declared_by(agent: Agent) -> Declaration | None:
    """What the world that an agent was trained in declares, without building anything; None where it is not known.

    Of an arena it has no hash, which only a built one has.
    """
    if agent.world is not None:
        return agent.world.declaration
    return None if agent.scenario is None else declaration_of(agent.scenario, sha256="")


def find_world(world: WorldLike) -> World:
    """The world of this name.

    Args:
        world: a world; an arena, scenario, or what `get_arena` takes; or `file.py:name` or `package.module:name` of a
            world, or of a function without arguments that returns one, in the user's own code, which is run.

    Raises:
        UserError: there is no such world.
    """
    if isinstance(world, World):
        return world
    if isinstance(world, ArenaArchive):
        return DoomWorld(world)
    if isinstance(world, str) and names_code(world) and not world.startswith("vizdoom:"):
        advice = "give a retinoscope.World, or a function that returns one"
        return load_named(world, World, "world", advice)  # type: ignore[type-abstract]
    return DoomWorld(get_arena(cast(Scenario | str | Path, world)))


def _require_fit(agent: Agent, world: World) -> None:
    declared, heads = world.declaration, agent.policy.action_heads
    if declared.picture.shape != agent.policy.observation_shape:
        raise UserError(
            f"world {declared.name!r}: shows observations of {declared.picture.shape}, agent {agent.name!r} sees "
            f"{agent.policy.observation_shape}; choose a world with its view"
        )
    # The order counts: an action is one index per head.
    if len(heads) != len(declared.actions) or not all(map(_fits, heads, declared.actions)):
        asked = ", ".join(f"{each.name} ({'/'.join(each.outputs)})" for each in declared.actions)
        there = ", ".join(f"{each.name} ({'/'.join(each.outputs)})" for each in heads)
        raise UserError(
            f"world {declared.name!r}: is played with the heads {asked}, agent {agent.name!r} has {there}; choose "
            "another agent"
        )


def _fits(head: ActionHead, actions: Actions) -> bool:
    if head.kind == "gaussian":
        return actions.is_continuous and head.action_size == len(actions.outputs)
    if actions.is_continuous or len(head.outputs) != len(actions.outputs):
        return False
    # Where both say what their outputs mean, they have to mean the same.
    is_named = all(not each.isdigit() for each in (*head.outputs, *actions.outputs))
    return not is_named or head.outputs == actions.outputs
