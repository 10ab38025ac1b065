"""What a comparison works on: agents, and the stimuli that all of them are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.analyses.images.shown_images import ShownImagesParameters
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.world import World


@dataclass(frozen=True)
class Member:
    """One of the agents that are compared.

    Attributes:
        name: unique among them, for people: `digits early`.
        run: the training it comes from; its checkpoints share that name.
        agent: the agent.
    """

    name: str
    run: str
    agent: Agent

    @property
    def frames_trained(self) -> float:
        """NaN where that is not known."""
        return np.nan if self.agent.frames_trained is None else float(self.agent.frames_trained)


@dataclass(frozen=True)
class Views:
    """Images as all agents were shown them.

    Attributes:
        observations: (view, height, width, channel) uint8.
        image: (view,) number of the image in the view.
        words: what was shown, for captions: `64 images of digits at 3 places`.
    """

    observations: NDArray[np.uint8]
    image: NDArray[np.integer]
    words: str


@dataclass(frozen=True)
class Compared:
    """Agents that see alike, and what they are shown.

    Attributes:
        members: the agents, the checkpoints of a run one behind the other in the order of training.
        frames: recordings whose frames every agent is shown; none for none.
        views: images that every agent is shown; None for none.
        worlds: where each member lives, by its name, as far as that is known.
        played: what each member itself played, by its name, as far as it was recorded.
        images: how images are shown, where there are any.
    """

    members: tuple[Member, ...]
    frames: tuple[Recording, ...] = ()
    views: Views | None = None
    worlds: Mapping[str, World] = field(default_factory=dict)
    played: Mapping[str, Recording] = field(default_factory=dict)
    images: ShownImagesParameters | None = None

    def __post_init__(self) -> None:
        names = [each.name for each in self.members]
        if len(names) < 2:
            raise UserError(f"compare: {len(names)} agent is no comparison; name at least 2, or --checkpoints all")
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"compare: {name!r} is named twice; name each agent or checkpoint once")
        require_one_view(self.members)
        shape = self.members[0].agent.policy.observation_shape
        for each in self.frames:
            if each.world.picture.shape != shape:
                raise UserError(
                    f"{each.path}: holds frames of {each.world.picture.shape}, agent {names[0]!r} sees {shape}; give a "
                    "recording of what they see"
                )

    @property
    def runs(self) -> tuple[str, ...]:
        """The trainings that members come from, in their order."""
        return tuple(dict.fromkeys(each.run for each in self.members))

    def of_run(self, run: str) -> tuple[Member, ...]:
        """Its members, in the order of training."""
        return tuple(each for each in self.members if each.run == run)


def require_one_view(members: Sequence[Member]) -> None:
    """Agents can be shown the same stimuli only where they see pictures of one shape.

    Raises:
        UserError: they do not.
    """
    first = members[0]
    for each in members[1:]:
        shape, other = first.agent.policy.observation_shape, each.agent.policy.observation_shape
        if shape != other:
            raise UserError(
                f"agents {first.name!r} and {each.name!r}: see pictures of {shape} and {other}, and cannot be shown "
                "the same stimuli; compare agents that see alike"
            )
