"""What an agent does before each class of stimulus: how probable its actions are, and from where on it decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import AGENT, SHOWS_IMAGES, WORLD, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, TablePanel, table_panel
from retinoscope.analyses.images.display import agent_of
from retinoscope.analyses.images.showing import Showing, own_and_handed_on, what_was_shown
from retinoscope.errors import NotMeasurable
from retinoscope.result import Result
from retinoscope.settings import parameters, setting
from retinoscope.statistics.bootstrap import Interval
from retinoscope.statistics.contrasts import contrast_intervals, contrast_p, densities
from retinoscope.stimuli.places import InArena, Pasted, Place
from retinoscope.worlds.choosing import WorldLike

ACTIONS = {"forward": "move forward", "backward": "move backward", "left": "turn left", "right": "turn right"}
_DENSITY_BINS = 40


@parameters("action given stimulus")
class ActionParameters:
    """Parameters of `action_given_stimulus`."""

    images: int = setting(1_000, "number of images, at most, as evenly over classes as the set allows", least=4)
    seed: int = setting(
        0, "seed of the bootstrap, and of the choice of images if they are shown for this analysis alone", least=0
    )


def action_given_stimulus(
    agent: Agent | Policy,
    *,
    world: WorldLike | None = None,
    given: Given | None = None,
    parameters: ActionParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Probability of walking and turning before images of each class, at every place of a presentation.

    Every image is shown one step from the state at the start of an episode, on the ground of the empty arena. The
    summary is P(forward) - P(backward), averaged over healing classes, less the same over harmful ones.

    Args:
        agent: an agent or its policy, whose actions are those of the arenas here.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: the Result of `shown_images`, if it is at hand; else images are shown here.
        parameters: see `ActionParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `ActionParameters` that replace those of `parameters`, and of
            `ShownImagesParameters` (dataset, presentation, class_effects, ...) where images are shown here.

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
        NotMeasurable: the agent has other actions, or too few images were shown.
        UserError: a parameter is unknown or out of range, or images cannot be shown.
    """
    chosen, handed_on = own_and_handed_on(parameters or ActionParameters(), settings)
    agent = agent_of(agent)
    outputs = agent.policy.output_names()
    for name in ACTIONS.values():
        if name not in outputs:
            raise NotMeasurable(f"agent {agent.name!r}: has no action {name!r}; its actions are {', '.join(outputs)}")
    needed = {"images": chosen.images, "held_out_per_class": 0, "layers": (), "seed": chosen.seed}
    shown = what_was_shown(agent, world, given, handed_on, needed, progress)
    images, places = shown.some(chosen.images), shown.places
    columns = [outputs.index(name) for name in ACTIONS.values()]
    probabilities = shown.at_every_place(images, "probability")[..., columns]
    labels = shown.labels[images]
    variables = {**_first(probabilities[0], labels, shown), **_components(shown.logits[images], outputs)}
    variables |= _grid(probabilities, labels, shown, places, chosen.seed)
    summaries = {
        str(name): _summary(shown.probabilities(images, str(name))[:, columns], labels, shown, chosen.seed)
        for name in shown.source.data["checkpoint"].values
    }
    about = {"units": "probability", "long_name": "P(forward) - P(backward), healing less harmful"}
    for part, suffix in enumerate(("", "_low", "_high")):
        variables[f"summary{suffix}"] = ("checkpoint", [each[0][part] for each in summaries.values()], about)
        variables[f"summary_images{suffix}"] = ("checkpoint", [each[1][part] for each in summaries.values()], about)
    about = {"units": "1", "long_name": "share of the ways to assign effects to classes with as large a summary"}
    variables["summary_p"] = ("checkpoint", [each[2] for each in summaries.values()], about)
    coordinates: dict[str, Any] = {"action": list(ACTIONS), "output": list(outputs), "checkpoint": list(summaries)}
    data = xarray.Dataset(variables, coords=coordinates | shown.coordinates(places))
    data.attrs["caption"] = _caption(data, shown, places[0], len(images))
    data.attrs["decides"] = _decides(data, places)
    effects = dict(zip(shown.class_names, shown.effects, strict=True))
    where = [str(place) for place in places]
    return shown.result("action_given_stimulus", data, chosen, places=where, effects=effects)


def _first(probabilities: np.ndarray, labels: np.ndarray, shown: Showing) -> dict[str, Any]:
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
    probabilities: np.ndarray, labels: np.ndarray, shown: Showing, places: tuple[Place, ...], seed: int
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
    values: np.ndarray, labels: np.ndarray, shown: Showing, seed: int, over_classes: bool = True
) -> list[Interval]:
    sides = np.sign(shown.effects)
    if not {-1, 1} <= set(sides.tolist()):
        return [Interval(np.nan, np.nan, np.nan)] * values.shape[1]
    return contrast_intervals(values, labels, sides, over_classes, seed=seed)


def _contrast_p(values: np.ndarray, labels: np.ndarray, shown: Showing) -> float:
    sides = np.sign(shown.effects)
    return contrast_p(values, labels, sides) if {-1, 1} <= set(sides.tolist()) else float("nan")


def _summary(answers: np.ndarray, labels: np.ndarray, shown: Showing, seed: int) -> tuple[Interval, Interval, float]:
    """Of the probabilities of a checkpoint at the first place: intervals over classes and over images, and p."""
    walking = (answers[:, 0] - answers[:, 1])[:, None]
    return (
        _contrasts(walking, labels, shown, seed)[0],
        _contrasts(walking, labels, shown, seed, over_classes=False)[0],
        _contrast_p(walking[:, 0], labels, shown),
    )


def _caption(data: xarray.Dataset, shown: Showing, place: Place, images: int) -> str:
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


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.action_given_stimulus import action_given_stimulus as figure_of
    from retinoscope.figures.action_given_stimulus import action_given_stimulus_by_place as figure_by_place

    caption, data = result.data.attrs["caption"], result.data
    name, title = "action_given_stimulus", "Probability of actions given a stimulus"
    drawings: list[Drawing] = [FigureDrawing(name, title, caption, lambda: figure_of(result), says_caption=True)]
    if not np.isnan(data["distance"].values).any():
        name, title = "action_given_stimulus_by_place", "Actions by distance and bearing"
        decides = data.attrs["decides"]
        drawings.append(FigureDrawing(name, title, decides, lambda: figure_by_place(result), says_caption=True))
    return [*drawings, _summary_table(result)]


def _summary_table(result: Result) -> TableDrawing:
    caption, data = result.data.attrs["caption"], result.data
    names = ("summary", "summary_low", "summary_high", "summary_images_low", "summary_images_high", "summary_p")
    rows: tuple[tuple[str | int | float, ...], ...] = tuple(
        (str(checkpoint), *(round(float(data[name][number]), 4) for name in names))
        for number, checkpoint in enumerate(data["checkpoint"].values)
    )
    columns = ("checkpoint", "summary", "95% low, classes", "high", "95% low, images", "high", "p over assignments")
    summary = f"P(forward) − P(backward), healing less harmful. {caption}"
    return TableDrawing("action_summary", "One number: does it tell them apart?", summary, columns, rows)


def _explore(result: Result) -> list[Panel]:
    """The summary, and what the agent does before each class at each place."""
    data = result.data
    rows = tuple(
        (place, str(name), *(round(float(each), 4) for each in data["mean_probability"].values[number, row]))
        for number, place in enumerate(result.parameters["places"])
        for row, name in enumerate(data["class"].values)
    )
    columns = ("place", "class", *(f"P({name})" for name in data["action"].values))
    title, caption = "Actions by place and class, mean over images", f"{data.attrs['caption']} {data.attrs['decides']}"
    by_place = TablePanel("action_given_stimulus_by_place", title, caption, columns, rows)
    return [table_panel(_summary_table(result)), by_place]


ANALYSIS = Analysis(
    name="action_given_stimulus",
    title="Actions given a stimulus",
    group="images",
    summary="What the agent does before each class of image, and from how far away on it decides.",
    run=action_given_stimulus,
    parameters=ActionParameters,
    of="agent",
    needs=(AGENT, WORLD, SHOWS_IMAGES),
    builds_on=("shown_images",),
    draw=_draw,
    explore=_explore,
    rank=40,
    methods="""
        The probability of walking and turning was computed for {{ sizes.image }} images of {{ dataset }}, one
        step from the state at the start of an episode, at {{ sizes.place }} places. The summary is P(forward) −
        P(backward), averaged over healing classes, less the same over harmful ones, with Welch's {{ interval
        }}% interval over classes [@welch1947] (seed {{ seed }}).
    """,
)
