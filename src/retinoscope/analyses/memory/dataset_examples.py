"""Dataset examples: which samples drive each component of the memory high, middling or low."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.declaration import MEMORY, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel
from retinoscope.analyses.memory.activations import Activations, activations_of
from retinoscope.analyses.memory.component_panels import example_panels
from retinoscope.analyses.memory.fitted_components import Fit, fit_of
from retinoscope.analyses.memory.poor_cuts import describe_cut
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import Samples
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.dataset_examples import (
    LEVELS,
    SCOPES,
    Thresholds,
    at_any_step,
    find_thresholds,
    is_at_level,
)
from retinoscope.statistics.distributions import DistributionMoments, MomentsAccumulator, histogram, histogram_edges

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.analyses.memory.fitted_components import Source

BINS = 60


@parameters("dataset examples")
class ExampleParameters:
    """Parameters of `dataset_examples`."""

    proportions: tuple[float, ...] = setting(
        (0.1,), "shares of the steps that count as high, as middling and as low; each above 0, at most 0.5", fewest=1
    )
    gradient_step: int | None = setting(
        None, "step of a sample that gradients are taken from, counted from 0; none for the last", least=0
    )

    @pydantic.model_validator(mode="after")
    def _proportions(self) -> ExampleParameters:
        for each in self.proportions:
            if not 0 < each <= 0.5:
                raise UserError(f"proportion {each}: must be above 0 and at most 0.5; 0.1 takes a tenth of the steps")
        if len(set(self.proportions)) != len(self.proportions):
            raise UserError("proportions: one is given twice; give each once")
        return self


def dataset_examples(
    source: Source,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: ExampleParameters | None = None,
    cache: Path | None = None,
    **settings: Any,
) -> Result:
    """For each component, the samples where it is high, middling, low: at any step, and at the gradient step.

    Args:
        source: as for `fitted_components`.
        agent: of the recording, if it is at hand.
        given: the Result of `fitted_components`, with parameters of its own:
            `given={"fitted_components": fitted_components(source, components="pca:4")}`.
        parameters: see `ExampleParameters`; single ones may be given by name instead.
        cache: where large files may be put for the while.
        **settings: fields of `ExampleParameters` that replace those of `parameters`.

    Returns:
        A Result with `listed` (proportion, scope, level, component, sample), `coverage` (proportion, scope, level,
        component), the share of samples listed; thresholds `high`, `middle_from`, `middle_to`, `low` and `median`
        (proportion, component); `histogram` (when, component, bin) of `all_steps` and of the `gradient_step`, with
        `edge` (component, edge); `mean`, `standard_deviation`, `skewness`, `kurtosis` (when, component); `cut`
        (proportion, component), a sentence where the proportion cuts badly, else empty.

    Raises:
        UserError: a parameter is unknown or out of range, or as `fitted_components`.
        NotMeasurable: as `fitted_components`.
    """
    chosen = with_settings(parameters or ExampleParameters(), settings)
    fit = fit_of(source, agent, given)
    with activations_of(fit.samples, fit.fitted, cache) as activations:
        return examples_result(fit, activations, chosen)


def gradient_step_of(parameters: ExampleParameters, samples: Samples) -> int:
    """The step, counted from 0.

    Raises:
        UserError: samples have no such step.
    """
    step = samples.steps - 1 if parameters.gradient_step is None else parameters.gradient_step
    if step >= samples.steps:
        raise UserError(
            f"gradient step {step}: samples have steps 0 to {samples.steps - 1}, counted from 0; choose among these"
        )
    return step


def examples_result(fit: Fit, activations: Activations, chosen: ExampleParameters) -> Result:
    """The Result of `dataset_examples`, from activations that are at hand."""
    samples, fitted = fit.samples, fit.fitted
    step, numbers = gradient_step_of(chosen, samples), fitted.numbers
    everywhere, there = _moments(activations, step)
    thresholds = find_thresholds(activations.step_blocks, fitted.steps, len(numbers), chosen.proportions)
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
            for number, (share, one) in enumerate(zip(chosen.proportions, thresholds, strict=True))
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
            "proportion": list(chosen.proportions),
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
    data.attrs["caption"] = _caption(fit, step, chosen)
    said = fit.parameters | stated(chosen) | {"gradient_step": step, "steps": samples.steps}
    return Result("dataset_examples", data, said, fit.provenance)


def _moments(activations: Activations, step: int) -> tuple[DistributionMoments, DistributionMoments]:
    everywhere, there = (MomentsAccumulator(activations.components) for _ in range(2))
    for block in activations.blocks():
        everywhere.update(block.reshape(-1, activations.components))
        there.update(block[:, step])
    return everywhere.finalize(), there.finalize()


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


def _caption(fit: Fit, step: int, chosen: ExampleParameters) -> str:
    samples, components = fit.samples, fit.fitted.components
    what = f"{samples.count:,} samples of {samples.steps} steps of {samples.source}"
    if isinstance(samples, RecordingWindows):
        what += (
            f" (windows within episodes, {samples.stride} decisions apart, the first {samples.burn_in} decisions of "
            "every episode left out)"
        )
    if components.method == "units":
        found = f"{components.count} units as they are"
    else:
        said = "" if components.converged else "; IT DID NOT CONVERGE"
        found = (
            f"{components.count} components by {components.method.upper()} ({components.algorithm}{said}) found on "
            f"{fit.fitted.drawn - fit.fitted.outliers:,} of {fit.fitted.steps:,} steps ({fit.fitted.outliers} outliers "
            "left out)"
        )
    shares = ", ".join(f"{each:.4g}" for each in chosen.proportions)
    return (
        f"{what}; {found}.{fit.fitted.constant_units} Levels: proportion {shares} of all steps each, ties included; "
        f"gradient step {step}, counted from 0."
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.dataset_examples import dataset_examples, pages

    count = pages(result)
    drawn: list[Drawing] = [
        FigureDrawing(
            "dataset_examples" if count == 1 else f"dataset_examples_{page}",
            "Activation of the components, and the levels of dataset examples",
            result.data.attrs["caption"],
            functools.partial(dataset_examples, result, page),
            says_caption=True,
        )
        for page in range(count)
    ]
    return [*drawn, _threshold_table(result)]


def _threshold_table(result: Result) -> TableDrawing:
    columns = (
        "proportion",
        "component",
        "low, up to",
        "middle",
        "high, from",
        "samples listed at any step: low, middle, high (%)",
        "at the gradient step: low, middle, high (%)",
        "is the proportion a poor cut?",
    )
    rows: list[tuple[str | int | float, ...]] = []
    for share, at in enumerate(result.data["proportion"].values.tolist()):
        for place, number in enumerate(result.data["component"].values.tolist()):
            one = result.data.isel(proportion=share, component=place)
            coverage = [
                ", ".join(
                    f"{100 * float(one['coverage'].sel(scope=scope, level=level)):.1f}"
                    for level in ("low", "middle", "high")
                )
                for scope in ("any_step", "gradient_step")
            ]
            middle = f"{float(one['middle_from']):.3g} to {float(one['middle_to']):.3g}"
            bounds = (f"{float(one['low']):.3g}", middle, f"{float(one['high']):.3g}")
            rows.append((f"{at:g}", number, *bounds, *coverage, str(one["cut"].item()) or "no"))
    return TableDrawing(
        "dataset_examples_thresholds",
        "Thresholds and coverage of the lists of dataset examples",
        f"{result.data.attrs['caption']} The lists themselves: `retinoscope examples`.",
        columns,
        tuple(rows),
    )


def _explore(result: Result) -> list[Panel]:
    return example_panels(result, _threshold_table(result))


ANALYSIS = Analysis(
    name="dataset_examples",
    title="Dataset examples",
    group="memory",
    summary="Which samples drive each component of the memory high, middling or low.",
    run=dataset_examples,
    parameters=ExampleParameters,
    of="recording",
    needs=(RECORDING, MEMORY),
    builds_on=("fitted_components",),
    draw=_draw,
    explore=_explore,
    rank=30,
    methods="""
        For each of {{ sizes.component }} components the samples were listed in which it is high, middling or
        low, by a proportion of {{ proportions | listed }} of all steps: at any of their steps, and at step {{
        gradient_step }} (counted from nought); there are {{ sizes.sample }} samples.
    """,
)
