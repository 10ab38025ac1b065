"""How the images of a data set are shown, and how far what they evoke is from anything the agent has met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.images.display import display, evoked
from retinoscope.analyses.images.shown_dataset import Dataset
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.statistics.familiarity import relative_distances
from retinoscope.stimuli.places import Presentation

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

FAMILIAR = 2.0
"""Up to this many times the typical distance within the recording, activity is called familiar."""

_STRETCHES = 8  # that a recording of a single episode is cut into


@dataclass(frozen=True)
class PresentationParameters:
    """Parameters of `dataset_presentation`.

    Attributes:
        layer: whose activity is compared; None for the last dense one.
        images: shown at every place at most, as evenly over classes as the set allows.
        recorded: rows of the recording compared with, at most, evenly spaced.
        seed: of the choice of images.
    """

    layer: str | None = None
    images: int = 300
    recorded: int = 5_000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("images", "recorded"):
            if getattr(self, name) < 2:
                raise UserError(f"{name}: {getattr(self, name)} are too few; give at least 2")


def dataset_presentation(
    agent: Agent | Policy,
    recording: Recording,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    *,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
    parameters: PresentationParameters | None = None,
    progress: bool = False,
) -> Result:
    """Show images at every place, and measure how far the activity they evoke is from recorded activity.

    Args:
        agent: an agent or its policy, the one that was recorded.
        recording: what the agent has met.
        arena: whose view the images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown; None for the defaults.
        class_effects: change of health per class, where the arena does not say.
        parameters: None for the defaults.
        progress: show progress bars.

    Returns:
        A Result with `example` (place, class, height, width, colour) uint8, one image of each class as it was shown;
        `relative_distance` (place, class, image) float32, to the nearest recorded activity, in units of the median
        distance of recorded activity to the nearest of another episode, NaN behind the last image of a class;
        `median` (place, class); `familiar` (place, class), the share of images at most `FAMILIAR`;
        `recorded_distance` (row), the same within the recording.

    Raises:
        UserError: the data set, the presentation or the recording cannot be used, or there is no such layer.
    """
    parameters = parameters or PresentationParameters()
    images = display(agent, arena, dataset, presentation, class_effects)
    shown, places, policy = images.shown, images.places, images.policy
    layer = images.last_dense_layer() if parameters.layer is None else policy.layer(parameters.layer).name
    chosen = shown.some(parameters.images, parameters.seed)
    labels = shown.labels[chosen]
    firsts = np.array([np.flatnonzero(labels == label)[0] for label in range(len(shown.class_names))])
    recorded, groups = _recorded(recording, layer, parameters.recorded)
    activity = np.empty((len(places), len(chosen), recorded.shape[1]), np.float32)
    examples = np.zeros((len(places), len(firsts), *policy.observation_shape), np.uint8)
    for each in evoked(policy, images.arena, shown.images[chosen], places, (layer, "pixels"), progress):
        activity[each.place, each.images] = each.activity[layer]
        for number, first in enumerate(firsts):
            if each.images.start <= first < each.images.stop:
                seen = each.activity["pixels"][first - each.images.start]
                examples[each.place, number] = seen.reshape(policy.observation_shape)
    relative, within, typical = relative_distances(activity.reshape(-1, activity.shape[-1]), recorded, groups)
    relative = relative.reshape(len(places), len(chosen))
    by_class = _by_class(relative, labels, len(firsts))
    about = {"units": "typical distance within the recording"}
    variables: dict[str, Any] = {
        "example": (("place", "class", "height", "width", "colour"), examples),
        "relative_distance": (("place", "class", "image"), by_class.astype(np.float32), about),
        "median": (("place", "class"), np.nanmedian(by_class, axis=2), about),
        "familiar": (("place", "class"), _familiar(by_class), {"units": "1", "long_name": "share of familiar images"}),
        "recorded_distance": ("row", within.astype(np.float32), about),
    }
    data = xarray.Dataset(variables, coords=images.coordinates(places))
    data.attrs["typical_distance"] = typical
    data.attrs["caption"] = (
        f"n = {len(chosen)} images of {shown.name} at each place. Distance of the activity of {layer} "
        "to the nearest of "
        f"{len(recorded):,} recorded decisions, relative to the median distance of these to the nearest one of another "
        f"episode. Up to {FAMILIAR:g}, activity is called familiar here."
    )
    where = [str(place) for place in places]
    return images.result("dataset_presentation", data, parameters, recording, layer=layer, places=where)


def _recorded(recording: Recording, layer: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Activity (row, unit) of evenly spaced rows, and the episode of each."""
    if layer not in recording.attributes["layers"]:
        stored = ", ".join(recording.attributes["layers"])
        raise UserError(f"layer {layer!r}: is not stored in the recording; choose from {stored}")
    every = max(1, -(-recording.frames // most))
    activity, groups = [], []
    for block in recording.blocks(2048, [layer]):
        activity.append(block[layer].values[::every])
        groups.append(block["episode"].values[::every])
    rows, episodes = np.concatenate(activity), np.concatenate(groups)
    if len(np.unique(episodes)) < 2:
        episodes = np.arange(len(rows)) * _STRETCHES // len(rows)
    return rows, episodes


def _by_class(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(place, image) -> (place, class, image of the class), NaN where a class has fewer."""
    most = int(np.bincount(labels).max())
    found = np.full((len(values), classes, most), np.nan)
    for label in range(classes):
        own = values[:, labels == label]
        found[:, label, : own.shape[1]] = own
    return found


def _familiar(by_class: np.ndarray) -> np.ndarray:
    known = ~np.isnan(by_class)
    return np.asarray(((by_class <= FAMILIAR) & known).sum(axis=2) / known.sum(axis=2))
