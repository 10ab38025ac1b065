"""Images shown once, for every analysis of what they evoke: all of them at the first place, some at the others.

At the first place every image is seen and passed through the network of every checkpoint once, and what is kept of it
is little: principal component scores of each layer, and the probabilities of actions. Scaler and components are fitted
to the images that are shown first, whose views are held until then. Of some images the view is kept too, for analyses
that look at it again in their own way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
import pydantic
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.checkpoints import checkpoints_of
from retinoscope.analyses.declaration import AGENT, SHOWS_IMAGES, WORLD, Analysis, Inputs
from retinoscope.analyses.drawing import Drawing
from retinoscope.analyses.images.display import PIXELS, Display, display, encoder_output, place_coordinates
from retinoscope.analyses.images.image_panels import heads_attribute, shown_image_panels
from retinoscope.analyses.images.passes import FirstPlace, Plan, show_elsewhere
from retinoscope.analyses.images.shown_dataset import Dataset
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.stimuli.places import Presentation, parse_class_effects, parse_presentation
from retinoscope.worlds.choosing import WorldLike


def _read_presentation(value: Any) -> Any:
    if isinstance(value, Mapping):
        return with_settings(Presentation(), {str(name): each for name, each in value.items()})
    return parse_presentation(value) if value is None or isinstance(value, str) else value


def _read_class_effects(value: Any) -> Any:
    return parse_class_effects(value) if isinstance(value, str) else value


@parameters("shown images")
class ShownImagesParameters:
    """Parameters of `shown_images`, which all analyses of shown images share."""

    dataset: Dataset = setting(
        None, "name of a set, an .npz file or a folder, or labelled images; none for the images of the arena"
    )
    presentation: Annotated[Presentation, pydantic.BeforeValidator(_read_presentation)] = setting(
        Presentation(),
        "where images are shown, as 'arena distance=100,200 bearing=-20,0,20' or 'paste height=30 position=30x40'; "
        "analyses that need a single place take the first",
    )
    class_effects: Annotated[Mapping[str, int] | None, pydantic.BeforeValidator(_read_class_effects)] = setting(
        None, "change of health per class, where the arena does not say, as cat=-20,dog=+10", units="points of health"
    )
    images: int = setting(
        1_000,
        "number of images whose views and activity are kept, at most, as evenly over classes as the set allows",
        least=0,
    )
    images_elsewhere: int | None = setting(
        None,
        "number of these that are also shown at the places after the first, at most; none for all of them",
        least=0,
    )
    held_out_per_class: int = setting(
        50, "number of images of the held-out part whose views are kept besides, at most", least=0
    )
    layers: tuple[str, ...] | None = setting(
        None, "layers whose principal component scores are kept for every image, besides the pixels'; none for all"
    )
    components: int = setting(64, "number of principal components of a layer that are kept, at most", least=1)
    fit_images: int = setting(
        1_500,
        "number of images of the training part on which scaler and components are fitted; their views are kept",
        least=2,
    )
    layer: str | None = setting(
        None, "layer whose activity is kept as it is, not a convolution; none for the last dense one"
    )
    checkpoints: bool = setting(
        True, "also show images to the checkpoints before and early in training, where they are known"
    )
    seed: int = setting(0, "seed of the choice of images", least=0)

    @pydantic.model_validator(mode="after")
    def _those_elsewhere_are_among_them(self) -> Self:
        if self.images_elsewhere is not None and self.images_elsewhere > self.images:
            raise UserError(
                f"shown images: images_elsewhere {self.images_elsewhere} is more than images {self.images}, of which "
                "they are; raise images"
            )
        return self


def shown_images(
    agent: Agent | Policy,
    *,
    world: WorldLike | None = None,
    parameters: ShownImagesParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Show the images of a set at every place, and keep what analyses of what they evoke need.

    Every image is shown one step from the state at the start of an episode. Images are numbered as in the set, without
    those of classes that are not shown.

    Args:
        agent: an agent or its policy.
        world: whose view the images are shown in; None for the one the agent was trained in.
        parameters: see `ShownImagesParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `ShownImagesParameters` that replace those of `parameters`.

    Returns:
        A Result with `label` (image), the class; `is_test` (image), whether it is held out; `fitted` (fit_image),
        numbers of the images that the components were fitted to. At the first place: `pixels_score`
        (image, pixels_component) and for every layer (here fc) `fc_score` (checkpoint, image, fc_component) float32;
        `probability` (checkpoint, image, output) float32; `logit` (image, output), of the agent itself; all NaN for
        images that were not shown, where `layers` is empty. `kept` (view), numbers of the images whose `observation`
        (view, height, width, colour) uint8, `value` (view), NaN without a critic, and `activity` (view, unit) float32
        are kept, and of a memory (here rnn) `rnn_activity` (view, rnn_unit); `empty_view` (height, width, colour), what
        is seen without any. At the places behind the first: `elsewhere` (elsewhere), numbers of the images that are
        shown there, `elsewhere_probability` (other_place, elsewhere, output), `elsewhere_value` (other_place,
        elsewhere), `elsewhere_activity` (other_place, elsewhere, unit) and `elsewhere_rnn_activity`. `example` (place,
        class, height, width, colour) uint8, the first image chosen of each class, its number `example_image` (class).
        `frames_trained` (checkpoint). Attribute `heads`: of the actor, as JSON.

    Raises:
        UserError: a parameter is unknown or out of range, or images cannot be shown.
    """
    chosen = with_settings(parameters or ShownImagesParameters(), settings)
    images = display(agent, world, chosen.dataset, chosen.presentation, chosen.class_effects)
    plan = _planned(images, chosen)
    players = _players(images.agent, chosen.checkpoints)
    total = len(plan.first) + len(plan.elsewhere) * (len(images.places) - 1)
    with progress_bar("shown images", total, progress) as advance:
        first = FirstPlace(images, plan, players, chosen.components)
        first.show(advance)
        variables = first.variables() | show_elsewhere(images, plan, first.observations, advance)
    from retinoscope.stimuli.arena_presentation import empty_view

    variables |= {
        "label": ("image", images.shown.labels, {"long_name": "index of the class"}),
        "is_test": ("image", images.shown.is_test, {"long_name": "held out"}),
        "frames_trained": ("checkpoint", [_frames(each) for each in players.values()], {"units": "frames"}),
        "empty_view": (("height", "width", "colour"), empty_view(images.world.arena)),
    }
    coordinates = {"checkpoint": list(players), "output": list(images.agent.policy.output_names())}
    data = xarray.Dataset(variables, coords=coordinates | images.shown.coordinates() | place_coordinates(images.places))
    data.attrs["heads"] = heads_attribute(images.agent.policy)
    said = stated(chosen) | {
        "dataset": images.shown.name,
        "effects": dict(zip(images.shown.class_names, images.shown.effects, strict=True)),
        "layers": list(plan.layers),
        "layer": plan.layer,
        "places": [str(each) for each in images.places],
        "own_checkpoint": next(name for name, each in players.items() if each is images.agent),
    }
    came_from = provenance(agent=images.agent, world=images.world, dataset=images.shown.name)
    return Result("shown_images", data, said, came_from)


def _planned(images: Display, chosen: ShownImagesParameters) -> Plan:
    shown, policy = images.shown, images.agent.policy
    layers, layer = _layers(policy, chosen)
    classes = len(shown.class_names)
    # At least one of each class, so that every class has an example.
    most = max(chosen.images, classes) if chosen.images else 0
    fewer = most if chosen.images_elsewhere is None else chosen.images_elsewhere
    some = shown.some(most, chosen.seed)
    others = shown.some(max(fewer, classes) if fewer and len(images.places) > 1 else 0, chosen.seed)
    one_each = shown.some(classes, chosen.seed)
    fitted = shown.some(chosen.fit_images if layers else 0, chosen.seed, ~shown.is_test)
    held_out = shown.some(chosen.held_out_per_class * classes, chosen.seed, shown.is_test)
    kept = np.unique(np.concatenate([some, fitted, held_out, one_each]))
    first = np.arange(len(shown.labels)) if layers else kept
    examples = one_each[np.argsort(shown.labels[one_each])]
    memory = tuple(each.name for each in policy.layers_of("memory") if not each.is_map and each.name != layer)
    return Plan(layers, layer, memory, fitted, first, kept, others, examples)


def _layers(policy: Policy, chosen: ShownImagesParameters) -> tuple[tuple[str, ...], str]:
    """The layers whose scores are kept, and the one whose activity is."""
    names = tuple(layer.name for layer in policy.layers) if chosen.layers is None else chosen.layers
    for name in names:
        if name != PIXELS:
            policy.layer(name)
    layer = encoder_output(policy) if chosen.layer is None else chosen.layer
    if policy.layer(layer).is_map:
        raise UserError(f"layer {layer!r}: is a convolution, of which too much would be kept; choose another layer")
    return ((PIXELS, *(name for name in dict.fromkeys(names) if name != PIXELS)) if names else ()), layer


def _players(agent: Agent, checkpoints: bool) -> dict[str, Agent]:
    """The checkpoints by name, the agent itself among them as it was given."""
    if not checkpoints:
        return {"this": agent}
    found = checkpoints_of(agent)
    own = [name for name, each in found.items() if each.checkpoint_sha256 == agent.checkpoint_sha256]
    return found | {own[-1]: agent}


def _frames(agent: Agent) -> float:
    return np.nan if agent.frames_trained is None else float(agent.frames_trained)


def _refuse(inputs: Inputs, parameters: ShownImagesParameters) -> None:
    """Refuse images, places and layers that cannot be used before anything is recorded, not minutes later.

    Where nothing can be shown at all, as in most worlds, the page will say so.
    """
    if inputs.agent is not None:
        shown = (parameters.dataset, parameters.presentation, parameters.class_effects)
        with contextlib.suppress(NotMeasurable):
            _layers(display(inputs.agent, inputs.world, *shown).agent.policy, parameters)


def _draw(result: Result) -> list[Drawing]:
    return []


ANALYSIS = Analysis(
    name="shown_images",
    title="Images shown",
    group="images",
    summary="Shows all images once at the first place and some at the others, and keeps what they evoke.",
    run=shown_images,
    parameters=ShownImagesParameters,
    of="agent",
    needs=(AGENT, WORLD, SHOWS_IMAGES),
    draw=_draw,
    explore=shown_image_panels,
    is_shared=True,
    refuse=_refuse,
    rank=0,
    methods="""
        Images of {{ dataset }} were shown to the agent one step from the state at the start of an episode, at
        {{ sizes.place }} places, the first {{ places | first }}. There all {{ sizes.image }} images were shown,
        and views of {{ sizes.view }} kept. Activity was reduced to {{ components }} principal components of
        each layer at most, fitted to {{ sizes.fit_image }} images of the training part (seed {{ seed }}).
    """,
)
