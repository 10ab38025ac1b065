"""An agent: a policy together with where it comes from and the world it was trained in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.scenarios import Scenario
from retinoscope.worlds.world import World

Predict = Callable[[NDArray[Any], NDArray[np.bool_]], Any]
"""The owner's own forward pass over consecutive decisions: observations (time, height, width, channel) as the world
shows them, and whether each is the first of an episode (time,), to logits (time, output)."""


@dataclass(frozen=True)
class Agent:
    """What `load_agent` returns.

    Attributes:
        name: what the user called it, for titles and file names.
        policy: the thing that acts.
        scenario: the arena it was trained in; None if that is not known.
        checkpoint: file that the weights came from; None if they came from memory.
        checkpoint_sha256: hash of that file, or of the weights.
        frames_trained: engine frames of training; None if that is not known.
        training: parameters of the training run, as far as they are known.
        world: the world it was trained in, where that is no arena of `scenario`.
        predict: its owner's own forward pass, with which `check` compares the policy; None if that is not at hand.
    """

    name: str
    policy: Policy
    scenario: Scenario | None = None
    checkpoint: Path | None = None
    checkpoint_sha256: str = ""
    frames_trained: int | None = None
    training: dict[str, object] = field(default_factory=dict)
    world: World | None = None
    predict: Predict | None = None
