"""The checkpoints of an agent's training: all of them, or those before it, early in it and at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.sample_factory_run import list_checkpoints
from retinoscope.agents.siblings import place, run_directory, shipped_with
from retinoscope.errors import NotMeasurable

EARLY_SHARE = 0.1  # of the frames of training; of the checkpoints between, the nearest to it counts as early


def checkpoints_in_turn(agent: Agent) -> Iterator[Agent]:
    """All checkpoints of the run (or of the shipped agent) that an agent comes from, by frames trained, one at a time.

    Raises:
        NotMeasurable: it comes from none.
    """
    shipped = shipped_with(agent)
    if shipped:
        yield from sorted(shipped.values(), key=lambda each: each.frames_trained or 0)
        return
    run = run_directory(agent)
    if run is None:
        raise NotMeasurable(f"agent {agent.name!r}: is no checkpoint of a run; give a run directory or a shipped agent")
    yield from (_loaded(each.path, agent) for each in list_checkpoints(run))


def every_checkpoint(agent: Agent) -> tuple[Agent, ...]:
    """The same, all at once.

    Raises:
        NotMeasurable: it comes from none.
    """
    return tuple(checkpoints_in_turn(agent))


def checkpoints_of(agent: Agent) -> dict[str, Agent]:
    """Name -> agent, in the order of training: those of the same shipped agent or run directory, or it alone.

    A run's are its first, of those between the one nearest to a tenth of its training, and its last; and the agent
    itself in any case.
    """
    shipped = shipped_with(agent)
    if shipped:
        return shipped
    run = run_directory(agent)
    if run is None:
        return {"this": agent}
    kept = list_checkpoints(run)
    early = min(kept[1:-1] or kept, key=lambda each: abs(each.frames - EARLY_SHARE * kept[-1].frames))
    chosen = {"first": kept[0], "early": early, "final": kept[-1]}
    found: dict[str, Agent] = {}
    for name, each in chosen.items():
        if each.path not in [other.checkpoint for other in found.values()]:
            found[name] = _loaded(each.path, agent)
    if place(agent) not in [place(each) for each in found.values()]:
        found["this"] = agent
    return found


def _loaded(path: Path, agent: Agent) -> Agent:
    """A checkpoint, computed where the agent is."""
    return load_agent(path, device=agent.policy.device)
