"""What a recording stores of each row, and what is written about it: schema version 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.rollouts.table import Column, action_column, following_columns, moment_columns, variable_names
from retinoscope.scenarios import ArenaArchive, Scenario, foreign_part
from retinoscope.versions import versions

SCHEMA_VERSION = 1
TICS_PER_SECOND = 35  # the pace of the game engine
_PACKAGES = ("retinoscope", "numpy", "torch", "vizdoom", "zarr")


def stored_columns(scenario: Scenario, policy: Policy) -> tuple[Column, ...]:
    """Every column of a recording, (row, *shape) each, in the order of time: what was seen, computed, done, followed.

    `object_start` is the place of the row's first object in view in the list of all objects.
    """
    return (
        *moment_columns(scenario),
        Column("object_start", (), (), "int64", "place of the row's first object in the list of objects"),
        *policy_columns(policy),
        action_column(len(policy.action_heads)),
        *following_columns(scenario),
    )


def policy_columns(policy: Policy) -> tuple[Column, ...]:
    """What the policy brought to a decision and computed; a policy without memory has no `state_entering`."""
    units = {layer.shape[0]: f"{layer.name}_unit" for layer in policy.layers if layer.kind == "recurrent"}
    dimension = units.get(policy.state_size, "state_unit")
    outputs = len(policy.output_names())
    state = Column("state_entering", (dimension,), (policy.state_size,), "float32", "recurrent state before the row")
    return (
        *((state,) if policy.state_size else ()),
        *(
            Column(layer.name, (f"{layer.name}_unit",), layer.shape, "float32", f"activity of layer {layer.name}")
            for layer in vector_layers(policy)
        ),
        Column("logits", ("output",), (outputs,), "float32", "logits of the actions"),
        Column("value", (), (), "float32", "value", "return"),
    )


def vector_layers(policy: Policy) -> tuple[Layer, ...]:
    """The layers whose activity is stored; convolution maps are large and are computed again when wanted."""
    return tuple(layer for layer in policy.layers if layer.kind in ("dense", "recurrent"))


def describe(agent: Agent, arena: ArenaArchive, seed: int, environments: int, greedy: bool) -> dict[str, Any]:
    """The attributes of a new recording: who played where, and all that is needed to play it again."""
    scenario, policy = arena.scenario, agent.policy
    foreign = foreign_part(scenario)
    elsewhere: dict[str, Any] = {}  # of an arena built here the attributes are what they always were
    if foreign is not None:
        elsewhere = {"made_elsewhere": foreign.made_elsewhere, "variables": list(variable_names(scenario))}
    return elsewhere | {
        "schema_version": SCHEMA_VERSION,
        "agent": agent.name,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "scenario": scenario.to_yaml(),
        "arena_sha256": arena.sha256,
        "seed": seed,
        "environments": environments,
        "greedy": greedy,
        "class_names": list(scenario.class_names),
        "class_effects": list(scenario.class_effects),
        "action_heads": {head.name: list(head.outputs) for head in policy.action_heads},
        "layers": {layer.name: int(np.prod(layer.shape)) for layer in vector_layers(policy)},
        "frame_skip": scenario.frame_skip,
        "tics_per_second": TICS_PER_SECOND,
        "versions": versions(*_PACKAGES),
    }
