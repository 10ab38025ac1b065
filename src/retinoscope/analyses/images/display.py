"""What the analyses of shown images share: who is shown what and where, and the activity that it evokes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.images.shown_dataset import Dataset, ShownDataset, shown_dataset
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.stimuli.places import InArena, Pasted, Place, Presentation
from retinoscope.stimuli.presentation import present
from retinoscope.versions import versions

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

PIXELS = "pixels"


@dataclass(frozen=True)
class Display:
    """A data set, and the places at which an agent is shown it.

    Attributes:
        agent: who looks.
        arena: whose view the images stand in.
        shown: the images with their classes and effects.
        places: where they are shown, in the order of the presentation.
    """

    agent: Agent
    arena: ArenaArchive
    shown: ShownDataset
    places: tuple[Place, ...]

    @property
    def policy(self) -> Policy:
        """Of the agent."""
        return self.agent.policy

    @property
    def place(self) -> Place:
        """Where analyses that need a single place show their images: the first."""
        return self.places[0]

    def last_dense_layer(self) -> str:
        """Name of the encoder's output; of the first layer where there is no dense one."""
        dense = [layer.name for layer in self.policy.layers if layer.kind == "dense"]
        return dense[-1] if dense else self.policy.layers[0].name

    def coordinates(self, at: Sequence[Place]) -> dict[str, Any]:
        """Classes and places as coordinates of a Result."""
        return self.shown.coordinates() | place_coordinates(at)

    def result(
        self,
        name: str,
        data: xarray.Dataset,
        parameters: Any,
        recording: Recording | None = None,
        **stated: Any,
    ) -> Result:
        """A Result with the parameters of an analysis (a dataclass), what else is to be stated, and its provenance."""
        provenance = {
            "agent": self.agent.name,
            "checkpoint_sha256": self.agent.checkpoint_sha256,
            "frames_trained": self.agent.frames_trained,
            "scenario": self.arena.scenario.name,
            "arena_sha256": self.arena.sha256,
            "dataset": self.shown.name,
            "recording_frames": recording.frames if recording is not None else None,
            "versions": versions("retinoscope", "torch", "numpy", "scikit-learn", "vizdoom"),
        }
        return Result(name, data, {**asdict(parameters), "dataset": self.shown.name, **stated}, provenance)


def display(
    agent: Agent | Policy,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
) -> Display:
    """Bring agent, arena, data set and places together.

    Args:
        agent: an agent or its policy.
        arena: whose view the images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: where images are shown; None for the defaults.
        class_effects: change of health per class, where the arena does not say.

    Raises:
        UserError: one of them cannot be used, or they do not fit each other.
    """
    agent = agent_of(agent)
    arena = arena_for(agent, arena)
    shown = shown_dataset(arena, dataset, class_effects)
    return Display(agent, arena, shown, (presentation or Presentation()).places(arena.scenario))


def agent_of(agent: Agent | Policy) -> Agent:
    """An agent, also where only its policy was given."""
    return agent if isinstance(agent, Agent) else Agent("policy", agent)


@dataclass(frozen=True)
class Evoked:
    """What consecutive images evoked at one place.

    Attributes:
        place: index of the place.
        images: slice of the images shown.
        activity: layer -> (image, unit) float32, flat; `pixels` included where asked for.
        probabilities: (image, output) float32.
    """

    place: int
    images: slice
    activity: dict[str, np.ndarray]
    probabilities: np.ndarray


def evoked(
    policy: Policy,
    arena: ArenaArchive,
    images: np.ndarray,
    places: Sequence[Place],
    layers: Iterable[str],
    progress: bool = False,
) -> Iterator[Evoked]:
    """Show images and pass what is seen through the network, one step from the state at the start of an episode."""
    wanted = tuple(layers)
    computed = [name for name in wanted if name != PIXELS]
    with progress_bar("images", len(images) * len(places), progress) as advance:
        for shown in present(arena, images, places):
            with inference(), policy.capture(*computed) as found:
                seen = torch.from_numpy(shown.observations).to(policy.device)
                step = policy.step(seen, policy.initial_state(len(seen)))
                probabilities = policy.probabilities(step.logits).cpu().numpy()
            activity = {name: found[name].flatten(1).cpu().numpy() for name in computed}
            if PIXELS in wanted:
                activity[PIXELS] = shown.observations.reshape(len(seen), -1).astype(np.float32)
            advance(len(seen))
            yield Evoked(shown.place, slice(shown.start, shown.start + len(seen)), activity, probabilities)


def gathered(
    policy: Policy, arena: ArenaArchive, images: np.ndarray, place: Place, layers: Iterable[str], progress: bool = False
) -> dict[str, np.ndarray]:
    """Activity (image, unit) of layers and `probabilities` for images few enough to be held in memory."""
    parts = list(evoked(policy, arena, images, (place,), layers, progress))
    found = {name: np.concatenate([each.activity[name] for each in parts]) for name in parts[0].activity}
    return found | {"probabilities": np.concatenate([each.probabilities for each in parts])}


def arena_for(agent: Agent, arena: ArenaArchive | None) -> ArenaArchive:
    """The arena whose view the agent knows; that it also acts there is not needed to show it images.

    Raises:
        UserError: none is known, or its view is not the agent's.
    """
    from retinoscope.scenarios import get_arena

    if arena is None:
        if agent.scenario is None:
            raise UserError(f"agent {agent.name!r}: the arena it was trained in is not known; name an arena")
        arena = get_arena(agent.scenario)
    view = arena.scenario.observation
    if (view.height, view.width, 3) != agent.policy.observation_shape:
        raise UserError(
            f"arena {arena.scenario.name!r}: shows observations of {(view.height, view.width, 3)}, agent "
            f"{agent.name!r} sees {agent.policy.observation_shape}; choose an arena with its view"
        )
    return arena


def place_coordinates(places: Sequence[Place]) -> dict[str, Any]:
    """The places as coordinates of a Result, NaN for what does not apply."""
    columns = {
        "distance": ("map units", [place.distance if isinstance(place, InArena) else np.nan for place in places]),
        "bearing": (
            "degrees to the right",
            [place.bearing if isinstance(place, InArena) else np.nan for place in places],
        ),
        "image_height": ("pixels", [place.height if isinstance(place, Pasted) else np.nan for place in places]),
        "image_row": ("pixels", [place.row if isinstance(place, Pasted) else np.nan for place in places]),
        "image_column": ("pixels", [place.column if isinstance(place, Pasted) else np.nan for place in places]),
    }
    return {name: ("place", values, {"units": units}) for name, (units, values) in columns.items()}
