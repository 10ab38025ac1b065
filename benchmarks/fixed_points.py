"""Fixed points and dose responses of 100,000 decisions; and the search with held inputs against whole decisions.

The recording is planted: the shipped agent `digits` sees frames drawn at random from a few thousand, in 200 episodes of
500 decisions, and its memory is what it computes from them. Its frames lie in a file. Each analysis is timed in this
process, with one thread, in seconds of the processor.

The ratio is that of the search for points: with the encoder's output held (`HeldInputs`, each input passed through the
encoder once), against the same search in which every step is a whole decision. How far apart the points of both are is
checked and printed.

Usage: python benchmarks/fixed_points.py [DECISIONS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from scipy.spatial.distance import cdist

import retinoscope
from retinoscope.agents.held_inputs import HeldInputs
from retinoscope.agents.policy import inference, one_thread
from retinoscope.analyses.memory.dose_response import dose_response
from retinoscope.analyses.memory.fitted_components import fitted_components
from retinoscope.analyses.memory.fixed_point_search import slowest_points
from retinoscope.analyses.memory.fixed_points import fixed_points
from retinoscope.rollouts import ArrayRecording
from retinoscope.rollouts.schema import describe
from retinoscope.worlds.choosing import world_of

DECISIONS, EPISODE, FRAMES = 100_000, 500, 2_000
BLOCK = 20  # pixels of one colour, along each side: noise of single pixels drives every unit alike
DESCRIBED = ("agent", "checkpoint_sha256", "action_heads", "action_kinds", "state_columns", "seed", "greedy")
MINUTES = 3
STARTS, ITERATIONS = 32, 100


def main() -> None:
    decisions = int(sys.argv[1]) if len(sys.argv) > 1 else DECISIONS
    agent = retinoscope.load_agent("digits")
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        recording = planted(agent, decisions, Path(folder) / "frames.npy")
        print(f"{recording.frames:,} decisions of {len(recording.episodes)} episodes")
        found, seconds = timed(lambda: fixed_points(recording, agent=agent))
        print(f"fixed_points: {seconds:.1f} s, {found.data.sizes['point']} points (budget {MINUTES} min)")
        given = {"fitted_components": fitted_components(recording, components="pca:8", burn_in_steps=30)}
        _, seconds = timed(lambda: dose_response(recording, agent=agent, given=given))
        print(f"dose_response: {seconds:.1f} s for 8 components, 8 random directions each, and the untrained network")
        against_whole_decisions(agent, recording)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and seconds of the processor: one thread, whoever else is at work."""
    began = time.process_time()
    return work(), time.process_time() - began


def planted(agent: Any, decisions: int, path: Path) -> ArrayRecording:
    """What the agent computes from frames at random, all episodes side by side."""
    random = np.random.default_rng(0)
    episodes = max(2, decisions // EPISODE)
    height, width, channels = agent.policy.observation_shape
    blocks = random.integers(0, 256, (FRAMES, -(-height // BLOCK), -(-width // BLOCK), channels), dtype=np.uint8)
    frames = blocks.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)[:, :height, :width]
    shown = random.integers(0, FRAMES, (episodes, EPISODE))
    names, state = ("fc", "rnn"), agent.policy.initial_state(episodes)
    kept: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "state_entering", "logits", "value")}
    with inference(), agent.policy.capture(*names) as activity:
        for step in range(EPISODE):
            kept["state_entering"].append(state.numpy())
            found = agent.policy.step(torch.from_numpy(frames[shown[:, step]]), state)
            state = found.state
            kept["logits"].append(found.logits.numpy())
            kept["value"].append(found.value.numpy())
            for name in names:
                kept[name].append(activity[name].numpy())
    world = world_of(agent, None).declaration
    described = describe(agent, world, seed=0, environments=1, greedy=False)
    seen = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(shown.size, *frames.shape[1:]))
    for first in range(0, shown.size, EPISODE):
        seen[first : first + EPISODE] = frames[shown.ravel()[first : first + EPISODE]]
    columns = {name: np.stack(each, 1).reshape(episodes * EPISODE, *each[0].shape[1:]) for name, each in kept.items()}
    return ArrayRecording(
        {
            **columns,
            "observation": seen,
            "action": np.zeros((episodes * EPISODE, len(agent.policy.action_heads)), np.int8),
            "reward": np.zeros(episodes * EPISODE, np.float32),
        },
        layers=names,
        roles=described["roles"],
        world=world,
        episode_lengths=[EPISODE] * episodes,
        attributes={name: described[name] for name in DESCRIBED} | {"complete": True, "environments": 1},
        name="planted",
    )


def against_whole_decisions(agent: Any, recording: ArrayRecording) -> None:
    views = recording.rows(0, 2, ("observation",))["observation"].values
    starts = recording.rows(100, 100 + STARTS, ("state_entering",))["state_entering"].values
    held = HeldInputs(agent.policy, views, starts)
    with mock.patch("retinoscope.agents.held_inputs.encoder_output", lambda policy: None):
        whole = HeldInputs(agent.policy, views, starts)
    quick, quickly = timed(lambda: slowest_points(held, starts, ITERATIONS, 0.1, STARTS))
    slow, slowly = timed(lambda: slowest_points(whole, starts, ITERATIONS, 0.1, STARTS))
    assert len(quick.states) == len(slow.states)
    # A direction that hardly decays leaves a search where it ended, so that places are compared as states are.
    apart = cdist(quick.states, slow.states).min(axis=1).max() / np.median(cdist(starts, starts))
    assert apart < 0.1, f"the points are {apart:.3f} of the distance of unrelated states apart"
    print(f"search: held {quickly:.2f} s, whole decisions {slowly:.2f} s: {slowly / quickly:.1f} times as fast")
    print(f"their points lie at most {apart:.3f} of the distance of unrelated states apart")


if __name__ == "__main__":
    main()
