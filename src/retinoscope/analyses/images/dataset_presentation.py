"""How the images of a data set are shown, and how far what they evoke is from anything the agent has met."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import AGENT, RECORDING, SHOWS_IMAGES, WORLD, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.exploring import Panel, TablePanel
from retinoscope.analyses.images.showing import own_and_handed_on, what_was_shown
from retinoscope.errors import NotMeasurable
from retinoscope.result import Result
from retinoscope.settings import parameters, setting
from retinoscope.statistics.familiarity import relative_distances
from retinoscope.worlds.choosing import WorldLike

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

FAMILIAR = 2.0
"""Up to this many times the typical distance within the recording, activity is called familiar."""

_STRETCHES = 8  # that a recording of a single episode is cut into


@parameters("dataset presentation")
class PresentationParameters:
    """Parameters of `dataset_presentation`."""

    images: int = setting(
        300,
        "number of images that are compared at every place, at most, as evenly over classes as the set allows",
        least=2,
    )
    recorded: int = setting(
        5_000,
        "number of decisions of the recording that they are compared with, at most, evenly spaced",
        units="decisions",
        least=2,
    )
    seed: int = setting(0, "seed of the choice of images, if they are shown for this analysis alone", least=0)


def dataset_presentation(
    agent: Agent | Policy,
    *,
    recording: Recording,
    world: WorldLike | None = None,
    given: Given | None = None,
    parameters: PresentationParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Show images at every place, and measure how far the activity they evoke is from recorded activity.

    The layer compared is the one that `shown_images` keeps, the last dense one unless its `layer` says otherwise.

    Args:
        agent: an agent or its policy, the one that was recorded.
        recording: what the agent has met.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: the Result of `shown_images`, if it is at hand; else images are shown here.
        parameters: see `PresentationParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `PresentationParameters` that replace those of `parameters`, and of
            `ShownImagesParameters` (dataset, presentation, class_effects, ...) where images are shown here.

    Returns:
        A Result with `example` (place, class, height, width, colour) uint8, one image of each class as it was shown;
        `relative_distance` (place, class, image) float32, to the nearest recorded activity, in units of the median
        distance of recorded activity to the nearest of another episode, NaN behind the last image of a class;
        `median` (place, class); `familiar` (place, class), the share of images at most `FAMILIAR`;
        `recorded_distance` (row), the same within the recording.

    Raises:
        NotMeasurable: the layer is not in the recording, or too few images were shown.
        UserError: a parameter is unknown or out of range, or the images or the recording cannot be used.
    """
    chosen, handed_on = own_and_handed_on(parameters or PresentationParameters(), settings)
    needed = {"images": chosen.images, "held_out_per_class": 0, "layers": (), "checkpoints": False, "seed": chosen.seed}
    shown = what_was_shown(agent, world, given, handed_on, needed, progress)
    images, layer = shown.some(chosen.images), shown.layer
    labels, classes = shown.labels[images], len(shown.class_names)
    recorded, groups = _recorded(recording, layer, chosen.recorded)
    activity = shown.at_every_place(images, "activity")
    relative, within, typical = relative_distances(activity.reshape(-1, activity.shape[-1]), recorded, groups)
    by_class = _by_class(relative.reshape(activity.shape[:2]), labels, classes)
    about = {"units": "typical distance within the recording"}
    variables: dict[str, Any] = {
        "example": (("place", "class", "height", "width", "colour"), shown.source.data["example"].values),
        "relative_distance": (("place", "class", "image"), by_class.astype(np.float32), about),
        "median": (("place", "class"), np.nanmedian(by_class, axis=2), about),
        "familiar": (("place", "class"), _familiar(by_class), {"units": "1", "long_name": "share of familiar images"}),
        "recorded_distance": ("row", within.astype(np.float32), about),
    }
    data = xarray.Dataset(variables, coords=shown.coordinates(shown.places))
    data.attrs["typical_distance"] = typical
    data.attrs["caption"] = (
        f"n = {len(images)} images of {shown.name} at each place. Distance of the activity of {layer} to the nearest "
        f"of {len(recorded):,} recorded decisions, relative to the median distance of these to the nearest one of "
        f"another episode. Up to {FAMILIAR:g}, activity is called familiar here."
    )
    where = [str(place) for place in shown.places]
    return shown.result("dataset_presentation", data, chosen, recording, layer=layer, places=where)


def _recorded(recording: Recording, layer: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Activity (row, unit) of evenly spaced rows, and the episode of each."""
    if layer not in recording.attributes["layers"]:
        stored = ", ".join(recording.attributes["layers"])
        raise NotMeasurable(
            f"layer {layer!r}: is not stored in the recording; set shown_images.layer to one of {stored}"
        )
    every = max(1, -(-recording.frames // most))
    activity, groups = [], []
    for block in recording.blocks(2048, [layer]):
        activity.append(block[layer].values[::every])
        groups.append(block["episode"].values[::every])
    rows, episodes = np.concatenate(activity), np.concatenate(groups)
    if len(np.unique(episodes)) < 2:
        episodes = np.arange(len(rows)) * _STRETCHES // len(rows)
    return rows, episodes


def _by_class(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(place, image) -> (place, class, image of the class), NaN where a class has fewer."""
    most = int(np.bincount(labels).max())
    found = np.full((len(values), classes, most), np.nan)
    for label in range(classes):
        own = values[:, labels == label]
        found[:, label, : own.shape[1]] = own
    return found


def _familiar(by_class: np.ndarray) -> np.ndarray:
    known = ~np.isnan(by_class)
    return np.asarray(((by_class <= FAMILIAR) & known).sum(axis=2) / known.sum(axis=2))


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.dataset_presentation import dataset_presentation as figure_of

    caption = result.data.attrs["caption"]
    draw = functools.partial(figure_of, result)
    return [
        FigureDrawing("dataset_presentation", "Images as shown, and how familiar", caption, draw, says_caption=True)
    ]


def _explore(result: Result) -> list[Panel]:
    data = result.data
    rows = tuple(
        (place, str(name), *(round(float(data[each].values[number, row]), 3) for each in ("median", "familiar")))
        for number, place in enumerate(result.parameters["places"])
        for row, name in enumerate(data["class"].values)
    )
    columns = ("place", "class", "median relative distance", "share of familiar images")
    return [TablePanel("dataset_presentation", "How familiar images are", data.attrs["caption"], columns, rows)]


ANALYSIS = Analysis(
    name="dataset_presentation",
    title="Images as shown",
    group="images",
    summary="How images are shown, and how far what they evoke is from anything the agent has met.",
    run=dataset_presentation,
    parameters=PresentationParameters,
    of="agent",
    needs=(AGENT, RECORDING, WORLD, SHOWS_IMAGES),
    builds_on=("shown_images",),
    draw=_draw,
    explore=_explore,
    rank=10,
    methods="""
        How far from the agent's own life the images of {{ dataset }} are was measured on {{ layer }}, with {{
        images }} images at most at each of {{ sizes.place }} places: the distance of the activity that an image
        evokes to the nearest of {{ sizes.row }} recorded decisions, relative to the median distance of these to
        the nearest of another episode (seed {{ seed }}).
    """,
)
