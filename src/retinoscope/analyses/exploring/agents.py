"""Panels about several agents that were shown the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.exploring.images import ShownHead
from retinoscope.analyses.exploring.shapes import require


@dataclass(frozen=True)
class ShownAgent:
    """What one of the agents made of all that was shown.

    Attributes:
        name: unique among them.
        heads: of the actor.
        outputs: (stimulus, output) probabilities, Q-values, or means, in the order of the heads; None without an actor.
        value: (stimulus,); None without a critic.
        responses: (stimulus, unit), by layer.
    """

    name: str
    heads: tuple[ShownHead, ...] = ()
    outputs: NDArray[np.floating] | None = None
    value: NDArray[np.floating] | None = None
    responses: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)


@dataclass(frozen=True)
class AgentsPanel:
    """The same moments or images before several agents.

    Attributes:
        name, title, caption: as of `PointsPanel`.
        pictures: (stimulus, height, width, 3) uint8, as all of them saw it.
        names: of the stimuli.
        agents: at least two.
        rows: (stimulus,) moment of each, a row of the recording; None for images.
    """

    name: str
    title: str
    caption: str
    pictures: NDArray[np.uint8]
    names: tuple[str, ...]
    agents: tuple[ShownAgent, ...]
    rows: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        count = len(self.names)
        require(self.name, len(self.pictures) == count, "not one picture for each name")
        require(self.name, len(self.agents) > 1, "there is no other agent")
        require(self.name, self.rows is None or self.rows.shape == (count,), "not one row for each name")
        for each in self.agents:
            numbers = [found for found in (each.outputs, each.value, *each.responses.values()) if found is not None]
            require(self.name, all(len(found) == count for found in numbers), f"numbers of {each.name!r} are of others")
            outputs = sum(len(head.outputs) for head in each.heads)
            fits = each.outputs is None or each.outputs.shape[1] == outputs
            require(self.name, fits, f"not one number for each output of {each.name!r}")
