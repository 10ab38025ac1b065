"""The checkpoints of an agent's training: all of them, or those before it, early in it and at its end."""

from __future__ import annotations

from pathlib import Path

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import SHIPPED_CHECKPOINTS, SHIPPED_FOLDER, load_agent
from retinoscope.agents.sample_factory_run import list_checkpoints
from retinoscope.errors import NotMeasurable

EARLY_SHARE = 0.1  # of the frames of training; of the checkpoints between, the nearest to it counts as early


def every_checkpoint(agent: Agent) -> tuple[Agent, ...]:
    """All checkpoints of the run (or of the shipped agent) that an agent comes from, by frames trained.

    Raises:
        NotMeasurable: it comes from none.
    """
    shipped = _shipped_with(agent)
    if shipped:
        return tuple(sorted(shipped.values(), key=lambda each: each.frames_trained or 0))
    run = _run_directory(agent)
    if run is None:
        raise NotMeasurable(f"agent {agent.name!r}: is no checkpoint of a run; give a run directory or a shipped agent")
    return tuple(_loaded(each.path, agent) for each in list_checkpoints(run))


def checkpoints_of(agent: Agent) -> dict[str, Agent]:
    """Name -> agent, in the order of training: those of the same shipped agent or run directory, or it alone.

    A run's are its first, of those between the one nearest to a tenth of its training, and its last; and the agent
    itself in any case.
    """
    shipped = _shipped_with(agent)
    if shipped:
        return shipped
    run = _run_directory(agent)
    if run is None:
        return {"this": agent}
    kept = list_checkpoints(run)
    early = min(kept[1:-1] or kept, key=lambda each: abs(each.frames - EARLY_SHARE * kept[-1].frames))
    chosen = {"first": kept[0], "early": early, "final": kept[-1]}
    found: dict[str, Agent] = {}
    for name, each in chosen.items():
        if each.path not in [other.checkpoint for other in found.values()]:
            found[name] = _loaded(each.path, agent)
    if _place(agent) not in [_place(each) for each in found.values()]:
        found["this"] = agent
    return found


def _place(agent: Agent) -> Path | None:
    return agent.checkpoint.resolve() if agent.checkpoint else None


def _shipped_with(agent: Agent) -> dict[str, Agent]:
    """Those of the same shipped agent by name; nothing if it is none."""
    path = _place(agent)
    if path is None or path.parent.parent != SHIPPED_FOLDER.resolve():
        return {}
    return {name: load_agent(path.parent.name, name, agent.policy.device) for name in SHIPPED_CHECKPOINTS}


def _run_directory(agent: Agent) -> Path | None:
    """Where training keeps its checkpoints in `checkpoint_p0`, some of them in a folder of that."""
    path = _place(agent)
    folders = () if path is None else path.parents[:2]
    return next((each.parent for each in folders if each.name == "checkpoint_p0"), None)


def _loaded(path: Path, agent: Agent) -> Agent:
    """A checkpoint, computed where the agent is."""
    return load_agent(path, device=agent.policy.device)
