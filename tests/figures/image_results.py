"""Planted Results of the analyses of shown images."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray

from retinoscope.result import Result

EFFECTS = {"crow": -30, "wasp": -10, "pear": 10, "plum": 30}
ABOUT = {"long_name": "effect on health", "positive": "healing", "negative": "harmful"}
ACTIONS = ("forward", "backward", "left", "right")
OUTPUTS = ("turn none", "turn left", "turn right", "move none", "move forward", "move backward")
CHECKPOINTS = ("untrained", "early", "final")


def _classes() -> dict[str, Any]:
    return {"class": list(EFFECTS), "effect": ("class", list(EFFECTS.values()), ABOUT)}


def _places(distances: tuple[float, ...] = (100.0,), bearings: tuple[float, ...] = (0.0,)) -> dict[str, Any]:
    pairs = [(distance, bearing) for distance in distances for bearing in bearings]
    nothing = np.full(len(pairs), np.nan)
    return {
        "distance": ("place", [distance for distance, _ in pairs]),
        "bearing": ("place", [bearing for _, bearing in pairs]),
        **dict.fromkeys(("image_height", "image_row", "image_column"), ("place", nothing)),
    }


def _result(analysis: str, data: xarray.Dataset, **parameters: Any) -> Result:
    data.attrs["caption"] = f"How {analysis} was measured. " + "word " * 60
    return Result(analysis, data, {"dataset": "planted images", **parameters}, {"agent": "planted"})


def decoding_result() -> Result:
    random = np.random.default_rng(0)
    layers, tasks = ("pixels", "conv1", "fc", "policy"), ("class", "effect")
    shape, dimensions = (3, 4, 2), ("checkpoint", "layer", "task")
    score = random.uniform(0.6, 0.95, shape)
    data = xarray.Dataset(
        {
            **dict.fromkeys(("train", "test", "balanced", "permuted_train", "permuted_test"), (dimensions, score)),
            "p": (dimensions, np.full(shape, 0.05)),
            "low": (dimensions, score - 0.04),
            "high": (dimensions, score + 0.03),
            "chance": (dimensions, np.full(shape, 0.25)),
            "chance_high": (dimensions, np.full(shape, 0.3)),
            "confusion": (("checkpoint", "layer", "class", "named"), random.integers(0, 9, (3, 4, 4, 4))),
        },
        {"checkpoint": list(CHECKPOINTS), "layer": list(layers), "task": list(tasks), **_classes(), **_places()},
    )
    return _result("decoding", data, reported_layer="fc", permutations=20)


def action_result() -> Result:
    random = np.random.default_rng(0)
    places = _places((100.0, 400.0), (-20.0, 0.0, 20.0))
    contrast = np.linspace(1.5, -0.5, 6)
    turning = np.where(np.array(places["bearing"][1]) == 0, np.nan, 0.4)
    summary = np.array([0.0, 0.6, 1.5])
    data = xarray.Dataset(
        {
            "label": ("image", np.arange(40) % 4),
            "images_of_class": ("class", np.full(4, 10)),
            "median": (("class", "action"), random.uniform(size=(4, 4))),
            "density": (("class", "action", "bin"), random.uniform(0, 4, (4, 4, 20))),
            "logit_score": (("image", "component"), random.normal(size=(40, 2)) * (4, 1)),
            "logit_axis": (("component", "output"), random.normal(size=(2, 6))),
            "logit_share": ("component", [0.8, 0.1]),
            "mean_probability": (("place", "class", "action"), random.uniform(size=(6, 4, 4))),
            "contrast": ("place", contrast),
            "contrast_low": ("place", contrast - 0.6),
            "contrast_high": ("place", contrast + 0.6),
            "turning": ("place", turning),
            "turning_low": ("place", turning - 0.5),
            "turning_high": ("place", turning + 0.5),
            "summary": ("checkpoint", summary),
            "summary_p": ("checkpoint", np.full(3, 0.05)),
            "summary_low": ("checkpoint", summary - 0.3),
            "summary_high": ("checkpoint", summary + 0.3),
            "summary_images_low": ("checkpoint", summary - 0.1),
            "summary_images_high": ("checkpoint", summary + 0.1),
        },
        {
            "bin": np.linspace(0.025, 0.975, 20),
            "action": list(ACTIONS),
            "output": list(OUTPUTS),
            "checkpoint": list(CHECKPOINTS),
            **_classes(),
            **places,
        },
        {"decides": "Straight ahead the interval lies above zero up to 100 map units away."},
    )
    return _result("action_given_stimulus", data)


def embedding_result(layers: tuple[str, ...] = ("pixels", "fc")) -> Result:
    random = np.random.default_rng(0)
    variables: dict[str, Any] = {"label": ("image", np.arange(40) % 4)}
    for layer in layers:
        for kind in ("principal", "tsne"):
            variables[f"{layer}_{kind}"] = (("image", "axis"), random.normal(size=(40, 2)) * 9)
        variables[f"{layer}_share"] = ("axis", [0.4, 0.2])
    variables["preserved"] = (("layer", "embedding"), np.full((len(layers), 2), 0.61))
    variables["same_class"] = (("layer", "space"), np.tile([0.9, 0.5, 0.8], (len(layers), 1)))
    coordinates = {
        "layer": list(layers),
        "embedding": ["principal", "tsne"],
        "space": ["activity", "principal", "tsne"],
    }
    return _result(
        "dataset_embedding", xarray.Dataset(variables, coordinates | _classes() | _places()), layers=list(layers)
    )


def attribution_result() -> Result:
    random = np.random.default_rng(0)
    targets = ["value", "probability:move forward"]
    inside = np.full((2, 4), 0.3)
    data = xarray.Dataset(
        {
            "observation": (
                ("class", "height", "width", "colour"),
                random.integers(0, 256, (4, 12, 16, 3), dtype=np.uint8),
            ),
            "map": (("target", "class", "height", "width"), random.normal(size=(2, 4, 12, 16))),
            "inside": (("target", "class"), inside),
            "inside_low": (("target", "class"), inside - 0.1),
            "area": ("class", np.full(4, 0.17)),
        },
        {"target": targets, **_classes(), **_places()},
    )
    return _result("dataset_attribution", data, images_per_class=2)


def presentation_result() -> Result:
    random = np.random.default_rng(0)
    data = xarray.Dataset(
        {
            "example": (
                ("place", "class", "height", "width", "colour"),
                random.integers(0, 256, (6, 4, 12, 16, 3), dtype=np.uint8),
            ),
            "median": (("place", "class"), random.uniform(0.3, 2.5, (6, 4))),
        },
        {**_classes(), **_places((60.0, 100.0), (-30.0, 0.0, 30.0))},
    )
    return _result("dataset_presentation", data)


def recurrent_result() -> Result:
    random = np.random.default_rng(0)
    score = np.linspace(0.9, 0.8, 5)
    data = xarray.Dataset(
        {
            "balanced": ("shown_steps", score),
            "low": ("shown_steps", score - 0.1),
            "high": ("shown_steps", score + 0.05),
            "chance": ("shown_steps", np.full(5, 0.25)),
            "chance_high": ("shown_steps", np.full(5, 0.3)),
            "size": (("shown_steps", "class"), random.uniform(1, 2, (5, 4))),
            "history_share": ("shown_steps", np.linspace(0.1, 0.02, 5)),
            "score": (("image", "axis"), random.normal(size=(40, 2))),
            "share": ("axis", [0.6, 0.1]),
            "label": ("image", np.arange(40) % 4),
        },
        {"shown_steps": np.arange(1, 6), **_classes(), **_places()},
    )
    return _result("recurrent_response", data)


def twin_result() -> Result:
    random = np.random.default_rng(0)
    shape, dimensions = (2, 3, 2), ("network_name", "layer", "task")
    score = random.uniform(0.5, 0.95, shape)
    data = xarray.Dataset(
        {
            "agent_filter": (("filter", "row", "column", "colour"), random.normal(size=(10, 5, 5, 3))),
            "twin_filter": (("filter", "row", "column", "colour"), random.normal(size=(10, 5, 5, 3))),
            "correlation": ("filter", np.linspace(0.9, -0.4, 10)),
            "balanced": (dimensions, score),
            "low": (dimensions, score - 0.05),
            "high": (dimensions, score + 0.04),
            "chance": (dimensions, np.full(shape, 0.25)),
        },
        {"network_name": ["agent", "twin"], "layer": ["conv1", "conv2", "fc"], "task": ["class", "effect"]},
    )
    return _result("twin_comparison", data)
