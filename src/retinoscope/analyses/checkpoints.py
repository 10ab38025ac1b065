"""The checkpoints of an agent's training: before it, early in it, and at its end."""

from __future__ import annotations

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import SHIPPED_CHECKPOINTS, SHIPPED_FOLDER, load_agent
from retinoscope.agents.sample_factory_run import list_checkpoints, load_checkpoint

EARLY_SHARE = 0.1  # of the frames of training; of the checkpoints between, the nearest to it counts as early


def checkpoints_of(agent: Agent) -> dict[str, Agent]:
    """Name -> agent, in the order of training: those of the same shipped agent or run directory, or it alone.

    A run's are its first, of those between the one nearest to a tenth of its training, and its last; and the agent
    itself in any case.
    """
    if agent.checkpoint is None:
        return {"this": agent}
    folder = agent.checkpoint.resolve().parent
    if folder.parent == SHIPPED_FOLDER.resolve():
        return {name: load_agent(folder.name, name, agent.policy.device) for name in SHIPPED_CHECKPOINTS}
    if folder.name == "milestones":
        folder = folder.parent
    if folder.name != "checkpoint_p0":
        return {"this": agent}
    kept = list_checkpoints(folder.parent)
    early = min(kept[1:-1] or kept, key=lambda each: abs(each.frames - EARLY_SHARE * kept[-1].frames))
    chosen = {"first": kept[0], "early": early, "final": kept[-1]}
    found: dict[str, Agent] = {}
    for name, each in chosen.items():
        if each.path not in [other.checkpoint for other in found.values()]:
            found[name] = load_checkpoint(each.path)
    if agent.checkpoint.resolve() not in [each.checkpoint.resolve() for each in found.values() if each.checkpoint]:
        found["this"] = agent
    return found
