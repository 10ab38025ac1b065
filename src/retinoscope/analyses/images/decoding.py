"""Decoding: how well the class of a shown image, and whether it heals or harms, can be read out of every layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import AGENT, SHOWS_IMAGES, WORLD, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing, TextDrawing
from retinoscope.analyses.exploring import Panel, table_panel
from retinoscope.analyses.images.display import PIXELS, encoder_output
from retinoscope.analyses.images.showing import Showing, own_and_handed_on, what_was_shown
from retinoscope.result import Result
from retinoscope.settings import parameters, setting
from retinoscope.statistics.decoding import Decoding, balanced_accuracy_difference, decode
from retinoscope.worlds.choosing import WorldLike

TASKS = ("class", "effect")
_NUMBERS = ("train", "test", "balanced_train", "balanced", "permuted_train", "permuted_test", "p")


@parameters("decoding")
class DecodingParameters:
    """Parameters of `decoding`. What the read-out is fitted to is set at `shown_images`: components and fit_images."""

    layers: tuple[str, ...] | None = setting(
        None,
        "layers that are decoded; none for all whose scores `shown_images` keeps. The pixels are always "
        "decoded too, as the baseline",
        fewest=1,
    )
    permutations: int = setting(100, "number of permutations of the labels", least=1)
    seed: int = setting(
        0,
        "seed of permutations and bootstrap, and of the choice of images if they are shown for this analysis alone",
        least=0,
    )


def decoding(
    agent: Agent | Policy,
    *,
    world: WorldLike | None = None,
    given: Given | None = None,
    parameters: DecodingParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Decode what was shown from the pixels and from every layer, at every known checkpoint.

    Images are shown at the first place of the presentation, one step from the state at the start of an episode. The
    read-out is fitted to the training part of the set and judged on its held-out part; see `statistics/decoding.py`.

    Args:
        agent: an agent or its policy.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: the Result of `shown_images`, if it is at hand; else images are shown here.
        parameters: see `DecodingParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `DecodingParameters` that replace those of `parameters`, and of
            `ShownImagesParameters` (dataset, presentation, class_effects, ...) where images are shown here.

    Returns:
        A Result over (checkpoint, layer, task), the tasks being `class` and `effect` (heals or harms; classes without
        effect are left out): `balanced`, the balanced accuracy on held-out images, `low` and `high`, its 95% bootstrap
        interval over images, `p`, `chance` and `chance_high`, mean and 95th percentile over permutations of the labels;
        `train`, `test`, `permuted_train`, `permuted_test`, plain accuracies. `confusion` (checkpoint, layer, class,
        named). `rise`, `rise_low`, `rise_high` (layer, task): last checkpoint less first, paired over images. NaN where
        the arena has no healing or no harmful class.

    Raises:
        NotMeasurable: the scores of a layer were not kept.
        UserError: a parameter is unknown or out of range, images cannot be shown, or there is no such layer.
    """
    chosen, handed_on = own_and_handed_on(parameters or DecodingParameters(), settings)
    needed = {"images": 0, "held_out_per_class": 0, "layers": chosen.layers, "seed": chosen.seed}
    shown = what_was_shown(agent, world, given, handed_on, needed, progress)
    asked = shown.layers if chosen.layers is None else chosen.layers
    layers = (PIXELS, *(name for name in dict.fromkeys(asked) if name != PIXELS))
    checkpoints = tuple(str(name) for name in shown.source.data["checkpoint"].values)
    found: dict[tuple[str, str, str], Decoding] = {}
    for checkpoint in checkpoints:
        for layer in layers:
            for task in TASKS:
                if layer == PIXELS and checkpoint != checkpoints[0]:  # the same for every checkpoint
                    if (checkpoints[0], layer, task) in found:
                        found[checkpoint, layer, task] = found[checkpoints[0], layer, task]
                elif (of_task := task_of(shown, task)) is not None:
                    keep, labels = of_task
                    scores = shown.scores(layer, checkpoint)[keep]
                    found[checkpoint, layer, task] = decode(
                        scores, labels, shown.is_test[keep], chosen.permutations, chosen.seed
                    )
    data = _dataset(found, checkpoints, layers, shown)
    data["frames_trained"] = ("checkpoint", shown.source.data["frames_trained"].values, {"units": "frames"})
    test = int(shown.is_test.sum())
    data.attrs["caption"] = decoding_caption(shown, len(shown.labels) - test, test, chosen.permutations)
    if len(checkpoints) > 1:
        data.attrs["caption"] += f" {_rises(data)}"
    of_showing = shown.source.parameters
    said = {
        "layers": list(layers),
        "place": str(shown.place),
        "effects": dict(zip(shown.class_names, shown.effects, strict=True)),
        "reported_layer": encoder_output(shown.agent.policy),
        "components": of_showing["components"],
        "fit_images": of_showing["fit_images"],
    }
    return shown.result("decoding", data, chosen, **said)


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


def task_of(shown: Showing, task: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images and labels of one of `TASKS`; None where there is nothing to tell apart."""
    if task == "class":
        return np.arange(len(shown.labels)), shown.labels
    effects = np.array(shown.effects)[shown.labels]
    keep = np.flatnonzero(effects)
    labels = (effects[keep] > 0).astype(np.int64)
    return (keep, labels) if 0 < labels.sum() < len(labels) else None


def decoding_caption(shown: Showing, train: int, test: int, permutations: int) -> str:
    """What was read out of what, of so many images of the training part and of the held-out part."""
    return (
        f"{train + test:,} images of {shown.name}, {shown.place}; read-out fitted to {train:,}, judged on {test:,} "
        f"held out: linear discriminant on at most {shown.source.parameters['components']} principal components. "
        f"Balanced accuracy with 95% bootstrap interval over images; chance: mean of {permutations} permutations of "
        "the labels, its band up to their 95th percentile. Layers from the recurrent one on: one step from the state "
        "at the start of an episode."
    )


def _dataset(
    found: Mapping[tuple[str, str, str], Decoding],
    checkpoints: tuple[str, ...],
    layers: tuple[str, ...],
    shown: Showing,
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
        of_task = task_of(shown, task)
        if first is not None and last is not None and of_task is not None:
            keep, labels = of_task
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
    coordinates: dict[str, Any] = {"checkpoint": list(checkpoints), "layer": list(layers), "task": list(TASKS)}
    coordinates |= {**shown.coordinates((shown.place,)), "named": list(shown.class_names)}
    return xarray.Dataset(variables, coords=coordinates)


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


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.decoding import decoding as figure_of

    caption = result.data.attrs["caption"]
    layer, checkpoint = result.parameters["reported_layer"], result.data["checkpoint"].values[-1]
    score = (
        f"Accuracy (share of images named rightly) read out of {layer} at checkpoint {checkpoint}: of the class "
        f"(multi) and of healing or harming (bin), and means over {result.parameters['permutations']} permutations of "
        "the labels."
    )
    title = "Decodability by layer and checkpoint"
    return [
        FigureDrawing("decoding", title, caption, lambda: figure_of(result), says_caption=True),
        _table(result),
        TextDrawing("analyze_class_score", "Classification scores", score, class_score_text(result)),
    ]


def _explore(result: Result) -> list[Panel]:
    return [table_panel(_table(result))]


def _table(result: Result) -> TableDrawing:
    names = ("balanced", "low", "high", "chance", "p", "train", "test")
    headings = ("balanced accuracy", "95% low", "95% high", "chance", "p", "train", "test")
    data = result.data
    rows: list[tuple[str | int | float, ...]] = []
    for checkpoint in data["checkpoint"].values:
        for layer in data["layer"].values:
            for task in data["task"].values:
                of_row = data.sel(checkpoint=checkpoint, layer=layer, task=task)
                numbers = [round(float(of_row[name]), 4) for name in names]
                if not np.isnan(numbers[0]):
                    rows.append((str(checkpoint), str(layer), str(task), *numbers))
    columns = ("checkpoint", "layer", "task", *headings)
    return TableDrawing("decoding", "Decodability", data.attrs["caption"], columns, tuple(rows))


ANALYSIS = Analysis(
    name="decoding",
    title="Decoding",
    group="images",
    summary="How well the class of an image, and whether it heals or harms, is read out of every layer.",
    run=decoding,
    parameters=DecodingParameters,
    of="agent",
    needs=(AGENT, WORLD, SHOWS_IMAGES),
    builds_on=("shown_images",),
    draw=_draw,
    explore=_explore,
    functions=(class_score_text,),
    rank=30,
    methods="""
        Which class an image of {{ dataset }} ({{ place }}) is of, and whether that class heals or harms, was
        read out of {{ layers | listed }} at the checkpoints {{ labels.checkpoint | listed }} by Fisher's linear
        discriminant [@hastie2009] on {{ components }} principal components at most, fitted to the training part
        of the set and judged on the held-out part by balanced accuracy, with {{ interval }}% bootstrap
        intervals over images. Chance is the mean over {{ permutations }} permutations of the labels, for each
        of which the discriminant was fitted anew (seed {{ seed }}).
    """,
)
