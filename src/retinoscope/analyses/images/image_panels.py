"""What the explorer shows of images: what the agent saw, what it would do, and what the images evoked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.analyses.exploring import ImageSaliency, ImagesPanel, Panel, ShownHead
from retinoscope.analyses.images.display import places_of
from retinoscope.analyses.images.shown_dataset import some_of
from retinoscope.result import Result

MOST_IMAGES = 400
"""Images of the first place in the explorer; of more, so many as evenly over classes as they allow."""


def heads_attribute(policy: Policy) -> str:
    """The heads of the actor, for `data.attrs["heads"]`: JSON."""
    return json.dumps([{"name": each.name, "kind": each.kind, "outputs": each.outputs} for each in policy.action_heads])


def shown_image_panels(result: Result) -> list[Panel]:
    """Of a Result of `shown_images`: many images at the first place, and one of each class at every place."""
    data = result.data
    if "heads" not in data.attrs:  # Results of before
        return []
    where = [str(each) for each in places_of(data)]
    found: list[Panel] = [_first_place(result, where[0])]
    elsewhere, examples = data.get("elsewhere"), data["example_image"].values
    if elsewhere is not None and np.isin(examples, elsewhere.values).all():
        found.append(_every_place(result, where))
    return found


def attributed_image_panels(result: Result) -> list[Panel]:
    """Of a Result of `dataset_attribution`: one held-out image of each class, and what moved value and actions."""
    data = result.data
    if "heads" not in data.attrs:  # Results of before
        return []
    saliency = tuple(
        ImageSaliency(str(name), str(name).replace(":", ": "), data["map"].sel(target=name).values)
        for name in data["target"].values
    )
    return [
        ImagesPanel(
            "dataset_attribution",
            "Attribution on images",
            f"{data.attrs['caption']} These maps were not put to the randomisation of parameters.",
            data["observation"].values[:, None],
            _names(data["image"].values),
            **_classes(data),
            class_of=np.arange(data.sizes["class"]),
            places=(str(result.parameters["place"]),),
            heads=_heads(data),
            outputs=data["probability"].values[:, None],
            value=_value(data["value"].values[:, None]),
            saliency=saliency,
        )
    ]


def _first_place(result: Result, place: str) -> ImagesPanel:
    data, said = result.data, result.parameters
    kept = data["kept"].values
    rows = some_of(data["label"].values[kept], MOST_IMAGES, int(said["seed"]))
    images = kept[rows]
    of_all = f" of the {len(kept)} whose views are kept" if len(rows) < len(kept) else ""
    return ImagesPanel(
        "shown_images",
        "Images at the first place",
        f"{len(rows)} images{of_all}, {said['dataset']}, {place}, one step from the state at the start of an episode.",
        data["observation"].values[rows][:, None],
        _names(images),
        **_classes(data),
        class_of=data["label"].values[images],
        places=(place,),
        heads=_heads(data),
        outputs=_own(result).values[images][:, None],
        value=_value(data["value"].values[rows][:, None]),
        responses={layer: data[name].values[rows][:, None] for layer, name in _responses(result).items()},
    )


def _every_place(result: Result, where: list[str]) -> ImagesPanel:
    data = result.data
    examples = data["example_image"].values
    kept, there = (np.searchsorted(data[name].values, examples) for name in ("kept", "elsewhere"))

    def at_all(first: NDArray[Any], others: str) -> NDArray[Any]:
        """(class, place, ...) of the first place, and of the others."""
        behind = data[f"elsewhere_{others}"].values[:, there]
        return np.concatenate([first[:, None], np.moveaxis(behind, 0, 1)], axis=1)

    return ImagesPanel(
        "shown_images_by_place",
        "One image of each class at every place",
        f"One image of each of {len(examples)} classes of {result.parameters['dataset']} at {len(where)} places, one "
        "step from the state at the start of an episode.",
        np.moveaxis(data["example"].values, 0, 1),
        _names(examples),
        **_classes(data),
        class_of=np.arange(len(examples)),
        places=tuple(where),
        heads=_heads(data),
        outputs=at_all(_own(result).values[examples], "probability"),
        value=_value(at_all(data["value"].values[kept], "value")),
        responses={layer: at_all(data[name].values[kept], name) for layer, name in _responses(result).items()},
    )


def _own(result: Result) -> xarray.DataArray:
    """(image, output) probabilities of the agent itself."""
    return result.data["probability"].sel(checkpoint=result.parameters["own_checkpoint"])


def _responses(result: Result) -> dict[str, str]:
    """The variables that hold activity, by layer."""
    memory = {str(each.attrs["long_name"]): str(name) for name, each in result.data.items() if _is_memory(str(name))}
    return {str(result.parameters["layer"]): "activity"} | memory


def _is_memory(name: str) -> bool:
    return name.endswith("_activity") and not name.startswith("elsewhere_")


def _classes(data: xarray.Dataset) -> dict[str, Any]:
    names = tuple(str(each) for each in data["class"].values)
    return {"classes": names, "valences": np.asarray(data["effect"].values, np.float64)}


def _names(images: NDArray[np.integer]) -> tuple[str, ...]:
    return tuple(f"image {number}" for number in images.tolist())


def _heads(data: xarray.Dataset) -> tuple[ShownHead, ...]:
    return tuple(
        ShownHead(each["name"], each["kind"], tuple(each["outputs"])) for each in json.loads(data.attrs["heads"])
    )


def _value(values: NDArray[np.floating]) -> NDArray[np.floating] | None:
    return values if np.isfinite(values).any() else None
