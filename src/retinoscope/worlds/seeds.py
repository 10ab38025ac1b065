"""The seed of every episode's world."""

from __future__ import annotations

import numpy as np

WORLD, ACTIONS = 0, 1
"""Streams of chance of an episode: its world, and the draws of its actions."""


def world_seed(seed: int, environment: int, episode: int) -> int:
    """The seed that `reset` gets for this episode."""
    return int(np.random.SeedSequence(seed, spawn_key=(environment, episode, WORLD)).generate_state(1)[0])
