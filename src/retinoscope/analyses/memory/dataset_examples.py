"""Dataset examples: which samples drive each component of the memory high, middling or low."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.memory.memory_components import (
    FIT_STEPS,
    Activations,
    ComponentChoice,
    FittedComponents,
    activations_of,
    fit_to_samples,
)
from retinoscope.analyses.memory.poor_cuts import describe_cut
from retinoscope.analyses.memory.recording_windows import WINDOW_STEPS, RecordingWindows
from retinoscope.analyses.memory.samples import ArraySamples, FolderSamples, Samples
from retinoscope.errors import UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import with_settings
from retinoscope.statistics.dataset_examples import (
    LEVELS,
    SCOPES,
    Extremes,
    Thresholds,
    at_any_step,
    centre_of_middle,
    extremeness_order,
    extremes_of_samples,
    find_thresholds,
    is_at_level,
)
from retinoscope.statistics.distributions import Moments, MomentsAccumulator, histogram, histogram_edges

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.rollouts import Recording

BINS = 60
_LIST_BYTES = 300_000_000  # of lists that are held at a time


@dataclass(frozen=True)
class ExampleParameters:
    """Parameters of `dataset_examples`.

    Attributes:
        components: `ica:16`, `pca:16`, `nmf:16`, without a number to have it chosen, or `units`.
        proportions: of the steps that are high, middling, low; each above 0 and at most 0.5.
        gradient_step: the step of a sample that gradients are taken from, counted from 0; None for the last.
        window_steps: of a recording: decisions in a sample.
        stride_steps: of a recording: from the start of one sample to that of the next; None for the window.
        burn_in_steps: of a recording: left out at the start of every episode; None to have it measured.
        fit_steps: steps drawn at random to find the components on.
        leave_out_constant: leave out units that never change, instead of refusing them.
        seed: of the draw, and of the start of ICA and NMF.
    """

    components: str = "ica:16"
    proportions: tuple[float, ...] = (0.1,)
    gradient_step: int | None = None
    window_steps: int = WINDOW_STEPS
    stride_steps: int | None = None
    burn_in_steps: int | None = None
    fit_steps: int = FIT_STEPS
    leave_out_constant: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        ComponentChoice.parse(self.components)
        if not self.proportions:
            raise UserError("proportions: none given; 0.1 takes a tenth of the steps")
        for each in self.proportions:
            if not 0 < each <= 0.5:
                raise UserError(f"proportion {each}: must be above 0 and at most 0.5; 0.1 takes a tenth of the steps")
        if len(set(self.proportions)) != len(self.proportions):
            raise UserError("proportions: one is given twice; give each once")
        if self.seed < 0:
            raise UserError(f"seed: {self.seed} is negative; give 0 or more")


class ExampleList(NamedTuple):
    """The samples of one component at one level, the most extreme first.

    Attributes:
        scope: `any_step` or `gradient_step`.
        level: `high`, `middle` or `low`.
        component: its number.
        samples: (sample,) row numbers.
        values: (sample,) activation at the most extreme step at that level.
        steps: (sample,) that step.
    """

    scope: str
    level: str
    component: int
    samples: NDArray[np.intp]
    values: NDArray[np.floating]
    steps: NDArray[np.int32]


def dataset_examples(
    source: Samples | Recording | NDArray[Any] | str | Path,
    parameters: ExampleParameters | None = None,
    *,
    agent: Agent | None = None,
    scratch: Path | None = None,
    **settings: Any,
) -> Result:
    """For each component, the samples where it is high, middling, low: at any step, and at the gradient step.

    Args:
        source: samples; a recording, which is cut into windows; an array (sample, step, unit) or a `.npy` file of one;
            or a folder with a folder of files for each sample.
        parameters: see `ExampleParameters`.
        agent: of the recording, if it is at hand: the burn-in is then measured by what the agent forgets.
        scratch: where large files may be put for the while.
        **settings: fields of `ExampleParameters` that replace those of `parameters`.

    Returns:
        A Result with `listed` (proportion, scope, level, component, sample), `coverage` (proportion, scope, level,
        component), the share of samples listed; thresholds `high`, `middle_from`, `middle_to`, `low` and `median`
        (proportion, component); `histogram` (when, component, bin) of `all_steps` and of the `gradient_step`, with
        `edge` (component, edge); `mean`, `standard_deviation`, `skewness`, `kurtosis` (when, component); `cut`
        (proportion, component), a sentence where the proportion cuts badly, else empty.

    Raises:
        UserError: a parameter is unknown or out of range, or the samples cannot be used.
    """
    settled = settle_examples(parameters, settings)
    samples = samples_of(source, settled, agent)
    fitted = fit_examples(samples, settled)
    with activations_of(samples, fitted, scratch) as activations:
        return examples_result(samples, fitted, activations, settled)


def settle_examples(parameters: ExampleParameters | None, settings: dict[str, Any]) -> ExampleParameters:
    """Parameters with single ones replaced.

    Raises:
        UserError: one is unknown or out of range.
    """
    return with_settings(parameters or ExampleParameters(), settings, "dataset examples")


def samples_of(
    source: Samples | Recording | NDArray[Any] | str | Path, parameters: ExampleParameters, agent: Agent | None = None
) -> Samples:
    """The samples that are meant; with the agent of a recording, its burn-in is measured by what it forgets.

    Raises:
        UserError: there are none.
    """
    if isinstance(source, Samples):
        return source
    if isinstance(source, np.ndarray):
        return ArraySamples(source)
    if isinstance(source, str | Path):
        return FolderSamples(source) if Path(source).is_dir() else ArraySamples(source)
    burn_in = parameters.burn_in_steps
    if burn_in is None:
        from retinoscope.analyses.behaviour.burn_in import choose_burn_in

        burn_in = choose_burn_in(source, policy=agent).steps
    return RecordingWindows(source, parameters.window_steps, parameters.stride_steps, burn_in)


def fit_examples(samples: Samples, parameters: ExampleParameters) -> FittedComponents:
    """The components that the parameters ask for.

    Raises:
        UserError: the gradient step lies outside the samples, or as `fit_to_samples`.
    """
    gradient_step_of(parameters, samples)
    choice = ComponentChoice.parse(parameters.components)
    return fit_to_samples(samples, choice, parameters.seed, parameters.fit_steps, parameters.leave_out_constant)


def gradient_step_of(parameters: ExampleParameters, samples: Samples) -> int:
    """The step, counted from 0.

    Raises:
        UserError: samples have no such step.
    """
    step = samples.steps - 1 if parameters.gradient_step is None else parameters.gradient_step
    if not 0 <= step < samples.steps:
        raise UserError(
            f"gradient step {step}: samples have steps 0 to {samples.steps - 1}, counted from 0; choose among these"
        )
    return step


def examples_result(
    samples: Samples, fitted: FittedComponents, activations: Activations, parameters: ExampleParameters
) -> Result:
    """The Result of `dataset_examples`, from activations that are at hand."""
    step, numbers = gradient_step_of(parameters, samples), fitted.numbers
    everywhere, there = _moments(activations, step)
    thresholds = find_thresholds(activations.step_blocks, fitted.steps, len(numbers), parameters.proportions)
    edges = histogram_edges(everywhere.lowest, everywhere.highest, BINS)
    counts = np.stack(
        [
            histogram(activations.step_blocks(), edges),
            histogram((block[:, step] for block in activations.blocks()), edges),
        ]
    )
    listed, outside = _listed(activations, thresholds, step)
    bounds = {
        name: (("proportion", "component"), np.stack([getattr(each, name) for each in thresholds]))
        for name in ("high", "middle_from", "middle_to", "low", "median")
    }
    shape = {
        name: (("when", "component"), np.stack([getattr(everywhere, name), getattr(there, name)]))
        for name in ("mean", "standard_deviation", "skewness", "kurtosis")
    }
    coverage = listed.mean(axis=-1)
    sentences = np.array(
        [
            [
                describe_cut(share, float(everywhere.skewness[place]), one, place, outside[number], counts[0, place])
                for place in range(len(numbers))
            ]
            for number, (share, one) in enumerate(zip(parameters.proportions, thresholds, strict=True))
        ]
    )
    dimensions = ("proportion", "scope", "level", "component")
    data = xarray.Dataset(
        bounds
        | shape
        | {
            "listed": ((*dimensions, "sample"), listed),
            "coverage": (dimensions, coverage, {"long_name": "share of samples in the list", "units": "1"}),
            "histogram": (("when", "component", "bin"), counts, {"units": "steps"}),
            "edge": (("component", "edge_of_bin"), edges, {"long_name": "activation"}),
            "cut": (("proportion", "component"), sentences),
        },
        coords={
            "proportion": list(parameters.proportions),
            "scope": list(SCOPES),
            "level": list(LEVELS),
            "component": numbers,
            "sample": list(samples.names) if samples.names else np.arange(samples.count),
            "when": ["all_steps", "gradient_step"],
        },
    )
    if isinstance(samples, RecordingWindows):
        where = {"episode": ("sample", samples.episodes), "first_row": ("sample", samples.starts)}
        data = data.assign_coords(where)
    data["listed"].encoding = {"zlib": True}
    data.attrs["caption"] = _caption(samples, fitted, step, parameters)
    stated = dataclasses.asdict(parameters) | {"gradient_step": step, "steps": samples.steps}
    stated |= {"components_found_by": fitted.components.algorithm, "converged": fitted.components.converged}
    if isinstance(samples, RecordingWindows):
        stated["burn_in_steps"] = samples.burn_in
    return Result("dataset_examples", data, stated, provenance_of_samples(samples))


def example_lists(
    activations: Activations, numbers: NDArray[np.integer], thresholds: Thresholds, gradient_step: int
) -> Iterator[ExampleList]:
    """Every list, component by component, in as many passes as keep the memory bounded."""
    together = max(1, _LIST_BYTES // (120 * activations.count))
    for first in range(0, len(numbers), together):
        chosen = slice(first, min(first + together, len(numbers)))
        found = _extremes(activations, thresholds.of(chosen), gradient_step, chosen)
        centres = centre_of_middle(thresholds.of(chosen))
        for place, number in enumerate(numbers[chosen]):
            for scope in SCOPES:
                for level in LEVELS:
                    extremes = found[scope, level]
                    samples = np.flatnonzero(extremes.listed[:, place])
                    values, steps = extremes.value[samples, place], extremes.step[samples, place]
                    order = extremeness_order(values, level, float(centres[place]), samples)
                    yield ExampleList(scope, level, int(number), samples[order], values[order], steps[order])


def thresholds_of(result: Result, proportion: float) -> Thresholds:
    """The thresholds in a Result of `dataset_examples`."""
    one = result.data.sel(proportion=proportion)
    return Thresholds(*(one[name].values for name in ("high", "middle_from", "middle_to", "low", "median")))


def provenance_of_samples(samples: Samples) -> dict[str, Any]:
    """Where the activity comes from."""
    if isinstance(samples, RecordingWindows):

        return provenance(recording=samples.recording)
    return {"activity": samples.source}


def _moments(activations: Activations, step: int) -> tuple[Moments, Moments]:
    everywhere, there = (MomentsAccumulator(activations.components) for _ in range(2))
    for block in activations.blocks():
        everywhere.update(block.reshape(-1, activations.components))
        there.update(block[:, step])
    return everywhere.finalize(), there.finalize()


def _extremes(
    activations: Activations, thresholds: Thresholds, step: int, chosen: slice
) -> dict[tuple[str, str], Extremes]:
    """Of all samples, for some of the components."""
    parts: dict[tuple[str, str], list[Extremes]] = {}
    for block in activations.blocks(chosen):
        for key, extremes in extremes_of_samples(block, thresholds, step).items():
            parts.setdefault(key, []).append(extremes)
    return {
        key: Extremes(
            *(np.concatenate([getattr(each, name) for each in several]) for name in ("listed", "value", "step"))
        )
        for key, several in parts.items()
    }


def _listed(
    activations: Activations, thresholds: list[Thresholds], step: int
) -> tuple[NDArray[np.bool_], list[dict[str, NDArray[np.float64]]]]:
    """(proportion, scope, level, component, sample); and by level, how many steps are listed and their mean."""
    shape = (len(thresholds), len(SCOPES), len(LEVELS), activations.components, activations.count)
    listed = np.zeros(shape, bool)
    taken = [{level: np.zeros((2, activations.components)) for level in LEVELS} for _ in thresholds]
    start = 0
    for block in activations.blocks():
        here = slice(start, start + len(block))
        for number, one in enumerate(thresholds):
            for place, level in enumerate(LEVELS):
                is_there = is_at_level(block, one, level)
                listed[number, 0, place, :, here] = at_any_step(is_there).T
                listed[number, 1, place, :, here] = is_there[:, step].T
                taken[number][level][0] += is_there.sum(axis=(0, 1))
                taken[number][level][1] += np.where(is_there, block, 0).sum(axis=(0, 1), dtype=np.float64)
        start += len(block)
    total = activations.count * activations.steps
    return listed, [
        {f"{level} share": sums[0] / total for level, sums in each.items()}
        | {f"{level} mean": sums[1] / np.maximum(sums[0], 1) for level, sums in each.items()}
        for each in taken
    ]


def _caption(samples: Samples, fitted: FittedComponents, step: int, parameters: ExampleParameters) -> str:
    components, what = fitted.components, f"{samples.count:,} samples of {samples.steps} steps of {samples.source}"
    if isinstance(samples, RecordingWindows):
        what += (
            f" (windows within episodes, {samples.stride} decisions apart, the first {samples.burn_in} "
            f"decisions of every "
            "episode left out)"
        )
    if components.method == "units":
        found = f"{components.count} units as they are"
    else:
        outliers = int((~fitted.inlier_rows).sum())
        said = "" if components.converged else "; IT DID NOT CONVERGE"
        found = (
            f"{components.count} components by {components.method.upper()} ({components.algorithm}{said}) found on "
            f"{len(fitted.rows) - outliers:,} of {fitted.steps:,} steps ({outliers} outliers left out)"
        )
    shares = ", ".join(f"{each:.4g}" for each in parameters.proportions)
    return (
        f"{what}; {found}. Levels: proportion {shares} of all steps each, ties included; gradient step {step}, counted "
        "from 0."
    )
