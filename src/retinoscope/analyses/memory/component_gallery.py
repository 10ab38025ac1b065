"""A gallery for each component: the samples that drive it, what it did during them, and which pixels moved it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.memory.dataset_examples import (
    ExampleList,
    ExampleParameters,
    example_lists,
    fit_examples,
    gradient_step_of,
    provenance_of_samples,
    samples_of,
    settle_examples,
)
from retinoscope.analyses.memory.memory_components import FittedComponents, activations_of
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import Samples
from retinoscope.analyses.recorded import require_same
from retinoscope.attribution import attribute_windows
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.statistics.dataset_examples import LEVELS, find_thresholds

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


@dataclass(frozen=True)
class GalleryParameters:
    """Parameters of `component_gallery` besides those of `ExampleParameters`.

    Attributes:
        per_level: samples shown of each of high, middle and low.
        frames: of each sample that are shown, evenly spaced and with the gradient step among them.
        components: the numbers of those shown; none for all.
        method: of the attribution to the pixels.
        attribution_steps: of integrated gradients.
    """

    per_level: int = 3
    frames: int = 8
    components: tuple[int, ...] = ()
    method: str = "integrated_gradients"
    attribution_steps: int = 6

    def __post_init__(self) -> None:
        for name in ("per_level", "frames", "attribution_steps"):
            if getattr(self, name) < 1:
                raise UserError(f"gallery: {name} is {getattr(self, name)}; give at least 1")


def component_gallery(
    source: Recording | Samples,
    agent: Agent | None = None,
    parameters: ExampleParameters | None = None,
    gallery: GalleryParameters | None = None,
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
        parameters: as for `dataset_examples`, so that both speak of the same components; its first proportion counts.
        gallery: see `GalleryParameters`.
        **settings: fields of `ExampleParameters` that replace those of `parameters`.

    Returns:
        A Result over (component, level, place): `sample` (-1 where a list is shorter), `name`, `value` at the gradient
        step; `activation` (..., step); `frames` (..., shown, height, width, channel) uint8 of the steps `shown`; and
        with an agent `attribution` (..., shown, height, width), summed over colours, in units of the component.

    Raises:
        UserError: as `dataset_examples`; samples have no frames; there is no such component; the agent is not that of
            the recording; the components are no linear readouts of its state.
    """
    settled, chosen = settle_examples(parameters, settings), gallery or GalleryParameters()
    samples = samples_of(source, settled, agent)
    if agent is not None and isinstance(samples, RecordingWindows):
        require_same(samples.recording, agent)
    step = gradient_step_of(settled, samples)
    fitted = fit_examples(samples, settled)
    numbers = list(chosen.components) or fitted.numbers.tolist()
    for number in numbers:
        if number not in fitted.numbers:
            raise UserError(f"component {number}: there are components {fitted.numbers[0]} to {fitted.numbers[-1]}")
    places, traces = _chosen_samples(samples, fitted, settled, chosen, step, numbers)
    shown = _shown_steps(samples.steps, chosen.frames, step)
    frames = _frames(samples, places, shown)
    dimensions = ("component", "level", "place")
    names = np.array(
        [[["" if each < 0 else str(samples.name(each)) for each in row] for row in part] for part in places]
    )
    variables: dict[str, Any] = {
        "sample": (dimensions, places),
        "name": (dimensions, names),
        "value": (dimensions, traces[..., step]),
        "activation": ((*dimensions, "step"), traces, {"units": "standard deviations of the component"}),
        "frames": ((*dimensions, "shown", "height", "width", "channel"), frames),
    }
    if isinstance(samples, RecordingWindows):
        variables["episode"] = (dimensions, np.where(places < 0, -1, samples.episodes[places]))
    if agent is not None and isinstance(samples, RecordingWindows):
        maps = _attributions(samples, fitted, agent, places, numbers, shown, step, chosen)
        variables["attribution"] = ((*dimensions, "shown", "height", "width"), maps, {"units": "activation"})
    data = xarray.Dataset(variables, coords={"component": numbers, "level": list(LEVELS), "shown": shown})
    for name in ("frames", "attribution"):
        if name in data:
            data[name].encoding = {"zlib": True, "complevel": 1}
    data.attrs["caption"] = _caption(samples, fitted, step, settled, chosen, "attribution" in data)
    stated = dataclasses.asdict(settled) | {"gradient_step": step, "gallery": dataclasses.asdict(chosen)}
    if isinstance(samples, RecordingWindows):
        stated["burn_in_steps"] = samples.burn_in
    return Result("component_gallery", data, stated, provenance_of_samples(samples))


def _chosen_samples(
    samples: Samples,
    fitted: FittedComponents,
    settled: ExampleParameters,
    chosen: GalleryParameters,
    step: int,
    numbers: list[int],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Samples (component, level, place), -1 for none, and their activations (component, level, place, step)."""
    shape = (len(numbers), len(LEVELS), chosen.per_level)
    places, traces = np.full(shape, -1, np.int64), np.full((*shape, samples.steps), np.nan)
    with activations_of(samples, fitted) as activations:
        (thresholds,) = find_thresholds(
            activations.step_blocks, fitted.steps, len(fitted.numbers), settled.proportions[:1]
        )
        for each in example_lists(activations, fitted.numbers, thresholds, step):
            if each.scope != "gradient_step" or each.component not in numbers:
                continue
            row, level = numbers.index(each.component), LEVELS.index(each.level)
            column = fitted.numbers.tolist().index(each.component)
            for place, sample in enumerate(_spread(each, samples, chosen.per_level)):
                places[row, level, place] = sample
                traces[row, level, place] = activations.samples(sample, sample + 1)[0, :, column]
    return places, traces


def _spread(examples: ExampleList, samples: Samples, wanted: int) -> list[int]:
    """The most extreme samples, no second one of an episode before every episode had one."""
    groups = samples.group(examples.samples)
    first_of_group = np.zeros(len(groups), bool)
    first_of_group[np.unique(groups, return_index=True)[1]] = True
    order = np.argsort(~first_of_group, kind="stable")[:wanted]
    return [int(each) for each in examples.samples[np.sort(order)]]


def _shown_steps(steps: int, wanted: int, step: int) -> NDArray[np.int64]:
    """Steps of a sample that are shown: every n-th, counted from the gradient step."""
    apart = max(1, -(-steps // wanted))
    return np.arange(step % apart, steps, apart)


def _frames(samples: Samples, places: NDArray[np.int64], shown: NDArray[np.int64]) -> NDArray[np.uint8]:
    first = next((int(each) for each in places.ravel() if each >= 0), 0)
    pattern = samples.frames(first)
    if pattern is None:
        raise UserError(f"{samples.source}: has no frames to show; give them with --frames, or leave the gallery out")
    found = np.zeros((*places.shape, len(shown), *pattern.shape[1:]), np.uint8)
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
    fitted: FittedComponents,
    agent: Agent,
    places: NDArray[np.int64],
    numbers: list[int],
    shown: NDArray[np.int64],
    step: int,
    chosen: GalleryParameters,
) -> NDArray[np.float32]:
    """(component, level, place, shown, height, width), summed over colours; zero behind the gradient step."""
    directions = fitted.full(fitted.components.directions())
    height, width, _ = agent.policy.observation_shape
    found = np.zeros((*places.shape, len(shown), height, width), np.float32)
    is_before = shown <= step
    for row, number in enumerate(numbers):
        there = np.argwhere(places[row] >= 0)
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


def _caption(
    samples: Samples,
    fitted: FittedComponents,
    step: int,
    settled: ExampleParameters,
    chosen: GalleryParameters,
    is_attributed: bool,
) -> str:
    text = (
        f"{chosen.per_level} samples of each list at the gradient step ({step}, counted from 0, framed), proportion "
        f"{settled.proportions[0]:.4g}, the most extreme first"
    )
    if isinstance(samples, RecordingWindows):
        text += ", from different episodes where there are enough"
    text += f"; of {samples.count:,} samples of {samples.steps} steps of {samples.source}. Left: its activation"
    text += "." if fitted.components.method == "units" else ", in standard deviations."
    if is_attributed:
        method = chosen.method.replace("_", " ")
        text += (
            f" Below each frame: how its pixels moved the component at the gradient step ({method}, summed over "
            "colours; red raises, blue lowers), back through the memory to the beginning of the window."
        )
    return text
