"""Which pixels of a shown image move the critic and the actions, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.images.display import display
from retinoscope.analyses.images.shown_dataset import Dataset
from retinoscope.attribution.attribute import attribute_targets
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.stimuli.places import Presentation
from retinoscope.stimuli.presentation import present

_ACTIONS = ("probability:move forward", "probability:move backward", "probability:turn left", "probability:turn right")


@dataclass(frozen=True)
class DatasetAttributionParameters:
    """Parameters of `dataset_attribution`.

    Attributes:
        targets: None for the critic's value and the probability of walking and turning, or, of a twin, of its classes.
        method: of attribution.
        images_per_class: explained, of the held-out part.
        seed: of the choice of images.
    """

    targets: tuple[str, ...] | None = None
    method: str = "integrated_gradients"
    images_per_class: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images_per_class < 1:
            raise UserError(f"images_per_class: {self.images_per_class} is too few; give at least 1")


def dataset_attribution(
    agent: Agent | Policy,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    *,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
    parameters: DatasetAttributionParameters | None = None,
    progress: bool = False,
) -> Result:
    """Explain what the agent makes of held-out images, at the first place of the presentation.

    The baseline of methods that compare is the same view without the stimulus.

    Args:
        agent: an agent, a twin, or a policy.
        arena: whose view the images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown; None for the defaults.
        class_effects: change of health per class, where the arena does not say.
        parameters: None for the defaults.
        progress: not used: this takes seconds.

    Returns:
        A Result with `observation` (class, height, width, colour) uint8, one image of each class; `map` (target, class,
        height, width), its attribution, summed over colours; `inside` (target, class), the share of the absolute
        gradient that lies on pixels the stimulus covers, mean over images, and `inside_low`, `inside_high`, the
        range over images; `area` (class), the share of the view those pixels are: what chance would give.

    Raises:
        UserError: the data set or the presentation cannot be used, or there is no such target or method.
    """
    parameters = parameters or DatasetAttributionParameters()
    images = display(agent, arena, dataset, presentation, class_effects)
    shown, place = images.shown, images.place
    targets = parameters.targets or _usual(images.policy)
    classes = len(shown.class_names)
    chosen = shown.some(parameters.images_per_class * classes, parameters.seed, shown.is_test)
    from retinoscope.stimuli.arena_presentation import empty_view

    empty = empty_view(images.arena)
    seen = np.concatenate([each.observations for each in present(images.arena, shown.images[chosen], (place,))])
    maps = attribute_targets(images.policy, seen, None, targets, parameters.method, baseline=empty).sum(axis=-1)
    covered = (seen != empty).any(axis=-1)
    # Of the plain gradient: what is compared with the empty view is zero wherever the two are equal, by construction.
    strength = np.abs(attribute_targets(images.policy, seen, None, targets, "gradient")).sum(axis=-1)
    inside = (strength * covered).sum(axis=(2, 3)) / np.maximum(strength.sum(axis=(2, 3)), 1e-30)
    labels = shown.labels[chosen]
    members = [np.flatnonzero(labels == label) for label in range(classes)]
    firsts = [each[0] for each in members]
    by_class = {
        "inside": np.stack([inside[:, each].mean(axis=1) for each in members], axis=1),
        "inside_low": np.stack([inside[:, each].min(axis=1) for each in members], axis=1),
        "inside_high": np.stack([inside[:, each].max(axis=1) for each in members], axis=1),
    }
    about = {"units": "1", "long_name": "share of the absolute gradient on the stimulus"}
    variables: dict[str, Any] = {
        "observation": (("class", "height", "width", "colour"), seen[firsts]),
        "map": (("target", "class", "height", "width"), maps[:, firsts].astype(np.float32)),
        **{name: (("target", "class"), values, about) for name, values in by_class.items()},
        "area": ("class", [float(covered[each].mean()) for each in members], {"units": "1"}),
    }
    coordinates = {"target": list(targets), **images.coordinates((place,))}
    data = xarray.Dataset(variables, coords=coordinates)
    data.attrs["caption"] = (
        f"{parameters.method.replace('_', ' ').capitalize()} of one held-out image of each class of {shown.name}, "
        f"{place}, one step from "
        "the state at the start of an episode, against the same view without it."
    )
    return images.result("dataset_attribution", data, parameters, targets=list(targets), place=str(place))


def _usual(policy: Policy) -> tuple[str, ...]:
    outputs = policy.output_names()
    actions = tuple(each for each in _ACTIONS if each.partition(":")[2] in outputs)
    return ("value", *actions) if actions else tuple(f"probability:{name}" for name in outputs)
