"""Decoding: how well the class of a shown image, and whether it heals or harms, can be read out of every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.checkpoints import checkpoints_of
from retinoscope.analyses.images.display import PIXELS, Display, display, evoked, gathered
from retinoscope.analyses.images.shown_dataset import Dataset, ShownDataset
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.statistics.decoding import Decoding, Reduction, balanced_accuracy_difference, decode, fit_reduction
from retinoscope.stimuli.places import Place, Presentation

TASKS = ("class", "effect")
_NUMBERS = ("train", "test", "balanced_train", "balanced", "permuted_train", "permuted_test", "p")


@dataclass(frozen=True)
class DecodingParameters:
    """Parameters of `decoding`.

    Attributes:
        layers: None for all of the agent; the pixels are always decoded too, as the baseline.
        components: principal components of a layer that the read-out uses, at most.
        fit_images: images of the training part that scaler and components are fitted to, at most.
        permutations: of the labels.
        checkpoints: decode from the checkpoints before and early in training too, where they are known.
        seed: of choices, permutations and bootstrap.
    """

    layers: tuple[str, ...] | None = None
    components: int = 64
    fit_images: int = 1_500
    permutations: int = 100
    checkpoints: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("components", "fit_images", "permutations"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}: {getattr(self, name)} is too few; give at least 1")


def decoding(
    agent: Agent | Policy,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    *,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
    parameters: DecodingParameters | None = None,
    progress: bool = False,
) -> Result:
    """Decode what was shown from the pixels and from every layer, at every known checkpoint.

    Images are shown at the first place of the presentation, one step from the state at the start of an episode. The
    read-out is fitted to the training part of the set and judged on its held-out part; see `statistics/decoding.py`.

    Args:
        agent: an agent or its policy.
        arena: whose view the images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown; None for the defaults.
        class_effects: change of health per class, where the arena does not say.
        parameters: None for the defaults.
        progress: show progress bars.

    Returns:
        A Result over (checkpoint, layer, task), the tasks being `class` and `effect` (heals or harms; classes without
        effect are left out): `balanced`, the balanced accuracy on held-out images, `low` and `high`, its 95% bootstrap
        interval over images, `p`, `chance` and `chance_high`, mean and 95th percentile over permutations of the labels;
        `train`, `test`, `permuted_train`, `permuted_test`, plain accuracies. `confusion` (checkpoint, layer, class,
        named). `rise`, `rise_low`, `rise_high` (layer, task): last checkpoint less first, paired over images. NaN where
        the arena has no healing or no harmful class.

    Raises:
        UserError: the data set or the presentation cannot be used, or the agent has no such layer.
    """
    parameters = parameters or DecodingParameters()
    images = display(agent, arena, dataset, presentation, class_effects)
    shown, place = images.shown, images.place
    players = checkpoints_of(images.agent) if parameters.checkpoints else {"this": images.agent}
    layers = _layers(images.policy, parameters.layers)
    found: dict[tuple[str, str, str], Decoding] = {}
    for number, (name, player) in enumerate(players.items()):
        wanted = layers if number == 0 else tuple(layer for layer in layers if layer != PIXELS)
        scores = _scores(player.policy, images, wanted, parameters, progress)
        for layer in layers:
            for task in TASKS:
                if layer == PIXELS and number > 0:  # the same for every checkpoint
                    found[name, layer, task] = found[next(iter(players)), layer, task]
                elif (chosen := _task(shown, task)) is not None:
                    keep, labels = chosen
                    found[name, layer, task] = decode(
                        scores[layer][keep], labels, shown.is_test[keep], parameters.permutations, parameters.seed
                    )
    data = _dataset(found, tuple(players), layers, shown)
    data = data.assign_coords(images.coordinates((place,)))
    data["frames_trained"] = ("checkpoint", [_frames(player) for player in players.values()], {"units": "frames"})
    data.attrs["caption"] = _caption(data, shown, place, parameters)
    return images.result(
        "decoding",
        data,
        parameters,
        layers=list(layers),
        place=str(place),
        effects=dict(zip(shown.class_names, shown.effects, strict=True)),
        reported_layer=images.last_dense_layer(),
    )


def class_score_text(result: Result) -> str:
    """The accuracies of the last dense layer at the last checkpoint, in the older tool's four blocks."""
    final = result.data.isel(checkpoint=-1).sel(layer=result.parameters["reported_layer"])
    lines = []
    for prefix, kind in (("", ""), ("permuted ", "permuted_")):
        for task, title in (("class", "multi"), ("effect", "bin")):
            chosen = final.sel(task=task)
            numbers = [float(chosen[f"{kind}{part}"]) for part in ("train", "test")]
            block = [f"{prefix}{title} classification scores:", f"-Train: {numbers[0]:.4f}", f"-Test: {numbers[1]:.4f}"]
            lines.append((title, prefix, "\n".join(block)))
    order = [("multi", ""), ("multi", "permuted "), ("bin", ""), ("bin", "permuted ")]
    blocks = {(title, prefix): text for title, prefix, text in lines}
    return "\n".join(blocks[key] for key in order) + "\n"


def _layers(policy: Policy, asked: tuple[str, ...] | None) -> tuple[str, ...]:
    names = tuple(layer.name for layer in policy.layers) if asked is None else asked
    for name in names:
        if name != PIXELS:
            policy.layer(name)
    return (PIXELS, *(name for name in dict.fromkeys(names) if name != PIXELS))


def _scores(
    policy: Policy, images: Display, layers: tuple[str, ...], parameters: DecodingParameters, progress: bool
) -> dict[str, np.ndarray]:
    """Principal component scores (image, component) of every layer: what of each image is kept in memory."""
    shown, arena, place = images.shown, images.arena, images.place
    fitted = shown.some(parameters.fit_images, parameters.seed, ~shown.is_test)
    activity = gathered(policy, arena, shown.images[fitted], place, layers, progress)
    reductions: dict[str, Reduction] = {}
    for layer in layers:
        reductions[layer] = fit_reduction(activity.pop(layer), parameters.components)
    scores = {
        layer: np.empty((len(shown.images), len(reduction.axes)), np.float32) for layer, reduction in reductions.items()
    }
    for each in evoked(policy, arena, shown.images, (place,), layers, progress):
        for layer, reduction in reductions.items():
            scores[layer][each.images] = reduction.scores(each.activity[layer])
    return scores


def _task(shown: ShownDataset, task: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images and labels of a task; None where there is nothing to tell apart."""
    if task == "class":
        return np.arange(len(shown.labels)), shown.labels
    effects = np.array(shown.effects)[shown.labels]
    keep = np.flatnonzero(effects)
    labels = (effects[keep] > 0).astype(np.int64)
    return (keep, labels) if 0 < labels.sum() < len(labels) else None


def _dataset(
    found: Mapping[tuple[str, str, str], Decoding],
    checkpoints: tuple[str, ...],
    layers: tuple[str, ...],
    shown: ShownDataset,
) -> xarray.Dataset:
    shape = (len(checkpoints), len(layers), len(TASKS))
    dimensions = ("checkpoint", "layer", "task")
    names = (*_NUMBERS, "low", "high", "chance", "chance_high")
    columns = {name: np.full(shape, np.nan) for name in names}
    classes = len(shown.class_names)
    confusion = np.zeros((*shape[:2], classes, classes), np.int64)
    rise = np.full((3, *shape[1:]), np.nan)
    for index, key in _indexed(checkpoints, layers):
        if key not in found:
            continue
        each = found[key]
        for name in _NUMBERS:
            columns[name][index] = getattr(each, name)
        columns["low"][index], columns["high"][index] = each.interval.low, each.interval.high
        columns["chance"][index] = each.permuted_balanced.mean()
        columns["chance_high"][index] = np.quantile(each.permuted_balanced, 0.95)
        if key[2] == "class":
            confusion[index[:2]] = each.confusion
    for (number, layer), (task_number, task) in _pairs(layers):
        first, last = found.get((checkpoints[0], layer, task)), found.get((checkpoints[-1], layer, task))
        chosen = _task(shown, task)
        if first is not None and last is not None and chosen is not None:
            keep, labels = chosen
            held_out = labels[shown.is_test[keep]]
            rise[:, number, task_number] = balanced_accuracy_difference(first.is_right, last.is_right, held_out)
    variables: dict[str, Any] = {
        name: (dimensions, values, {"units": "1", "long_name": _LONG_NAMES.get(name, name)})
        for name, values in columns.items()
    }
    variables["confusion"] = (
        ("checkpoint", "layer", "class", "named"),
        confusion,
        {"units": "images", "long_name": "held-out images of a class, by the class they were given"},
    )
    for part, name in enumerate(("rise", "rise_low", "rise_high")):
        variables[name] = (("layer", "task"), rise[part], {"units": "1", "long_name": "last less first checkpoint"})
    coordinates = {"checkpoint": list(checkpoints), "layer": list(layers), "task": list(TASKS)}
    return xarray.Dataset(variables, coords={**coordinates, **shown.coordinates(), "named": list(shown.class_names)})


_LONG_NAMES = {
    "train": "accuracy, training part",
    "test": "accuracy, held-out part",
    "balanced": "balanced accuracy, held-out part",
    "permuted_train": "mean accuracy with permuted labels, training part",
    "permuted_test": "mean accuracy with permuted labels, held-out part",
    "p": "(C + 1) / (n + 1) over permutations",
    "low": "lower end of the 95% bootstrap interval of balanced",
    "high": "upper end of the 95% bootstrap interval of balanced",
    "chance": "mean balanced accuracy with permuted labels",
    "chance_high": "95th percentile of the balanced accuracy with permuted labels",
}


def _indexed(
    checkpoints: tuple[str, ...], layers: tuple[str, ...]
) -> list[tuple[tuple[int, int, int], tuple[str, str, str]]]:
    return [
        ((i, j, k), (checkpoint, layer, task))
        for i, checkpoint in enumerate(checkpoints)
        for j, layer in enumerate(layers)
        for k, task in enumerate(TASKS)
    ]


def _pairs(layers: tuple[str, ...]) -> list[tuple[tuple[int, str], tuple[int, str]]]:
    return [(layer, task) for layer in enumerate(layers) for task in enumerate(TASKS)]


def _frames(agent: Agent) -> float:
    return np.nan if agent.frames_trained is None else float(agent.frames_trained)


def _caption(data: xarray.Dataset, shown: ShownDataset, place: Place, parameters: DecodingParameters) -> str:
    test = int(shown.is_test.sum())
    sentences = [
        f"{len(shown.images):,} images of {shown.name}, {place}; read-out fitted to {len(shown.images) - test:,}, "
        f"judged on {test:,} held out: linear discriminant on at most {parameters.components} principal components.",
        f"Balanced accuracy with 95% bootstrap interval over images; chance: mean of {parameters.permutations} "
        "permutations of the labels, its band up to their 95th percentile.",
        "Layers from the recurrent one on: one step from the state at the start of an episode.",
    ]
    if data.sizes["checkpoint"] > 1:
        sentences.append(_rises(data))
    return " ".join(sentences)


def _rises(data: xarray.Dataset) -> str:
    """What becomes of each layer with training, for both tasks."""
    sentences = []
    for task, title in (("class", "the class"), ("effect", "healing or harming")):
        chosen = data.sel(task=task)
        groups: dict[str, list[str]] = {"rises": [], "falls": [], "does not change clearly": []}
        for layer in data["layer"].values[1:]:
            change, low, high = (float(chosen[f"rise{part}"].sel(layer=layer)) for part in ("", "_low", "_high"))
            if not np.isnan(change):
                what = "rises" if low > 0 else "falls" if high < 0 else "does not change clearly"
                groups[what].append(f"{layer} {round(change, 2) + 0.0:+.2f}")  # no minus before zero
        said = "; ".join(f"{what} in {', '.join(layers)}" for what, layers in groups.items() if layers)
        if said:
            sentences.append(f"of {title} {said}")
    return f"From the first to the last checkpoint the decodability {', and '.join(sentences)} (paired over images)."
