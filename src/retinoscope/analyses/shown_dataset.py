"""What the analyses of shown images share: the images with their effects, and the activity they evoke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.scenarios import ArenaArchive
from retinoscope.scenarios.image_sets import LabelledImages, load_labelled_images
from retinoscope.stimuli.places import InArena, Pasted, Place, Presentation
from retinoscope.stimuli.presentation import present
from retinoscope.versions import versions

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

PIXELS = "pixels"
Dataset = str | Path | LabelledImages | None


@dataclass(frozen=True)
class ShownDataset:
    """A data set together with what its classes do to an agent.

    Attributes:
        name: of the set.
        images: (image, height, width, 3 or 4) uint8.
        labels: (image,) indices into `class_names`.
        class_names: from the most harmful to the most healing.
        effects: (class,) change of health, rising.
        is_test: (image,) bool, the held-out part.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    effects: tuple[int, ...]
    is_test: np.ndarray

    def some(self, most: int, seed: int = 0, where: np.ndarray | None = None) -> np.ndarray:
        """Indices, rising, of at most `most` images, chosen at random and as evenly over classes as they allow."""
        random = np.random.default_rng(seed)
        pool = np.arange(len(self.labels)) if where is None else np.flatnonzero(where)
        if len(pool) <= most:
            return pool
        shuffled = random.permutation(pool)
        labels = self.labels[shuffled]
        rank = np.empty(len(shuffled), np.int64)  # how many of its class came before it
        for label in range(len(self.class_names)):
            rank[labels == label] = np.arange(int((labels == label).sum()))
        return np.sort(shuffled[np.argsort(rank, kind="stable")[:most]])

    def coordinates(self) -> dict[str, Any]:
        """The classes as coordinates of a Result."""
        about = {"units": "health points", "long_name": "effect on health"}
        return {"class": list(self.class_names), "effect": ("class", list(self.effects), about)}


def shown_dataset(
    arena: ArenaArchive, dataset: Dataset = None, class_effects: Mapping[str, int] | None = None
) -> ShownDataset:
    """Load a data set for an agent of this arena.

    Args:
        arena: whose classes heal and hurt.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        class_effects: change of health per class, for those the arena does not know or that are to count otherwise.

    Raises:
        UserError: the set cannot be had, has fewer than two classes, or classes whose effect is not known.
    """
    scenario = arena.scenario
    if dataset is None:
        found = load_labelled_images(scenario.stimuli.images, scenario.class_names)
    else:
        found = dataset if isinstance(dataset, LabelledImages) else load_labelled_images(dataset)
    if not len(found.images) == len(found.labels) == len(found.is_test):
        raise UserError(
            f"{found.name}: has {len(found.images)} images, {len(found.labels)} labels and a split of "
            f"{len(found.is_test)}; give one label and one part for every image"
        )
    chosen = {**dict(zip(scenario.class_names, scenario.class_effects, strict=True)), **(class_effects or {})}
    for name in class_effects or {}:
        if name not in found.class_names:
            raise UserError(f"class effects: {found.name} has no class {name!r}; it has {', '.join(found.class_names)}")
    present_labels = [int(label) for label in np.unique(found.labels)]
    if dataset is None:  # a scenario may use some of the classes of its images only
        present_labels = [label for label in present_labels if found.class_names[label] in scenario.class_names]
    if len(present_labels) < 2:
        raise UserError(f"{found.name}: has images of {len(present_labels)} class; give a set with at least two")
    unknown = [found.class_names[label] for label in present_labels if found.class_names[label] not in chosen]
    if unknown:
        raise UserError(
            f"{found.name}: arena {scenario.name!r} does not say what {_listed(unknown)} would do to the agent; give "
            f"class effects, as --class-effects {unknown[0]}=+10"
        )
    order = sorted(present_labels, key=lambda label: chosen[found.class_names[label]])
    position = np.full(len(found.class_names), -1)
    position[order] = np.arange(len(order))
    labels = position[found.labels]
    keep = np.flatnonzero(labels >= 0)
    images = _of_one_shape(found.images)
    is_test = np.asarray(found.is_test, bool)
    for part, name in ((is_test[keep], "held-out"), (~is_test[keep], "training")):
        missing = np.flatnonzero(np.bincount(labels[keep][part], minlength=len(order)) == 0)
        if len(missing):
            raise UserError(
                f"{found.name}: class {found.class_names[order[missing[0]]]!r} has no image in the "
                f"{name} part; add some"
            )
    return ShownDataset(
        found.name,
        images if len(keep) == len(images) else images[keep],
        labels[keep],
        tuple(found.class_names[label] for label in order),
        tuple(int(chosen[found.class_names[label]]) for label in order),
        is_test[keep],
    )


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


def agent_of(agent: Agent | Policy) -> Agent:
    """An agent, also where only its policy was given."""
    return agent if isinstance(agent, Agent) else Agent("policy", agent)


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
            f"arena {arena.scenario.name!r}: shows observations of {(view.height, view.width, 3)}, "
            f"agent {agent.name!r} "
            f"sees {agent.policy.observation_shape}; choose an arena with its view"
        )
    return arena


def first_place(presentation: Presentation, arena: ArenaArchive) -> Place:
    """Where analyses that need a single place show their images."""
    return presentation.places(arena.scenario)[0]


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


def provenance_of(
    agent: Agent, arena: ArenaArchive, shown: ShownDataset, recording: Recording | None = None
) -> dict[str, Any]:
    """Where a Result comes from."""
    return {
        "agent": agent.name,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "scenario": arena.scenario.name,
        "arena_sha256": arena.sha256,
        "dataset": shown.name,
        "recording_frames": recording.frames if recording is not None else None,
        "versions": versions("retinoscope", "torch", "numpy", "scikit-learn", "vizdoom"),
    }


def _of_one_shape(images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """One array: images of several sizes are brought to the height of the tallest, and padded to one width."""
    if isinstance(images, np.ndarray):
        return images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=-1)
    height = max(each.shape[0] for each in images)
    scaled = [np.asarray(_of_height(Image.fromarray(each).convert("RGBA"), height)) for each in images]
    width = max(each.shape[1] for each in scaled)
    padded = np.zeros((len(scaled), height, width, 4), np.uint8)
    for target, each in zip(padded, scaled, strict=True):
        left = (width - each.shape[1]) // 2
        target[:, left : left + each.shape[1]] = each
    return padded


def _of_height(image: Image.Image, height: int) -> Image.Image:
    if image.height == height:
        return image
    return image.resize((max(1, round(image.width * height / image.height)), height), Image.Resampling.BOX)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more classes"
