"""What the page and the manifest say of an agent."""

from __future__ import annotations

import math
from typing import Any

from retinoscope.agents.agent import Agent


def describe_agent(agent: Agent) -> dict[str, Any]:
    """What the page and the manifest say of an agent; JSON-able."""
    policy = agent.policy
    after_memory = ("recurrent", "value", "policy") if policy.state_size else ()
    layers = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "shape": list(layer.shape),
            "units": math.prod(layer.shape),
            "receptive_field": policy.receptive_field(layer.name)._asdict() if layer.kind == "convolution" else None,
            "sees_past": layer.kind in after_memory,
        }
        for layer in policy.layers
    ]
    return {
        "name": agent.name,
        "checkpoint": str(agent.checkpoint) if agent.checkpoint else None,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "training": agent.training,
        "observation_shape": list(policy.observation_shape),
        "action_heads": {head.name: list(head.outputs) for head in policy.action_heads},
        "layers": layers,
    }
