"""What an agent does before each class of stimulus: how probable its actions are, and from where on it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.checkpoints import checkpoints_of
from retinoscope.analyses.images.display import Display, display, evoked
from retinoscope.analyses.images.shown_dataset import Dataset, ShownDataset
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.statistics.bootstrap import Interval
from retinoscope.statistics.contrasts import contrast_intervals, contrast_p, densities
from retinoscope.stimuli.places import InArena, Pasted, Place, Presentation

ACTIONS = {"forward": "move forward", "backward": "move backward", "left": "turn left", "right": "turn right"}
_DENSITY_BINS = 40


@dataclass(frozen=True)
class ActionParameters:
    """Parameters of `action_given_stimulus`.

    Attributes:
        images: shown at most, as evenly over classes as the set allows.
        checkpoints: give the summary for the checkpoints before and early in training too, where they are known.
        seed: of the choice of images and of the bootstrap.
    """

    images: int = 1_000
    checkpoints: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 4:
            raise UserError(f"images: {self.images} are too few; give at least 4")


def action_given_stimulus(
    agent: Agent | Policy,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    *,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
    parameters: ActionParameters | None = None,
    progress: bool = False,
) -> Result:
    """Probability of walking and turning before images of each class, at every place of a presentation.

    Every image is shown one step from the state at the start of an episode, on the ground of the empty arena. The
    summary is P(forward) - P(backward), averaged over healing classes, less the same over harmful ones.

    Args:
        agent: an agent or its policy, whose actions are those of the arenas here.
        arena: whose view the images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown; None for the defaults, a grid of distances and bearings.
        class_effects: change of health per class, where the arena does not say.
        parameters: None for the defaults.
        progress: show progress bars.

    Returns:
        A Result. At the first place: `probability` (image, action), `label` (image), `median` (class, action),
        `density` (class, action, bin), `images_of_class` (class); `logit_score` (image, component), the principal
        components of the logits, `logit_axis` (component, output), `logit_share` (component). At every place:
        `mean_probability` (place, class, action); `contrast`, `contrast_low`, `contrast_high` (place), the summary with
        its 95% interval over classes (see `statistics/contrasts.py` for why not over images alone); `turning`,
        `turning_low`, `turning_high` (place), the same of P(turn towards) - P(turn away), NaN
        straight ahead. `summary`, `summary_low`, `summary_high` (checkpoint): the summary at the first place;
        `summary_images_low`, `summary_images_high`, its interval over images of the same classes; `summary_p`, the
        share of all ways to assign the effects to the classes that give as much. NaN where the arena has no healing or
        no harmful class.

    Raises:
        NotMeasurable: the agent has other actions.
        UserError: the data set or the presentation cannot be used.
    """
    parameters = parameters or ActionParameters()
    images = display(agent, arena, dataset, presentation, class_effects)
    shown, places, outputs = images.shown, images.places, images.policy.output_names()
    for name in ACTIONS.values():
        if name not in outputs:
            raise NotMeasurable(
                f"agent {images.agent.name!r}: has no action {name!r}; its actions are {', '.join(outputs)}"
            )
    chosen = shown.some(parameters.images, parameters.seed)
    probabilities, logits = _answers(images.policy, images.arena, shown.images[chosen], places, progress)
    labels = shown.labels[chosen]
    variables = {**_first(probabilities[0], labels, shown), **_components(logits, outputs)}
    variables |= _grid(probabilities, labels, shown, places, parameters.seed)
    summaries = _summaries(images, chosen, probabilities[0], parameters, progress)
    about = {"units": "probability", "long_name": "P(forward) - P(backward), healing less harmful"}
    for part, suffix in enumerate(("", "_low", "_high")):
        variables[f"summary{suffix}"] = ("checkpoint", [each[0][part] for each in summaries.values()], about)
        variables[f"summary_images{suffix}"] = ("checkpoint", [each[1][part] for each in summaries.values()], about)
    about = {"units": "1", "long_name": "share of the ways to assign effects to classes with as large a summary"}
    variables["summary_p"] = ("checkpoint", [each[2] for each in summaries.values()], about)
    coordinates: dict[str, Any] = {"action": list(ACTIONS), "output": list(outputs), "checkpoint": list(summaries)}
    data = xarray.Dataset(variables, coords=coordinates | images.coordinates(places))
    data.attrs["caption"] = _caption(data, shown, places[0], len(chosen))
    data.attrs["decides"] = _decides(data, places)
    effects = dict(zip(shown.class_names, shown.effects, strict=True))
    where = [str(place) for place in places]
    return images.result("action_given_stimulus", data, parameters, places=where, effects=effects)


def _answers(
    policy: Policy, arena: ArenaArchive, images: np.ndarray, places: tuple[Place, ...], progress: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of `ACTIONS` (place, image, action), and the logits (image, output) at the first place."""
    columns = [policy.output_names().index(name) for name in ACTIONS.values()]
    probabilities = np.empty((len(places), len(images), len(columns)), np.float32)
    logits = np.empty((len(images), len(policy.output_names())), np.float32)
    for each in evoked(policy, arena, images, places, ("policy",), progress):
        probabilities[each.place, each.images] = each.probabilities[:, columns]
        if each.place == 0:
            logits[each.images] = each.activity["policy"]
    return probabilities, logits


def _first(probabilities: np.ndarray, labels: np.ndarray, shown: ShownDataset) -> dict[str, Any]:
    by_class = [probabilities[labels == label] for label in range(len(shown.class_names))]
    return {
        "probability": (("image", "action"), probabilities, {"units": "probability"}),
        "label": ("image", labels, {"long_name": "index of the class"}),
        "images_of_class": ("class", [len(each) for each in by_class], {"units": "images"}),
        "median": (("class", "action"), [np.median(each, axis=0) for each in by_class], {"units": "probability"}),
        "density": (
            ("class", "action", "bin"),
            np.stack([densities(each.T, _DENSITY_BINS) for each in by_class]),
            {"units": "1 / probability", "long_name": "smoothed histogram over images"},
        ),
        "bin": ("bin", (np.arange(_DENSITY_BINS) + 0.5) / _DENSITY_BINS, {"units": "probability"}),
    }


def _components(logits: np.ndarray, outputs: tuple[str, ...]) -> dict[str, Any]:
    """Principal components of the logits; within a head a constant means nothing and is taken out."""
    heads = np.array([name.split()[0] for name in outputs])
    values = logits.astype(np.float64)
    for head in np.unique(heads):
        values[:, heads == head] -= values[:, heads == head].mean(axis=1, keepdims=True)
    values -= values.mean(axis=0)
    _, lengths, axes = np.linalg.svd(values, full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    axes, shares = (axes * signs[:, None])[:2], lengths**2 / max(float((lengths**2).sum()), 1e-30)
    return {
        "logit_score": (("image", "component"), values @ axes.T, {"units": "logit"}),
        "logit_axis": (("component", "output"), axes, {"units": "1"}),
        "logit_share": ("component", shares[:2], {"units": "1", "long_name": "share of the variance of the logits"}),
    }


def _grid(
    probabilities: np.ndarray, labels: np.ndarray, shown: ShownDataset, places: tuple[Place, ...], seed: int
) -> dict[str, Any]:
    classes = range(len(shown.class_names))
    means = np.stack([probabilities[:, labels == label].mean(axis=1) for label in classes], axis=1)
    walking, turning = [], []
    for place, chances in zip(places, probabilities, strict=True):
        towards = np.sign(_side(place)) * (chances[:, 3] - chances[:, 2])
        contrasts = _contrasts(np.stack([chances[:, 0] - chances[:, 1], towards], axis=1), labels, shown, seed)
        walking.append(contrasts[0])
        turning.append(contrasts[1] if _side(place) else Interval(np.nan, np.nan, np.nan))
    found: dict[str, Any] = {"mean_probability": (("place", "class", "action"), means, {"units": "probability"})}
    for title, intervals, what in (
        ("contrast", walking, "P(forward) - P(backward), healing less harmful"),
        ("turning", turning, "P(turn towards) - P(turn away), healing less harmful"),
    ):
        for part, suffix in enumerate(("", "_low", "_high")):
            about = {"units": "probability", "long_name": what}
            found[f"{title}{suffix}"] = ("place", [each[part] for each in intervals], about)
    return found


def _side(place: Place) -> float:
    """Above zero where the image is right of straight ahead, below where it is left."""
    return place.bearing if isinstance(place, InArena) else 0.0


def _contrasts(
    values: np.ndarray, labels: np.ndarray, shown: ShownDataset, seed: int, over_classes: bool = True
) -> list[Interval]:
    sides = np.sign(shown.effects)
    if not {-1, 1} <= set(sides.tolist()):
        return [Interval(np.nan, np.nan, np.nan)] * values.shape[1]
    return contrast_intervals(values, labels, sides, over_classes, seed=seed)


def _contrast_p(values: np.ndarray, labels: np.ndarray, shown: ShownDataset) -> float:
    sides = np.sign(shown.effects)
    return contrast_p(values, labels, sides) if {-1, 1} <= set(sides.tolist()) else float("nan")


def _summaries(
    images: Display, chosen: np.ndarray, probabilities: np.ndarray, parameters: ActionParameters, progress: bool
) -> dict[str, tuple[Interval, Interval, float]]:
    """The summary at the first place for every known checkpoint: its intervals over classes and over images, its p."""
    agent, shown = images.agent, images.shown
    labels, found = shown.labels[chosen], {}
    for name, player in (checkpoints_of(agent) if parameters.checkpoints else {"this": agent}).items():
        answers = probabilities
        if player.checkpoint_sha256 != agent.checkpoint_sha256:
            answers = _answers(player.policy, images.arena, shown.images[chosen], (images.place,), progress)[0][0]
        walking = (answers[:, 0] - answers[:, 1])[:, None]
        found[name] = (
            _contrasts(walking, labels, shown, parameters.seed)[0],
            _contrasts(walking, labels, shown, parameters.seed, over_classes=False)[0],
            _contrast_p(walking[:, 0], labels, shown),
        )
    return found


def _caption(data: xarray.Dataset, shown: ShownDataset, place: Place, images: int) -> str:
    last = data.isel(place=0)
    words = (
        f"P(forward) − P(backward), healing less harmful: {float(last['contrast']):+.3f} "
        f"[{float(last['contrast_low']):+.3f}, {float(last['contrast_high']):+.3f}], 95% interval over classes."
    )
    return (
        f"n = {images:,} images of {shown.name}, {place}, one step from the state at the start of an episode. {words}"
    )


def _decides(data: xarray.Dataset, places: tuple[Place, ...]) -> str:
    """From how far away, straight ahead, the interval of the summary lies above zero, at this and all nearer places."""
    ahead = [
        (_nearness(place), place, float(data["contrast_low"][number]))
        for number, place in enumerate(places)
        if not isinstance(place, InArena) or abs(place.bearing) == min(abs(_side(each)) for each in places)
    ]
    farthest = None
    for _, place, low in sorted(ahead, key=lambda each: each[0]):
        if not low > 0:
            break
        farthest = place
    if farthest is None:
        return "At the nearest place, straight ahead, the interval of the summary includes zero: no decision is seen."
    return f"Straight ahead the interval of the summary lies above zero up to {farthest}, and at all nearer places."


def _nearness(place: Place) -> float:
    return -place.height if isinstance(place, Pasted) else place.distance
