"""The components that this room speaks of: found once, and kept so that nobody has to find them again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.behaviour.burn_in import choose_burn_in
from retinoscope.analyses.declaration import MEMORY, RECORDING, Analysis, Given, Inputs
from retinoscope.analyses.memory.memory_components import (
    FIT_STEPS,
    ComponentChoice,
    FittedComponents,
    fit_to_samples,
)
from retinoscope.analyses.memory.recording_windows import WINDOW_STEPS, RecordingWindows
from retinoscope.analyses.memory.samples import ArraySamples, FolderSamples, Samples
from retinoscope.errors import UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.components import Components, InlierRule

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.rollouts import Recording

    Source = Samples | Recording | NDArray[Any] | str | Path

NAME = "fitted_components"


@parameters("fitted components")
class FittedComponentsParameters:
    """Parameters of `fitted_components`: of the samples, and of the components found on them."""

    components: str | None = setting(
        None,
        "ica:16, pca:16 or nmf:16 with the number wanted; ica, pca or nmf to have it chosen by parallel analysis; "
        "units for these as they are; none for ica:16, or as many as the memory has dimensions if that is fewer",
    )
    window_steps: int = setting(WINDOW_STEPS, "length of a sample of a recording", units="decisions", least=1)
    stride_steps: int | None = setting(
        None,
        "distance from the start of one sample of a recording to that of the next; none for the length of a sample",
        units="decisions",
        least=1,
    )
    burn_in_steps: int | None = setting(
        None,
        "decisions left out at the start of every episode of a recording; none for what `burn_in` finds",
        units="decisions",
        least=0,
    )
    fit_steps: int = setting(
        FIT_STEPS, "number of steps, drawn at random, on which the components are found", units="steps", least=2
    )
    layer: str | None = setting(
        None, "layer of a recording whose activity is used; none for the first layer of the memory"
    )
    leave_out_constant: bool = setting(True, "leave out units that never change, and say which; else refuse them")
    seed: int = setting(0, "seed of the draw, of the start of ICA and NMF, and of resampling", least=0)

    @pydantic.model_validator(mode="after")
    def _known_components(self) -> FittedComponentsParameters:
        self.choice  # noqa: B018 - refuses what is unknown
        return self

    @property
    def choice(self) -> ComponentChoice | None:
        """What `components` says; None if it says nothing."""
        return None if self.components is None else ComponentChoice.parse(self.components)


def fitted_components(
    source: Source,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: FittedComponentsParameters | None = None,
    **settings: Any,
) -> Result:
    """Find the components that others build on, once.

    Args:
        source: a recording, which is cut into windows; samples; an array (sample, step, unit) or a `.npy` file of one;
            or a folder with a folder of files for each sample.
        agent: of the recording, if it is at hand: the burn-in is then measured by what the agent forgets.
        given: the Result of `burn_in`, if it is at hand.
        parameters: see `FittedComponentsParameters`; single ones may be given by name instead.
        **settings: fields of `FittedComponentsParameters` that replace those of `parameters`.

    Returns:
        A Result with `unmixing`, `mixing` (component, kept), `explained`, `deviation` (component), `offset`, `scale`,
        `eigenvalue`, `inlier_mean`, `inlier_scale` (kept), `inlier_limit`, `drawn`, `outliers`, `steps` (); `component`
        and `kept` are the numbers of components, and of the units that were kept. `fitted_of` makes the components of
        them again.

    Raises:
        UserError: a parameter is unknown or out of range, or the samples cannot be used.
        NotMeasurable: a recording has no layer of a memory or none of this name, no episode is as long as a window,
            units never change, or there are fewer dimensions than components.
    """
    chosen = with_settings(parameters or FittedComponentsParameters(), settings)
    samples = samples_of(source, chosen, agent, given)
    fitted = fit_to_samples(samples, chosen.choice, chosen.seed, chosen.fit_steps, chosen.leave_out_constant)
    return _to_result(samples, fitted, chosen)


def samples_of(
    source: Source,
    chosen: FittedComponentsParameters,
    agent: Agent | None = None,
    given: Given | None = None,
) -> Samples:
    """The samples that are meant; with the agent of a recording, its burn-in is measured by what it forgets.

    Raises:
        UserError: there are none.
    """
    burn_in = chosen.burn_in_steps
    if burn_in is None and not isinstance(source, Samples | np.ndarray | str | Path):
        burn_in = choose_burn_in(source, layer=chosen.layer, agent=agent, given=given).steps
    return _cut(source, chosen.window_steps, chosen.stride_steps, burn_in or 0, chosen.layer)


@dataclass(frozen=True)
class Fit:
    """Samples and their components.

    Attributes:
        samples: what the components are of.
        fitted: the components.
        parameters: all of `FittedComponentsParameters`, as they were settled, and how the components were found.
        provenance: of the samples.
    """

    samples: Samples
    fitted: FittedComponents
    parameters: dict[str, Any]
    provenance: dict[str, Any]


def fit_of(source: Source, agent: Agent | None = None, given: Given | None = None) -> Fit:
    """The components of a source: those that are given, else found on the spot with all parameters at their defaults.

    Raises:
        UserError: the components that are given are of other samples; or as `fitted_components`.
    """
    known = (given or {}).get(NAME)
    result = fitted_components(source, agent=agent, given=given) if known is None else known
    said, fitted = result.parameters, fitted_of(result)
    samples = _cut(source, said["window_steps"], said["stride_steps"], said["burn_in_steps"] or 0, said.get("layer"))
    size = samples.count * samples.steps, samples.units
    if size != (fitted.steps, fitted.units_of_state):
        raise UserError(
            f"fitted components: were found on {fitted.steps:,} steps of {fitted.units_of_state} units, "
            f"{samples.source} has {size[0]:,} of {size[1]}; give those of the same samples"
        )
    return Fit(samples, fitted, said, provenance_of(samples))


def fitted_of(result: Result) -> FittedComponents:
    """The components in a Result of `fitted_components`."""
    data, said = result.data, result.parameters
    method = ComponentChoice.parse(said["components"]).method
    found = {name: data[name].values for name in ("offset", "scale", "unmixing", "mixing", "explained")}
    components = Components(
        method, **found, algorithm=said["found_by"], converged=said["converged"], eigenvalues=data["eigenvalue"].values
    )
    inliers = InlierRule(data["inlier_mean"].values, data["inlier_scale"].values, float(data["inlier_limit"]))
    drawn, outliers, steps = (int(data[name]) for name in ("drawn", "outliers", "steps"))
    return FittedComponents(
        components,
        data["component"].values,
        data["kept"].values,
        inliers,
        data["deviation"].values,
        drawn,
        outliers,
        steps,
        said["how_many"],
        int(data.attrs["units_of_state"]),
    )


def provenance_of(samples: Samples) -> dict[str, Any]:
    """Where the activity comes from."""
    if isinstance(samples, RecordingWindows):
        return provenance(recording=samples.recording)
    return provenance(activity=samples.source)


def _cut(source: Any, window_steps: int, stride_steps: int | None, burn_in_steps: int, layer: str | None) -> Samples:
    if isinstance(source, Samples):
        return source
    if isinstance(source, np.ndarray):
        return ArraySamples(source)
    if isinstance(source, str | Path):
        return FolderSamples(source) if Path(source).is_dir() else ArraySamples(source)
    return RecordingWindows(source, window_steps, stride_steps, burn_in_steps, layer)


def _to_result(samples: Samples, fitted: FittedComponents, chosen: FittedComponentsParameters) -> Result:
    found, rule = fitted.components, fitted.inliers
    by_unit = {
        "offset": found.offset,
        "scale": found.scale,
        "eigenvalue": found.eigenvalues,
        "inlier_mean": rule.mean,
        "inlier_scale": rule.scale,
    }
    counts = {name: ((), getattr(fitted, name), {"units": "steps"}) for name in ("drawn", "outliers", "steps")}
    data = xarray.Dataset(
        {
            **{name: ("kept", values) for name, values in by_unit.items()},
            "unmixing": (("component", "kept"), found.unmixing),
            "mixing": (("kept", "component"), found.mixing),
            "explained": ("component", found.explained, {"units": "share of the variance of the standardised state"}),
            "deviation": ("component", fitted.deviations),
            "inlier_limit": ((), rule.limit),
            **counts,
        },
        coords={"component": fitted.numbers, "kept": fitted.units},
        attrs={"units_of_state": fitted.units_of_state},
    )
    method = found.method if found.method == "units" else f"{found.method}:{found.count}"
    said = stated(chosen) | {"components": chosen.components or method}
    said |= {"found_by": found.algorithm, "converged": found.converged, "how_many": fitted.how_many}
    if isinstance(samples, RecordingWindows):
        said |= {"window_steps": samples.steps, "stride_steps": samples.stride, "burn_in_steps": samples.burn_in}
        said |= {"layer": samples.layer}
    return Result(NAME, data, said, provenance_of(samples))


def _refuse(inputs: Inputs, chosen: FittedComponentsParameters) -> None:
    """More components than the memory has units."""
    if inputs.agent is None or chosen.choice is None:
        return
    policy = inputs.agent.policy
    layers = policy.layers_of("memory") if chosen.layer is None else (policy.layer(chosen.layer),)
    units = math.prod(layers[0].shape) if layers else 0
    if units and (chosen.choice.count or 0) > units:
        what = "a memory" if chosen.layer is None else f"layer {chosen.layer!r}"
        raise UserError(f"fitted components: {chosen.components} of {what} of {units} units; ask for 1 to {units}")


ANALYSIS = Analysis(
    name=NAME,
    title="Components found",
    group="memory",
    summary="The components of the memory that the analyses of this group build on, found once.",
    run=fitted_components,
    parameters=FittedComponentsParameters,
    of="recording",
    needs=(RECORDING, MEMORY),
    builds_on=("burn_in",),
    draw=lambda result: [],
    is_shared=True,
    refuse=_refuse,
    rank=10,
    methods="""
        {{ sizes.component }} components of {% if layer %}{{ layer }}{% else %}the activity{% endif %} were
        found on {{ found.drawn }} steps, drawn from {{ found.steps }} {%- if window_steps and layer %} in
        windows of {{ window_steps }} decisions{% if burn_in_steps %}, the first {{ burn_in_steps }} of every
        episode left out{% endif %}{% endif %}{% if found.outliers %}, of which {{ found.outliers }} were left
        out as outliers{% endif %}. {% if components == "units" %}They are the single units.{% elif
        components.startswith("pca") %}They are principal components of the standardised activity.{% elif
        components.startswith("nmf") %}They are those of non-negative matrix factorisation [@lee1999].{% else
        %}The standardised activity was reduced to as many principal components, and these made independent by
        {{ found_by }} {{ "[@ablin2018]" if found_by.startswith("Picard") else "[@hyvarinen1999]" }}{% if not
        converged %}, which did not converge{% endif %}. {%- endif %} How many: {{ how_many }} (seed {{ seed
        }}).
    """,
)
