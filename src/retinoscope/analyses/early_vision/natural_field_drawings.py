"""What is said and drawn of natural fields."""

from __future__ import annotations

import functools

import numpy as np
import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.result import Result


def caption_of(data: xarray.Dataset, layer: str, regularisation: str) -> str:
    """What was measured of a layer, over how much, and what came out."""
    about, r = data[layer].attrs, data[f"{layer}_r"].values
    answering = r[np.isfinite(r)]
    places, block = about["places"], about["pixels_per_block"]
    of_map = f" × {places} places of the map" if places > 1 else ""
    window = f"{about['seen_height']} × {about['seen_width']} pixels"
    kind = "Ridge regression" if regularisation == "ridge" else "Regression on principal components"
    said = [
        f"{kind} of activity on what each unit saw: n = {data.attrs['decisions']:,} decisions of "
        f"{counted(data.attrs['episodes'], 'episode')}{of_map}; {window}; {len(r)} units of {layer}."
    ]
    if places == 1 and "unit_row" in about:
        said.append("The unit in the middle of the map answers for its channel.")
    if block > 1:
        said.append(f"Blocks of {block} × {block} pixels are averaged.")
    if not about["is_of_encoder"]:
        said.append("What depends on earlier observations is not predicted: the layer is read from the recording.")
    if len(answering):
        said.append(
            f"r, correlation of prediction and activity on held-out data ({data.attrs['folds']}): median "
            f"{np.median(answering):.2f}, range {answering.min():.2f} to {answering.max():.2f}; the white-noise field "
            f"predicts {_middle(data[f'{layer}_white_noise_r'])}; activity shifted in time: "
            f"{_middle(data[f'{layer}_shifted_r'])} (95% below {_most(data[f'{layer}_shifted_r'])})."
        )
        said.append(f"Cosine of natural with white-noise field: median {_middle(data[f'{layer}_cosine'])}.")
    for key, words in (("untrained", "Untrained networks"), ("first", "Before training")):
        if f"{layer}_{key}_r" in data:
            said.append(
                f"{words}: r {_middle(data[f'{layer}_{key}_r'])}; cosine of their natural fields with these "
                f"{_middle(data[f'{layer}_{key}_cosine'])}."
            )
    silent = len(r) - len(answering)
    if silent:
        said.append(f"{counted(silent, 'unit')} never changed.")
    return " ".join([*said, *filter(None, [data.attrs["why_not"]])])


def counted(number: int, word: str) -> str:
    """`1 episode`, `4 episodes`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _middle(values: xarray.DataArray) -> str:
    known = values.values[np.isfinite(values.values)]
    return f"{np.median(known):.2f}".replace("-", "−") if len(known) else "not measurable"


def _most(values: xarray.DataArray) -> str:
    known = values.values[np.isfinite(values.values)]
    return f"{np.quantile(known, 0.95):.2f}".replace("-", "−") if len(known) else "not measurable"


def drawings(result: Result) -> list[Drawing]:
    """How well fields predict, and the fields of every layer."""
    from retinoscope import figures

    layers = list(result.parameters["layers"])
    drawn: list[Drawing] = [
        FigureDrawing(
            f"natural_fields_{layer}",
            f"Natural fields of {layer}",
            result.data[layer].attrs["caption"],
            functools.partial(figures.natural_fields, result, layer),
            says_caption=True,
        )
        for layer in layers
    ]
    caption = (
        f"Correlation of predicted and recorded activity on held-out data ({result.data.attrs['folds']}); a dot is a "
        "unit, a bar the median. Natural field: regression on what was seen. White noise: receptive field under white "
        "noise. Shifted: the regression on activity shifted circularly in time, every place keeping its own. "
        "Untrained: the regression in the same network with weights drawn anew. Before training: in the first "
        "checkpoint."
    )
    title = "How well natural fields predict"
    return [
        FigureDrawing("natural_fields_prediction", title, caption, lambda: figures.natural_field_prediction(result)),
        *drawn,
    ]
