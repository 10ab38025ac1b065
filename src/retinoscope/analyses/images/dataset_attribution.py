"""Which pixels of a shown image move the critic and the actions, class by class."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import AGENT, SHOWS_IMAGES, WORLD, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.images.image_panels import attributed_image_panels, heads_attribute
from retinoscope.analyses.images.showing import own_and_handed_on, what_was_shown
from retinoscope.attribution.attribute import attribute_targets
from retinoscope.attribution.parameters import AttributionMethod
from retinoscope.result import Result
from retinoscope.settings import parameters, setting
from retinoscope.worlds.choosing import WorldLike

_ACTIONS = ("probability:move forward", "probability:move backward", "probability:turn left", "probability:turn right")


@parameters("dataset attribution")
class DatasetAttributionParameters:
    """Parameters of `dataset_attribution`."""

    targets: tuple[str, ...] | None = setting(
        None,
        "none for the critic's value and the probability of walking and turning, or, of a twin, of its classes",
        fewest=1,
    )
    method: AttributionMethod = setting("integrated_gradients", "method of attribution")
    images_per_class: int = setting(8, "explained, of the held-out part", least=1)
    seed: int = setting(0, "seed of the choice of images, if they are shown for this analysis alone", least=0)


def dataset_attribution(
    agent: Agent | Policy,
    *,
    world: WorldLike | None = None,
    given: Given | None = None,
    parameters: DatasetAttributionParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Explain what the agent makes of held-out images, at the first place of the presentation.

    The baseline of methods that compare is the same view without the stimulus.

    Args:
        agent: an agent, a twin, or a policy.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: the Result of `shown_images`, if it is at hand; else images are shown here.
        parameters: see `DatasetAttributionParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `DatasetAttributionParameters` that replace those of `parameters`, and of
            `ShownImagesParameters` (dataset, presentation, class_effects, ...) where images are shown here.

    Returns:
        A Result with `observation` (class, height, width, colour) uint8, one image of each class; its number `image`,
        `probability` (class, output) and `value` (class), NaN without a critic; `map` (target, class, height, width),
        its attribution, summed over colours; `inside` (target, class), the share of the absolute gradient that lies on
        pixels the stimulus covers, mean over images, and `inside_low`, `inside_high`, the range over images; `area`
        (class), the share of the view those pixels are: what chance would give.

    Raises:
        NotMeasurable: the views of so many held-out images were not kept.
        UserError: a parameter is unknown or out of range, images cannot be shown, or there is no such target or method.
    """
    chosen, handed_on = own_and_handed_on(parameters or DatasetAttributionParameters(), settings)
    needed = {"images": 0, "held_out_per_class": chosen.images_per_class, "layers": (), "checkpoints": False}
    shown = what_was_shown(agent, world, given, handed_on, needed | {"seed": chosen.seed}, progress)
    policy, empty = shown.agent.policy, shown.empty_view
    targets = chosen.targets or _usual(policy)
    classes = len(shown.class_names)
    images = shown.some(chosen.images_per_class * classes, shown.is_test)
    seen = shown.views(images, "held_out_per_class")
    maps = attribute_targets(policy, seen, None, targets, chosen.method, baseline=empty).sum(axis=-1)
    covered = (seen != empty).any(axis=-1)
    # Of the plain gradient: what is compared with the empty view is zero wherever the two are equal, by construction.
    strength = np.abs(attribute_targets(policy, seen, None, targets, "gradient")).sum(axis=-1)
    inside = (strength * covered).sum(axis=(2, 3)) / np.maximum(strength.sum(axis=(2, 3)), 1e-30)
    labels = shown.labels[images]
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
        "image": ("class", images[firsts], {"long_name": "number of the image"}),
        "probability": (("class", "output"), shown.probabilities(images[firsts], shown.own), {"units": "probability"}),
        "value": ("class", shown.values(images[firsts], "held_out_per_class"), {"units": "return"}),
    }
    coordinates = {"target": list(targets), "output": list(policy.output_names()), **shown.coordinates((shown.place,))}
    data = xarray.Dataset(variables, coords=coordinates)
    data.attrs["heads"] = heads_attribute(policy)
    data.attrs["caption"] = (
        f"{chosen.method.replace('_', ' ').capitalize()} of one held-out image of each class of {shown.name}, "
        f"{shown.place}, one step from the state at the start of an episode, against the same view without it."
    )
    return shown.result("dataset_attribution", data, chosen, targets=list(targets), place=str(shown.place))


def _usual(policy: Policy) -> tuple[str, ...]:
    outputs = policy.output_names()
    actions = tuple(each for each in _ACTIONS if each.partition(":")[2] in outputs)
    return ("value", *actions) if actions else tuple(f"probability:{name}" for name in outputs)


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.dataset_attribution import dataset_attribution as figure_of

    drawings: list[Drawing] = []
    for target in (str(each) for each in result.data["target"].values):
        what = target.partition(":")[2] or target
        name = "dataset_attribution_" + "".join(letter if letter.isalnum() else "_" for letter in what)
        draw = functools.partial(figure_of, result, target)
        title = f"Attribution of {what} on images"
        drawings.append(FigureDrawing(name, title, result.data.attrs["caption"], draw, says_caption=True))
    return drawings


ANALYSIS = Analysis(
    name="dataset_attribution",
    title="Attribution on images",
    group="images",
    summary="Which pixels of a held-out image move the critic and the actions, class by class.",
    run=dataset_attribution,
    parameters=DatasetAttributionParameters,
    of="agent",
    needs=(AGENT, WORLD, SHOWS_IMAGES),
    builds_on=("shown_images",),
    draw=_draw,
    explore=attributed_image_panels,
    rank=60,
    methods="""
        What moves {{ targets | listed }} was attributed to the pixels of held-out images of {{ dataset }} ({{
        place }}; {{ images_per_class }} of each class) by {{ attribution(method) }}; the baseline is the same
        view without the image. The share of the absolute gradient that lies on the pixels of the image stands
        beside the share of the view that these are (seed {{ seed }}).
    """,
)
