"""The planted recordings: random views, what an agent computes from them, and what its world lets happen to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import inference
from retinoscope.analyses.declaration import Inputs
from retinoscope.testing.networks import HEADS, colour_gru, continuous, lstm, our_network, q_network, stacked_frames
from retinoscope.testing.worlds import (
    Life,
    arena,
    arena_life,
    dark,
    grid,
    grid_life,
    nothing,
    paddles,
    paddles_life,
    pole,
    pole_life,
    road,
    road_life,
)
from retinoscope.worlds.declaration import Actions, Declaration, Picture

_EPISODES = (80, 80, 80)  # decisions
_APART = 12  # decisions from one event to the next
_PATCH = 6  # pixels of the bright patch that wanders through the views


@dataclass(frozen=True)
class Case:
    """One planted recording.

    Attributes:
        agent: makes who lives in it.
        world: what there is, for the actions of that agent; its picture is the agent's own.
        life: the variables.
        episode_lengths: decisions.
        terminated: which of the episodes.
        has_events: any of those that the world declares happen.
        is_complete: else the recorder was killed amid the last episode.
        has_agent: it is at hand.
    """

    agent: Callable[[], Agent]
    world: Callable[[tuple[int, int, int], tuple[Actions, ...]], Declaration]
    life: Life
    episode_lengths: tuple[int, ...] = _EPISODES
    terminated: tuple[bool, ...] = ()
    has_events: bool = True
    is_complete: bool = True
    has_agent: bool = True


def planted_inputs(case: str) -> Inputs:
    """Agent and recording of a case: views, what the agent computes from them, and events now and then."""
    assert case in CASES, f"{case!r}: choose from {', '.join(CASES)}"
    chosen = _CASES[case]
    agent = chosen.agent()
    return Inputs(agent if chosen.has_agent else None, _recording(agent, chosen))


def _one_head() -> Agent:
    return our_network(heads={"turn": HEADS["turn"]})


def _no_memory() -> Agent:
    return our_network(rnn="none")


_CASES: dict[str, Case] = {
    "agent with memory": Case(our_network, arena, arena_life),
    "no memory": Case(_no_memory, arena, arena_life),
    "one head": Case(_one_head, arena, arena_life),
    "nothing happens": Case(our_network, arena, arena_life, has_events=False),
    "one episode": Case(our_network, arena, arena_life, episode_lengths=(sum(_EPISODES),)),
    "killed": Case(our_network, arena, arena_life, is_complete=False),
    "no agent": Case(our_network, arena, arena_life, has_agent=False),
    "Atari": Case(q_network, paddles, paddles_life, terminated=(True, True, True)),
    "grid world": Case(colour_gru, grid, grid_life, terminated=(True, False, True)),
    "stacked frames": Case(stacked_frames, road, road_life),
    "LSTM": Case(lstm, dark, nothing),
    "continuous actions": Case(continuous, pole, pole_life, terminated=(True, False, False)),
}

CASES = tuple(_CASES)
"""The planted recordings, by name."""


def _recording(agent: Agent, case: Case) -> Any:
    # Imported here, so that the suite can be imported where nothing is stored.
    from retinoscope.rollouts import ArrayRecording
    from retinoscope.rollouts.schema import describe, vector_layers

    random = np.random.default_rng(7)
    policy, lived = agent.policy, sum(case.episode_lengths)
    if not case.is_complete:
        lived -= 25  # the last episode ends where the recorder was killed
    world = case.world(policy.observation_shape, tuple(_actions(head) for head in policy.action_heads))
    starts = [0, *np.cumsum(case.episode_lengths).tolist()]
    observations, places = _views(lived, world.picture, starts, random)
    events = _events(lived, world, random) if case.has_events else np.zeros((lived, len(world.events)), np.uint8)
    columns = {
        "observation": observations,
        **_lived(agent, observations, starts),
        "action": _drawn(agent, lived, random),
        "reward": (events @ world.valences * 0.1).astype(np.float32),
        "events": events,
        **case.life(events, places, random),
    }
    ends = [each for each in starts[1:] if each <= lived]
    described = describe(agent, world, seed=0, environments=1, greedy=False)
    return ArrayRecording(
        columns,
        layers=[layer.name for layer in vector_layers(policy)],
        roles=described["roles"],
        world=world,
        episode_lengths=np.diff([0, *ends]).tolist() or None,
        terminated=case.terminated,
        objects=_objects(lived, world) if world.object_classes else None,
        attributes={
            **{name: described[name] for name in ("agent", "checkpoint_sha256", "action_heads", "action_kinds")},
            **{name: described[name] for name in ("state_columns", "seed", "greedy", "environments")},
            "complete": case.is_complete,
        },
        name="planted.zarr",
    )


def _actions(head: Any) -> Actions:
    return Actions(head.name, head.outputs[: head.action_size] if head.bounds else head.outputs, head.bounds)


def _drawn(agent: Agent, count: int, random: np.random.Generator) -> np.ndarray:
    """(time, head) int8 indices, or (time, number) float32."""
    heads = agent.policy.action_heads
    if heads[0].kind == "gaussian":
        return random.uniform(-1, 1, (count, heads[0].action_size)).astype(np.float32)
    return np.stack([random.integers(len(head.outputs), size=count) for head in heads], 1).astype(np.int8)


def _events(count: int, world: Declaration, random: np.random.Generator) -> np.ndarray:
    """(time, event) uint8, far enough apart to be events of their own: the last declared one and the first in turn."""
    events = np.zeros((count, len(world.events)), np.uint8)
    if world.events:
        rows = np.arange(5, count - 5, _APART)
        events[rows, np.where(np.arange(len(rows)) % 2, 0, _other_side(world))] = 1
    return events


def _other_side(world: Declaration) -> int:
    """An event whose valence is of the other sign than that of the first, else the last one."""
    signs = np.sign(world.valences)
    return next((index for index in range(len(signs)) if signs[index] == -signs[0] != 0), len(signs) - 1)


def _objects(count: int, world: Declaration) -> list[list[dict[str, Any]]]:
    kinds = len(world.object_classes or ())
    return [
        [{"class_index": row % kinds, "box": np.array([2, 3, 5, 5], np.float32), "distance": 50.0 + row % 90}]
        if row % 4
        else []
        for row in range(count)
    ]


def _views(
    count: int, picture: Picture, starts: list[int], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Views (time, height, width, channel), a bright patch that wanders over noise, and its place (time, 2)."""
    height, width, channels = picture.shape
    frames = random.integers(40, 160, (count, height, width, channels // picture.frames))
    sides = (height - _PATCH, width - _PATCH)
    places = np.stack([np.abs(np.cumsum(random.normal(0, 0.7, count))).astype(int) % side for side in sides], axis=1)
    for number, (row, column) in enumerate(places):
        frames[number, row : row + _PATCH, column : column + _PATCH] += 90
    first = np.array(starts)[np.searchsorted(starts, np.arange(count), side="right") - 1]
    # Stacked oldest first; at the start of an episode its first frame stands for those before.
    ages = range(picture.frames - 1, -1, -1)
    stacked = [frames[np.maximum(np.arange(count) - age, first)] for age in ages]
    return np.concatenate(stacked, axis=-1).astype(picture.dtype), places


def _lived(agent: Agent, observations: np.ndarray, starts: list[int]) -> dict[str, np.ndarray]:
    """What the agent computes from the views, its memory reset where an episode begins."""
    from retinoscope.rollouts.schema import vector_layers

    policy = agent.policy
    names = [layer.name for layer in vector_layers(policy)]
    found: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "state_entering", "logits", "value")}
    state = policy.initial_state(1)
    with inference(), policy.capture(*names) as activity:
        for row, view in enumerate(observations):
            if row in starts:
                state = policy.initial_state(1)
            found["state_entering"].append(state[0].numpy())
            step = policy.step(torch.from_numpy(view)[None], state)
            state = step.state
            for name in names:
                found[name].append(activity[name][0].numpy())
            found["logits"].append(step.logits[0].numpy())
            found["value"].append(step.value[0].numpy())
    joined = {name: np.stack(values).astype(np.float32) for name, values in found.items()}
    if not policy.state_size:
        del joined["state_entering"]
    return joined | {"value": joined["value"].reshape(-1)}
