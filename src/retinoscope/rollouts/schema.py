"""What a recording stores of each row, and what is written about it: schema version 2.

Version 1 knew one kind of world; `worlds.earlier` says what its recordings mean in the words of today. Version 3 is
version 2 where not all frames are kept, which whoever knows that one alone has to refuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.errors import UserError
from retinoscope.rollouts.kept_frames import KEEP
from retinoscope.rollouts.table import OBJECT, Column, action_column, following_columns, moment_columns
from retinoscope.versions import versions
from retinoscope.worlds.declaration import Declaration

SCHEMA_VERSION, WITHOUT_FRAMES = 2, 3
_OF_OBJECTS = tuple(f"object_{each}" for each in OBJECT.names or ())
_PACKAGES = ("retinoscope", "numpy", "torch", "gymnasium", "vizdoom", "zarr")


def stored_columns(world: Declaration, policy: Policy) -> tuple[Column, ...]:
    """Every column of a recording, (row, *shape) each, in the order of time: what was seen, computed, done, followed.

    `object_start` is the place of the row's first object in view in the list of all objects.
    """
    return (
        *moment_columns(world),
        Column("object_start", (), (), "int64", "place of the row's first object in the list of objects"),
        *policy_columns(policy),
        action_column(world),
        *following_columns(world),
    )


def policy_columns(policy: Policy) -> tuple[Column, ...]:
    """What the policy brought to a decision and computed; a policy without memory has no `state_entering`."""
    units = {layer.shape[0]: f"{layer.name}_unit" for layer in policy.layers_of("memory") if layer.kind == "recurrent"}
    dimension = units.get(policy.state_size, "state_unit")
    outputs = len(policy.output_names())
    state = Column("state_entering", (dimension,), (policy.state_size,), "float32", "recurrent state before the row")
    return (
        *((state,) if policy.state_size else ()),
        *(
            Column(layer.name, (f"{layer.name}_unit",), layer.shape, "float32", f"activity of layer {layer.name}")
            for layer in vector_layers(policy)
        ),
        Column("logits", ("output",), (outputs,), "float32", _about_outputs(policy)),
        Column("value", (), (), "float32", "value", "return"),
    )


def _about_outputs(policy: Policy) -> str:
    kinds = {head.kind for head in policy.action_heads}
    return {"q_values": "values of the actions", "gaussian": "means and log deviations of the actions"}.get(
        kinds.pop() if len(kinds) == 1 else "", "logits of the actions"
    )


def vector_layers(policy: Policy) -> tuple[Layer, ...]:
    """The layers whose activity is stored; convolution maps are large and are computed again when wanted."""
    return tuple(
        layer
        for layer in policy.layers
        if len(layer.shape) == 1
        and (layer.kind in ("dense", "recurrent") or layer.role in ("encoder output", "memory", "readout"))
    )


def require_storable(world: Declaration, agent: Agent) -> None:
    """Every column needs a name of its own.

    Raises:
        UserError: a variable of the world or a layer of the agent has the name of another column.
    """
    names = [column.name for column in stored_columns(world, agent.policy)]
    for name in names:
        if names.count(name) > 1 or "/" in name or name in _OF_OBJECTS:
            raise UserError(
                f"{name!r}: is the name of a variable of world {world.name!r} or of a layer of agent {agent.name!r}, "
                "and of another column of recordings; give it another name"
            )


def describe(
    agent: Agent, world: Declaration, seed: int, environments: int, greedy: bool, keep_frames: int = 1
) -> dict[str, Any]:
    """The attributes of a new recording: who played where, and all that is needed to play it again."""
    policy = agent.policy
    stored = vector_layers(policy)
    columns = {layer.name: policy.state_columns(layer.name) for layer in stored}
    return {
        **({} if keep_frames == 1 else {KEEP: keep_frames}),
        "schema_version": SCHEMA_VERSION if keep_frames == 1 else WITHOUT_FRAMES,
        "agent": agent.name,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "world": world.to_json(),
        "world_sha256": world.sha256,
        "seed": seed,
        "environments": environments,
        "greedy": greedy,
        "action_heads": {head.name: list(head.outputs) for head in policy.action_heads},
        "action_kinds": {head.name: head.kind for head in policy.action_heads},
        "layers": {layer.name: int(np.prod(layer.shape)) for layer in stored},
        "roles": {layer.name: layer.role for layer in stored},
        "state_columns": {name: [each.start, each.stop] for name, each in columns.items() if each is not None},
        "versions": versions(*_PACKAGES),
    }
