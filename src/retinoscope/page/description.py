"""What the page and the manifest say of an agent and of the world it lives in."""

from __future__ import annotations

import math
from typing import Any

from retinoscope.agents.agent import Agent
from retinoscope.analyses.early_vision.learned_line import learned_line
from retinoscope.worlds.declaration import Declaration

_BEHIND_THE_MEMORY = ("memory", "readout", "value", "policy")


def describe_agent(agent: Agent) -> dict[str, Any]:
    """What the page and the manifest say of an agent; JSON-able."""
    policy = agent.policy
    layers = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "role": layer.role,
            "shape": list(layer.shape),
            "units": math.prod(layer.shape),
            "receptive_field": policy.receptive_field(layer.name)._asdict() if layer.is_map else None,
            "sees_past": bool(policy.state_size) and layer.role in _BEHIND_THE_MEMORY,
        }
        for layer in policy.layers
    ]
    return {
        "name": agent.name,
        "checkpoint": str(agent.checkpoint) if agent.checkpoint else None,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "training": agent.training,
        "learned": learned_line(agent).text,
        "observation_shape": list(policy.observation_shape),
        "action_heads": {head.name: list(head.outputs) for head in policy.action_heads},
        "action_kinds": {head.name: head.kind for head in policy.action_heads},
        "notes": list(policy.notes),
        "layers": layers,
    }


def describe_world(declaration: Declaration) -> dict[str, Any]:
    """What the page and the manifest say of a world; JSON-able."""
    return {"name": declaration.name, "sha256": declaration.sha256, "declaration": declaration.to_json()}
