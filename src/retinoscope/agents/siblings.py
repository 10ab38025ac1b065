"""What an agent's checkpoint lies beside: the other checkpoints of its run, or those of the same shipped agent."""

from __future__ import annotations

from pathlib import Path

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import SHIPPED_CHECKPOINTS, SHIPPED_FOLDER, load_agent


def place(agent: Agent) -> Path | None:
    """The file that its weights came from, without links; None if they came from memory."""
    return agent.checkpoint.resolve() if agent.checkpoint else None


def shipped_with(agent: Agent) -> dict[str, Agent]:
    """The checkpoints of the same shipped agent by name, in the order of training; nothing if it is none."""
    path = place(agent)
    if path is None or path.parent.parent != SHIPPED_FOLDER.resolve():
        return {}
    return {name: load_agent(path.parent.name, name, agent.policy.device) for name in SHIPPED_CHECKPOINTS}


def run_directory(agent: Agent) -> Path | None:
    """Where training keeps its checkpoints in `checkpoint_p0`, some of them in a folder of that; None if unknown."""
    path = place(agent)
    folders = () if path is None else path.parents[:2]
    return next((each.parent for each in folders if each.name == "checkpoint_p0"), None)
