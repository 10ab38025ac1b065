"""A gallery for each component: the samples that drive it, what it did during them, and which pixels moved it."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.declaration import FRAMES, MEMORY, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.memory.component_panels import gallery_panels
from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.example_lists import thresholds_of
from retinoscope.analyses.memory.fitted_components import Fit, FittedComponentsParameters, fit_of
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import Samples
from retinoscope.analyses.recorded import picture_attribute, picture_sentence, require_same
from retinoscope.attribution import attribute_windows
from retinoscope.attribution.parameters import AttributionMethod
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.dataset_examples import LEVELS, centre_of_middle, extremeness_order

if TYPE_CHECKING:
    from retinoscope.analyses.memory.fitted_components import Source


@parameters("component gallery")
class GalleryParameters:
    """Parameters of `component_gallery`."""

    per_level: int = setting(3, "samples shown of each of high, middle and low", least=1)
    frames: int = setting(
        8, "frames shown of each sample, evenly spaced and with the gradient step among them", least=1
    )
    numbers: tuple[int, ...] | None = setting(None, "numbers of the components that are shown; none for all", fewest=1)
    method: AttributionMethod = setting("integrated_gradients", "method of attribution to the pixels")
    attribution_steps: int = setting(6, "steps of integrated gradients, from the empty view to the frame", least=1)


def component_gallery(
    source: Source,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: GalleryParameters | None = None,
    **settings: Any,
) -> Result:
    """For each component, samples of its high, middle and low list at the gradient step, the most extreme first.

    Of a recording, the samples of one list come from as many episodes as there are. With the agent of the recording,
    the activation of the component at the gradient step is attributed to the pixels of that frame and of those before
    it in the window; the agent's memory is unrolled over the window, and what it owes to earlier frames is not
    followed.

    Args:
        source: a recording, or samples with frames.
        agent: of the recording; None for no attribution.
        given: the Results of `fitted_components` and of `dataset_examples`, with parameters of their own; of several
            proportions, the first counts.
        parameters: see `GalleryParameters`; single ones may be given by name instead.
        **settings: fields of `GalleryParameters` that replace those of `parameters`.

    Returns:
        A Result over (component, level, place): `sample` (-1 where a list is shorter), `name`, `value` at the gradient
        step, of a recording `episode` and `first_row`; `place_of_component` (component), among all that were found;
        `activation` (..., step); `frames` (..., shown, height, width, channel) of the steps `shown`; and with an agent
        `attribution` (..., shown, height, width), summed over channels, in units of the component.

    Raises:
        UserError: a parameter is unknown or out of range; there is no such component; what is
            given does not belong together; the agent is not that of the recording; the components are no linear
            readouts of its state.
        NotMeasurable: samples have no frames, or as `fitted_components`.
    """
    chosen = with_settings(parameters or GalleryParameters(), settings)
    fit = fit_of(source, agent, given)
    samples, fitted = fit.samples, fit.fitted
    if agent is not None and isinstance(samples, RecordingWindows):
        require_same(samples.recording, agent)
    numbers = list(chosen.numbers or fitted.numbers.tolist())
    for number in numbers:
        if number not in fitted.numbers:
            raise UserError(f"component {number}: there are components {fitted.numbers[0]} to {fitted.numbers[-1]}")
    examples = _examples_of(source, fit, agent, given)
    step = int(examples.parameters["gradient_step"])
    places, traces = _chosen_samples(fit, examples, chosen, step, numbers)
    shown = _shown_steps(samples.steps, chosen.frames, step)
    frames = _frames(samples, places, shown)
    dimensions = ("component", "level", "place")
    names = np.array(
        [[["" if each < 0 else str(samples.name(each)) for each in row] for row in part] for part in places]
    )
    variables: dict[str, Any] = {
        "place_of_component": ("component", [fitted.numbers.tolist().index(number) for number in numbers]),
        "sample": (dimensions, places),
        "name": (dimensions, names),
        "value": (dimensions, traces[..., step]),
        "activation": ((*dimensions, "step"), traces, {"units": "standard deviations of the component"}),
        "frames": ((*dimensions, "shown", "height", "width", "channel"), frames),
    }
    if isinstance(samples, RecordingWindows):
        variables["episode"] = (dimensions, np.where(places < 0, -1, samples.episodes[places]))
        variables["first_row"] = (dimensions, np.where(places < 0, -1, samples.starts[places]))
    why_not = ""
    if agent is not None and isinstance(samples, RecordingWindows):
        try:
            maps = _attributions(samples, fit, agent, places, numbers, shown, step, chosen)
        except NotMeasurable as error:  # the samples can be shown without
            why_not = str(error)
        else:
            variables["attribution"] = ((*dimensions, "shown", "height", "width"), maps, {"units": "activation"})
    data = xarray.Dataset(variables, coords={"component": numbers, "level": list(LEVELS), "shown": shown})
    for name in ("frames", "attribution"):
        if name in data:
            data[name].encoding = {"zlib": True, "complevel": 1}
    share = examples.parameters["proportions"][0]
    sentences = [_caption(fit, step, share, chosen, "attribution" in data)]
    if isinstance(samples, RecordingWindows):
        data.attrs["picture"] = picture_attribute(samples.recording.world)
        sentences.append(picture_sentence(samples.recording.world))
    if why_not:
        sentences.append(f"Not attributed to the pixels: {why_not}.")
    data.attrs |= {"caption": " ".join(filter(None, sentences)), "is_attributed": int("attribution" in data)}
    said = fit.parameters | {"proportions": [share], "gradient_step": step} | stated(chosen)
    return Result("component_gallery", data, said, fit.provenance)


def _examples_of(source: Source, fit: Fit, agent: Agent | None, given: Given | None) -> Result:
    """The lists of these components: those that are given, else made on the spot."""
    found = (given or {}).get("dataset_examples")
    if found is None:
        return dataset_examples(source, agent=agent, given=given)
    for field in dataclasses.fields(FittedComponentsParameters):
        here, there = fit.parameters.get(field.name), found.parameters.get(field.name)
        if here != there:
            raise UserError(
                f"component gallery: the dataset examples were made with {field.name} {there}, the components with "
                f"{here}; give the Results of the same fitted components"
            )
    return found


def _chosen_samples(
    fit: Fit, examples: Result, chosen: GalleryParameters, step: int, numbers: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Samples (component, level, place), -1 for none, and their activations (component, level, place, step)."""
    samples, fitted = fit.samples, fit.fitted
    shape = (len(numbers), len(LEVELS), chosen.per_level)
    places, traces = np.full(shape, -1, np.int64), np.full((*shape, samples.steps), np.nan)
    now = np.concatenate([fitted.transform(block[:, step]) for block in samples.blocks()])
    first = examples.data.isel(proportion=0)
    listed = first["listed"].sel(scope="gradient_step")
    centres = centre_of_middle(thresholds_of(first))
    for row, number in enumerate(numbers):
        column = fitted.numbers.tolist().index(number)
        for place, level in enumerate(LEVELS):
            there = np.flatnonzero(listed.sel(level=level, component=number).values)
            ordered = there[extremeness_order(now[there, column], level, float(centres[column]), there)]
            for which, sample in enumerate(_spread(ordered, samples, chosen.per_level)):
                places[row, place, which] = sample
                traces[row, place, which] = fitted.transform(samples.activity(sample, sample + 1))[0, :, column]
    return places, traces


def _spread(ordered: NDArray[np.intp], samples: Samples, wanted: int) -> list[int]:
    """The first of the samples, no second one of an episode before every episode had one."""
    groups = samples.group(ordered)
    first_of_group = np.zeros(len(groups), bool)
    first_of_group[np.unique(groups, return_index=True)[1]] = True
    order = np.argsort(~first_of_group, kind="stable")[:wanted]
    return [int(each) for each in ordered[np.sort(order)]]


def _shown_steps(steps: int, wanted: int, step: int) -> NDArray[np.int64]:
    """Steps of a sample that are shown: every n-th, counted from the gradient step."""
    apart = max(1, -(-steps // wanted))
    return np.arange(step % apart, steps, apart)


def _frames(samples: Samples, places: NDArray[np.int64], shown: NDArray[np.int64]) -> NDArray[Any]:
    first = next((int(each) for each in places.ravel() if each >= 0), 0)
    pattern = samples.frames(first)
    if pattern is None:
        raise NotMeasurable(
            f"{samples.source}: has no frames to show; give them with --frames, or leave the gallery out"
        )
    found = np.zeros((*places.shape, len(shown), *pattern.shape[1:]), pattern.dtype)
    for place in np.ndindex(*places.shape):
        if places[place] >= 0:
            frames = samples.frames(int(places[place]))
            if frames is None or frames.shape[1:] != pattern.shape[1:]:
                raise UserError(
                    f"{samples.source}: the frames of sample {samples.name(int(places[place]))} are not of the size of "
                    "the others; give frames of one size"
                )
            found[place] = frames[shown]
    return found


def _attributions(
    samples: RecordingWindows,
    fit: Fit,
    agent: Agent,
    places: NDArray[np.int64],
    numbers: list[int],
    shown: NDArray[np.int64],
    step: int,
    chosen: GalleryParameters,
) -> NDArray[np.float32]:
    """(component, level, place, shown, height, width), summed over channels; zero behind the gradient step.

    Raises:
        NotMeasurable: the activity of the layer is no part of the state, or gradients do not reach the pixels.
    """
    fitted = fit.fitted
    columns = agent.policy.state_columns(samples.layer)
    if columns is None:
        raise NotMeasurable(f"the activity of {samples.layer} is no part of the recurrent state")
    directions = np.zeros((len(fitted.numbers), agent.policy.state_size))
    directions[:, columns] = fitted.full(fitted.components.directions())
    height, width, _ = agent.policy.observation_shape
    found = np.zeros((*places.shape, len(shown), height, width), np.float32)
    is_before = shown <= step
    for row, number in enumerate(numbers):
        there = np.argwhere(places[row] >= 0)
        if not len(there):
            continue  # of a component that is the same in all of very few samples, none is listed
        rows = [
            samples.recording.rows(start, start + step + 1, ["observation", "state_entering"])
            for start in (int(samples.starts[places[row][tuple(each)]]) for each in there)
        ]
        maps = attribute_windows(
            agent,
            np.stack([each["observation"].values for each in rows]),
            np.stack([each["state_entering"].values[0] for each in rows]),
            directions[fitted.numbers.tolist().index(number)],
            chosen.method,
            **({"steps": chosen.attribution_steps} if chosen.method == "integrated_gradients" else {}),
        )
        for place, each in zip(there, maps, strict=True):
            found[row][tuple(place)][is_before] = each[shown[is_before]].sum(axis=-1)
    return found


def _caption(fit: Fit, step: int, share: float, chosen: GalleryParameters, is_attributed: bool) -> str:
    samples = fit.samples
    text = (
        f"{chosen.per_level} samples of each list at the gradient step ({step}, counted from 0, framed), proportion "
        f"{share:.4g}, the most extreme first"
    )
    if isinstance(samples, RecordingWindows):
        text += ", from different episodes where there are enough"
    text += f"; of {samples.count:,} samples of {samples.steps} steps of {samples.source}."
    text += f"{fit.fitted.constant_units} Left: its activation"
    text += "." if fit.fitted.components.method == "units" else ", in standard deviations."
    if is_attributed:
        method = chosen.method.replace("_", " ")
        is_coloured = isinstance(samples, RecordingWindows) and samples.recording.world.picture.channels == 3
        summed = "colours" if is_coloured else "channels"
        text += (
            f" Below each frame: how its pixels moved the component at the gradient step ({method}, summed over "
            f"{summed}; red raises, blue lowers), back through the memory to the beginning of the window."
        )
    return text


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    return [
        FigureDrawing(
            f"component_gallery_{number:02d}",
            f"Component {number}: what drives it",
            result.data.attrs["caption"],
            functools.partial(figures.component_gallery, result, number),
            says_caption=True,
        )
        for number in result.data["component"].values.tolist()
    ]


ANALYSIS = Analysis(
    name="component_gallery",
    title="Galleries of the components",
    group="memory",
    summary="For each component, samples that drive it, what it did during them, and which pixels moved it.",
    run=component_gallery,
    parameters=GalleryParameters,
    of="recording",
    needs=(RECORDING, MEMORY, FRAMES),
    builds_on=("fitted_components", "dataset_examples"),
    draw=_draw,
    explore=gallery_panels,
    rank=40,
    methods="""
        For {{ sizes.component }} components, {{ per_level }} samples of each of their lists are shown, the most
        extreme first. {% if found.is_attributed %}What moves a component was attributed to the pixels by {{
        attribution(method) }}{% if method == "integrated_gradients" %} in {{ attribution_steps }} steps{% endif
        %}; what the memory owes to frames before the sample was not followed.{% endif %}
    """,
)
