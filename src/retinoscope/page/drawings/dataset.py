"""What is drawn of responses to image data sets."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing, TextDrawing
from retinoscope.analyses.images.decoding import class_score_text
from retinoscope.figures.action_given_stimulus import action_given_stimulus, action_given_stimulus_by_place
from retinoscope.figures.dataset_attribution import dataset_attribution
from retinoscope.figures.dataset_embedding import dataset_embedding
from retinoscope.figures.dataset_presentation import dataset_presentation
from retinoscope.figures.decoding import decoding
from retinoscope.figures.recurrent_response import recurrent_response
from retinoscope.figures.twin_comparison import twin_comparison
from retinoscope.result import Result


def _decoding(result: Result) -> list[Drawing]:
    caption = result.data.attrs["caption"]
    layer, checkpoint = result.parameters["reported_layer"], result.data["checkpoint"].values[-1]
    score = (
        f"Accuracy (share of images named rightly) read out of {layer} at checkpoint {checkpoint}: of "
        "the class (multi) and "
        f"of healing or harming (bin), and means over {result.parameters['permutations']} permutations of the labels."
    )
    return [
        FigureDrawing(
            "decoding", "Decodability by layer and checkpoint", caption, lambda: decoding(result), says_caption=True
        ),
        TableDrawing("decoding", "Decodability", caption, *_decoding_table(result)),
        TextDrawing("analyze_class_score", "Classification scores", score, class_score_text(result)),
    ]


def _decoding_table(result: Result) -> tuple[tuple[str, ...], tuple[tuple[str | int | float, ...], ...]]:
    columns = (
        "checkpoint",
        "layer",
        "task",
        "balanced accuracy",
        "95% low",
        "95% high",
        "chance",
        "p",
        "train",
        "test",
    )
    names = ("balanced", "low", "high", "chance", "p", "train", "test")
    data = result.data
    rows: list[tuple[str | int | float, ...]] = []
    for checkpoint in data["checkpoint"].values:
        for layer in data["layer"].values:
            for task in data["task"].values:
                chosen = data.sel(checkpoint=checkpoint, layer=layer, task=task)
                numbers = [round(float(chosen[name]), 4) for name in names]
                if not np.isnan(numbers[0]):
                    rows.append((str(checkpoint), str(layer), str(task), *numbers))
    return columns, tuple(rows)


def _actions(result: Result) -> list[Drawing]:
    caption, data = result.data.attrs["caption"], result.data
    drawings: list[Drawing] = [
        FigureDrawing(
            "action_given_stimulus",
            "Probability of actions given a stimulus",
            caption,
            lambda: action_given_stimulus(result),
            says_caption=True,
        )
    ]
    if not np.isnan(data["distance"].values).any():
        drawings.append(
            FigureDrawing(
                "action_given_stimulus_by_place",
                "Actions by distance and bearing",
                data.attrs["decides"],
                lambda: action_given_stimulus_by_place(result),
                says_caption=True,
            )
        )
    names = ("summary", "summary_low", "summary_high", "summary_images_low", "summary_images_high", "summary_p")
    rows: tuple[tuple[str | int | float, ...], ...] = tuple(
        (str(checkpoint), *(round(float(data[name][number]), 4) for name in names))
        for number, checkpoint in enumerate(data["checkpoint"].values)
    )
    columns = ("checkpoint", "summary", "95% low, classes", "high", "95% low, images", "high", "p over assignments")
    summary = f"P(forward) − P(backward), healing less harmful. {caption}"
    return [*drawings, TableDrawing("action_summary", "One number: does it tell them apart?", summary, columns, rows)]


def _attribution(result: Result) -> list[Drawing]:
    drawings: list[Drawing] = []
    for target in (str(each) for each in result.data["target"].values):
        what = target.partition(":")[2] or target
        name = "dataset_attribution_" + "".join(letter if letter.isalnum() else "_" for letter in what)
        draw = functools.partial(dataset_attribution, result, target)
        title = f"Attribution of {what} on images"
        drawings.append(FigureDrawing(name, title, result.data.attrs["caption"], draw, says_caption=True))
    return drawings


def _one(name: str, title: str, draw: Callable[[Result], object]) -> Callable[[Result], list[Drawing]]:
    def drawings(result: Result) -> list[Drawing]:
        caption = result.data.attrs["caption"]
        return [FigureDrawing(name, title, caption, lambda: draw(result), says_caption=True)]  # type: ignore[arg-type, return-value]

    return drawings


DRAWINGS: dict[str, Callable[[Result], list[Drawing]]] = {
    "dataset_presentation": _one("dataset_presentation", "Images as shown, and how familiar", dataset_presentation),
    "dataset_embedding": _one("dataset_embedding", "Responses to images in the plane", dataset_embedding),
    "decoding": _decoding,
    "action_given_stimulus": _actions,
    "dataset_attribution": _attribution,
    "twin_comparison": _one("twin_comparison", "Agent and supervised twin", twin_comparison),
    "recurrent_response": _one("recurrent_response", "Responses of the memory", recurrent_response),
}
