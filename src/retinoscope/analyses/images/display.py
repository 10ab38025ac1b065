"""Who is shown what and where, and what it evokes in a network: what is known before and while images are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.images.shown_dataset import Dataset, ShownDataset, shown_dataset
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.stimuli.places import InArena, Pasted, Place, Presentation
from retinoscope.stimuli.presentation import AT_A_TIME
from retinoscope.worlds.choosing import WorldLike, find_world
from retinoscope.worlds.doom.world import DoomWorld

PIXELS = "pixels"
"""What stands beside the layers of a network: the views themselves."""


@dataclass(frozen=True)
class Display:
    """A data set, and the places at which an agent is shown it.

    Attributes:
        agent: who looks.
        world: whose view the images stand in.
        shown: the images with their classes and effects.
        places: where they are shown, in the order of the presentation.
    """

    agent: Agent
    world: DoomWorld
    shown: ShownDataset
    places: tuple[Place, ...]


def display(
    agent: Agent | Policy,
    world: WorldLike | None = None,
    dataset: Dataset = None,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
) -> Display:
    """Bring together what analyses of shown images begin with.

    Args:
        agent: an agent or its policy.
        world: whose view the images stand in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown; None for the defaults.
        class_effects: change of health per class, where the arena does not say.

    Raises:
        UserError: one of them cannot be used, or they do not fit each other.
    """
    agent = agent_of(agent)
    found = world_for(agent, world)
    shown = shown_dataset(found.arena, dataset, class_effects)
    return Display(agent, found, shown, (presentation or Presentation()).places(found.arena.scenario))


def agent_of(agent: Agent | Policy) -> Agent:
    """An agent, also where only its policy was given."""
    return agent if isinstance(agent, Agent) else Agent("policy", agent)


def encoder_output(policy: Policy) -> str:
    """Name of the encoder's output; where that is a map, of the first layer that is none."""
    outputs = [layer.name for layer in policy.layers_of("encoder output") if not layer.is_map]
    return outputs[-1] if outputs else next(layer.name for layer in policy.layers if not layer.is_map)


@dataclass(frozen=True)
class Evoked:
    """What views evoked.

    Attributes:
        activity: layer -> (image, unit) float32, flat; `pixels` included where asked for.
        probabilities: (image, output) float32.
        logits: (image, output) float32.
        values: (image,) float32, the critic's; NaN where there is none.
    """

    activity: dict[str, np.ndarray]
    probabilities: np.ndarray
    logits: np.ndarray
    values: np.ndarray


def evoke(policy: Policy, observations: np.ndarray, layers: Iterable[str] = ()) -> Evoked:
    """Pass views through a network, one step from the state at the start of an episode.

    Args:
        policy: the network.
        observations: (image, height, width, channel) uint8.
        layers: whose activity is wanted, `pixels` among them.
    """
    wanted = tuple(layers)
    computed = [name for name in wanted if name != PIXELS]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*computed, "probabilities", "logits", "values")}
    with inference(), policy.capture(*computed) as found:
        for start in range(0, len(observations), AT_A_TIME):
            seen = torch.from_numpy(observations[start : start + AT_A_TIME]).to(policy.device)
            step = policy.step(seen, policy.initial_state(len(seen)))
            parts["probabilities"].append(policy.probabilities(step.logits).cpu().numpy())
            parts["logits"].append(step.logits.cpu().numpy())
            parts["values"].append(step.value.cpu().numpy())
            for name in computed:
                parts[name].append(found[name].flatten(1).cpu().numpy())
    joined = {name: each[0] if len(each) == 1 else np.concatenate(each) for name, each in parts.items()}
    probabilities, logits, values = (joined.pop(name) for name in ("probabilities", "logits", "values"))
    if PIXELS in wanted:
        joined[PIXELS] = observations.reshape(len(observations), -1).astype(np.float32)
    return Evoked({name: joined[name] for name in wanted}, probabilities, logits, values)


def world_for(agent: Agent, world: WorldLike | None) -> DoomWorld:
    """The world whose view the agent knows; that it also acts there is not needed to show it images.

    Raises:
        UserError: none is known, or its view is not the agent's.
        NotMeasurable: no images can be shown in it.
    """
    chosen = world or agent.world or agent.scenario
    if chosen is None:
        raise UserError(f"agent {agent.name!r}: the world it was trained in is not known; name a world")
    found = find_world(chosen)
    declared = found.declaration
    if declared.picture.shape != agent.policy.observation_shape:
        raise UserError(
            f"world {declared.name!r}: shows observations of {declared.picture.shape}, agent {agent.name!r} sees "
            f"{agent.policy.observation_shape}; choose a world with its view"
        )
    if not (isinstance(found, DoomWorld) and declared.can_show_images):
        raise NotMeasurable(f"world {declared.name!r}: has no place where images could be shown")
    return found


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


def places_of(data: xarray.Dataset) -> tuple[Place, ...]:
    """The places that `place_coordinates` wrote."""
    rows = zip(*(data[name].values.tolist() for name in place_coordinates(())), strict=True)
    return tuple(
        Pasted(height, row, column) if np.isnan(distance) else InArena(distance, bearing)
        for distance, bearing, height, row, column in rows
    )
